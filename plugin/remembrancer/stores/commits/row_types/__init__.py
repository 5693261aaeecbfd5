"""The types of the rows that writing queries take: one for each shape, named in the specs of the writes.

Every row that a query reads as `r.name` has that name here; a test compares the two. Some names are for the statistics
and the events alone: the query does not read them. The connection adds `row`, the place of the row in its statement.
A time that ends in `_ms` is epoch milliseconds.

- `circuits`: types of rows that write circuits.
- `executions`: types of rows that write executions and leases.
- `lineages`: types of rows that write lineages.
- `tasks`: types of rows that write tasks, their deferrals, their changes and their armed times.
- `upkeep`: types of rows that write all else: events, statistics, replicas, tokens, summaries, copies, repairs.
"""
