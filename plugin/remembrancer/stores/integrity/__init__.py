"""The check and repair of a graph's records, edges, streams and counters."""
