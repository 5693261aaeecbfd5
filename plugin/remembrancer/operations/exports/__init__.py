"""Exports: tasks and their history in the forms of other systems.

- `calendar`: fires and executions as events of a calendar.
- `calendar_text`: the text of iCalendar (RFC 5545).
- `crontab`: recurring tasks as lines of a crontab.
- `exports`: the exports of a graph.
"""
