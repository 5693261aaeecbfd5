"""Two schedulers on one Neo4j that have read the same and want the same: one of them gets it, whoever comes first."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Defer, Failed, Firing, LineageLimitReached, QuotaReached, TaskChanged, TaskSchedulerService
from remembrancer.model.execution import ExecutionStatus, Reason
from remembrancer.model.handler_result import HandlerOutcome
from remembrancer.model.ids import new_id
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.decision import PLAIN, PlanContext
from remembrancer.policies.pipeline import plan_page
from remembrancer.policies.retry import next_execution
from remembrancer.policies.settlement import settlement_of
from remembrancer.policies.unanswered.deferral import defer
from remembrancer.policies.unanswered.questions import answered
from remembrancer.ports.writes import Change, DueRetries, Lease

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from neo4j_server import Server

    from remembrancer.ports.graph import Graph
    from remembrancer.testing import VirtualClock

    Act = Callable[[], Awaitable[Any]]

pytestmark = pytest.mark.neo4j
MINUTE = timedelta(minutes=1)
LAST_SLOT, LAST_RUN = {"concurrency_key": "desk"}, {"budget": {"runs": 1, "on_exhausted": "wait"}}
RUNNING = "MATCH (e:task_execution {status: 'running'}) RETURN e.task_id AS task_id"


class Pair:
    """Two schedulers on one graph, by one clock; they look only when told."""

    def __init__(self, graph: str, clock: VirtualClock) -> None:
        self.clock = clock
        self.services = [TaskSchedulerService(graph, clock, handler=self.handle) for _ in range(2)]
        self.begun: list[str] = []

    async def handle(self, firing: Firing) -> Failed | None:
        self.begun.append(firing.execution.execution_id)
        is_well = firing.trigger_prompt == "well" or (firing.trigger_prompt == "once" and firing.execution.attempt > 1)
        return None if is_well else Failed("It did not work.", permanent=firing.trigger_prompt == "never")

    @property
    def stores(self) -> list[Graph]:
        return [each._graph() for each in self.services]

    async def make(self, prompt: str, **fields: Any) -> str:
        made = await self.services[0].schedule_task(
            "Task", "goal", prompt, "thought", self.clock.now() + MINUTE, **fields
        )
        return made.task_id

    async def tick(self, by: timedelta = MINUTE) -> None:
        """Let time go by; both do all that is due."""
        self.clock.advance(by)
        while sum([await each.tick() for each in self.services]):
            for each in self.services:
                await each.idle()

    def lease(self, replica: str) -> Lease:
        now = self.clock.now()
        return Lease(new_id("lease", to_ms(now)), replica, now + MINUTE)

    def change(self, action: str) -> Change:
        return Change(action, self.clock.now(), "service", "tests")

    async def claiming(self, place: int, task_id: str) -> Act:
        """Let one of them decide on a task as it is now; return its claim, which it makes when it is called."""
        store, replica = self.stores[place], f"replica_{place}"
        context = PlanContext(to_ms(self.clock.now()), replica)
        planned = await plan_page([await store.tasks.get(task_id)], PLAIN, context)
        return lambda: store.queue.claim(planned.claims, self.lease(replica))

    async def one(self, query: str) -> dict[str, Any]:
        (row,) = await self.services[0].cypher(query)
        return row


@pytest.fixture
async def pair(neo4j_server: Server, clock: VirtualClock) -> AsyncIterator[Pair]:
    made = Pair(neo4j_server.graph, clock)
    for each in made.services:
        await each.open()
    yield made
    for each in made.services:
        await each.close()


@pytest.fixture(params=["one", "other", "together"])
def meet(request: pytest.FixtureRequest) -> Callable[[list[Act]], Awaitable[list[Any]]]:
    """Let both do what they decided: one first, the other first, or together; return what each got."""

    async def both(acts: list[Act]) -> list[Any]:
        if request.param == "together":
            return await asyncio.gather(*(each() for each in acts))
        found: list[Any] = [None, None]
        for place in (0, 1) if request.param == "one" else (1, 0):
            found[place] = await acts[place]()
        return found

    return both


async def test_one_replica_starts_an_attempt(pair: Pair, meet: Any) -> None:
    task_id = await pair.make("once", retry={"backoff": "fixed", "delay": 60, "jitter": "none"})
    await pair.tick()
    pair.clock.advance(MINUTE)

    async def starting(place: int) -> Act:
        store, replica = pair.stores[place], f"replica_{place}"
        (due,) = await store.retries.due(pair.clock.now(), 10)
        again = DueRetries([(due, next_execution(due.execution, to_ms(pair.clock.now()), replica))])
        return lambda: store.retries.act(again, pair.lease(replica))

    started = await meet([await starting(0), await starting(1)])
    assert sorted(len(each) for each in started) == [0, 1]
    assert await pair.one(RUNNING) == {"task_id": task_id}
    assert sorted(each.attempt for each in await pair.services[0].history(task_id)) == [1, 2]
    assert await pair.one("MATCH (l:execution_lease) RETURN count(l) AS n") == {"n": 1}


@pytest.mark.parametrize("wanted", [LAST_SLOT, LAST_RUN, LAST_SLOT | LAST_RUN], ids=["slot", "run", "both"])
async def test_one_replica_gets_the_last(pair: Pair, meet: Any, wanted: dict[str, Any]) -> None:
    ids = [await pair.make("well", **wanted) for _ in range(2)]
    pair.clock.advance(MINUTE)
    won = await meet([await pair.claiming(place, task_id) for place, task_id in enumerate(ids)])

    assert sorted(len(each) for each in won) == [0, 1]
    assert await pair.one(RUNNING) == {"task_id": next(each for each in won if each)[0].task_id}
    if "concurrency_key" in wanted:
        (limit,) = await pair.services[1].list_limits()
        assert (limit.slots, limit.taken) == (1, 1)
    if "budget" in wanted:
        lineage = await pair.services[1].lineage("thought")
        assert [each.get("runs", 0) for each in (lineage.reserved, lineage.spent, lineage.left)] == [1, 0, 0]
    loser = await pair.services[0].get_task(ids[0] if won[1] else ids[1])
    assert loser.is_open, "its occurrence is still due"


async def test_one_replica_tries_a_circuit(pair: Pair, meet: Any) -> None:
    """A circuit is open, and its trial is due: each has one task that waits for it."""
    await pair.services[0].set_circuit("mail", 1, 60)
    await pair.make("fails", circuit_key="mail")
    await pair.tick()
    ids = [await pair.make("well", circuit_key="mail") for _ in range(2)]
    pair.clock.advance(MINUTE)
    won = await meet([await pair.claiming(place, task_id) for place, task_id in enumerate(ids)])

    assert sorted(len(each) for each in won) == [0, 1]
    assert await pair.one(RUNNING) == {"task_id": next(each for each in won if each)[0].task_id}
    (circuit,) = await pair.services[1].list_limits()
    assert circuit.taken == 1


async def test_two_replicas_open_a_circuit_together(pair: Pair) -> None:
    """Each has one failure of the same service; then one of them tries it, and lets all others run."""
    await pair.services[0].set_circuit("mail", 2, 60)
    for _ in range(2):
        await pair.make("once", circuit_key="mail", retry={"backoff": "fixed", "delay": 1, "jitter": "none"})
    pair.clock.advance(MINUTE)
    await asyncio.gather(*(each.tick() for each in pair.services))
    for each in pair.services:
        await each.idle()
    waits = [await pair.make("well", circuit_key="mail") for _ in range(4)]
    for each in await pair.services[0].list_limits():
        assert each.circuit
        assert (each.circuit.failures, each.circuit.open_since) == (2, pair.clock.now())
    await pair.tick(timedelta(seconds=59))
    assert len(pair.begun) == 2
    for _ in range(3):
        await pair.tick(timedelta(seconds=61))
    for task_id in waits:
        assert [each.status for each in await pair.services[0].history(task_id)] == ["completed"]
    assert len(pair.begun) == 2 + 2 + 4


async def test_one_answer_holds(pair: Pair, meet: Any) -> None:
    task_id = await pair.make("well")
    await pair.services[0].ask_task(task_id, "May I?")

    async def answering(place: int, text: str) -> Act:
        store = pair.stores[place]
        task, change = await store.tasks.get(task_id), pair.change("answer")
        after, _ = answered(task, text, change)
        return lambda: store.questions.answer(task, after, change)

    held = await meet([await answering(0, "yes"), await answering(1, "no")])
    assert sorted(held) == [False, True]
    await pair.tick(2 * MINUTE)
    last, *_ = await pair.services[0].history(task_id)
    assert (last.status, last.reason_code) == (("completed", None) if held[0] else ("skipped", "answered_no"))


async def test_one_rerun_gets_the_last_run(pair: Pair, meet: Any) -> None:
    task_id = await pair.make("never", budget={"runs": 2})
    await pair.tick()
    (letter,) = await pair.services[0].dead_letters(task_id)

    async def again(service: TaskSchedulerService) -> bool:
        try:
            await service.rerun(letter.dead_letter_id, "well")
        except (LineageLimitReached, TaskChanged):
            return False
        return True

    done = await meet([lambda each=each: again(each) for each in pair.services])
    for each in pair.services:
        await each.idle()
    assert sorted(done) == [False, True]
    assert len(pair.begun) == 2
    lineage = await pair.services[1].lineage("thought")
    assert [each.get("runs", 0) for each in (lineage.reserved, lineage.spent, lineage.left)] == [0, 2, 0]


async def test_one_gives_a_question_up(pair: Pair, meet: Any) -> None:
    """Those that the question held, and its run, have one outcome each, whoever writes them."""
    made = await pair.services[0].schedule_task("Task", "goal", "well", "thought", schedule_cron="* * * * *")
    await pair.services[0].ask_task(made.task_id, "May I?", within="150s")
    pair.clock.advance(3 * MINUTE)
    for _ in range(2):  # first those that it held, then the run itself
        won = await meet([await pair.claiming(place, made.task_id) for place in (0, 1)])
        assert sorted(len(each) for each in won) == [0, 1]
    runs = [(each.reason_code, each.occurrences) for each in await pair.services[1].history(made.task_id)]
    assert sorted(runs) == [("held_by_deferral", 2), ("no_answer", 1)]
    await pair.tick(MINUTE)
    codes = [each.reason_code for each in await pair.services[1].history(made.task_id)]
    assert codes.count("no_answer") == 1


async def test_deferrals_in_a_row_are_counted_exactly(pair: Pair, meet: Any) -> None:
    """A caller and a handler defer at the same instant: together they went one beyond `max_deferrals`."""
    made = await pair.services[0].schedule_task(
        "Task", "goal", "well", "thought", schedule_cron="0 * * * *", max_deferrals=1
    )
    pair.clock.advance(60 * MINUTE)
    (execution,) = await (await pair.claiming(0, made.task_id))()
    task = await pair.stores[0].tasks.get(made.task_id)
    now, until = pair.clock.now(), pair.clock.now() + 90 * MINUTE
    answer = HandlerOutcome(ExecutionStatus.DEFERRED, reason_code=Reason.DEFERRED_BY_HANDLER, reason="Later.")
    by_handler = defer(task, Defer(until, "Later."), now, execution.nominal_at)
    settlement = settlement_of(Firing(execution, task), answer, now, by_handler)
    by_caller = defer(task, Defer(until + MINUTE, "Later still."), now, None)

    done = await meet(
        [
            lambda: pair.stores[0].queue.settle([settlement]),
            lambda: pair.stores[1].tasks.defer(made.task_id, task.next_run_ms, by_caller, pair.change("defer")),
        ]
    )
    assert list(done[0]) == [True], "its execution has its outcome in any case"
    after = await pair.stores[0].tasks.get(made.task_id)
    assert (after.chain_deferrals, after.deferral_count) == (1, 1)
    assert after.deferral_id == (by_caller if done[1] else by_handler).deferral.deferral_id
    await pair.tick(120 * MINUTE)
    assert "completed" in {each.status for each in await pair.services[0].history(made.task_id)}


async def test_a_refused_task_leaves_its_dedup_key_free(pair: Pair, meet: Any) -> None:
    await pair.services[0].set_limit("open", 1)
    first = await pair.make("well")

    async def under_key(service: TaskSchedulerService) -> str | None:
        at = pair.clock.now() + MINUTE
        try:
            made = await service.schedule_task("Task", "goal", "well", "thought", at, dedup_key="daily")
        except QuotaReached:
            return None
        return made.task_id

    assert await meet([lambda each=each: under_key(each) for each in pair.services]) == [None, None]
    await pair.services[0].cancel_task(first)
    made = await meet([lambda each=each: under_key(each) for each in pair.services])
    assert len({each for each in made if each}) == 1
    assert await pair.one("MATCH (t:scheduled_task {dedup_key: 'daily'}) RETURN count(t) AS n") == {"n": 1}


async def test_one_clears_a_dead_letter(pair: Pair, meet: Any) -> None:
    task_id = await pair.make("never")
    await pair.tick()
    (letter,) = await pair.services[0].dead_letters(task_id)
    change = pair.change("clear_dead_letter")
    cleared = await meet([lambda each=each: each.dead_letters.clear(letter, change) for each in pair.stores])
    assert sorted(cleared) == [False, True]
    entries = await pair.services[0].audit_entries(task_id)
    assert sorted(each.action for each in entries) == ["clear_dead_letter", "create"]
