"""Edits of open tasks: each is one commit, conditional on the task as it was read.

- `referring_tasks`: the tasks that refer to a calendar or a task, brought up to date when it changes.
- `renewed_task`: a task with other content in its schedule.
- `task_edits`: pause, resume and update, for the current actor.
- `updated_task`: a task after an update, and the occurrences that lose their run by it.
"""
