"""Named calendars: defined from a source, renewed, removed.

- `calendar_commands`: the commands of the current actor.
- `calendar_operations`: their entries of the table of operations.
- `calendar_parameters`: the parameters of these operations.
- `calendar_content`: the days and windows that a source gives.
- `event_windows`: the events of an iCalendar text as windows of local time.
- `holiday_dates`: public holidays, by the package `holidays`.
- `ical_events`: the events of an iCalendar text, by the package `icalendar`.
"""
