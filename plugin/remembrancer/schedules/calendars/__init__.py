"""Calendars: dates, days of the week, and business days.

- `dates`: a list of dates, or of dates with times.
- `weekly`: a window of time on days of the week.
- `workdays`: business days.
"""
