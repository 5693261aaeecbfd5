"""Executions that are in the way of others.

- `replacement`: the end of executions in whose place another one is to run.
"""
