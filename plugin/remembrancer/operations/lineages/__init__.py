"""Lineages: the trees of tasks that single thoughts started, their bounds, and their ends.

- `deferral_loops`: loops of deferrals, refused with their path.
- `lineage_commands`: the commands on lineages, of the current actor: look at one, set its budget, stop it.
- `lineage_operations`: the entries of the table of operations that concern lineages, and their parameters.
- `origins`: the origin of new tasks: the execution whose handler schedules them, and the lineage that it belongs to.
"""
