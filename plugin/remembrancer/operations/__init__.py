"""Operations: what a caller may ask. They know ports and policies, not the engine.

- `diagnostics`: the checks of `doctor`, pure functions of facts.
- `event_feed`: the feed: the event log, followed by any number of readers, each at a pace of its own.
- `graph_copy`: copy a whole graph into another, on whatever engine, and prove that the two are equal.
- `idempotency`: act once on a request that may be sent again, and the next time tell what came of it.
- `requested_schedule`: the schedule that a request asks for: its spelling in the specification's fields, and its
  first run.
- `reserved_keys`: reserved forms of dedup_keys: marks of the API and of the import, which no other caller may take
  beforehand.
- `statistics`: what the books of a graph add up to: tasks by status and type, cron expressions in use, what comes
  next.
- `task_commands`: schedule, defer, cancel and run tasks, each in one commit.
- `task_creation`: creation of tasks: each request is checked, and all of one call are written in one commit.
- `tokens`: who may ask over the network: tokens are made, shown once, known by their digest, and revoked.
- `validation`: validation of a request to schedule, and the answer to it. Pure functions of (value, now).
"""
