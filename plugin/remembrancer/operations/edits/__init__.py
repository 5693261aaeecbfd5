"""Edits of open tasks: each is one commit, conditional on the task as it was read.

- `backfills`: the occurrences of a range in the past, and those that start.
- `changed_fires`: a task with other occurrences than its schedule names.
- `occurrence_edits`: skips, additions and moves of single occurrences, for the current actor.
- `task_edits`: pause, resume and update, for the current actor.
- `updated_task`: a task after an update, and the occurrences that lose their run by it.
"""
