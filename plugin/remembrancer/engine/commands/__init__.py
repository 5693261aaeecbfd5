"""The commands of tasks: child processes of the scheduler.

- `child_process`: a child process, its input, its output, its end.
- `command_handler`: the handler that runs the command of a task.
- `task_command`: the command in a task's context.
"""
