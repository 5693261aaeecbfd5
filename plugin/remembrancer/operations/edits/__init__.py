"""Edits of open tasks: each is one commit, conditional on the task as it was read.

- `bulk_operations`: the entries of the table of operations that edit many tasks.
- `bulk_run`: one edit of many tasks under way, batch by batch.
- `many_tasks`: pause, resume, update and cancel all tasks of a selection.
- `match_parameters`: the parameters that tasks are found by.
- `planned_edits`: a task as it is to be after each kind of edit.
- `task_edits`: pause, resume and update, for the current actor.
- `task_selection`: the tasks that a caller looks for, or selects.
- `updated_task`: a task after an update, and the occurrences that lose their run by it.
"""
