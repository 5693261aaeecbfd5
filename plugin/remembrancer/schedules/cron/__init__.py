"""Cron schedules.

- `schedule`: the schedule of kind `cron`.
- `expression`: a parsed expression in a time zone.
- `fields`, `dialects`: the reading of an expression, and the suggestions for one that is refused.
- `calendar`, `wall_times`: the days and the times of day that an expression names.
- `description`: words for people.
"""
