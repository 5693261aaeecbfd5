"""Claimed is not begun: of a task that was cancelled nothing begins, and what runs of it is asked to stop."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from real import outcomes, schedule, until

from remembrancer import Defer, SchedulerOptions, TaskSchedulerService
from remembrancer.model.cancellation import Cancellation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer import Execution, Firing
    from remembrancer.ports.writes import Claim, Lease

pytestmark = pytest.mark.slow
MANY = 40


class Plain:
    """A plain handler that notes when each of its tasks began, and runs until it is told to stop."""

    def __init__(self) -> None:
        self.began: dict[str, float] = {}

    def __call__(self, firing: Firing) -> str:
        self.began[firing.task.task_id] = time.monotonic()
        while not firing.stop_requested:
            time.sleep(0.005)
        return "told to stop"


class Asynchronous:
    """The same, as an async handler."""

    def __init__(self) -> None:
        self.began: dict[str, float] = {}

    async def __call__(self, firing: Firing) -> str:
        self.began[firing.task.task_id] = time.monotonic()
        await asyncio.sleep(3600)
        return "never"


@pytest.mark.parametrize("kind", [Plain, Asynchronous])
async def test_a_cancelled_task_does_not_begin_afterwards(kind: type[Plain | Asynchronous]) -> None:
    handler = kind()
    said: dict[str, float] = {}
    async with TaskSchedulerService(handler=handler, options=SchedulerOptions(claim_batch_size=3)) as service:
        ids = [await schedule(service, seconds=0.3) for _ in range(MANY)]
        await until(lambda: bool(handler.began))

        async def cancel(task_id: str) -> None:
            if await service.cancel_task(task_id):
                said[task_id] = time.monotonic()

        await asyncio.gather(*(cancel(task_id) for task_id in ids))
        await service.idle()
        late = [each for each, then in said.items() if handler.began.get(each, 0) > then]
        ended = await service.history(limit=1000)

        assert len(said) == MANY
        assert late == []
        statuses = {each.task_id: each.status for each in ended}
        assert set(statuses.values()) <= {"cancelled", "completed"}
        began = {each.task_id for each in ended if each.reason != "The task was cancelled before it began."}
        assert handler.began.keys() <= began


async def test_a_cancel_between_claim_and_start_withdraws_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The claim is committed, and this process has not heard of it when the task is cancelled."""
    began: list[Firing] = []
    async with TaskSchedulerService(handler=began.append) as service:
        store: Any = service._process.store
        claim = store.queue.claim
        cancelling: list[asyncio.Future[Cancellation]] = []

        async def slowly(claims: Sequence[Claim], lease: Lease) -> Sequence[Execution]:
            won = await claim(claims, lease)
            cancelling.append(asyncio.ensure_future(service.cancel(claims[0].execution.task_id)))
            cancellations = service._process.scheduler._executor._cancellations  # pyright: ignore[reportOptionalMemberAccess]
            while not any(each.cancelled for each in cancellations.reserved):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            return won

        monkeypatch.setattr(store.queue, "claim", slowly)
        task_id = await schedule(service)
        await until(lambda: bool(cancelling))
        answer = await cancelling[0]
        (made,) = await service.history(task_id)

        assert answer == Cancellation(ended=True, stopping=[])
        assert (made.status, made.reason_code) == ("cancelled", "task_cancelled"), "settled before the cancel returns"
        assert made.reason == "The task was cancelled before it began."
        assert began == []
        assert await service.cypher("MATCH (l:execution_lease) RETURN count(l) AS n") == [{"n": 0}]


async def test_a_handler_under_way_is_cancelled_with_its_task() -> None:
    handler = Asynchronous()
    async with TaskSchedulerService(handler=handler) as service:
        task_id = await schedule(service)
        await until(lambda: task_id in handler.began)
        answer = await service.cancel(task_id, "Enough")
        made = (await outcomes(service, 1))[task_id]

        assert answer == Cancellation(ended=True, stopping=[made.execution_id])
        assert (made.status, made.reason_code) == ("cancelled", "task_cancelled")
        assert made.reason == "The task was cancelled while it ran."
        assert (await service.get_task(task_id)).status == "CANCELLED"
        assert service._process.totals()["executions_cancelled"] == 1
        kinds = [each.kind for each in (await service.read_events("0")).events]
        assert kinds.count("execution_cancelled") == 1


async def test_a_plain_handler_under_way_reads_that_it_should_stop() -> None:
    handler = Plain()
    async with TaskSchedulerService(handler=handler) as service:
        task_id = await schedule(service)
        await until(lambda: task_id in handler.began)
        answer = await service.cancel(task_id)
        made = (await outcomes(service, 1))[task_id]

        assert answer.stopping == [made.execution_id]
        assert (made.status, made.result) == ("completed", "told to stop"), "its answer counts"


async def test_a_handler_that_cancels_its_own_task_goes_on() -> None:
    async def handle(firing: Firing) -> str:
        answer = await service.cancel(firing.task.task_id)
        await asyncio.sleep(0.05)
        return f"{answer.stopping} {firing.stop_requested}"

    async with TaskSchedulerService(handler=handle) as service:
        task_id = await schedule(service)
        made = (await outcomes(service, 1))[task_id]

        assert (made.status, made.result) == ("completed", "[] False")


async def test_a_cancelled_task_is_not_deferred_by_its_handler() -> None:
    async def handle(firing: Firing) -> Defer:
        await service.cancel_task(firing.task.task_id)
        return Defer("2099-01-01T00:00:00Z", "Later")

    async with TaskSchedulerService(handler=handle) as service:
        await schedule(service)
        async with asyncio.timeout(60):
            while not (ended := [each for each in await service.history() if each.status != "running"]):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

        assert [(each.status, each.reason_code) for each in ended] == [("cancelled", "task_cancelled")]


async def test_a_cancel_whose_caller_gives_up_still_stops_the_run() -> None:
    for turns in range(8):
        handler = Asynchronous()
        async with TaskSchedulerService(handler=handler) as service:
            task_id = await schedule(service)
            await until(lambda: bool(handler.began))  # noqa: B023 (used in this round)
            asking = asyncio.ensure_future(service.cancel_task(task_id))
            for _ in range(turns):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            for _ in range(100):
                await asyncio.sleep(0.001)
            if (await service.get_task(task_id)).status == "CANCELLED":
                assert (await outcomes(service, 1))[task_id].status == "cancelled"


@pytest.mark.neo4j
async def test_a_task_cancelled_on_another_replica_stops_here(neo4j_server: Any) -> None:
    handlers = [Asynchronous(), Asynchronous()]
    services = [TaskSchedulerService(neo4j_server.graph, handler=each) for each in handlers]
    for each in services:
        await each.start()
    try:
        task_id = await schedule(services[0])
        await until(lambda: any(task_id in each.began for each in handlers))
        elsewhere = services[0] if task_id in handlers[1].began else services[1]
        answer = await elsewhere.cancel(task_id)
        made = (await outcomes(elsewhere, 1))[task_id]

        assert answer == Cancellation(ended=True, stopping=[])
        assert (made.status, made.reason) == ("cancelled", "The task was cancelled while it ran.")
    finally:
        for each in services:
            await each.stop()


async def test_a_deadline_counts_from_the_true_beginning() -> None:
    """The thread comes to the handler long after the claim, later than the deadline is long."""
    async with TaskSchedulerService(handler=lambda _: "in time") as service:
        plain: Any = service._process.running_scheduler()._executor._routes.of(None).plain
        begin = plain._begin

        def late(run: Any) -> object:
            time.sleep(3)
            return begin(run)

        plain._begin = late
        task_id = await schedule(service, timeout_seconds=1.5)
        made = (await outcomes(service, 1))[task_id]

        assert (made.status, made.result) == ("completed", "in time")
