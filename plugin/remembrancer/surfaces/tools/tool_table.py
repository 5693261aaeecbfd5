"""The tools of each profile, and the operations that are no tool."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.operations.catalog import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from remembrancer.operations.operation import AnyOperation


class Profile(StrEnum):
    """The purpose of a client, which decides on the tools that it is shown."""

    AGENT = "agent"
    """It schedules its own work, and looks after it."""
    WORKER = "worker"
    """It does the work of queues: it claims executions, reports on them, and says how they ended."""
    OPERATOR = "operator"
    """It looks after the scheduler too: many tasks at once, templates, calendars, the audit log, queries, retention."""


_OF_AGENTS: Final[Mapping[str, str]] = {
    "schedule": "schedule_task",
    "preview": "preview_schedule",
    "agenda": "agenda",
    "tasks": "page_of_tasks",
    "task": "get_task",
    "update": "update_task",
    "defer": "defer_task",
    "pause": "pause_task",
    "resume": "resume_task",
    "skip": "skip_next",
    "reschedule": "reschedule",
    "cancel": "cancel_task",
    "run_now": "run_now",
    "history": "history",
    "execution": "get_execution",
    "status": "get_status",
}
"""From the name of a tool to its operation, in the order in which models read them."""
_OF_WORKERS: Final = (
    *("waiting_work", "claim_work", "report_work"),
    *("complete_work", "fail_work", "defer_work", "ask_work"),
)
"""The operations that are tools of workers, under their own names."""
LEFT_OUT: Final[Mapping[str, str]] = {
    "schedule_tasks": "`schedule` for each of them",
    "schedule_deferred_task": "`schedule`, or `defer` for a task that is there",
    "find_tasks": "`tasks`",
    "get_scheduled_tasks": "`tasks`",
    "preview": "`preview`, which takes a schedule of any kind",
    "read_events": "its answer waits: a host that polls tools asks for `history`",
    "get_capabilities": "`status`",
    "is_healthy": "`status`",
    "snapshot": "it copies files of the scheduler's machine",
    "create_token": "its answer is a secret, which a conversation would keep",
}
"""The operations that no profile has, and what takes their place or why."""


def tools_of(profiles: Collection[str]) -> dict[str, AnyOperation]:
    """Return the operation of each tool of these profiles, by the name of the tool.

    The profile `worker` by itself has no tools of agents. An operation that is not named here is a tool of operators,
    under its own name; a part of the service, such as `telemetry`, has none.

    Raises InvalidInput: a profile is not one of those there are, or none is given.
    """
    wanted = {_read(each) for each in profiles}
    if not wanted:
        raise InvalidInput("profiles", list(profiles), f"one or more of {', '.join(Profile)}", Profile.AGENT.value)
    operations = {each.name: each for each in OPERATIONS}
    tools = (
        {name: operations[operation] for name, operation in _OF_AGENTS.items()} if wanted != {Profile.WORKER} else {}
    )
    if Profile.WORKER in wanted:
        tools |= {name: operations[name] for name in _OF_WORKERS}
    if Profile.OPERATOR in wanted:
        named = {*_OF_AGENTS.values(), *_OF_WORKERS, *LEFT_OUT}
        tools |= {each.name: each for each in OPERATIONS if each.name not in named and not each.is_nested}
    return tools


def _read(profile: str) -> Profile:
    try:
        return Profile(profile)
    except ValueError as unknown:
        allowed = f"one of {', '.join(Profile)}"
        raise InvalidInput("profile", profile, allowed, Profile.AGENT.value) from unknown
