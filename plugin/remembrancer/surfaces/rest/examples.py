"""A value that works for every parameter and field of the API: in its document, and in what refuses another."""

from __future__ import annotations

from typing import Final

_MOMENT: Final = "2027-01-01T09:00:00Z"
_TASK: Final = "task_1723644600.123_9f3k2a"
_ONE: Final = {
    "name": "Daily report",
    "goal_description": "Send the metrics",
    "trigger_prompt": "Write today's report",
    "origin_thought_id": "thought_12345",
    "schedule_cron": "0 9 * * 1-5",
}

EXAMPLES: Final[dict[str, object]] = {
    **_ONE,
    "defer_until": _MOMENT,
    "timezone": "Europe/Berlin",
    "gap": "run_after",
    "fold": "first",
    "seconds": "first",
    "misfire": "run_once",
    "misfire_limit": 100,
    "misfire_grace_seconds": 60,
    "on_lost": "fail",
    "max_attempts": 3,
    "timeout_seconds": 300,
    "dedup_key": "daily-report",
    "context": {"api": "weather_service", "retry_count": 2},
    "requests": [_ONE],
    "reason": "Waiting for the API's rate limit to reset",
    "until": _MOMENT,
    "thought_id": "thought_12345",
    "task_id": _TASK,
    "execution_id": "exec_1723644600.000_5d41402abc4b2a76",
    "query": "MATCH (t:scheduled_task) RETURN t.name, t.status",
    "parameters": {"limit": 10},
    "keep_days": 90,
    "dry_run": True,
    "status": "PENDING",
    "type": "recurring",
    "task_type": "recurring",
    "period": "7d",
    "limit": 100,
    "count": 5,
    "cursor": f"PENDING|recurring|{_TASK}",
    "expression": "0 9 * * 1-5",
    "after": _MOMENT,
    "since": _MOMENT,
    "kinds": "execution_failed",
    "body": _ONE,
    "if-match": '"3-PENDING"',
    "idempotency-key": "8f14e45f-cancel-1",
    "last-event-id": "0",
}
"""By the name of the parameter, header (in small letters) or field."""
