"""Operations on the halt of a scheduler.

- `halt_commands`: the halt as callers begin, end and read it.
- `halt_operations`: the entries of the table of operations, and their parameters.
"""
