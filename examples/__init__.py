"""A day of an agent, played on a real graph: `make run`."""
