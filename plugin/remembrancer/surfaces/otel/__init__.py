"""OpenTelemetry: metrics and traces through its API; without an SDK in the process they go nowhere."""
