"""The counterparts of commands in Python.

A test holds that there is each of them, and that the source of each command has one.
"""

from __future__ import annotations

from typing import Final

CALLS: Final[dict[str, tuple[str, ...]]] = {
    "serve": ("TaskSchedulerService",),
    "mcp": (),
    "schedule": ("schedule_task", "schedule_from_template"),
    "list": ("find_tasks", "page_of_tasks"),
    "show": ("get_task", "history", "task_dependencies"),
    "blocked": ("blocked_tasks",),
    "cancel": ("cancel", "cancel_tasks"),
    "defer": ("defer_task",),
    "ask": ("ask_task",),
    "answer": ("answer_task",),
    "questions": ("questions",),
    "halt": ("halt",),
    "release": ("release",),
    "run-now": ("run_now",),
    "work": (),
    "update": ("update_task", "update_tasks"),
    "pause": ("pause_task", "pause_tasks"),
    "resume": ("resume_task", "resume_tasks"),
    "skip": ("skip_next",),
    "add-fire": ("add_fire",),
    "reschedule": ("reschedule",),
    "backfill": ("backfill",),
    "apply": ("apply_set",),
    "history": ("history", "timeline", "summaries"),
    "preview": ("preview", "preview_schedule"),
    "agenda": ("agenda",),
    "query": ("cypher", "run_query"),
    "cypher": ("cypher", "run_query"),
    "status": ("get_status", "is_healthy"),
    "copy": ("copy_graph",),
    "check": ("check_graph", "repair_graph"),
    "backup": ("backup_graph",),
    "restore": ("restore_graph",),
    "circuit": ("set_circuit", "reset_circuit", "list_limits"),
    "limit": ("set_limit", "list_limits"),
    "prune": ("prune",),
    "recheck": ("recheck",),
    "schema": (),
    "watch": ("events", "read_events", "running_executions"),
    "doctor": ("examine",),
    "audit export": ("audit_entries",),
    "export ical": ("export_calendar",),
    "export crontab": ("export_crontab",),
    "import crontab": ("schedule_tasks",),
    "template define": ("define_template",),
    "template list": ("list_templates",),
    "template show": ("get_template",),
    "template remove": ("remove_template",),
    "dead-letter list": ("dead_letters",),
    "dead-letter run": ("rerun",),
    "dead-letter clear": ("clear_dead_letter",),
    "lineage list": ("lineages",),
    "lineage show": ("lineage",),
    "lineage stop": ("stop_lineage",),
    "budget set": ("set_budget",),
    "calendar define": ("define_calendar",),
    "calendar renew": ("renew_calendar",),
    "calendar list": ("list_calendars",),
    "calendar show": ("get_calendar",),
    "calendar remove": ("remove_calendar",),
    "import systemd": ("schedule_tasks",),
    "import apscheduler": ("schedule_tasks",),
    "import celery": ("schedule_tasks",),
    "import claude-code": ("schedule_tasks",),
    "token create": ("create_token",),
    "token list": ("list_tokens",),
    "token revoke": ("revoke_token",),
}
"""The functions and methods that give a program what a command gives a person."""
HIDDEN: Final = frozenset({"cypher"})
"""Commands that are another name of one."""


def commands_of(call: str) -> list[str]:
    """Return the commands that a call is a counterpart of."""
    return [command for command, calls in CALLS.items() if call in calls and command not in HIDDEN]
