"""Incidents: dead letters, which are listed, run again, and cleared.

- `dead_letter_commands`: the commands on dead letters, of the current actor.
- `dead_letter_operations`: the entries of the table of operations that concern dead letters, and their parameters.
"""
