"""Recurrence rules of RFC 5545 (iCalendar): a bounded reading, and their expansion to wall times.

- `schedule`: the schedule of kind `rrule`.
- `parts`: the text of a rule, read strictly.
- `days`: the days that a rule names.
- `times`: the wall times of a rule: of rules by the day, with BYSETPOS, and by the hour, minute or second.
- `words`: a rule in English.
"""
