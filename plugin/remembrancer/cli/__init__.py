"""The command line: parse, ask a scheduler, print.

- `app`: all commands in one application.
- `command`: commands: coroutines over one options object, whose fields are the arguments and options.
- `commands`: commands, one module each, named as the command.
- `connect`: connections of commands to a graph: through the scheduler that serves it, or by opening it.
- `exit_codes`: exit codes of commands, and errors as one block on stderr.
- `grid`: tables in columns that fit the width of the output, or as one block per row if it is too narrow.
- `lazy_group`: groups of commands that import the module of a command only when it is asked for.
- `options`: options that several commands share, and parsers of their values.
- `output`: output of commands: tables for people, JSON for machines.
- `schedule_options`: options that say when a task runs, shared by `schedule`, `update` and `preview`, and the schedule
  that they make.
- `scheduler_ways`: the ways of a command that lives long to a scheduler: opened for each call, kept open, or run by
  this process.
- `selection`: options that select one task or many, and the answer to an edit of many.
- `serve_options`: the options of `remembrancer serve`.
- `server_wait`: the patience of `remembrancer serve`: it waits for a server that is not there yet.
- `servers`: the ports that `remembrancer serve` opens beside the graph: the API, and `/metrics`.
- `signals`: shutdown on signals: gracefully at the first one, immediately at the second, and always within a time
  limit.
- `step_bar`: progress of long commands: a bar on stderr for people, and none for machines.
- `streams`: output streams of commands: unencodable text, a closed pipe, a full disk, a missing stream.
- `task_ids`: ids of tasks as people type them: whole, or their beginning, if one task alone has it.
- `views`: what long-running commands show on a terminal.
"""

from remembrancer.cli.app import app

__all__ = ["app"]
