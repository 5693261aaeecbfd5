"""An answer and the timer of its question meet: whichever is written first holds, and an answer is never lost.

Each guard has a control: without it, the same meeting loses the answer.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from remembrancer import Ask, InvalidInput, RemembrancerError, TaskSchedulerService
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.claims import claim_of
from remembrancer.policies.decision import PLAIN, PlanContext, Remind
from remembrancer.policies.pipeline import plan
from remembrancer.policies.unanswered.deferral_limits import PLAIN_TERMS
from remembrancer.policies.unanswered.questions import answered, ask
from remembrancer.ports.writes import Reminder
from remembrancer.testing import ManualScheduler, VirtualClock
from remembrancer_schema import catalog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from remembrancer import Firing
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.writes import Change, Claim, Lease

    MakeTask = Callable[..., ScheduledTask]
    MakeLease = Callable[..., Lease]
    Waiting = Callable[..., Awaitable[ScheduledTask]]

HOUR = timedelta(hours=1)
WITHOUT_FENCE = {
    "record_outcomes": ("t.fence = r.fence AND", "true AND"),
    "ask_again": ("t.fence = r.fence AND t.question_id = r.question_id AND", "true AND"),
    "answer_tasks": ("t.fence = r.fence AND t.question_id = r.question_id AND", "true AND"),
}


def weakened(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Take the guard out of a query; what it compares stands before the lock in none of them."""
    guard, nothing = WITHOUT_FENCE[name]
    found = catalog.queries()[name]
    assert guard in found.text
    text = found.text.replace(guard, nothing).replace("(t.next_run_ms = r.expected_ms OR", "(true OR")
    monkeypatch.setitem(cast("dict[str, Any]", catalog.queries()), name, replace(found, text=cast("Any", text)))


@pytest.fixture
def waiting(store: Graph, a_task: MakeTask, a_change: Callable[..., Change], now: datetime) -> Waiting:
    """Store a task whose run waits for an answer for an hour, and return it as it is read then."""

    async def make(**fields: Any) -> ScheduledTask:
        await store.tasks.create([made := a_task(next_run_ms=to_ms(now) + 60_000)])
        read = await store.tasks.get(made.task_id)
        asking = ask(read, Ask("May I?", "ada", HOUR, **fields), now, None, PLAIN_TERMS)
        assert await store.tasks.defer(read.task_id, read.next_run_ms, asking, a_change("ask"))
        return await store.tasks.get(made.task_id)

    return make


def timer_of(task: ScheduledTask, now: datetime) -> Claim:
    """The claim by which the question of *task* is given up."""
    context = PlanContext(to_ms(now), "replica_a")
    held = claim_of(task, plan(task, PLAIN, context), context)
    assert held is not None
    return held


async def given_up(store: Graph, task: ScheduledTask, now: datetime, lease: Lease) -> ScheduledTask:
    """Account for what the question held, and return the task at the end of its time."""
    assert await store.queue.claim([timer_of(task, now)], lease)
    return await store.tasks.get(task.task_id)


async def meet_timer(
    store: Graph, waiting: Waiting, a_lease: MakeLease, a_change: Callable[..., Change], now: datetime
) -> tuple[bool, bool, ScheduledTask]:
    """Have an answer written between the timer's decision and its write; return what held, and the task after."""
    task = await given_up(store, await waiting(), now + HOUR, a_lease())
    timer = timer_of(task, now + HOUR)
    after, _ = answered(task, "yes", replace(a_change("answer"), at=now + HOUR))
    is_answered = await store.questions.answer(task, after, a_change("answer"))
    won = await store.queue.claim([timer], a_lease())
    return is_answered, bool(won), await store.tasks.get(task.task_id)


async def test_an_answer_before_the_timers_write_holds(
    store: Graph, waiting: Waiting, a_lease: MakeLease, a_change: Callable[..., Change], now: datetime
) -> None:
    is_answered, won, task = await meet_timer(store, waiting, a_lease, a_change, now)
    assert (is_answered, won) == (True, False)
    assert task.is_open
    assert task.question_id is None
    assert task.next_run_ms == to_ms(now + HOUR)


@pytest.fixture
def without_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    weakened(monkeypatch, "record_outcomes")


@pytest.mark.usefixtures("without_guard")
async def test_the_timers_guard_is_what_keeps_the_answer(
    store: Graph, waiting: Waiting, a_lease: MakeLease, a_change: Callable[..., Change], now: datetime
) -> None:
    is_answered, won, task = await meet_timer(store, waiting, a_lease, a_change, now)
    assert (is_answered, won) == (True, True)  # the answer was accepted, and the run is given up all the same
    assert not task.is_open


async def test_an_answer_after_the_timers_write_is_refused(
    store: Graph, waiting: Waiting, a_lease: MakeLease, a_change: Callable[..., Change], now: datetime
) -> None:
    task = await given_up(store, await waiting(), now + HOUR, a_lease())
    after, _ = answered(task, "yes", a_change("answer"))
    assert await store.queue.claim([timer_of(task, now + HOUR)], a_lease())
    assert not await store.questions.answer(task, after, a_change("answer"))
    ended = await store.tasks.get(task.task_id)
    assert (ended.status, ended.question_id, ended.question) == ("FAILED", None, None)
    (given, _) = await store.tasks.history(task.task_id, 10)
    assert given.reason_code == "no_answer"
    with pytest.raises(InvalidInput):
        answered(ended, "yes", a_change("answer"))


def reminder_of(task: ScheduledTask, now: datetime) -> Reminder:
    decision = plan(task, PLAIN, PlanContext(to_ms(now), "replica_a"))
    assert isinstance(decision, Remind)
    return Reminder(task, decision.question, now, decision.is_escalation)


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_reminder_does_not_reopen_an_answered_question(
    store: Graph,
    waiting: Waiting,
    a_change: Callable[..., Change],
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    *,
    guarded: bool,
) -> None:
    if not guarded:
        weakened(monkeypatch, "ask_again")
    task = await waiting(on_no_answer="remind")
    reminder = reminder_of(task, now + HOUR)
    after, _ = answered(task, "yes", a_change("answer"))
    assert await store.questions.answer(task, after, a_change("answer"))
    assert await store.questions.ask_again([reminder]) == [not guarded]
    kept = await store.tasks.get(task.task_id)
    assert (kept.next_run_ms == after.next_run_ms) is guarded


async def test_an_answer_read_before_a_reminder_is_decided_again(
    store: Graph, waiting: Waiting, a_change: Callable[..., Change], now: datetime
) -> None:
    task = await waiting(on_no_answer="remind")
    after, _ = answered(task, "yes", a_change("answer"))
    assert await store.questions.ask_again([reminder_of(task, now + HOUR)]) == [True]
    assert not await store.questions.answer(task, after, a_change("answer"))
    task = await store.tasks.get(task.task_id)
    after, _ = answered(task, "yes", a_change("answer"))
    assert await store.questions.answer(task, after, a_change("answer"))


@pytest.mark.parametrize("guarded", [True, False])
async def test_of_two_answers_the_first_holds(
    store: Graph,
    waiting: Waiting,
    a_change: Callable[..., Change],
    monkeypatch: pytest.MonkeyPatch,
    *,
    guarded: bool,
) -> None:
    if not guarded:
        weakened(monkeypatch, "answer_tasks")
    task = await waiting()
    for text, holds in (("no", True), ("yes", not guarded)):
        after, _ = answered(task, text, a_change("answer"))
        assert await store.questions.answer(task, after, a_change("answer")) is holds


async def test_two_services_lose_no_answer_to_a_timer(graph: str) -> None:
    clock = VirtualClock(datetime.fromisoformat("2026-03-02T09:00:00+00:00"))

    async def handle(firing: Firing) -> Ask | None:
        return Ask("May I?", within=HOUR) if firing.answer is None else None

    one = TaskSchedulerService(graph, clock, handler=handle)
    async with ManualScheduler(one, clock) as by_hand:
        other = one
        if "://" in graph:
            other = TaskSchedulerService(graph, clock, handler=handle)
            await other.open()
        ids = [(await one.schedule_task("T", "g", "p", "t", in_="1m")).task_id for _ in range(12)]
        await by_hand.tick(timedelta(minutes=1))
        clock.set(clock.now() + HOUR)

        async def answer(task_id: str) -> bool:
            try:
                await other.answer_task(task_id, "yes")
            except RemembrancerError:
                return False
            return True

        accepted, _ = await asyncio.gather(asyncio.gather(*map(answer, ids)), by_hand.tick())
        await by_hand.tick(timedelta(minutes=1))
        await one.idle()
        for task_id, is_accepted in zip(ids, accepted, strict=True):
            last, *_ = await one.history(task_id)
            expected = ("completed", None) if is_accepted else ("skipped", "no_answer")
            assert (last.status, last.reason_code) == expected
        if other is not one:
            await other.close()
