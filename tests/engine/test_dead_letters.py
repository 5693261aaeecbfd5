"""Dead letters: failures that no attempt follows, counted for each task and fault."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import (
    Failed,
    InvalidInput,
    LimitReached,
    LineageLimitReached,
    SchedulerOptions,
    TaskEnded,
    TaskSchedulerService,
)
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from remembrancer import DeadLetter, Firing
    from remembrancer.testing import VirtualClock

    Run = Callable[..., Any]

MINUTE = timedelta(minutes=1)


@pytest.fixture
def run(graph: str, clock: VirtualClock) -> Run:
    """Open a scheduler over a graph of each kind in turn, with a handler of one's own, driven by hand."""

    @asynccontextmanager
    async def opened(handler: Any) -> AsyncIterator[ManualScheduler]:
        options = SchedulerOptions(shutdown_timeout_seconds=0.2)
        service = TaskSchedulerService(graph, clock, handler=handler, options=options)
        async with ManualScheduler(service, clock) as checker:
            yield checker

    return opened


async def schedule(checker: ManualScheduler, **choices: Any) -> str:
    if "schedule_cron" not in choices:
        choices.setdefault("defer_until", checker.clock.now() + MINUTE)
    return (await checker.service.schedule_task("Task", "goal", "prompt", "thought", **choices)).task_id


async def missing_row(firing: Firing) -> Failed:
    return Failed(f"FOREIGN KEY constraint failed: row {firing.execution.nominal_at.minute}", permanent=True)


async def test_80000_identical_failures_are_one_incident(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    """CIRISAgent#934: health stayed green, and the log had a line for each failure."""
    caplog.set_level(logging.ERROR, "remembrancer")
    async with run(missing_row) as checker:
        task_id = await schedule(checker, schedule_cron="* * * * *")
        first_at = checker.clock.now() + MINUTE
        for _ in range(30):
            await checker.tick(MINUTE)
        (letter,) = await checker.service.dead_letters()

        assert (letter.task_id, letter.reason_code, letter.failures) == (task_id, "handler_failed", 30)
        assert (letter.first_at, letter.last_at) == (first_at, checker.clock.now())
        assert letter.fault == "FOREIGN KEY constraint failed: row 1"
        assert [record.levelname for record in caplog.records if "dead letter" in record.message] == ["ERROR"]
        assert letter.execution_id == (await checker.service.history(task_id, 1))[0].execution_id


async def test_failures_of_one_moment_are_one_incident_each_task(run: Run) -> None:
    async with run(missing_row) as checker:
        ids = {await schedule(checker) for _ in range(60)}
        await checker.tick(MINUTE)
        letters = await checker.service.dead_letters()

        assert {each.task_id for each in letters} == ids
        assert {each.failures for each in letters} == {1}


async def test_different_faults_are_different_incidents(run: Run) -> None:
    async def handle(firing: Firing) -> Failed:
        return Failed("no net" if firing.execution.nominal_at.minute % 2 else "no disk")

    async with run(handle) as checker:
        await schedule(checker, schedule_cron="* * * * *")
        for _ in range(5):
            await checker.tick(MINUTE)

        found = {each.fault: each.failures for each in await checker.service.dead_letters()}
        assert found == {"no net": 3, "no disk": 2}


async def test_a_failure_that_is_tried_again_is_no_dead_letter(run: Run) -> None:
    ran: list[int] = []

    async def handle(firing: Firing) -> Failed:
        ran.append(firing.execution.attempt)
        return Failed("no net")

    async with run(handle) as checker:
        task_id = await schedule(checker, retry="fixed 30s", max_attempts=3)
        await checker.tick(MINUTE)
        assert await checker.service.dead_letters(task_id) == []
        await checker.run_until(timedelta(hours=1))

        assert ran == [1, 2, 3]
        assert [each.failures for each in await checker.service.dead_letters(task_id)] == [1]


async def test_a_dead_letter_runs_again_with_other_input(run: Run) -> None:
    async def handle(firing: Firing) -> object:
        if firing.trigger_prompt == "prompt":
            return Failed("no such address")
        return f"{firing.trigger_prompt} {firing.task.context}"

    async with run(handle) as checker:
        task_id = await schedule(checker)
        await checker.tick(MINUTE)
        (letter,) = await checker.service.dead_letters()
        again = await checker.service.rerun(letter.dead_letter_id)
        await checker.service.idle()
        changed = await checker.service.rerun(letter.dead_letter_id, "Ask Grace", {"to": "grace"}, "another address")
        await checker.service.idle()

        assert (await checker.service.get_execution(again.execution_id)).status == "failed"
        done = await checker.service.get_execution(changed.execution_id)
        assert (done.status, done.result) == ("completed", "Ask Grace {'to': 'grace'}")
        assert (await checker.service.get_task(task_id)).trigger_prompt == "prompt"
        assert [each.failures for each in await checker.service.dead_letters()] == [2]
        (linked,) = await checker.service.cypher(
            "MATCH (e:task_execution {execution_id: $id})-[:RETRY_OF]->(f) RETURN f.status AS status",
            {"id": changed.execution_id},
        )
        assert linked == {"status": "failed"}
        entries = await checker.service.audit_entries(task_id)
        assert [each.reason for each in entries if each.action == "rerun"] == [None, "another address"]


@pytest.mark.parametrize("ends", ["fails", "is lost"])
async def test_each_attempt_at_a_rerun_has_its_input(run: Run, ends: str) -> None:
    """The second attempt had the prompt and the context that failed in the first place."""
    seen: list[tuple[str, object]] = []
    begun = asyncio.Event()

    async def handle(firing: Firing) -> object:
        seen.append((firing.trigger_prompt, firing.task.context))
        if len(seen) == 1:
            return Failed("no such address", permanent=True)
        begun.set()
        if ends == "is lost" and len(seen) == 2:
            await asyncio.Event().wait()
        return None if len(seen) > 2 else Failed("busy")

    retry = {"backoff": "fixed", "delay": 60, "jitter": "none"}
    async with run(handle) as checker:
        task_id = await schedule(
            checker, retry=retry, on_lost="retry", schedule_cron="0 0 * * *", context={"to": "ada"}
        )
        await checker.tick(timedelta(days=1))
        (letter,) = await checker.service.dead_letters()
        await checker.service.rerun(letter.dead_letter_id, "Ask Grace", {"to": "grace"})
        await begun.wait()
        if ends == "fails":
            await checker.service.idle()
            await checker.tick(MINUTE)
    if ends == "is lost":
        async with run(handle) as checker:
            checker.clock.advance(2 * MINUTE)  # on a shared graph, its lease expires
            await checker.service.recover()
            await checker.service.idle()
    assert seen == [("prompt", {"to": "ada"}), *[("Ask Grace", {"to": "grace"})] * 2]
    async with run(handle) as checker:
        assert (await checker.service.get_task(task_id)).context == {"to": "ada"}


FIXED = {"backoff": "fixed", "delay": 60, "jitter": "none"}


@pytest.mark.parametrize(
    ("answer", "fields", "because"),
    [
        (Failed("no net"), {}, "no retry"),
        (Failed("no net"), {"retry": FIXED, "max_attempts": 1}, "one attempt"),
        (Failed("no net"), {"retry": FIXED, "max_attempts": 2}, "2 attempts"),
        (Failed("no net", permanent=True), {"retry": FIXED}, "permanent"),
        (Failed("no net"), {"retry": FIXED | {"give_up_on": ["handler_failed"]}}, "give_up_on"),
        (Failed("no net"), {"retry": FIXED | {"within": 30}}, "within"),
        (Failed("no net"), {"retry": FIXED, "deadline_seconds": 50}, "deadline_seconds"),
    ],
)
async def test_a_dead_letter_says_why_no_attempt_follows(
    run: Run, answer: Failed, fields: dict[str, Any], because: str
) -> None:
    async def handle(_firing: Firing) -> Failed:
        return answer

    async with run(handle) as checker:
        await schedule(checker, **fields)
        for _ in range(3):
            await checker.tick(MINUTE)
        (letter,) = await checker.service.dead_letters()
        assert because in (letter.ended_because or "")


async def test_attempts_are_listed_in_their_order(run: Run) -> None:
    """An id was drawn from the number of its attempt: a history had the second attempt before or after the third."""

    async def handle(_firing: Firing) -> Failed:
        return Failed("no net")

    async with run(handle) as checker:
        ids = [await schedule(checker, retry=FIXED, max_attempts=4) for _ in range(5)]
        await checker.tick(MINUTE)
        by_hand = await checker.service.rerun((await schedule_once(checker)).dead_letter_id)
        for _ in range(5):
            await checker.tick(MINUTE)
        for task_id in ids:
            assert [each.attempt for each in await checker.service.history(task_id)] == [4, 3, 2, 1]
        runs = await checker.service.history(by_hand.task_id)
        assert [each.attempt for each in runs if each.execution_type == "manual_trigger"] == [3, 2, 1] * 2


async def schedule_once(checker: ManualScheduler) -> DeadLetter:
    """Return the dead letter of a task whose attempts are all over."""
    task_id = await schedule(checker, retry=FIXED, max_attempts=3, schedule_cron="0 0 1 1 *")
    await checker.service.run_now(task_id)
    for _ in range(3):
        await checker.tick(MINUTE)
    (letter,) = await checker.service.dead_letters(task_id)
    return letter


async def test_a_cancelled_task_does_not_run_again(run: Run) -> None:
    async with run(missing_row) as checker:
        task_id = await schedule(checker, schedule_cron="* * * * *")
        await checker.tick(MINUTE)
        await checker.service.cancel_task(task_id)
        (letter,) = await checker.service.dead_letters()

        with pytest.raises(TaskEnded):
            await checker.service.rerun(letter.dead_letter_id)
        with pytest.raises(InvalidInput, match="dead_letter_id"):
            await checker.service.rerun("dead_nothing")


async def test_another_run_draws_on_the_budget(run: Run) -> None:
    async with run(missing_row) as checker:
        task_id = await schedule(checker, budget={"runs": 2})
        await checker.tick(MINUTE)
        (letter,) = await checker.service.dead_letters()
        await checker.service.rerun(letter.dead_letter_id)
        await checker.service.idle()

        with pytest.raises(LineageLimitReached):
            await checker.service.rerun(letter.dead_letter_id)
        lineage = await checker.service.lineage(task_id)
        assert (lineage.spent["runs"], lineage.left["runs"]) == (2, 0)


async def test_another_run_takes_a_slot(run: Run) -> None:
    async with run(missing_row) as checker:
        service = checker.service
        task_id = await schedule(checker, concurrency_key="db")
        await checker.tick(MINUTE)
        (letter,) = await service.dead_letters()
        await service.set_limit("db", 0)

        with pytest.raises(LimitReached) as refused:
            await service.rerun(letter.dead_letter_id)
        assert refused.value.limit_key == "key:db"
        forced = await service.rerun(letter.dead_letter_id, force=True)
        await service.idle()
        assert (await service.get_execution(forced.execution_id)).limit_keys == ("key:db",)
        assert [(each.key, each.taken) for each in await service.list_limits()] == [("key:db", 0)]
        assert [each.failures for each in await service.dead_letters(task_id)] == [2]


async def test_a_cleared_incident_begins_anew(run: Run) -> None:
    async with run(missing_row) as checker:
        task_id = await schedule(checker, schedule_cron="* * * * *")
        for _ in range(2):
            await checker.tick(MINUTE)
        (letter,) = await checker.service.dead_letters()
        assert await checker.service.clear_dead_letter(letter.dead_letter_id, "It was deleted on purpose.")
        assert not await checker.service.clear_dead_letter(letter.dead_letter_id, "again")
        assert await checker.service.dead_letters() == []

        entry = next(e for e in await checker.service.audit_entries(task_id) if e.action == "clear_dead_letter")
        assert (entry.reason, (entry.before or {})["failures"]) == ("It was deleted on purpose.", 2)
        await checker.tick(MINUTE)
        assert [each.failures for each in await checker.service.dead_letters()] == [1]
