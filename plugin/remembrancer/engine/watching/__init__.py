"""Tasks whose occurrences come when something has happened.

- `followers`: the tasks that follow others, and the occurrences that outcomes of these add to them.
- `cues`: the tasks whose queries are asked at a pace, and the occurrences that new matches add to them.
- `watcher`: looks at the waiting tasks of this replica when something may have happened, and at a regular pace.
"""
