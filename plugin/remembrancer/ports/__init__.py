"""Protocols in domain words; their laws are in the docstrings."""
