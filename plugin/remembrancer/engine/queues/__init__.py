"""The order in which tasks are served that are due together.

- `due_pages`: pages of due tasks: by priority, as far as any task has one.
"""
