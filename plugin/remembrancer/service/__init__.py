"""Service: the facade that an agent starts and every surface asks.

- `argument_types`: types of arguments: what the methods of the service take under each name, checked before anything
  is done.
- `calls`: calls of the service: counted, carried over to the event loop that it lives on, refused in a fork of its
  process.
- `host_hooks`: the functions that a host gives the scheduler, checked.
- `lifecycle`: the start and the stop of a service, each bounded and leaving nothing open.
- `lookup`: lookup of the running service, for code that was not handed it, as in the specification's examples.
- `process`: the scheduler of this process: the graph that it has open, and what runs on it.
- `registry`: registry of the services that are running in this process.
- `service`: the specification's service: a facade over the operations on one graph.
- `sync_service`: the service for code without an event loop: each call is done on the service's own, and waited for.
- `timer_gate`: the timer gate: it asks the host whether something may be put on a timer. It fails closed.
- `unrun_commands`: the commands of tasks that fall due next, under a handler that runs none.
- `telemetry`: telemetry of a service: metrics, gauges, reports and status.
"""
