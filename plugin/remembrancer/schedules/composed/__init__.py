"""Schedules made of others.

- `combinations`: any of, all of, except.
- `offset`: each occurrence moved.
- `bounded`: from a time on, until a time, so many times, spread.
- `nested`: the bounds on schedules inside others.
"""
