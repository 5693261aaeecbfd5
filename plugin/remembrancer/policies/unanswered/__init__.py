"""Policies of tasks that wait for people, tasks or a release.

- `deferral_limits`: limits of the deferrals in a row of one run, by count and by time.
"""
