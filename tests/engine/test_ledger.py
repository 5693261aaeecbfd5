"""Outcomes are written together, a bad one fails alone, and a lease lasts exactly as long as it is needed."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from remembrancer import Defer, SchedulerOptions, TaskSchedulerService
from remembrancer.errors import GraphUnavailable
from remembrancer.stores.commits.statement import Statement
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from remembrancer import Firing
    from remembrancer.ports.writes import Settlement
    from remembrancer.testing import VirtualClock

MINUTE = timedelta(minutes=1)
LEASES = "MATCH (l:execution_lease) RETURN count(l) AS leases"


async def schedule(service: TaskSchedulerService, clock: VirtualClock, *names: str, **choices: Any) -> None:
    for name in names:
        await service.schedule_task(name, "goal", "prompt", "thought", clock.now() + MINUTE, **choices)


def observed(service: TaskSchedulerService, monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], list[str]]]:
    """Note what each write of outcomes brings: the results, and the leases that end with it."""
    store: Any = service._process.store
    settle = store.queue.settle
    seen: list[tuple[list[str], list[str]]] = []

    async def noted(settlements: Sequence[Settlement], ended_leases: Sequence[str] = ()) -> Sequence[bool]:
        seen.append(([str(each.result) for each in settlements], list(ended_leases)))
        return await settle(settlements, ended_leases)

    monkeypatch.setattr(store.queue, "settle", noted)
    return seen


def refusing(store: Any, result: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Let the graph refuse every write with an outcome of this result; count how often it did."""
    settle = store.queue.settle
    told = {"refused": 0}

    async def picky(settlements: Sequence[Settlement], ended_leases: Sequence[str] = ()) -> Sequence[bool]:
        if any(each.result == result for each in settlements):
            told["refused"] += 1
            raise GraphUnavailable("no room for it")
        return await settle(settlements, ended_leases)

    monkeypatch.setattr(store.queue, "settle", picky)
    return told


async def test_handlers_that_end_in_one_turn_are_settled_in_one_write(
    clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = TaskSchedulerService(time_service=clock, handler=by_name)
    async with ManualScheduler(service, clock) as checker:
        await schedule(service, clock, "a", "b", "c")
        seen = observed(service, monkeypatch)
        await checker.tick(MINUTE)

        ((results, ended_leases),) = seen
        assert sorted(results) == ["a", "b", "c"]
        assert len(ended_leases) == 1
        assert await service.cypher(LEASES) == [{"leases": 0}]


async def test_a_lease_ends_with_the_last_of_single_outcomes(clock: VirtualClock) -> None:
    gates = {name: asyncio.Event() for name in ("a", "b", "c")}

    async def handle(firing: Firing) -> None:
        await gates[firing.task.name].wait()

    service = TaskSchedulerService(time_service=clock, handler=handle)
    async with ManualScheduler(service, clock):
        await schedule(service, clock, *gates)
        clock.advance(MINUTE)
        ticking = asyncio.ensure_future(service.tick())
        held: list[object] = []
        for number, gate in enumerate(gates.values()):
            while len([each for each in await service.history() if each.status == "completed"]) < number:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            held += await service.cypher(LEASES)
            gate.set()
        await ticking

        assert held[1:] == [{"leases": 1}, {"leases": 1}], "held as long as one of them is under way"
        assert await service.cypher(LEASES) == [{"leases": 0}]


async def test_a_lease_that_ends_late_does_not_repeat_its_outcomes(
    clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Both outcomes are under way at once, so the lease ends in a write of its own, which fails the first time."""
    began = 0

    async def handle(_: Firing) -> None:
        nonlocal began
        began += 1
        if began == 2:
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    service = TaskSchedulerService(time_service=clock, handler=handle)
    monkeypatch.setattr("remembrancer.engine.execution.outcome_writer._RETRY_SECONDS", (0.0,))
    async with ManualScheduler(service, clock) as checker:
        await schedule(service, clock, "a", "b")
        store: Any = service._process.store
        settle = store.queue.settle
        ends: list[Sequence[str]] = []

        async def reluctant(settlements: Sequence[Settlement], ended_leases: Sequence[str] = ()) -> Sequence[bool]:
            if not settlements:
                ends.append(ended_leases)
                if len(ends) == 1:
                    raise GraphUnavailable("not now")
            return await settle(settlements, ended_leases)

        monkeypatch.setattr(store.queue, "settle", reluctant)
        await checker.tick(MINUTE)

        assert len(ends) == 2
        assert "Another replica has recovered" not in caplog.text
        assert [each.status for each in await service.history()] == ["completed", "completed"]
        assert await service.cypher(LEASES) == [{"leases": 0}]


async def test_an_outcome_the_graph_refuses_fails_alone(clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    service = TaskSchedulerService(time_service=clock, handler=by_name)
    monkeypatch.setattr("remembrancer.engine.execution.outcome_writer._RETRY_SECONDS", (0.0,) * 5)
    async with ManualScheduler(service, clock) as checker:
        await schedule(service, clock, "good", "bad", "fine")
        told = refusing(service._process.store, "bad", monkeypatch)
        await checker.tick(MINUTE)
        history = {each.task_id: each for each in await service.history()}
        names = {task_id: (await service.get_task(task_id)).name for task_id in history}
        (bad,) = (each for each in history.values() if names[each.task_id] == "bad")

        assert sorted((names[each.task_id], each.status) for each in history.values()) == [
            ("bad", "failed"),
            ("fine", "completed"),
            ("good", "completed"),
        ]
        assert "no room for it" in (bad.reason or "")
        assert told["refused"] == 1 + 3, "with the others, and three times alone"
        assert await service.cypher(LEASES) == [{"leases": 0}]


async def test_an_outcome_is_kept_until_the_graph_takes_it(
    clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Far longer than a lease holds; and this scheduler does not recover what it knows the outcome of."""
    service = TaskSchedulerService(time_service=clock, handler=by_name)
    monkeypatch.setattr("remembrancer.engine.execution.outcome_writer._RETRY_SECONDS", (0.0,) * 200)
    async with ManualScheduler(service, clock):
        await schedule(service, clock, "kept", on_lost="retry")
        tries = 0
        store: Any = service._process.store
        settle = store.queue.settle

        async def unheard(*what: Any) -> Sequence[bool]:
            nonlocal tries
            tries += 1
            if tries < 100:
                raise GraphUnavailable("no answer")
            return await settle(*what)

        monkeypatch.setattr(store.queue, "settle", unheard)
        clock.advance(MINUTE)
        await service._process.running_scheduler().tick()
        while tries < 10:  # noqa: ASYNC110 (the ledger tries in its own time)
            await asyncio.sleep(0.001)
        clock.advance(timedelta(seconds=SchedulerOptions().lease_seconds))
        assert await service.recover() == 0
        await service.idle()

        assert [(each.status, each.result) for each in await service.history()] == [("completed", "kept")]
        assert await service.cypher(LEASES) == [{"leases": 0}]


async def test_a_deferral_is_worked_out_once_the_graph_answers(
    clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wait(_: Firing) -> Defer:
        return Defer(clock.now() + timedelta(hours=1), "Not now")

    asked = 0

    async def silent(task_id: str) -> object:
        nonlocal asked
        asked += 1
        if asked < 20:
            raise GraphUnavailable("no answer")
        return await get(task_id)

    service = TaskSchedulerService(time_service=clock, handler=wait)
    monkeypatch.setattr("remembrancer.engine.execution.outcome_writer._RETRY_SECONDS", (0.0,) * 20)
    async with ManualScheduler(service, clock) as checker:
        await schedule(service, clock, "Task")
        store: Any = service._process.store
        get = store.tasks.get
        monkeypatch.setattr(store.tasks, "get", silent)
        await checker.tick(MINUTE)

        assert [each.status for each in await service.history()] == ["deferred"]


async def test_two_runs_that_both_defer_their_task_are_both_stored(clock: VirtualClock) -> None:
    both = asyncio.Barrier(2)

    async def wait(firing: Firing) -> Defer:
        await both.wait()
        return Defer(clock.now() + timedelta(hours=1), f"because {firing.execution.execution_type}")

    service = TaskSchedulerService(time_service=clock, handler=wait)
    async with ManualScheduler(service, clock):
        task = await service.schedule_task("Twice", "goal", "prompt", "thought", schedule_cron="* * * * *")
        await service.run_now(task.task_id)
        clock.advance(MINUTE)
        await service.tick()

        kept = await service.get_task(task.task_id)
        assert kept.deferral_count == len(kept.deferral_history) == 2
        assert {each.status for each in await service.history()} == {"deferred"}


async def test_a_running_checker_takes_over_a_lease_that_ran_out(clock: VirtualClock) -> None:
    """Not only at start: a replica may be cut off, or fail to write an outcome, while this one lives."""
    service = TaskSchedulerService(time_service=clock, handler=by_name)
    async with service:
        store: Any = service._process.store
        await service.schedule_task("Task", "goal", "prompt", "thought", clock.now() + MINUTE)
        later = await service.schedule_task("Later", "goal", "prompt", "thought", clock.now() + timedelta(days=1))
        mine = service._process.running_scheduler()
        clock.advance(MINUTE)
        while not await service.history():  # noqa: ASYNC110 (the checker works in its own time)
            await asyncio.sleep(0.001)
        await service.idle()
        await orphan(store, later.task_id, mine.replica_id)
        clock.advance(timedelta(seconds=SchedulerOptions().lease_seconds))
        while {each.status for each in await service.history()} != {"completed", "failed"}:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        while await service.cypher(LEASES) != [{"leases": 0}]:  # noqa: ASYNC110 (the lease goes in a commit of its own)
            await asyncio.sleep(0.001)


async def orphan(store: Any, task_id: str, replica_id: str) -> None:
    """Leave an execution under a lease that nobody renews."""
    row = {
        "task_id": task_id,
        "execution_id": "exec_orphan",
        "occurrence_key": "orphan",
        "execution_type": "manual_trigger",
        "task_type": "one_time",
        "nominal_ms": 0,
        "triggered_ms": 0,
        "replica_id": replica_id,
        "change_id": "change_orphan",
        "action": "run_now",
        "actor": "tests",
        "change_reason": None,
        "thought_id": None,
    }
    held = {"lease_id": "lease_orphan", "replica_id": replica_id, "until_ms": 0, "execution_ids": ["exec_orphan"]}
    await store._connection.write([Statement("start_executions", [row]), Statement("acquire_leases", [held])])


async def by_name(firing: Firing) -> str:
    """Answer with the task's name."""
    return firing.task.name
