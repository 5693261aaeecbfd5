"""Cypher that users write: read enough to refuse what writes or reaches beyond the graph."""
