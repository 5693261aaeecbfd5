"""Diagnostics: the checks of `doctor`, pure functions of facts.

- `checks`: the ten checks of `doctor`: pure functions of facts, each with its finding, its reason and its remedy.
- `facts`: the facts that the checks of `doctor` judge: of the graph, and of the process that was asked.
- `remedies`: the reason and the remedy for each of the ten checks.
- `unreadable_graph`: the facts of a graph that cannot be read: those of the process, and why the graph does not
  respond.
- `recheck_operations`: the entry of the operation that derives armed times again.
"""
