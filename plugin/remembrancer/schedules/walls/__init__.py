"""Sets of wall times: local times without a zone, in seconds since 1970-01-01 00:00.

- `wall_set`: the contract of a set, lazily ascending.
- `day_sets`: sets of days.
- `day_times`: the same times on each day of a set, or times that differ from day to day.
- `stretches`: sets of stretches of time, such as office hours, and their algebra.
- `combined`: unions, intersections and differences of sets.
- `moved_days`: times moved to other days.
- `steps`: the bound on a search through several sets.
"""
