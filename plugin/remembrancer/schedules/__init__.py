"""Schedules: pure functions that compute when a task fires.

- `reaction`: schedules whose occurrences are not known ahead.
- `protocol`: the contract of a schedule.
- `kinds`: the table of kinds, and the schedule of a task.
- `once`, `every`, `cron`, `rrule`: one module or package a kind.
- `calendars`: dates, days of the week, business days, calendars with a name.
- `composed`: schedules made of others; `wrapped`: the base of those that are made of one.
- `walls`: sets of wall times; `zoned_walls`, `wall_schedule`: the same in a zone, as a schedule.
- `clock_changes`, `new_rules`: notes on clock changes, and the place of an occurrence under changed rules.
- `value_fields`, `phrases`: the reading of a value's fields, and English for them.
- `references`: the calendars and the tasks to which a schedule refers.
- `preview`: the next occurrences, with notes on clock changes.
- `cautions`: what a careful reader of a schedule would point out.
- `parsing`, `iso_timestamps`, `relative`: times and zones as people write them.
- `zone_names`, `zone_offsets`, `zone_rules`: time zones.
- `importers`: schedules of other systems.
"""
