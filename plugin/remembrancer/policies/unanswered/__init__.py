"""Policies of tasks that wait for people, tasks or a release.

- `deadline`: the deadline of an occurrence, from which on it is missed, also while it waits.
- `deferral`: the request for a deferral, and the policy for the occurrences that a live one holds.
- `questions`: a run that waits for an answer, and the policy for a question whose time is over.
- `halt`: the policy for the occurrences that a halt of the scheduler held.
- `deferral_limits`: limits of the deferrals in a row of one run, by count and by time.
"""
