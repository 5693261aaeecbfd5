"""The service: a facade over one graph, its lifecycle, and its telemetry."""
