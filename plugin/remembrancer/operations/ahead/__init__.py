"""The time ahead: the next fires of a task, previews of schedules, and the agenda of all tasks.

- `next_fires`: the next fires of a task.
- `preview`: previews of schedules: their next fires, words and cautions, worked out on a thread of their own.
- `agenda`: every fire of every open task in a range of time.
- `worker`: a thread for answers that may take seconds to work out.
- `operations`: the entries of the table of operations, with their parameters.
"""
