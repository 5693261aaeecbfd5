"""Cluster: the replicas of a shared graph, and the tasks each of them serves.

- `membership`: cluster membership: heartbeat, live replicas, and detection of a wiped, replaced or restored graph.
- `shards`: shards: a replica serves its own at once, and those of others when they are late. Pure functions.
"""
