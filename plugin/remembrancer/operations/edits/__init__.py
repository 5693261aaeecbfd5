"""Edits of open tasks: each is one commit, conditional on the task as it was read.

- `referring_tasks`: the tasks that refer to a calendar or a task, brought up to date when it changes.
- `renewed_task`: a task with other content in its schedule.
- `backfills`: the occurrences of a range in the past, and those that start.
- `changed_fires`: a task with other occurrences than its schedule names.
- `former_changes`: the moves, additions and skips that a task keeps with another schedule.
- `occurrence_edits`: skips, additions and moves of single occurrences, for the current actor.
- `bulk_operations`: the entries of the table of operations that edit many tasks.
- `bulk_run`: one edit of many tasks under way, batch by batch.
- `manual_runs`: manual runs: a task is read, its budget is asked, and one execution is started.
- `many_tasks`: pause, resume, update and cancel all tasks of a selection.
- `planned_edits`: a task as it is to be after each kind of edit.
- `task_edits`: pause, resume and update, for the current actor.
- `task_selection`: the tasks that a caller looks for, or selects.
- `returned_keys`: the dedup keys that edits take from ended tasks.
- `updated_task`: a task after an update, and the occurrences that lose their run by it.
- `edit_operations`: the entries of the table of operations that edit open tasks.
- `occurrence_operations`: the parameters and the entries of the operations that change single occurrences of a task.
"""
