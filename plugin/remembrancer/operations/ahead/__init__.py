"""The time ahead: the next fires of a task, and the agenda of all.

- `next_fires`: the next fires of a task.
- `agenda`: every fire of every open task in a range of time.
- `operations`: the entries of the table of operations, with their parameters.
"""
