"""Telemetry of a service: metrics, gauges, reports and status.

- `gauges`: gauges of a scheduler: read from the process at once, from the graph a little earlier.
- `metrics`: the specification's nineteen metrics, under its exact names.
- `reports`: the specification's five reports and two structures: every number is read from the graph's books or
  counted here.
- `status`: the status and the capabilities of the service, in the specification's shapes.
"""
