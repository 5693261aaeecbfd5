"""Declared sets of tasks: read, compared with the graph, applied.

- `declarations`: the declared tasks of a set: checked all at once, each fault with its place.
- `differences`: the difference between a task and its declaration. Pure functions.
- `file_schema`: the JSON schema of a file that declares a set.
- `set_answers`: the answers about the tasks of a set that is applied.
- `set_dependencies`: the tasks of a set that others wait for or follow: by keys of the same set.
- `set_keys`: the keys of tasks of a set, kept as their dedup_keys.
- `set_operations`: the entry of the table of operations, with its parameters.
- `task_sets`: the application of a set.
"""
