"""Policies of tasks that wait for somebody or something.

- `deferral_limits`: limits of the deferrals in a row of one run, by count and by time.
"""
