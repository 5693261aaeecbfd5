"""Arguments of a wrong type: each is refused by its name, whichever method of the service it is given to."""

from __future__ import annotations

import asyncio
import inspect
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import TaskSchedulerService
from remembrancer.errors import InvalidInput, TaskNotFound

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

GENEROUS = 60
WRONG = ("x", 3, None, [1], {"a": 1}, object())
TOMORROW = datetime.now(UTC) + timedelta(days=1)
TEXT: set[object] = {"x"}
NUMBER: set[object] = {3}
OPTIONAL: set[object] = {None}
RIGHT: dict[str, Any] = {
    "question": "May I?",
    "answer": "yes",
    "name": "Tea",
    "goal_description": "goal",
    "trigger_prompt": "prompt",
    "origin_thought_id": "thought",
    "defer_until": TOMORROW,
    "tasks": {},
    "task": {"trigger_prompt": "Make tea", "every": "90m"},
    "until": TOMORROW,
    **dict.fromkeys(("occurrence", "to", "start", "end"), TOMORROW),
    "thought_id": "thought",
    "task_id": "nothing",
    "execution_id": "nothing",
    "reason": "reason",
    "requests": [],
    "schedule": {"kind": "every", "every": "1h"},
    "query": "RETURN 1 AS n",
    "expression": "0 9 * * *",
    "scope": "read",
    "keep_days": 90,
    "queues": ["mail"],
    "queue": "mail",
    "worker": "mailer-1",
    "key": "database",
    "of": "nothing",
    "dead_letter_id": "dead_nothing",
    "budget": {"max_depth": 3},
    "changes": {"name": "Coffee"},
}
OBJECTS = {"budget", "changes", "context", "parameters", "tasks", "defaults", "task", "values", "overrides"}
ACCEPTED: dict[str, set[object]] = {
    "schedule_task": TEXT | OPTIONAL,
    "schedule_tasks": NUMBER,
    "schedule_deferred_task": TEXT | OPTIONAL,
    "cancel_task": TEXT | NUMBER | OPTIONAL,
    "cancel": TEXT | NUMBER | OPTIONAL,
    "defer_task": TEXT | NUMBER | OPTIONAL,
    "update_task": TEXT | NUMBER | OPTIONAL,
    "pause_task": TEXT | NUMBER | OPTIONAL,
    "resume_task": TEXT | NUMBER | OPTIONAL,
    "run_now": TEXT | NUMBER | OPTIONAL,
    "skip_next": TEXT | NUMBER | OPTIONAL,
    "add_fire": TEXT | NUMBER | OPTIONAL,
    "reschedule": TEXT | NUMBER | OPTIONAL,
    "backfill": TEXT | NUMBER | OPTIONAL,
    "get_execution": TEXT,
    "clear_dead_letter": TEXT,
    "dead_letters": TEXT | OPTIONAL | NUMBER,
    "rerun": TEXT | OPTIONAL,
    "halt": TEXT,
    "release": TEXT | OPTIONAL,
    "set_limit": TEXT | NUMBER | OPTIONAL,
    "set_circuit": TEXT | NUMBER,
    "reset_circuit": TEXT,
    "ask_task": TEXT | NUMBER | OPTIONAL,
    "answer_task": TEXT | NUMBER | OPTIONAL,
    "questions": NUMBER,
    "waiting_work": TEXT | NUMBER,
    "claim_work": TEXT | NUMBER,
    "report_work": TEXT | OPTIONAL,
    "complete_work": TEXT | NUMBER | OPTIONAL,
    "fail_work": TEXT | NUMBER | OPTIONAL,
    "defer_work": TEXT,
    "ask_work": TEXT | NUMBER | OPTIONAL,
    "lineage": TEXT | NUMBER,
    "lineages": NUMBER,
    "set_budget": TEXT | OPTIONAL,
    "stop_lineage": TEXT | OPTIONAL,
    "pause_tasks": TEXT | OPTIONAL,
    "resume_tasks": TEXT | OPTIONAL,
    "update_tasks": TEXT | OPTIONAL,
    "cancel_tasks": TEXT | OPTIONAL,
    "find_tasks": TEXT | NUMBER | OPTIONAL,
    "get_task": TEXT,
    "blocked_tasks": NUMBER,
    "task_dependencies": TEXT,
    "page_of_tasks": TEXT | NUMBER | OPTIONAL,
    "cypher": TEXT | OPTIONAL,
    "run_query": TEXT | NUMBER | OPTIONAL,
    "preview": NUMBER | OPTIONAL,
    "preview_schedule": NUMBER | OPTIONAL,
    "agenda": TEXT | NUMBER | OPTIONAL,
    "create_token": TEXT,
    "revoke_token": TEXT,
    "define_calendar": TEXT | NUMBER | OPTIONAL,
    "renew_calendar": TEXT | NUMBER | OPTIONAL,
    "get_calendar": TEXT,
    "remove_calendar": TEXT,
    "define_template": TEXT | NUMBER | OPTIONAL,
    "get_template": TEXT,
    "remove_template": TEXT,
    "schedule_from_template": TEXT | NUMBER | OPTIONAL,
    "apply_set": TEXT | NUMBER | OPTIONAL,
    "export_calendar": OPTIONAL,
    "export_crontab": OPTIONAL,
    "recheck": OPTIONAL,
    "history": TEXT | NUMBER | OPTIONAL,
    "audit_entries": TEXT | NUMBER | OPTIONAL,
    "timeline": TEXT | NUMBER,
    "read_events": TEXT | NUMBER | OPTIONAL,
    "running_executions": NUMBER,
    "summaries": TEXT | NUMBER | OPTIONAL,
    "prune": NUMBER,
    "snapshot": TEXT,
}
"""The public methods with arguments, and which of the wrong values may be right for some of them."""


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[TaskSchedulerService]:
    async with TaskSchedulerService(tmp_path / "graph", check_interval_seconds=3600) as service:
        yield service


def arguments(method: str) -> dict[str, inspect.Parameter]:
    found = inspect.signature(getattr(TaskSchedulerService, method)).parameters
    return {name: each for name, each in found.items() if name not in {"self", "fields", "which"}}


@pytest.mark.parametrize("method", ACCEPTED)
async def test_an_argument_of_a_wrong_type_is_refused_by_name(service: TaskSchedulerService, method: str) -> None:
    asked = arguments(method)
    for name in asked:
        for wrong in WRONG:
            if wrong.__hash__ is not None and wrong in ACCEPTED[method]:
                continue
            given = {each: RIGHT.get(each) for each, one in asked.items() if one.default is one.empty}
            given |= {"defer_until": RIGHT["defer_until"]} if method == "schedule_task" else {}
            if name in OBJECTS and isinstance(wrong, dict):
                continue
            await refused(service, method, given | {name: wrong}, name)


async def refused(service: TaskSchedulerService, method: str, given: dict[str, Any], name: str) -> None:
    with pytest.raises((InvalidInput, TypeError, TaskNotFound)) as error:
        await asyncio.wait_for(getattr(service, method)(**given), GENEROUS)

    assert not isinstance(error.value, TaskNotFound), (method, name, given[name])
    if isinstance(error.value, InvalidInput):
        assert error.value.field == name, (method, given[name])
    assert name in str(error.value), (method, name, given[name], error.value)


async def test_every_public_method_with_arguments_is_in_the_table() -> None:
    plain = {"events"}  # which reads by read_events
    methods = {name for name, _ in inspect.getmembers(TaskSchedulerService, inspect.iscoroutinefunction)}

    assert {name for name in methods if not name.startswith("_") and arguments(name)} - plain == set(ACCEPTED)


async def test_parameters_other_than_a_mapping_are_refused(service: TaskSchedulerService) -> None:
    for wrong in ("x", 3, [1], [("a", 1)], {1: "a"}):
        with pytest.raises(InvalidInput, match=r"parameters=.*mapping.*Example") as refusal:
            await service.cypher("RETURN $limit AS n", wrong)  # pyright: ignore[reportArgumentType]
        assert await service.cypher("RETURN $limit AS n", refusal.value.example) == [{"n": 10}]  # pyright: ignore[reportArgumentType]


async def test_true_is_no_fence_and_text_no_kinds(service: TaskSchedulerService) -> None:
    reply = await service.schedule_task("Tea", "goal", "prompt", "thought", schedule_cron="0 9 * * *")
    with pytest.raises(InvalidInput, match="fence=True"):
        await service.cancel_task(reply.task_id, fence=True)
    with pytest.raises(InvalidInput, match="kinds='x'"):
        await anext(service.events("0", kinds="x"))
    with pytest.raises(InvalidInput, match="keep_days=-1"):
        await service.prune(-1)


async def test_a_fence_beyond_64_bits_is_refused() -> None:
    async with TaskSchedulerService(":memory:") as service:
        made = await service.schedule_task("Tea", "g", "p", "t", schedule_cron="0 9 * * *")
        with pytest.raises(InvalidInput, match="fence"):
            await service.cancel_task(made.task_id, fence=10**30)

        assert (await service.get_task(made.task_id)).status == "PENDING"
