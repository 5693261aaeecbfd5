"""Schedules made of others.

- `combinations`: any of, all of, except.
- `offset`: each occurrence moved.
- `bounded`: from a time on, until a time, so many times, spread.
- `task_times`: the times of another task.
- `nested`: the bounds on schedules inside others.
- `exclusions`: a schedule without the stretches of time that have outcomes already.
- `additions`: a schedule with more occurrences than it names.
- `single_times`: single times inside other schedules, as dates.
- `anchors`: the anchors of intervals that name none.
"""
