"""Times relative to now.

- `times`: the grammar of `now`, `in 2h`, `+90m`, `2h ago`.
- `settled`: such times in the fields of a schedule's value, made exact.
"""
