"""Overlap: what becomes of an occurrence that comes while another execution under its key is under way."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Done, Failed, InvalidInput, LimitReached, Retry, SchedulerOptions, TaskSchedulerService
from remembrancer.engine.clock import SystemTime
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.decision import PLAIN, PlanContext
from remembrancer.policies.pipeline import plan_page
from remembrancer.ports.writes import Lease
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from neo4j_server import Server

    from remembrancer import Firing
    from remembrancer.testing import VirtualClock

MINUTE = timedelta(minutes=1)
SLOW = 60
"""Seconds after which a test gives up."""


class Desk:
    """A handler each of whose calls lasts until it is let go; it knows who was at it, and never lets two in at once."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}
        self.most = 0
        self.stopped: list[str] = []
        self.stubborn = False

    async def __call__(self, firing: Firing) -> Done:
        execution = firing.execution
        self.begun.append(f"{firing.task.name} {execution.nominal_at:%H:%M}")
        self.gates[execution.execution_id] = gate = asyncio.Event()
        self.most = max(self.most, len(self.gates))
        try:
            await gate.wait()
        except asyncio.CancelledError:
            self.stopped.append(execution.execution_id)
            if not self.stubborn:
                raise
            await gate.wait()
        finally:
            self.gates.pop(execution.execution_id, None)
        return Done()

    def let_go(self) -> None:
        for gate in self.gates.values():
            gate.set()


class Scene:
    """A scheduler whose handlers hold what they are given."""

    def __init__(self, service: Any, clock: VirtualClock, desk: Desk) -> None:
        self.service, self.clock, self.desk = service, clock, desk

    async def task(self, name: str = "Task", **fields: Any) -> str:
        fields = {"misfire_grace_seconds": 1.0, **fields}
        if not fields.keys() & {"defer_until", "schedule_cron"}:
            fields["schedule_cron"] = "*/5 * * * *"
        return (await self.service.schedule_task(name, "goal", "prompt", "thought", **fields)).task_id

    async def at(self, minutes: float) -> None:
        """Let time go by, and do what is due; who holds the desk goes on."""
        self.clock.advance(timedelta(minutes=minutes))
        await self.work()

    async def work(self) -> None:
        scheduler = self.service._process.running_scheduler()
        for _ in range(2):
            while await scheduler.tick():
                await self.rest()
            await self.rest()

    async def rest(self) -> None:
        """Return when nothing runs but what is held at the desk."""
        count = "MATCH (e:task_execution {status: 'running'}) RETURN count(e) AS n"
        async with asyncio.timeout(SLOW):
            while (await self.service.cypher(count))[0]["n"] != len(self.desk.gates):  # noqa: ASYNC110 (it works in its own time)
                await asyncio.sleep(0.001)
        await self.service._process.running_scheduler()._executor._outcome_writer.idle()

    async def let_go(self) -> None:
        self.desk.let_go()
        await asyncio.sleep(0.01)
        await self.rest()
        await self.work()

    async def outcomes(self, task_id: str | None = None) -> list[str]:
        runs = await self.service.history(task_id, limit=100)
        ordered = sorted(runs, key=lambda run: (run.nominal_at, run.attempt))
        return [
            f"{run.nominal_at:%H:%M} {run.status}"
            + (f" {run.reason_code}" if run.reason_code else "")
            + (f" x{run.occurrences}" if run.occurrences > 1 else "")
            for run in ordered
        ]


@asynccontextmanager
async def scene(graph: str, clock: VirtualClock, desk: Desk | None = None) -> AsyncIterator[Scene]:
    held = desk or Desk()
    options = SchedulerOptions(shutdown_timeout_seconds=0.0)
    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=held, options=options), clock) as scheduler:
        yield Scene(scheduler.service, clock, held)
        held.let_go()


async def test_skip_names_what_is_in_the_way(graph: str, clock: VirtualClock) -> None:
    async with scene(graph, clock) as on:
        task_id = await on.task(overlap="skip")
        for _ in range(3):
            await on.at(5)
        await on.let_go()
        assert await on.outcomes() == ["09:05 completed", "09:10 skipped overlap", "09:15 skipped overlap"]
        first, second = sorted(await on.service.history(), key=lambda run: run.nominal_at)[:2]
        assert second.reason_code == "overlap"
        assert first.execution_id in second.reason
        assert task_id in second.reason
        await on.at(5)
        assert on.desk.begun == ["Task 09:05", "Task 09:20"]


async def test_buffer_one_runs_the_first_and_skips_the_rest(graph: str, clock: VirtualClock) -> None:
    async with scene(graph, clock) as on:
        task_id = await on.task(overlap="buffer_one")
        for _ in range(4):
            await on.at(5)
        waits = await on.service.get_task(task_id)
        assert waits.wait_key == f"slot:overlap:{task_id}"
        await on.let_go()
        assert on.desk.begun == ["Task 09:05", "Task 09:10"]
        await on.let_go()
        assert await on.outcomes() == ["09:05 completed", "09:10 completed", "09:15 skipped overlap x2"]
        await on.at(5)
        assert on.desk.begun == ["Task 09:05", "Task 09:10", "Task 09:25"]


async def test_buffer_all_runs_each_in_its_turn(graph: str, clock: VirtualClock) -> None:
    async with scene(graph, clock) as on:
        await on.task(overlap="buffer_all")
        for _ in range(4):
            await on.at(5)
        for _ in range(4):
            await on.let_go()
        assert await on.outcomes() == [f"09:{minute:02} completed" for minute in (5, 10, 15, 20)]
        assert on.desk.most == 1
        assert not (await on.service.list_limits())[0:1] or (await on.service.list_limits())[0].taken == 0


async def test_an_outage_is_a_misfire_for_all_of_them(graph: str, clock: VirtualClock) -> None:
    async with scene(graph, clock) as on:
        for overlap in ("buffer_one", "buffer_all", "cancel_other"):
            await on.task(overlap, overlap=overlap)
        await on.at(61)
        assert sorted(on.desk.begun) == ["buffer_all 10:00", "buffer_one 10:00", "cancel_other 10:00"]


async def test_cancel_other_stops_it_and_runs_the_latest(graph: str, clock: VirtualClock) -> None:
    desk = Desk()
    desk.stubborn = True
    async with scene(graph, clock, desk) as on:
        task_id = await on.task(overlap="cancel_other")
        for _ in range(3):
            await on.at(5)
        assert len(desk.stopped) == 1
        assert (await on.service.get_task(task_id)).wait_key == f"slot:overlap:{task_id}"
        await on.let_go()
        assert desk.begun == ["Task 09:05", "Task 09:15"]
        desk.stubborn = False
        await on.at(5)
        assert desk.begun[2:] == ["Task 09:20"]
        await on.let_go()
        assert await on.outcomes() == [
            "09:05 completed",
            "09:10 skipped overlap",
            "09:15 cancelled replaced",
            "09:20 completed",
        ]
        assert desk.most == 1


async def test_terminate_other_does_not_wait_for_the_handler(graph: str, clock: VirtualClock) -> None:
    desk = Desk()
    desk.stubborn = True
    async with scene(graph, clock, desk) as on:
        task_id = await on.task(overlap="terminate_other")
        await on.at(5)
        on.clock.advance(5 * MINUTE)
        scheduler = on.service._process.running_scheduler()
        await scheduler.tick()
        async with asyncio.timeout(SLOW):
            while len(desk.begun) < 2:  # noqa: ASYNC110 (it begins in its own time)
                await asyncio.sleep(0.001)
        first = next(run for run in await on.service.history() if run.nominal_at.minute == 5)
        assert (first.status, first.reason_code) == ("cancelled", "replaced")
        assert task_id in first.reason
        desk.let_go()
        await asyncio.sleep(0.01)
        await scheduler.idle()
        assert await on.outcomes() == ["09:05 cancelled replaced", "09:10 completed"]


async def test_allow_all_takes_no_slot(graph: str, clock: VirtualClock) -> None:
    async with scene(graph, clock) as on:
        await on.task(overlap="allow_all")
        await on.task("Plain")
        await on.at(5)
        await on.at(5)
        assert on.desk.most == 4
        assert await on.service.list_limits() == []


async def test_tasks_with_one_computed_key_are_in_each_others_way(graph: str, clock: VirtualClock) -> None:
    async with scene(graph, clock) as on:
        when = {"defer_until": "in 5m", "overlap": "skip", "overlap_key": "report-{context.customer}"}
        first = await on.task("First", **when, context={"customer": "ada"})
        other = await on.task("Other", **when, context={"customer": 7})
        second = await on.task("Second", **{**when, "defer_until": "in 6m"}, context={"customer": "ada"})
        await on.at(5)
        (limit, _) = await on.service.list_limits()
        assert {limit.key, _.key} == {"overlap:report-7", "overlap:report-ada"}
        await on.at(1)
        assert sorted(on.desk.begun) == ["First 09:05", "Other 09:05"]
        (skipped,) = await on.service.history(second)
        assert (skipped.status, skipped.reason_code) == ("skipped", "overlap")
        assert first in skipped.reason
        assert "report-ada" in skipped.reason
        assert (await on.service.get_task(second)).status == "FAILED"
        assert (await on.service.get_task(other)).status == "ACTIVE"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("report-{context.customer}", "of context.customer it has no value"),
        ("report-{context.list}", "of the kind list"),
        ("report-{customer}", "fields of the task: {task_id}"),
        ("report-{nam}", "did you mean name?"),
        ("report-{context}", "context.NAME"),
        ("report-{name!r}", "fields of the task: {task_id}"),
        ("report-{name:>9}", "fields of the task: {task_id}"),
        ("report-{", "pairs of braces"),
        ("{group}", "of group it has no value"),
    ],
)
async def test_a_key_that_cannot_be_computed_is_refused(
    graph: str, clock: VirtualClock, template: str, said: str
) -> None:
    async with scene(graph, clock) as on:
        with pytest.raises(InvalidInput) as refused:
            await on.task(overlap="skip", overlap_key=template, context={"list": [1]})
        assert refused.value.field == "overlap_key"
        assert said in str(refused.value)
        assert await on.service.find_tasks() == []


async def test_a_change_that_leaves_a_key_without_value_is_refused(graph: str, clock: VirtualClock) -> None:
    async with scene(graph, clock) as on:
        made = await on.service.schedule_task("Task", "goal", "prompt", "thought", "in 9h", overlap_key="report")
        assert any("no effect without `overlap`" in each for each in made.warnings)
        task_id = await on.task(overlap="skip", overlap_key="report-{context.customer}", context={"customer": "ada"})
        with pytest.raises(InvalidInput):
            await on.service.update_task(task_id, context={"other": 1})
        await on.service.update_task(task_id, overlap_key="{task_id}-{name}")
        await on.at(5)
        assert [limit.key for limit in await on.service.list_limits()] == [f"overlap:{task_id}-Task"]


async def test_an_attempt_that_waits_is_still_in_the_way(graph: str, clock: VirtualClock) -> None:
    answers = [Failed("No."), Done(), Done(), Done()]

    async def fail_once(_firing: Firing) -> Done | Failed:
        return answers.pop(0)

    service = TaskSchedulerService(graph, clock, handler=fail_once)
    async with ManualScheduler(service, clock) as scheduler:
        fields: dict[str, Any] = {"retry": {"backoff": "fixed", "delay": 420, "jitter": "none"}}
        task_id = (
            await service.schedule_task(
                "Task", "goal", "prompt", "thought", schedule_cron="*/5 * * * *", overlap="skip", **fields
            )
        ).task_id
        on = Scene(service, clock, Desk())
        await scheduler.tick(5 * MINUTE)
        await scheduler.tick(5 * MINUTE)
        assert await on.outcomes() == ["09:05 failed handler_failed", "09:10 skipped overlap"]
        await scheduler.tick(2 * MINUTE)
        assert (await service.list_limits()) == []
        await scheduler.tick(3 * MINUTE)
        assert await on.outcomes() == [
            "09:05 failed handler_failed",
            "09:05 completed",
            "09:10 skipped overlap",
            "09:15 completed",
        ]
        assert (await service.get_task(task_id)).status == "ACTIVE"


@pytest.mark.parametrize("overlap", ["cancel_other", "terminate_other"])
async def test_a_waiting_attempt_is_replaced(graph: str, clock: VirtualClock, overlap: str) -> None:
    answers = [Failed("No."), Done(), Done()]

    async def fail_once(_firing: Firing) -> Done | Failed:
        return answers.pop(0)

    service = TaskSchedulerService(graph, clock, handler=fail_once)
    async with ManualScheduler(service, clock) as scheduler:
        fields: dict[str, Any] = {"retry": {"backoff": "fixed", "delay": 3600, "jitter": "none"}, "overlap": overlap}
        await service.schedule_task("Task", "goal", "prompt", "thought", schedule_cron="*/5 * * * *", **fields)
        on = Scene(service, clock, Desk())
        await scheduler.tick(5 * MINUTE)
        await scheduler.tick(5 * MINUTE)
        assert await on.outcomes() == [
            "09:05 failed handler_failed",
            "09:05 cancelled replaced",
            "09:10 completed",
        ]
        assert await service.list_limits() == []


async def test_run_now_needs_the_key_unless_forced(graph: str, clock: VirtualClock) -> None:
    async with scene(graph, clock) as on:
        task_id = await on.task(overlap="terminate_other")
        await on.service.run_now(task_id)
        with pytest.raises(LimitReached) as refused:
            await on.service.run_now(task_id)
        assert refused.value.holders == [task_id]
        await on.service.run_now(task_id, force=True)
        await on.rest()
        assert on.desk.most == 2


async def test_an_execution_that_is_lost_frees_its_overlap_key(graph: str, clock: VirtualClock) -> None:
    async with scene(graph, clock) as on:
        store = on.service._process.store
        await on.task(overlap="buffer_one")
        clock.advance(5 * MINUTE)
        dead = Lease("lease_dead", "replica_dead", clock.now())
        (due,) = await store.queue.due(clock.now(), 10)
        planned = await plan_page([due], PLAIN, PlanContext(to_ms(clock.now()), "replica_dead"))
        assert len(await store.queue.claim(planned.claims, dead)) == 1
        clock.advance(5 * MINUTE)
        await on.service._process.running_scheduler().tick()
        assert on.desk.begun == []
        await on.service.recover()
        await on.work()
        assert on.desk.begun == ["Task 09:10"]
        assert (await on.outcomes())[0] == "09:05 failed lease_expired"


async def test_a_recount_keeps_the_key_of_a_waiting_attempt(graph: str, clock: VirtualClock) -> None:
    async def fail(_firing: Firing) -> Failed:
        return Failed("No.")

    service = TaskSchedulerService(graph, clock, handler=fail)
    async with ManualScheduler(service, clock) as scheduler:
        fields: dict[str, Any] = {"retry": {"backoff": "fixed", "delay": 7200, "jitter": "none"}, "overlap": "skip"}
        made = await service.schedule_task("Task", "goal", "prompt", "thought", defer_until="in 5m", **fields)
        await scheduler.tick(5 * MINUTE)
        for _ in range(3):
            await scheduler.tick(5 * MINUTE)
        (limit,) = await service.list_limits()
        assert [holder.task_id for holder in limit.holders] == [made.task_id]
        await service.cancel_task(made.task_id)
        for _ in range(2):
            await scheduler.tick(5 * MINUTE)
        assert await service.list_limits() == []


@pytest.mark.neo4j
@pytest.mark.parametrize("overlap", ["buffer_all", "cancel_other", "terminate_other"])
async def test_two_replicas_share_one_overlap_key(neo4j_server: Server, overlap: str) -> None:
    neo4j_server.wipe()
    running: set[str] = set()
    most = 0

    async def note(firing: Firing) -> Done:
        nonlocal most
        running.add(firing.execution.execution_id)
        most = max(most, len(running))
        try:
            await asyncio.sleep(0.02)
        finally:
            running.discard(firing.execution.execution_id)
        return Done()

    services = [TaskSchedulerService(neo4j_server.graph, SystemTime(), 1.0, handler=note) for _ in range(2)]
    async with AsyncExitStack() as stack:
        for each in services:
            await stack.enter_async_context(each)
        for number in range(10):
            await services[number % 2].schedule_task(
                f"Task {number}", "goal", "prompt", "t", "in 1s", overlap=overlap, overlap_key="shared"
            )
        async with asyncio.timeout(120):
            while len(ended := await services[0].history(limit=100)) < 10 or "running" in {e.status for e in ended}:  # noqa: ASYNC110 (they work in their own time)
                await asyncio.sleep(0.1)
    assert {run.status for run in ended} <= {"completed", "cancelled"}
    if overlap != "terminate_other":
        assert most == 1
    if overlap == "buffer_all":
        assert {run.status for run in ended} == {"completed"}


@pytest.mark.neo4j
async def test_another_replica_stops_what_is_in_the_way(neo4j_server: Server) -> None:
    neo4j_server.wipe()
    begun: asyncio.Queue[str] = asyncio.Queue()
    stopped = asyncio.Event()

    async def hold(firing: Firing) -> Done:
        begun.put_nowait(firing.task.name)
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            stopped.set()
            raise
        return Done()

    async def note(firing: Firing) -> Done:
        begun.put_nowait(firing.task.name)
        return Done()

    async with TaskSchedulerService(neo4j_server.graph, SystemTime(), handler=hold) as first:
        fields: dict[str, Any] = {"overlap": "cancel_other", "overlap_key": "shared"}
        held = await first.schedule_task("Held", "goal", "prompt", "t", "in 1s", **fields)
        assert await asyncio.wait_for(begun.get(), SLOW) == "Held"
        async with TaskSchedulerService(neo4j_server.graph, SystemTime(), handler=note) as second:
            await second.run_now((await second.schedule_task("Free", "goal", "prompt", "t", "in 1h")).task_id)
            assert await asyncio.wait_for(begun.get(), SLOW) == "Free"
            await second.schedule_task("Next", "goal", "prompt", "t", "in 1s", **fields)
            await asyncio.wait_for(stopped.wait(), SLOW)
            assert await asyncio.wait_for(begun.get(), SLOW) == "Next"
            async with asyncio.timeout(SLOW):
                while (run := (await second.history(held.task_id))[0]).status == "running":  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            assert (run.status, run.reason_code) == ("cancelled", "replaced")


async def test_each_attempt_takes_the_key_over(graph: str, clock: VirtualClock) -> None:
    seen: list[list[str]] = []

    async def handle(firing: Firing) -> Failed:
        (limit,) = await service.list_limits()
        seen.append([each.execution_id for each in limit.holders])
        begun.append(firing.execution.execution_id)
        return Failed("It did not work.")

    begun: list[str] = []
    service = TaskSchedulerService(graph, clock, handler=handle)
    async with ManualScheduler(service, clock) as scheduler:
        retry = {"backoff": "fixed", "delay": 60, "jitter": "none"}
        choices: dict[str, Any] = {"overlap": "skip", "overlap_key": "desk"}
        await service.schedule_task("Tried", "g", "p", "t", "in 1m", retry=retry, max_attempts=4, **choices)
        other = await service.schedule_task("Skipped", "g", "p", "t", "in 210s", **choices)
        for _ in range(3):
            await scheduler.tick(MINUTE)
        await scheduler.tick(MINUTE / 2)
        assert [run.reason_code for run in await service.history(other.task_id)] == ["overlap"]
        await scheduler.tick(MINUTE / 2)
        assert seen == [[each] for each in begun]
        assert len(seen) == 4
        assert await service.list_limits() == []


async def test_a_third_attempt_is_replaced_and_frees_the_key(graph: str, clock: VirtualClock) -> None:
    async def handle(firing: Firing) -> Retry | None:
        return Retry("7m") if firing.task.name == "Tried" else None

    service = TaskSchedulerService(graph, clock, handler=handle)
    async with ManualScheduler(service, clock) as scheduler:
        await service.schedule_task("Tried", "g", "p", "t", "in 1m", overlap="skip", overlap_key="desk")
        for _ in range(2):
            await scheduler.tick(timedelta(minutes=8))
        other = await service.schedule_task(
            "Newer", "g", "p", "t", "in 1m", overlap="terminate_other", overlap_key="desk"
        )
        await scheduler.tick(MINUTE)
        assert [run.status for run in await service.history(other.task_id)] == ["completed"]
        assert await service.list_limits() == []
