"""The conversation of a run: one for each occurrence, whatever puts it off, or one for the whole task."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Ask, Defer, Retry, TaskSchedulerService
from remembrancer.errors import InvalidInput
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer import Firing
    from remembrancer.ports.handler import HandlerReturn
    from remembrancer.testing import VirtualClock

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Talk:
    """A scheduler driven by hand, whose handler keeps the id of each conversation, and answers as it is told to."""

    def __init__(self, graph: str, clock: VirtualClock) -> None:
        self.clock = clock
        self.service = TaskSchedulerService(graph, clock, handler=self.handle)
        self.by_hand = ManualScheduler(self.service, clock)
        self.wishes: list[HandlerReturn] = []
        self.sessions: list[str] = []

    async def handle(self, firing: Firing) -> HandlerReturn:
        self.sessions.append(firing.session)
        return self.wishes.pop(0) if self.wishes else None

    async def schedule(self, **choices: Any) -> str:
        when: dict[str, Any] = {"schedule_cron": "0 * * * *", **choices}
        return (await self.service.schedule_task("Talk", "goal", "prompt", "thought", **when)).task_id

    async def hour(self) -> None:
        """Go to the next hour."""
        await self.by_hand.tick(HOUR - timedelta(minutes=self.clock.now().minute))


@pytest.fixture
async def talk(graph: str, clock: VirtualClock) -> AsyncIterator[Talk]:
    made = Talk(graph, clock)
    async with made.by_hand:
        yield made


@pytest.mark.parametrize("choice", [{}, {"session": "fresh"}])
async def test_each_occurrence_has_a_conversation_of_its_own(talk: Talk, choice: dict[str, Any]) -> None:
    task_id = await talk.schedule(**choice)
    await talk.hour()
    await talk.hour()
    await talk.service.run_now(task_id)
    await talk.by_hand.tick(timedelta())  # until it has its outcome

    assert len(set(talk.sessions)) == 3
    assert all(task_id in each and "|" not in each for each in talk.sessions)
    (row,) = await talk.service.cypher(
        "MATCH (t:scheduled_task {task_id: $id}) RETURN t.session AS session, t.session_key AS began", {"id": task_id}
    )
    assert (row["session"], row["began"]) == (choice.get("session"), None)


async def test_the_same_conversation_goes_on_with_the_task(talk: Talk) -> None:
    task_id = await talk.schedule(session="same")
    talk.wishes = [None, Defer(MINUTE, "Busy"), None, Retry(1.0, "Again")]
    await talk.hour()
    await talk.hour()
    await talk.by_hand.tick(MINUTE)
    await talk.hour()
    await talk.by_hand.tick(MINUTE)
    await talk.service.run_now(task_id)
    await talk.by_hand.tick(timedelta())  # until it has its outcome

    assert talk.sessions == 6 * [task_id]


async def test_attempts_keep_the_conversation(talk: Talk) -> None:
    await talk.schedule()
    talk.wishes = [Retry(1.0, "Again"), Retry(1.0, "Again")]
    await talk.hour()
    await talk.by_hand.tick(MINUTE)
    await talk.by_hand.tick(MINUTE)

    assert len(talk.sessions) == 3
    assert len(set(talk.sessions)) == 1


@pytest.mark.parametrize("recurring", [True, False])
async def test_deferrals_and_questions_keep_the_conversation(talk: Talk, recurring: bool) -> None:  # noqa: FBT001
    choice: dict[str, Any] = {} if recurring else {"schedule_cron": None, "defer_until": talk.clock.now() + HOUR}
    task_id = await talk.schedule(**choice)
    talk.wishes = [Defer(2 * MINUTE, "Busy"), Retry(1.0, "Again"), Ask("Now?", "ada"), Defer(2 * MINUTE, "Busy")]
    await talk.by_hand.tick(HOUR)
    await talk.service.defer_task(task_id, talk.clock.now() + 3 * MINUTE, "Later")  # a caller moves it: it goes on
    await talk.by_hand.tick(3 * MINUTE)
    await talk.by_hand.tick(MINUTE)
    await talk.service.answer_task(task_id, "yes")
    await talk.by_hand.tick(MINUTE)
    await talk.by_hand.tick(2 * MINUTE)

    assert len(talk.sessions) == 5
    assert len(set(talk.sessions)) == 1
    if recurring:
        await talk.hour()
        assert len(set(talk.sessions)) == 2, "the next occurrence begins another one"


async def test_a_caller_deferral_begins_a_conversation_that_goes_on(talk: Talk) -> None:
    task_id = await talk.schedule()
    talk.wishes = [Defer(MINUTE, "Busy")]
    await talk.hour()
    await talk.by_hand.tick(MINUTE)
    await talk.service.defer_task(task_id, talk.clock.now() + 2 * HOUR, "A caller's")
    talk.wishes = [Defer(MINUTE, "Busy")]
    await talk.by_hand.tick(2 * HOUR)
    await talk.by_hand.tick(MINUTE)

    first, moved = talk.sessions[:2], talk.sessions[2:]
    assert (len(moved), len(set(first)), len(set(moved))) == (2, 1, 1)
    assert set(first).isdisjoint(moved)


async def test_a_run_by_hand_that_is_deferred_goes_on(talk: Talk) -> None:
    task_id = await talk.schedule()
    talk.wishes = [Defer(MINUTE, "Busy")]
    await talk.service.run_now(task_id)
    await talk.by_hand.tick(timedelta())  # until it has its outcome
    await talk.by_hand.tick(MINUTE)

    assert len(talk.sessions) == 2
    assert len(set(talk.sessions)) == 1


async def test_another_word_is_refused(talk: Talk) -> None:
    with pytest.raises(InvalidInput) as caught:
        await talk.schedule(session="new")

    assert caught.value.field == "session"
    assert "same" in str(caught.value)


async def test_an_answer_in_the_same_moment_goes_on_with_it(talk: Talk) -> None:
    task_id = await talk.schedule()
    talk.wishes = [Ask("May I?")]
    await talk.by_hand.tick(HOUR + MINUTE)  # it runs late: its chain begins after its nominal time
    await talk.service.answer_task(task_id, "yes")
    await talk.by_hand.tick(MINUTE)

    assert (len(talk.sessions), len(set(talk.sessions))) == (2, 1)
