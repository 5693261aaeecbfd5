"""Tasks whose occurrences come when something has happened.

- `followers`: the tasks that follow others, and the occurrences that outcomes of these add to them.
- `cues`: the tasks whose queries are asked at a pace, and the occurrences that new matches add to them.
- `dependents`: the tasks that wait for others, asked about again when outcomes have come.
- `watcher`: looks at the waiting tasks of this replica when something may have happened, and at a regular pace.
"""
