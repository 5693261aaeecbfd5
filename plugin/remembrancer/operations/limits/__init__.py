"""Operations on limits of what runs at once.

- `limit_commands`: limits as callers set and read them.
- `limit_operations`: the entries of the table of operations, and their parameters.
"""
