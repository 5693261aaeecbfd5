"""A caller's word on a task while its run is under way: what the handler wishes afterwards does not undo it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Ask, Defer, Firing, TaskSchedulerService
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from remembrancer.model.execution import Execution
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.writes import Settlement
    from remembrancer.testing import VirtualClock

    Word = Callable[[TaskSchedulerService, str], Awaitable[object]]

HOUR = timedelta(hours=1)
WISHES = [Ask("May I?", within=HOUR), Ask("May I?"), Defer("+2h", "Not just now")]
HELD = ("deferred", "held_by_deferral")


class Desk:
    """A task of each hour, whose handler has an answer of its own after a caller has had a word."""

    def __init__(self, graph: str, clock: VirtualClock) -> None:
        self.clock = clock
        self.service = TaskSchedulerService(graph, clock, handler=self.handle)
        self.by_hand = ManualScheduler(self.service, clock)
        self.word: Word | None = None
        self.wish: Ask | Defer | None = None

    async def handle(self, firing: Firing) -> Ask | Defer | None:
        if self.word is not None:
            await self.word(self.service, firing.task.task_id)
        return self.wish

    async def run(self, wish: Ask | Defer, word: Word | None) -> str:
        """Return a task whose run ended with *wish*, after *word*."""
        made = await self.service.schedule_task("T", "g", "p", "t", schedule_cron="0 * * * *")
        self.wish, self.word = wish, word
        await self.by_hand.tick(HOUR)
        self.wish, self.word = None, None
        return made.task_id

    async def last(self, task_id: str) -> Execution:
        return (await self.service.history(task_id))[0]


@pytest.fixture
async def desk(graph: str, clock: VirtualClock) -> AsyncIterator[Desk]:
    made = Desk(graph, clock)
    async with made.by_hand:
        yield made


async def put_off(service: TaskSchedulerService, task_id: str) -> None:
    await service.defer_task(task_id, "+5h", "Ada is away.")


@pytest.mark.parametrize("wish", WISHES, ids=["timed", "untimed", "defer"])
async def test_a_callers_deferral_holds_against_the_handler(desk: Desk, wish: Ask | Defer) -> None:
    task_id = await desk.run(wish, put_off)
    task, last = await desk.service.get_task(task_id), await desk.last(task_id)
    assert (task.defer_until, task.question_id) == (desk.clock.now() + 5 * HOUR, None)
    assert (last.status.value, last.reason_code) == HELD
    assert "by a call" in (last.reason or "")
    assert ("May I?" if isinstance(wish, Ask) else "Not just now") in (last.reason or "")
    await desk.by_hand.tick(5 * HOUR)
    made = [each.status.value for each in await desk.service.history(task_id)]
    assert made == ["completed", "deferred", "deferred"]


@pytest.mark.parametrize("wish", WISHES, ids=["timed", "untimed", "defer"])
async def test_a_callers_question_holds_against_the_handler(desk: Desk, wish: Ask | Defer) -> None:
    async def ask(service: TaskSchedulerService, task_id: str) -> None:
        await service.ask_task(task_id, "Shall it go on?", of="ada")

    task_id = await desk.run(wish, ask)
    (question,) = await desk.service.questions()
    assert question.question == "Shall it go on?"
    assert (await desk.last(task_id)).reason_code == "held_by_deferral"


async def test_a_run_by_hand_does_not_undo_an_answer(desk: Desk) -> None:
    task_id = await desk.run(Ask("May I?"), None)
    await desk.service.answer_task(task_id, "yes")
    desk.wish = Defer("+2h", "Not just now")
    await desk.service.run_now(task_id)
    await desk.service.idle()
    desk.wish = None
    await desk.by_hand.tick(timedelta(minutes=1))
    made = {each.execution_type.value: each.reason_code for each in await desk.service.history(task_id)}
    assert made["manual_trigger"] == "held_by_deferral"
    assert made["deferred_trigger"] is None, "the answered run has begun"


@pytest.mark.parametrize("wish", WISHES, ids=["timed", "untimed", "defer"])
@pytest.mark.parametrize("word", ["defer", "ask", "cancel", "pause"])
async def test_a_word_before_the_outcomes_write_holds(
    desk: Desk, wish: Ask | Defer, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The word comes between the decision on the handler's wish and its commit."""

    async def said(task_id: str) -> None:
        acts: dict[str, Callable[[], Awaitable[object]]] = {
            "defer": lambda: put_off(desk.service, task_id),
            "ask": lambda: desk.service.ask_task(task_id, "Shall it go on?", of="ada"),
            "cancel": lambda: desk.service.cancel_task(task_id, "Done"),
            "pause": lambda: desk.service.pause_task(task_id),
        }
        await acts[word]()

    store: Graph = desk.service._graph()
    settle = store.queue.settle

    async def meet(settlements: list[Settlement], ended: Any) -> list[bool]:
        monkeypatch.setattr(store.queue, "settle", settle)
        for each in settlements:
            assert each.reschedule is not None
            await said(each.execution.task_id)
        return list(await settle(settlements, ended))

    monkeypatch.setattr(store.queue, "settle", meet)
    task_id = await desk.run(replace(wish), None)
    await desk.service.idle()
    task, last = await desk.service.get_task(task_id), await desk.last(task_id)
    if word == "pause":
        assert task.paused_at is not None
        assert last.reason_code in {"asked", "deferred_by_handler"}
        return
    questions = [each.question for each in await desk.service.questions()]
    assert questions == (["Shall it go on?"] if word == "ask" else [])
    assert (last.status.value, last.reason_code) == HELD
    assert "was not kept" in (last.reason or "")
    assert task.defer_until == (desk.clock.now() + 5 * HOUR if word == "defer" else None)
