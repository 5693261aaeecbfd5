"""The service, functions, errors and modules of the package, from its public names."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any, Final

import remembrancer
from reference_pages.docstrings import arguments, errors, paragraph, sentence
from reference_pages.markdown import code, table
from reference_pages.signatures import signature
from remembrancer import errors as remembrancer_errors

_HEAD: Final = ("call", "does", "raises")
METHODS: Final = {
    "Life": ("start", "stop", "open", "close", "blocking", "telemetry"),
    "Schedule and change tasks": (
        *("schedule_task", "schedule_tasks", "schedule_deferred_task"),
        *("ask_task", "answer_task", "questions"),
        *("waiting_work", "claim_work", "report_work"),
        *("complete_work", "fail_work", "defer_work", "ask_work"),
        *("defer_task", "update_task", "pause_task", "resume_task", "run_now", "cancel_task", "cancel"),
        *("skip_next", "add_fire", "reschedule", "backfill"),
        *("apply_set",),
    ),
    "Many tasks at once": ("pause_tasks", "resume_tasks", "update_tasks", "cancel_tasks"),
    "Look at tasks": (
        "get_task",
        "find_tasks",
        "page_of_tasks",
        "get_scheduled_tasks",
        "blocked_tasks",
        "task_dependencies",
    ),
    "Look ahead": ("agenda", "preview", "preview_schedule"),
    "Look back": ("history", "get_execution", "running_executions", "timeline", "audit_entries", "summaries", "prune"),
    "Export": ("export_calendar", "export_crontab"),
    "Time zones": ("recheck",),
    "Follow events": ("events", "read_events"),
    "Query the graph": ("cypher", "list_queries", "run_query"),
    "Templates": (*("define_template", "schedule_from_template", "get_template", "list_templates", "remove_template"),),
    "Dead letters": ("dead_letters", "rerun", "clear_dead_letter"),
    "Halts": ("halt", "release", "halt_state"),
    "Limits": ("set_limit", "list_limits", "set_circuit", "reset_circuit"),
    "Lineages": ("lineages", "lineage", "set_budget", "stop_lineage"),
    "Calendars": ("define_calendar", "renew_calendar", "get_calendar", "list_calendars", "remove_calendar"),
    "Health and status": ("get_status", "is_healthy", "examine", "get_capabilities", "get_service_type"),
    "Tokens": ("create_token", "list_tokens", "revoke_token"),
    "Tests and tools": ("tick", "idle", "recover", "snapshot"),
}
"""The public methods of the service by their purpose."""
INTERNAL: Final = frozenset({"admittance", "calls", "counted", "gauges", "next_waiting_at"})
"""What surfaces of the package use of the service, and programs do not."""
HANDED_OVER: Final = frozenset({"OpenTelemetry"})
"""Classes that a program makes and hands over: their methods are the scheduler's to call."""
MODULES: Final = ("fastapi", "mcp", "opentelemetry", "prometheus", "testing", "tools", "wake")


def service() -> str:
    """Return the constructor, its arguments, and a table of methods for each purpose."""
    kind = remembrancer.TaskSchedulerService
    call = signature("TaskSchedulerService", kind.__init__)
    meanings = [(code(name), meaning) for name, meaning in arguments(kind).items()]
    head = f"```py\n{_broken(call)}\n```\n\n{paragraph(kind)}\n\n{table(('argument', 'meaning'), meanings)}"
    groups = [f"### {title}\n\n{_methods(kind, names)}" for title, names in METHODS.items()]
    reports = _methods(remembrancer.Telemetry, _public(remembrancer.Telemetry))
    return "\n\n".join([head, *groups, f"### Reports, as methods of `telemetry`\n\n{reports}"])


def functions() -> str:
    """Return the table of functions."""
    named = {name: getattr(remembrancer, name) for name in remembrancer.__all__}
    rows = [_row(name, each) for name, each in named.items() if inspect.isfunction(each)]
    return table(_HEAD, rows)


def handlers() -> str:
    """Return the table of what a `Firing` has for a handler."""
    return _methods(remembrancer.Firing, ("progress", "stop_requested", "trigger_prompt"))


def error_table() -> str:
    """Return the table of errors, in the order of the tree."""
    return table(("error", "is a", "means"), _below(remembrancer.RemembrancerError))


def modules() -> str:
    """Return a table for each module that is imported by its own name."""
    return "\n\n".join(_module(name) for name in MODULES)


def public_members(kind: type) -> list[str]:
    """Return the public names of a service: its methods, properties and attributes."""
    made = remembrancer.TaskSchedulerService() if kind is remembrancer.TaskSchedulerService else kind
    return [name for name in dir(made) if not name.startswith("_")]


def _public(kind: type) -> list[str]:
    return [name for name, each in vars(kind).items() if not name.startswith("_") and callable(each)]


def _methods(kind: type, names: Any) -> str:
    return table(_HEAD, [_member(kind, name) for name in names])


def _member(kind: type, name: str) -> tuple[str, ...]:
    found = inspect.getattr_static(kind, name, None)
    if callable(found):
        return _row(name, found)
    return code(name), sentence(found) if isinstance(found, property) else _ATTRIBUTES[name], ""


def _row(name: str, function: Any) -> tuple[str, ...]:
    raised = ", ".join(f"`{each}`" for each in errors(function))
    return code(signature(name, function)), sentence(function), raised


def _below(kind: type) -> list[tuple[str, ...]]:
    also = [each.__name__ for each in kind.__bases__]
    row = (code(kind.__name__), ", ".join(f"`{each}`" for each in also), sentence(kind))
    return [row, *(line for each in _ordered(kind) for line in _below(each))]


def _ordered(kind: type) -> list[type]:
    public = [getattr(remembrancer, name) for name in remembrancer.__all__]
    below = [each for each in public if isinstance(each, type) and kind in each.__bases__]
    return sorted(below, key=[*vars(remembrancer_errors).values()].index)


def _module(name: str) -> str:
    module = import_module(f"remembrancer.{name}")
    shown = getattr(module, "__all__", None) or [
        each for each, found in vars(module).items() if getattr(found, "__module__", "") == module.__name__
    ]
    rows = [row for each in shown if not each.startswith("_") for row in _rows_of(each, getattr(module, each))]
    return f"### `remembrancer.{name}`\n\n{sentence(module)}\n\n{table(_HEAD, rows)}"


def _rows_of(name: str, found: Any) -> list[tuple[str, ...]]:
    """Return the rows of a function, or of a class with its public methods."""
    if not isinstance(found, type):
        return [_row(name, found)]
    made = (code(signature(name, found.__init__)), sentence(found), "")
    shown = [] if name in HANDED_OVER else _public(found)
    return [made, *(_row(f".{each}", getattr(found, each)) for each in shown)]


def _broken(call: str) -> str:
    """Return a long call with an argument a line."""
    head, _, rest = call.partition("(")
    inside = rest.rpartition(")")[0]
    return f"{head}(\n" + "".join(f"    {each},\n" for each in inside.split(", ")) + ")"


_ATTRIBUTES: Final = {
    "blocking": "Has the methods as blocking calls (`SyncCalls`), for code without an event loop.",
    "telemetry": "Has the reports (`Telemetry`).",
}
