"""Times at which something of a graph is due, and the attempts that wait for theirs.

- `retries`: attempts that are due: they start, are held by a pause, or are dropped, in one write.
- `retry_times`: the earliest time for which an attempt waits, as far as this process knows.
- `watermark`: the low watermark of the due query: a time below which nothing is armed.
"""
