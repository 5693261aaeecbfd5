"""The tasks and the work queue of a graph, on any connection."""
