"""OpenTelemetry: what is measured and traced, through its API alone. Without an SDK in the process it says nothing.

- `metrics`: instruments that record events. No label is the name of a task or a person.
- `observables`: gauges and counters that are read at each collection.
- `prometheus`: what is measured, as Prometheus reads it: a piece to mount in somebody's application, and a server of
  its own.
- `tracing`: spans: one for each call that schedules, one for each execution, and a link from the second to the first.
"""
