"""Stores: implementations of the ports, over the query catalogue and an engine."""
