"""Times at which something of a graph is due.

- `retry_times`: the earliest time for which an attempt waits, as far as this process knows.
- `wait_floors`: places in the index of waits below which no task waits.
- `watermark`: the low watermark of the due query: a time below which nothing is armed.
"""
