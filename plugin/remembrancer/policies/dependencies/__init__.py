"""Dependencies: an occurrence waits for the outcomes of other tasks.

- `policy`: the policy of the pipeline.
- `joins`: the outcomes that an occurrence waits for, and what they allow.
- `facts`: the facts about dependencies, read for a page of tasks at once.
"""
