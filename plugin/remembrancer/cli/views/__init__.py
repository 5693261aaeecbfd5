"""Views: what long-running commands show on a terminal.

- `crontab`: the result of a crontab import, line by line.
- `serve`: what `remembrancer serve` prints while it runs: where it listens, and a line for each execution.
- `set_files`: files that declare sets of tasks: TOML, and YAML read into plain values only.
- `watch`: views of `remembrancer watch`: a live display on a terminal, and lines elsewhere.
- `year`: a year as a picture: twelve months, with the number of fires of each day.
"""
