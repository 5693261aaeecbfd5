"""Messages of errors quote what was given: a bounded part of it, with its control characters made visible."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from remembrancer import TaskSchedulerService
from remembrancer.errors import InvalidInput, RemembrancerError, TaskNotFound

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LONG = "x" * 100_000
ODD = "a\x1b]52;c;x\x07\u202e\u200bb"
MOST = 4200


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[TaskSchedulerService]:
    async with TaskSchedulerService(tmp_path / "graph", check_interval_seconds=3600) as service:
        yield service


@pytest.mark.parametrize("given", [LONG, ODD])
async def test_a_refusal_quotes_a_bounded_and_visible_part(service: TaskSchedulerService, given: str) -> None:
    asked = ("name", "goal", "prompt", "thought")
    for work in (
        service.schedule_task(*asked, schedule_cron=given),
        service.schedule_task(*asked, defer_until=given),
        service.schedule_task(*asked, schedule_cron="0 9 * * *", context={given: object()}),
        service.schedule_task(*asked, schedule_cron="0 9 * * *", timezone=given),
        service.get_task(given),
        service.get_execution(given),
        service.cypher(f"RETURN `{given}`()"),
        service.cypher(f"RETURN $`{given}`"),
        service.create_token(given, "read"),
        service.read_events(given),
        service.snapshot(f"/dev/null/{given}"),
    ):
        with pytest.raises(RemembrancerError) as refused:
            await work
        said = str(refused.value)
        assert len(said) < MOST
        assert said.replace("\n", "").isprintable()
        if isinstance(refused.value, InvalidInput):
            assert len(str(refused.value.quoted)) < MOST


async def test_a_long_message_keeps_the_way_out_at_its_end(service: TaskSchedulerService) -> None:
    with pytest.raises(TaskNotFound, match=r"characters left out.*remembrancer list"):
        await service.get_task(LONG)


@pytest.mark.parametrize(
    "odd", ["\u200b", "\ufeff", "\u2060", "\u202e", "\u2066", "\u200f", "\u00ad", "\u3164", "\U000e0041", "\u180e"]
)
async def test_names_keys_and_ids_hold_no_invisible_character(service: TaskSchedulerService, odd: str) -> None:
    good = {"name": "Tea", "origin_thought_id": "thought", "dedup_key": "key"}
    for field in good:
        with pytest.raises(InvalidInput) as refused:
            await service.schedule_task(
                goal_description="goal",
                trigger_prompt="prompt",
                schedule_cron="0 9 * * *",
                **(good | {field: f"a{odd}b"}),
            )
        assert refused.value.field == field
        assert "invisible" in str(refused.value)
    with pytest.raises(InvalidInput, match="name"):
        await service.create_token(f"a{odd}b", "read")


async def test_texts_may_hold_what_is_not_seen_and_names_emoji(service: TaskSchedulerService) -> None:
    persian = "\u0646\u0627\u0645\u0647\u200c\u0647\u0627"
    woman = f"{persian} \N{WOMAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER} \N{HEAVY BLACK HEART}\ufe0f"
    reply = await service.schedule_task(woman, "a\u200bgoal", "a\ufeffprompt", "thought", schedule_cron="0 9 * * *")
    task = await service.get_task(reply.task_id)

    assert (task.name, task.goal_description, task.trigger_prompt) == (woman, "a\u200bgoal", "a\ufeffprompt")
