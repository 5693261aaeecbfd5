"""Importers: schedules of other systems.

- `crontab`: crontab files, line by line.
- `crontab_format`: the two forms of a crontab.
- `crontab_times`: the times of a line.
"""
