"""Tasks that depend on others and are deferred, paused or wait for an answer: each policy holds beside the others."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from remembrancer import Failed, TaskSchedulerService
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from remembrancer.testing import VirtualClock

MINUTE = timedelta(minutes=1)


async def test_a_cancelled_deferred_run_loses_none_of_those_held(graph: str, clock: VirtualClock) -> None:
    service = TaskSchedulerService(graph, clock, handler=lambda _: Failed("No."))
    async with ManualScheduler(service, clock) as scheduler:
        first = await service.schedule_task("First", "goal", "prompt", "thought", in_="1m")
        await scheduler.tick(MINUTE)
        last = await service.schedule_task(
            "Last", "goal", "prompt", "thought", schedule_cron="*/20 * * * *", depends_on=[f"{first.task_id}:cancel"]
        )
        await service.defer_task(last.task_id, clock.now() + 50 * MINUTE, "Not yet")
        await scheduler.tick(55 * MINUTE)
        made = sorted(await service.history(last.task_id), key=lambda each: each.nominal_at)

    assert [(each.nominal_at.minute, each.occurrences, each.reason_code) for each in made] == [
        (20, 2, "held_by_deferral"),
        (51, 1, "dependency_failed"),
    ]


@pytest.mark.parametrize(("text", "code"), [(None, "no_answer"), ("no", "answered_no")])
async def test_a_question_ends_though_its_task_is_blocked(
    graph: str, clock: VirtualClock, text: str | None, code: str
) -> None:
    service = TaskSchedulerService(graph, clock, handler=lambda _: Failed("No."))
    async with ManualScheduler(service, clock) as scheduler:
        first = await service.schedule_task("First", "goal", "prompt", "thought", in_="1m")
        await scheduler.tick(MINUTE)
        last = await service.schedule_task("Last", "goal", "prompt", "thought", in_="10m", depends_on=[first.task_id])
        await service.ask_task(last.task_id, "May it?", within="40m")
        await scheduler.tick(20 * MINUTE)
        if text is not None:
            await service.answer_task(last.task_id, text)
        await scheduler.tick(25 * MINUTE)
        made = sorted(await service.history(last.task_id), key=lambda each: each.nominal_at)

    assert [each.reason_code for each in made] == ["held_by_deferral", code]


async def test_a_pause_that_ended_before_lets_nothing_begin(graph: str, clock: VirtualClock) -> None:
    """A pause that had ended by itself before the occurrence came let it begin without its dependencies."""
    ran: list[str] = []
    service = TaskSchedulerService(graph, clock, handler=lambda firing: ran.append(firing.task.name))
    async with ManualScheduler(service, clock) as scheduler:
        first = await service.schedule_task("First", "goal", "prompt", "thought", in_="2h")
        last = await service.schedule_task("Last", "goal", "prompt", "thought", in_="1h", depends_on=[first.task_id])
        await service.pause_task(last.task_id, clock.now() + 10 * MINUTE, "Lunch")
        await scheduler.tick(61 * MINUTE)
        assert (await service.get_task(last.task_id)).wait_key == f"task:{first.task_id}"
        await scheduler.tick(60 * MINUTE)
        await scheduler.tick(MINUTE)

    assert ran == ["First", "Last"]
