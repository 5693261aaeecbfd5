"""Queues: the handler of each, and workers that claim, report and settle what waits there."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Defer, Done, Failed, InvalidInput, Retry, TaskSchedulerService, WorkNotHeld
from remembrancer.surfaces.queue_worker import QueueWorker, WorkerOptions
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from neo4j_server import Server

    from remembrancer import Execution, Firing
    from remembrancer.testing import VirtualClock

MINUTE = timedelta(minutes=1)


async def mail(service: Any, name: str = "Letter", **fields: Any) -> str:
    given = {"queue": "mail", **fields}
    return (await service.schedule_task(name, "goal", f"Write: {name}", "thought", "in 10s", **given)).task_id


async def ended(service: Any, execution_id: str) -> Execution:
    while True:
        execution: Execution = await service.get_execution(execution_id)
        if execution.status != "running":
            return execution
        await asyncio.sleep(0.01)


async def test_work_waits_until_a_worker_asks(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        task_id = await mail(service)
        assert await service.claim_work(["mail"], "w1") == []

        await scheduler.tick(10 * MINUTE)
        assert await service.history() == []
        [waits] = await service.waiting_work("mail")
        assert (waits.task_id, waits.prompt) == (task_id, "Write: Letter")
        assert (await service.get_task(task_id)).wait_reason == "No worker of the queue mail is free."

        [item] = await service.claim_work(["other", "mail"], "w1", 5)
        assert (item.prompt, item.queue, item.worker) == ("Write: Letter", "mail", "w1")
        assert await service.waiting_work("mail") == []
        ended = await service.complete_work(item.execution_id, "w1", "sent", thought="It was sent.")
        assert (ended.status, ended.result) == ("completed", "sent")
        assert ended.thought_id == f"thought_of_{item.execution_id}"
        assert (await service.get_task(task_id)).status == "COMPLETE"


async def test_a_recurring_task_waits_once_for_all_it_missed(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        await service.schedule_task("Hourly", "goal", "prompt", "thought", schedule_cron="0 * * * *", queue="mail")
        await scheduler.tick(timedelta(hours=5))
        first = await service.claim_work(["mail"], "w1", 10)

        assert len(first) == 1
        await service.complete_work(first[0].execution_id, "w1")
        assert await service.claim_work(["mail"], "w1", 10) == []
        assert sum(each.occurrences for each in await service.history()) == 5


async def test_queues_with_a_handler_need_no_worker(graph: str, clock: VirtualClock) -> None:
    def plain(firing: Firing) -> str:
        return f"plain {firing.task.name}"

    async def own(firing: Firing) -> str:
        return f"own {firing.task.name}"

    service = TaskSchedulerService(graph, clock, handler=own, handlers={"plain": plain})
    async with ManualScheduler(service, clock) as scheduler:
        await mail(service, "A", queue="plain")
        await mail(service, "B", queue=None)
        await scheduler.tick(MINUTE)
        assert {each.result for each in await service.history()} == {"plain A", "own B"}


async def test_the_work_of_a_lost_worker_comes_back(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        await mail(service, max_attempts=2)
        await scheduler.tick(MINUTE)
        [lost] = await service.claim_work(["mail"], "w1", lease_seconds=1.0)
        again = asyncio.create_task(service.claim_work(["mail"], "w2", wait_seconds=60.0))
        while not again.done():
            await scheduler.tick()
            await asyncio.sleep(0.05)
        [item] = again.result()

        assert item.execution.attempt == 2
        with pytest.raises(WorkNotHeld, match="drop the work"):
            await service.complete_work(lost.execution_id, "w1")
        await service.complete_work(item.execution_id, "w2", "sent")
        history = {each.attempt: (each.status, each.reason_code) for each in await service.history()}
        assert history == {1: ("failed", "worker_lost"), 2: ("completed", None)}


async def test_the_end_of_work_is_what_a_handler_may_answer(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        names = ["defers", "asks", "retries", "raises", "fails"]
        for name in names:
            await mail(service, name)
        await scheduler.tick(MINUTE)
        held = {each.task.name: each.execution_id for each in await service.claim_work(["mail"], "w1", 10)}
        ended = [
            await service.defer_work(held["defers"], "w1", "in 2h", "The server is down."),
            await service.ask_work(held["asks"], "w1", "May I send it?", of="ada", within="2d"),
            await service.fail_work(held["retries"], "w1", "Too many requests.", retry_after="90s"),
            await service.fail_work(held["raises"], "w1", "It broke.", exceptions=["OSError", "Exception"]),
            await service.fail_work(held["fails"], "w1", "No such address.", permanent=True),
        ]

        assert [(each.status, each.reason_code) for each in ended] == [
            ("deferred", "deferred_by_handler"),
            ("deferred", "asked"),
            ("failed", "retry_requested"),
            ("failed", "handler_raised"),
            ("failed", "handler_failed"),
        ]
        assert ended[2].retry_due_ms is not None
        assert [each.question for each in await service.questions()] == ["May I send it?"]


async def test_a_cancelled_task_takes_its_work_from_the_worker(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        task_id = await mail(service)
        await scheduler.tick(MINUTE)
        [item] = await service.claim_work(["mail"], "w1")
        await service.report_work(item.execution_id, "w1", 0.5, "half of it")
        await service.cancel_task(task_id)

        with pytest.raises(WorkNotHeld):
            await service.report_work(item.execution_id, "w1")
        run = await ended(service, item.execution_id)
        assert (run.status, run.reason_code) == ("cancelled", "task_cancelled")


async def test_bad_claims_are_refused_at_the_door(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service: Any = scheduler.service
        for wrong in (
            {"queues": []},
            {"queues": "mail"},
            {"queues": ["two words"]},
            {"worker": ""},
            {"limit": 0},
            {"limit": True},
            {"wait_seconds": float("nan")},
            {"lease_seconds": 0.0},
        ):
            given = {"queues": ["mail"], "worker": "w1", **wrong}
            with pytest.raises(InvalidInput, match=next(iter(wrong))):
                await service.claim_work(**given)
        await mail(service)
        await scheduler.tick(MINUTE)
        [item] = await service.claim_work(["mail"], "w1")
        with pytest.raises(InvalidInput, match="until"):
            await service.defer_work(item.execution_id, "w1", "soonish", "reason")
        with pytest.raises(InvalidInput, match="permanent"):
            await service.fail_work(item.execution_id, "w1", "reason", permanent=True, retry=True)
        assert (await service.complete_work(item.execution_id, "w1")).status == "completed"


async def test_a_worker_calls_its_handler_until_nothing_waits(graph: str, clock: VirtualClock) -> None:
    told: list[str] = []

    def handle(firing: Firing) -> Done | Retry:
        firing.spend(tokens=3)
        return Retry("1h", "Later.") if firing.task.name == "B" else Done(firing.trigger_prompt.upper())

    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        for name in "ABC":
            await mail(service, name)
        await scheduler.tick(MINUTE)
        options = WorkerOptions(queues=["mail"], name="w1", concurrency=2, lease_seconds=60.0)
        worker = QueueWorker(service, service, handle, options, lambda firing, _: told.append(firing.task.name))
        await worker.work(asyncio.Event(), once=True)

        assert sorted(told) == ["A", "B", "C"]
        results = {each.result or each.reason for each in await service.history()}
        assert results == {"WRITE: A", "Later.", "WRITE: C"}


async def test_a_refused_outcome_of_a_worker_is_a_failure(graph: str, clock: VirtualClock) -> None:
    def handle(firing: Firing) -> Defer | Failed:
        firing.spend(tokens=3)
        return Defer("soonish", "Later.") if firing.task.name == "A" else Failed(" ", permanent=True)

    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        for name in "AB":
            await mail(service, name)
        await scheduler.tick(MINUTE)
        options = WorkerOptions(queues=["mail"], name="w1", concurrency=2, lease_seconds=60.0)
        await QueueWorker(service, service, handle, options, lambda *_: None).work(asyncio.Event(), once=True)

        runs = await service.history()
        assert {(each.status, each.reason_code) for each in runs} == {("failed", "handler_failed")}
        reasons = sorted(each.reason or "" for each in runs)
        assert reasons[0] == "It gave no reason."
        assert reasons[1].startswith("The outcome was refused. until='soonish'")


async def test_a_refused_progress_does_not_end_the_lease(graph: str, clock: VirtualClock) -> None:
    taken = asyncio.Event()

    class Reports:
        """A scheduler that says when it has taken a report."""

        def __init__(self, service: Any) -> None:
            self.complete_work = service.complete_work
            self._service = service

        async def report_work(self, *said: Any) -> Any:
            receipt = await self._service.report_work(*said)
            taken.set()
            return receipt

    async def handle(firing: Firing) -> Done:
        firing.progress(0.5, " ")
        async with asyncio.timeout(60):
            await taken.wait()
        return Done("sent")

    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service: Any = scheduler.service
        await mail(service)
        await scheduler.tick(MINUTE)
        options = WorkerOptions(queues=["mail"], name="w1", concurrency=1, lease_seconds=5.0)
        reports: Any = Reports(service)
        await QueueWorker(service, reports, handle, options, lambda *_: None).work(asyncio.Event(), once=True)
        assert [each.result for each in await service.history()] == ["sent"]


@pytest.mark.neo4j
async def test_work_is_found_that_another_replica_left(neo4j_server: Server) -> None:
    async with AsyncExitStack() as stack:
        first, second = [await stack.enter_async_context(TaskSchedulerService(neo4j_server.graph)) for _ in range(2)]
        for number in range(6):
            await first.schedule_task(f"T{number}", "goal", "prompt", "thought", "in 1s", queue="mail")
        found: list[str] = []
        while len(found) < 6:
            for service in (first, second):
                items = await service.claim_work(["mail"], "w", 2, wait_seconds=1.0)
                found += [each.task.name for each in items]
                for each in items:
                    await service.complete_work(each.execution_id, "w")
        assert sorted(found) == [f"T{number}" for number in range(6)]
