"""Views: what commands show on a terminal, beyond one line.

- `crontab`: the result of a crontab import, line by line.
- `fires`: the answers to changes of single occurrences.
- `serve`: what `remembrancer serve` prints while it runs: where it listens, and a line for each execution.
- `tasks`: tables of tasks, and of their executions and changes.
- `watch`: views of `remembrancer watch`: a live display on a terminal, and lines elsewhere.
- `year`: a year as a picture: twelve months, with the number of fires of each day.
"""
