"""The order in which tasks are served that are due together.

- `due_pages`: pages of due tasks: by priority, as far as any task has one.
- `follow_up_bounds`: the bounds of follow-ups: of the settings, and the quotas that they need room in.
"""
