"""Rows of the graph from model values, and model values from nodes.

- `audit_rows`: rows of the audit log: of changes, and of entries that are read from a task or from the graph's
  marker.
- `dead_letter_rows`: rows that count failures which no attempt follows.
- `budget_rows`: rows of budgets: what runs reserve when they begin, and what they have used when they end.
- `deferral_rows`: rows that defer tasks, and that record their deferrals.
- `due_key`: the due key: the time of a task's next run, made different for each task, so that one index orders them.
- `edit_rows`: rows that change the properties of a task.
- `failure_rows`: statements that count outcomes for failures in a row.
- `lease_rows`: statements that begin and end leases.
- `follow_up_rows`: rows of follow-ups: their admission to lineages and to quotas.
- `lineage_rows`: rows of lineages: their bounds, and the admission of tasks that handlers schedule.
- `node_rows`: rows of the graph from model values, and model values from nodes.
- `outcome_rows`: rows that write how executions go and end.
- `priority_rows`: notes of the tasks that may be served otherwise, in the commits of what changes them.
- `readable_records`: reading nodes leaves out an unreadable one, reports it once, and goes on.
- `reference_rows`: rows that link tasks to the calendars and tasks to which their schedules refer, and to their
  templates.
- `quota_rows`: statements that refuse new tasks beyond a quota.
- `slot_rows`: statements that take slots of limits for executions, and free them.
- `wait_keys`: the wait index key, which orders the tasks that wait for one thing.
"""
