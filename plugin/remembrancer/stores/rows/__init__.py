"""Rows of the graph from model values, and model values from nodes."""
