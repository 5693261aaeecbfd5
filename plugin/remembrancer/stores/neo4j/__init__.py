"""Neo4j: a graph on a server, shared by replicas."""
