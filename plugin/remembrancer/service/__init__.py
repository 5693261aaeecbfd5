"""Service: the facade that an agent starts and every surface asks.

- `argument_types`: types of arguments: what the methods of the service take under each name, checked before anything
  is done.
- `calls`: calls of the service: counted, carried over to the event loop that it lives on, refused in a fork of its
  process.
- `event_calls`: the part of the service that tells what happens, as it happens.
- `graph_holder`: A graph held open, calls to it counted, and what is asked of its past.
- `history_calls`: the part of the service that tells what was done, by whom, and what became of it.
- `lifecycle`: the part of the service that starts and stops it: each is one thing at a time, ends, and leaves nothing
  behind.
- `lookup`: lookup of the running service, for code that was not handed it, as in the specification's examples.
- `registry`: registry of the services that are running in this process.
- `service`: the specification's service: what an agent's process starts, and what everything else is a page over.
- `status_calls`: the part of the service that tells how it is.
- `sync_service`: the service for code without an event loop: each call is done on the service's own, and waited for.
- `telemetry`: telemetry of a service: metrics, gauges, reports and status.
"""
