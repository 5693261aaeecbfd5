"""Exports: tasks and their history in the forms of other systems.

- `calendar`: fires and executions as events of a calendar.
- `calendar_text`: the text of iCalendar (RFC 5545).
- `crontab`: recurring tasks as lines of a crontab.
- `export_operations`: the entries of the table of operations that export tasks to other systems.
- `exports`: the exports of a graph.
"""
