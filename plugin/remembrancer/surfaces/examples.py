"""Examples of every parameter and field of the API, for its document and for the problems that it answers."""

from __future__ import annotations

import re
from typing import Final, get_args

from pydantic import BaseModel

from remembrancer.model.request import EXAMPLE, TASK_FIELDS
from remembrancer.surfaces.schema_errors import known_at

_MOMENT: Final = TASK_FIELDS["defer_until"].example
_TASK: Final = "task_1723644600.123_9f3k2a"

EXAMPLES: Final[dict[str, object]] = {
    **{name: each.example for name, each in TASK_FIELDS.items()},
    "requests": [EXAMPLE],
    "reason": "Waiting for the API's rate limit to reset",
    "until": _MOMENT,
    "on_missed": "run_once",
    "n": 1,
    "at": _MOMENT,
    "occurrence": _MOMENT,
    "to": _MOMENT,
    "start": _MOMENT,
    "end": _MOMENT,
    "again": False,
    "tag": "errand",
    "text": "report",
    "all": True,
    "statuses": ["PENDING"],
    "changes": {"timeout_seconds": 60},
    "thought_id": "thought_12345",
    "of": "thought_12345",
    "task_id": _TASK,
    "question": "Shall I send the report?",
    "answer": "yes",
    "within": "2d",
    "on_no_answer": "remind",
    "reminders": 3,
    "escalate_to": "lead",
    "dead_letter_id": "dead_5d41402abc4b2a76",
    "worker": "mailer-1",
    "queues": ["mail"],
    "wait_seconds": 20.0,
    "lease_seconds": 60.0,
    "fraction": 0.5,
    "result": "sent",
    "thought": "The letter was sent.",
    "next_check": "2h",
    "tokens": 2000,
    "money": "0.05",
    "permanent": False,
    "retry": False,
    "retry_after": 90.0,
    "rate": "60/minute",
    "burst": 10,
    "opens_after": 5,
    "open_seconds": 60.0,
    "exceptions": ["ConnectionError", "OSError"],
    "execution_id": "exec_1723644600.000_5d41402abc4b2a76",
    "query": "MATCH (t:scheduled_task) RETURN t.name, t.status",
    "parameters": {"limit": 10},
    "keep_days": 90,
    "key": "database",
    "slots": 3,
    "force": False,
    "stop_running": True,
    "dry_run": True,
    "status": "PENDING",
    "type": "recurring",
    "task_type": "recurring",
    "period": "7d",
    "limit": 100,
    "count": 5,
    "fires": 5,
    "cursor": f"PENDING|recurring|{_TASK}",
    "expression": "0 9 * * 1-5",
    "after": "0",
    "since": _MOMENT,
    "next_fires": 5,
    "history": True,
    "kinds": "execution_failed",
    "country": "DE",
    "subdivision": "BE",
    "categories": ["public"],
    "ics": "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n",
    "dates": ["2026-12-24"],
    "years": 5,
    "tasks": {"daily-report": {"trigger_prompt": "Write today's report", "cron": "0 9 * * 1-5"}},
    "defaults": {"timezone": "Europe/Berlin"},
    "prune": True,
    "task": {"trigger_prompt": "Write the report on {topic}", "cron": "0 9 * * 1-5"},
    "description": "Reports on a topic",
    "version": 1,
    "values": {"topic": "sales"},
    "overrides": {"timezone": "Europe/Berlin"},
    "body": EXAMPLE,
    "if-match": '"3-PENDING"',
    "idempotency-key": "8f14e45f-cancel-1",
    "last-event-id": "0",
}
"""By the name of the parameter, header (in small letters) or field."""
ALSO: Final[dict[str, tuple[str, ...]]] = {
    "status": ("running",),
    "cursor": ("exec_1723644600.000_5d41402abc4b2a76", "change_1723644600.123_9f3k2a"),
}
"""Examples of parameters whose name means something else elsewhere."""


def example_at(name: str, pattern: str | None = None) -> object:
    """Return a value for what goes by this name, one that fits *pattern* if there must be; None if there is none."""
    fitting = (each for each in (EXAMPLES.get(name), *ALSO.get(name, ())) if _fits(each, pattern))
    return next(fitting, None)


def body_example(kind: object) -> object:
    """Return a body of this kind that is accepted, as short as it may be."""
    known = known_at(kind, ())
    if set(EXAMPLE) <= set(known):
        return EXAMPLE
    while inner := [each for each in get_args(kind) if each is not type(None)]:
        kind = inner[0]
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return None
    needed = [name for name, field in kind.model_fields.items() if field.is_required()]
    return {name: EXAMPLES.get(name) for name in needed or known}


def _fits(value: object, pattern: str | None) -> bool:
    return value is not None and (pattern is None or re.search(pattern, str(value)) is not None)
