"""Cluster: the replicas of a shared graph, and the tasks each of them serves.

- `membership`: this replica among the others: it signs on, sees who else is there, and whether the graph is still the
  same.
- `shards`: a replica serves its own at once and those of others when they are late. Pure functions.
"""
