"""Thin ways in: the specification's service and the control channel."""
