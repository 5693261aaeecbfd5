"""Schedules: pure functions that compute when a task fires.

- `protocol`: the contract of a schedule.
- `kinds`: the table of kinds, and the schedule of a task.
- `once`, `cron`: one module or package a kind.
- `exclusions`: a schedule without the stretches of time that have outcomes already.
- `preview`: the next occurrences, with notes on clock changes.
- `parsing`, `iso_timestamps`: times and zones as people write them.
- `zone_names`, `zone_offsets`, `zone_rules`: time zones.
- `importers`: schedules of other systems.
"""
