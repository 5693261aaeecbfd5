"""Values that the contract's tests write: as the engine makes them."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import count
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
from planned import plan

from remembrancer import After, Calendar, Defer, Done, Failed, Offset, TaskSchedulerService, TaskTimes, Thought
from remembrancer.model.execution import Execution, ExecutionStatus, ExecutionType
from remembrancer.model.ids import new_id
from remembrancer.model.task import ScheduledTask
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.ports.writes import Change, Lease
from remembrancer.stores.embedded.integrity.engine_check import declared_indexes
from remembrancer.stores.neo4j.errors import our_keys
from remembrancer.testing import ManualScheduler, VirtualClock
from remembrancer_schema import catalog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from remembrancer import Firing, SchedulerOptions
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.handler import HandlerReturn

_NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return _NOW


@pytest.fixture
def a_task() -> Callable[..., ScheduledTask]:
    """Make a one-time task due at `now`, or whatever is said instead."""
    numbers = count(1)

    def make(**choices: object) -> ScheduledTask:
        number = next(numbers)
        fields: dict[str, object] = {
            "task_id": f"task_{number:03}",
            "name": f"Task {number}",
            "goal_description": "See that it is kept",
            "trigger_prompt": "Now",
            "origin_thought_id": "thought_origin",
            "created_at": _NOW - timedelta(hours=1),
            "next_run_ms": to_ms(_NOW),
            **choices,
        }
        fields.setdefault("nominal_ms", fields["next_run_ms"])
        return ScheduledTask.model_validate(fields)

    return make


@pytest.fixture
def add_migration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], None]]:
    """Give the package a second migration, in SQL and in Cypher, as its next version would have; or another one."""
    package = tmp_path_factory.mktemp("schema")
    for part in ("queries", "migrations"):
        shutil.copytree(Path(str(files("remembrancer_schema") / part)), package / part)

    def add(sql: str, cypher: str) -> None:
        (package / "migrations" / "embedded" / "V0002__the_next.sql").write_text(sql, "utf-8")
        (package / "migrations" / "neo4j" / "V0002__the_next.cypher").write_text(cypher, "utf-8")
        _read_again()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "files", lambda _: package)
        yield add
    _read_again()


def _read_again() -> None:
    for read in (catalog.queries, catalog.migrations, declared_indexes, our_keys):
        read.cache_clear()


@pytest.fixture
def a_lease() -> Callable[..., Lease]:
    """Make a lease of a replica; each has an id of its own."""
    numbers = count(1)

    def make(replica_id: str = "replica_a", until: datetime = _NOW + timedelta(minutes=1)) -> Lease:
        return Lease(f"lease_{next(numbers):03}", replica_id, until)

    return make


@pytest.fixture
def a_change() -> Callable[..., Change]:
    def make(action: str, reason: str | None = None) -> Change:
        return Change(action, _NOW, "service", "tests", reason)

    return make


@pytest.fixture
def write_beside(store: Graph) -> Callable[[str], Awaitable[None]]:
    """Write what no query of the catalogue writes, beside the scheduler and whatever it may do to the graph."""

    async def write(text: str) -> None:
        session = store._connection  # pyright: ignore[reportAttributeAccessIssue]
        if not store.exclusive:
            await session.run_idempotent(text, {})
            return
        with session._database.transaction():
            session._database.command("opencypher", text)

    return write


@pytest.fixture
def forged() -> Callable[[Execution, Execution], Execution]:
    """Make an execution pass for another one that exists, as a graph put back from half a backup may have it."""

    def make(execution: Execution, taken: Execution) -> Execution:
        same = {"execution_id": taken.execution_id, "occurrence_key": taken.occurrence_key}
        return execution.model_copy(update=same)

    return make


@pytest.fixture
def by_hand() -> Callable[[ScheduledTask], Execution]:
    """Make an execution of a task that somebody starts by hand, now."""

    def make(task: ScheduledTask) -> Execution:
        return Execution(
            execution_id="exec_by_hand",
            occurrence_key=f"{task.task_id}|exec_by_hand|1",
            task_id=task.task_id,
            execution_type=ExecutionType.MANUAL,
            task_type=task.task_type,
            status=ExecutionStatus.RUNNING,
            nominal_at=_NOW,
            triggered_at=_NOW,
            replica_id="replica_a",
        )

    return make


@pytest.fixture
def claimed(store: Graph, a_lease: Callable[..., Lease]) -> Callable[..., object]:
    """Claim what is due of some tasks, as the loop does."""

    async def claim(*tasks: ScheduledTask, lease: Lease | None = None, at: datetime = _NOW) -> Sequence[Execution]:
        lease = lease or a_lease()
        return await store.queue.claim([plan(task, to_ms(at), lease.replica_id) for task in tasks], lease)

    return claim


class Life:
    """A few days of an agent whose handler does a little of everything, driven by hand; the same for the same seed."""

    def __init__(self, graph: str, seed: int, now: datetime = _NOW) -> None:
        self.graph = graph
        self.clock = VirtualClock(now)
        self._chance = Random(seed)
        self._spawning: TaskSchedulerService | None = None

    async def live(self, days: int, options: SchedulerOptions | None = None) -> None:
        """Schedule, fire, fail, think, defer, cancel, lose a run and retry it, for so many days."""
        service = TaskSchedulerService(self.graph, self.clock, handler=self._handle, options=options)
        async with ManualScheduler(service, self.clock) as by_hand:
            ids = await self._schedule(service)
            for day in range(days):
                await self.lose_a_run(service, ids[0])
                await service.run_now(ids[1])
                await service.defer_task(ids[1], self.clock.now() + timedelta(hours=7), "Busy", f"thought_busy_{day}")
                for _ in range(6):
                    await by_hand.tick(timedelta(hours=4, minutes=self._chance.randrange(3)))
            await service.cancel_task(ids[2], "Enough")
            await service.create_token(name := f"reader-{to_ms(self.clock.now())}", "read")
            await service.revoke_token(name)
            await self._refer(service)

    async def _refer(self, service: TaskSchedulerService) -> None:
        """Schedule a task on a calendar, and one that follows it, in years that no test lives to see."""
        name = f"days-{to_ms(self.clock.now())}"
        await service.define_calendar(name, dates=["2099-12-24", "2099-12-31T18:00/2099-12-31T23:00"])
        on_days = await service.schedule_task("On days", "Live", "Now", "thought_0", schedule=Calendar(name, "09:00"))
        after = Offset(TaskTimes(on_days.task_id), by="2h")
        await service.schedule_task("After", "Live", "Now", "thought_1", schedule=after)
        twice = await service.schedule_task("Twice", "Live", "Now", "thought_1", "2099-12-24T09:00:00Z")
        for hour in (10, 11):
            await service.defer_task(twice.task_id, f"2099-12-24T{hour}:00:00Z", "Not yet", "thought_busy_0")
        await service.define_template(
            f"report-{name}", {"trigger_prompt": "{topic}", "at": "2099-12-24T09:00:00Z"}, {"topic": "text"}
        )
        await service.schedule_from_template(f"report-{name}", {"topic": "Days"})
        await service.set_limit("database", 2)
        parent = await service.schedule_task("Parent", "Live", "Now", "thought_0", "2099-12-24T09:00:00Z")
        for day in ("25", "26"):
            await service.defer_task(parent.task_id, f"2099-12-{day}T09:00:00Z", "Not yet")
        self._spawning = service
        await service.run_now(parent.task_id)
        await service.idle()

    async def _schedule(self, service: TaskSchedulerService) -> list[str]:
        replies = [
            await service.schedule_task(f"Task {place}", "Live", "Now", f"thought_{place % 2}", **choices)
            for place, choices in enumerate(
                [
                    {"schedule_cron": "0 */3 * * *", "on_lost": "retry"},
                    {"schedule_cron": "30 * * * *", "misfire": "run_all", "misfire_limit": 2},
                    {"schedule_cron": "*/20 * * * *", "misfire": "skip", "dedup_key": "third"},
                    {"defer_until": self.clock.now() + timedelta(hours=9), "context": {"deep": [1, 2.5, "ü"]}},
                ]
            )
        ]
        follow = After(replies[0].task_id, "5m", "ended")
        await service.schedule_task("Follower", "Live", "Now", "thought_0", schedule=follow)
        waits = [{"task": replies[1].task_id, "on_failure": "ignore", "window": "2h"}]
        dependent = await service.schedule_task(
            "Dependent", "Live", "Now", "thought_0", "2099-12-24T09:00:00Z", depends_on=waits
        )
        await service.cancel_task(dependent.task_id)  # or outcomes would be kept for it
        await service.schedule_deferred_task(
            "thought_later", "their_task", self.clock.now() + timedelta(days=1), "Not yet"
        )
        return [reply.task_id for reply in replies]

    async def lose_a_run(self, service: TaskSchedulerService, task_id: str) -> None:
        """Claim a due run as a replica would that dies of it, and let the service find it."""
        store = service._graph()
        await self.claim(store, await store.tasks.get(task_id))
        await service.recover()
        await service.idle()

    async def claim(self, store: Graph, task: ScheduledTask) -> None:
        """Claim a task's next run as a replica does that dies of it."""
        self.clock.set(from_ms(task.next_run_ms or 0))
        now = self.clock.now()
        dead = Lease(new_id("lease", to_ms(now)), "replica_dead", now - timedelta(seconds=1))
        await store.queue.claim([plan(task, to_ms(now), "replica_dead")], dead)

    async def _handle(self, firing: Firing) -> HandlerReturn:
        if firing.task.name == "Parent" and self._spawning is not None:
            await self._spawning.schedule_task("Child", "Live", "Now", "thought_0", "2099-12-27T09:00:00Z")
        match self._chance.randrange(6):
            case 0:
                return Failed("It did not work")
            case 1:
                raise ValueError("odd \U0001f570")
            case 2:
                return Defer(self.clock.now() + timedelta(minutes=50), "Later", thought_id="thought_of_handler")
            case 3:
                thought = Thought(new_id("thought", to_ms(self.clock.now())), f"About {firing.task.name}")
                return Done("done", thought)
            case _:
                return None


@pytest.fixture(scope="session")
def life() -> type[Life]:
    """What to make a life of: a graph, and a seed."""
    return Life
