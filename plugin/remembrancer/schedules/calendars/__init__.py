"""Calendars: dates, days of the week, business days, and calendars with a name.

- `dates`: a list of dates, or of dates with times.
- `entries`: days and windows of a calendar with a name.
- `named`: a calendar with a name.
- `weekly`: a window of time on days of the week.
- `workdays`: business days.
"""
