"""A run that waits for an answer: asked by a handler or a caller, answered, refused, or without an answer in time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Answer, Ask, Defer, TaskEnded, TaskSchedulerService
from remembrancer.errors import DeferralsExhausted, InvalidInput
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer import Firing
    from remembrancer.ports.handler import HandlerReturn
    from remembrancer.testing import VirtualClock

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ASKED, DONE = ("deferred", "asked"), ("completed", None)


class Inquiry:
    """A scheduler driven by hand, whose handler asks until it has an answer."""

    def __init__(self, graph: str, clock: VirtualClock) -> None:
        self.clock = clock
        self.service = TaskSchedulerService(graph, clock, handler=self.handle)
        self.by_hand = ManualScheduler(self.service, clock)
        self.wish: Ask | Defer | None = None
        self.answers: list[Answer | None] = []

    async def handle(self, firing: Firing) -> HandlerReturn:
        self.answers.append(firing.answer)
        return self.wish if firing.answer is None else None

    async def schedule(self, **choices: Any) -> str:
        when = {} if "schedule_cron" in choices else {"defer_until": self.clock.now() + HOUR}
        return (await self.service.schedule_task("Book", "goal", "prompt", "thought", **when, **choices)).task_id

    async def asked(self, wish: Ask, **choices: Any) -> str:
        """Return a task whose handler has asked."""
        self.wish = wish
        task_id = await self.schedule(**choices)
        await self.by_hand.tick(HOUR)
        return task_id

    async def outcomes(self, task_id: str) -> list[tuple[str, str | None]]:
        runs = await self.service.history(task_id)
        return [(each.status.value, each.reason_code) for each in reversed(list(runs))]

    async def kinds(self) -> list[str]:
        page = await self.service.read_events("0", limit=1000)
        return [each.kind.value for each in page.events if each.kind.value.startswith("question")]


@pytest.fixture
async def inquiry(graph: str, clock: VirtualClock) -> AsyncIterator[Inquiry]:
    made = Inquiry(graph, clock)
    async with made.by_hand:
        yield made


async def test_an_answer_is_handed_to_the_run_that_waited(inquiry: Inquiry) -> None:
    task_id = await inquiry.asked(Ask("Window or aisle?", "ada"))
    await inquiry.by_hand.tick(10 * DAY)
    assert await inquiry.outcomes(task_id) == [ASKED]
    (question,) = await inquiry.service.questions()
    assert (question.task_id, question.question, question.asked_of) == (task_id, "Window or aisle?", ("ada",))
    assert question.answer_by is None

    told = await inquiry.service.answer_task(task_id, "The window, please")
    assert (len(told.next_fires), told.warnings) == (1, []), "an answered run begins at once, and is no mistake"
    assert await inquiry.service.questions() == []
    await inquiry.by_hand.tick(MINUTE)
    assert await inquiry.outcomes(task_id) == [ASKED, DONE]
    answer = inquiry.answers[-1]
    assert answer is not None
    assert (answer.text, answer.is_refusal, answer.question) == ("The window, please", False, "Window or aisle?")
    assert (await inquiry.service.get_task(task_id)).status == "COMPLETE"


async def test_a_refusal_skips_the_run_by_its_own_reason(inquiry: Inquiry) -> None:
    task_id = await inquiry.asked(Ask("May I?", within="1d"))
    told = await inquiry.service.answer_task(task_id, "No")
    assert (told.next_fires, told.warnings) == ([], []), "the run that is skipped does not fire"
    await inquiry.by_hand.tick(2 * DAY)
    assert await inquiry.outcomes(task_id) == [ASKED, ("skipped", "answered_no")]
    assert (await inquiry.service.get_task(task_id)).status == "CANCELLED"
    assert inquiry.answers == [None]


async def test_a_run_by_hand_beside_a_refusal_has_no_answer(inquiry: Inquiry) -> None:
    task_id = await inquiry.asked(Ask("May I?"), schedule_cron="0 * * * *")
    inquiry.clock.advance(MINUTE)
    await inquiry.service.answer_task(task_id, "no")
    inquiry.wish = None
    await inquiry.service.run_now(task_id)  # in the same moment, before a tick has seen the refusal
    await inquiry.by_hand.tick(MINUTE)
    assert inquiry.answers == [None, None]
    assert ("skipped", "answered_no") in await inquiry.outcomes(task_id)


async def test_no_answer_is_no_refusal(inquiry: Inquiry) -> None:
    task_id = await inquiry.asked(Ask("May I?", within=DAY))
    await inquiry.by_hand.tick(DAY - MINUTE)
    assert await inquiry.outcomes(task_id) == [ASKED]
    await inquiry.by_hand.tick(MINUTE)
    assert await inquiry.outcomes(task_id) == [ASKED, ("skipped", "no_answer")]
    assert (await inquiry.service.get_task(task_id)).status == "FAILED"
    assert await inquiry.service.questions() == []
    with pytest.raises(TaskEnded):
        await inquiry.service.answer_task(task_id, "yes")


async def test_a_question_is_asked_again_so_many_times(inquiry: Inquiry) -> None:
    task_id = await inquiry.asked(Ask("May I?", "ada", HOUR, "remind", reminders=2))
    for left in (1, 0):
        await inquiry.by_hand.tick(HOUR)
        (question,) = await inquiry.service.questions()
        assert (question.reminders_left, question.answer_by) == (left, inquiry.clock.now() + HOUR)
    await inquiry.by_hand.tick(HOUR)
    assert await inquiry.outcomes(task_id) == [ASKED, ("skipped", "no_answer")]
    assert await inquiry.kinds() == ["question_asked", "question_reminded", "question_reminded"]


async def test_a_question_passes_to_others_once(inquiry: Inquiry) -> None:
    wish = Ask("May I?", "ada", HOUR, "escalate", escalate_to=["bob", "on-call"])
    task_id = await inquiry.asked(wish)
    await inquiry.by_hand.tick(HOUR)
    (question,) = await inquiry.service.questions()
    assert question.asked_of == ("bob", "on-call")
    inquiry.clock.set(inquiry.clock.now() + MINUTE)
    await inquiry.service.answer_task(task_id, "yes")
    await inquiry.by_hand.tick(MINUTE)
    assert await inquiry.outcomes(task_id) == [ASKED, DONE]
    assert await inquiry.kinds() == ["question_asked", "question_escalated", "question_answered"]


async def test_an_answer_retires_the_timer_of_its_question(inquiry: Inquiry) -> None:
    task_id = await inquiry.asked(Ask("May I?", within=HOUR))
    inquiry.clock.set(inquiry.clock.now() + HOUR)  # the time is over, and no tick has seen it
    await inquiry.service.answer_task(task_id, "yes")
    await inquiry.by_hand.tick(2 * HOUR)
    assert await inquiry.outcomes(task_id) == [ASKED, DONE]


async def test_a_recurring_run_that_waits_holds_the_others(inquiry: Inquiry) -> None:
    task_id = await inquiry.asked(Ask("May I?"), schedule_cron="0 * * * *")
    await inquiry.by_hand.tick(3 * HOUR + 30 * MINUTE)
    assert await inquiry.outcomes(task_id) == [ASKED]
    await inquiry.service.answer_task(task_id, "yes")
    await inquiry.by_hand.tick(MINUTE)
    assert await inquiry.outcomes(task_id) == [ASKED, ("deferred", "held_by_deferral"), DONE]
    held = (await inquiry.service.history(task_id))[1]
    assert held.occurrences == 3
    inquiry.wish = None
    await inquiry.by_hand.tick(HOUR)
    assert (await inquiry.outcomes(task_id))[3:] == [DONE]
    assert inquiry.answers[-1] is None


async def test_a_refused_recurring_task_goes_on(inquiry: Inquiry) -> None:
    task_id = await inquiry.asked(Ask("May I?"), schedule_cron="0 * * * *")
    await inquiry.by_hand.tick(90 * MINUTE)
    await inquiry.service.answer_task(task_id, "no")
    inquiry.wish = None
    await inquiry.by_hand.tick(MINUTE)
    await inquiry.by_hand.tick(HOUR)
    expected = [ASKED, ("deferred", "held_by_deferral"), ("skipped", "answered_no"), DONE]
    assert await inquiry.outcomes(task_id) == expected


async def test_a_caller_asks_about_a_run_ahead(inquiry: Inquiry) -> None:
    task_id = await inquiry.schedule()
    planned = inquiry.clock.now() + HOUR
    await inquiry.service.ask_task(task_id, "May I?", "ada")
    with pytest.raises(InvalidInput, match="open question"):
        await inquiry.service.ask_task(task_id, "May I really?")
    with pytest.raises(InvalidInput, match="open question"):
        await inquiry.service.defer_task(task_id, planned + HOUR, "Busy")
    await inquiry.service.answer_task(task_id, "yes")
    await inquiry.by_hand.tick(HOUR - MINUTE)
    assert await inquiry.outcomes(task_id) == []
    await inquiry.by_hand.tick(MINUTE)
    (run,) = await inquiry.service.history(task_id)
    assert (run.status, run.nominal_at) == ("completed", planned)
    answer = inquiry.answers[-1]
    assert answer is not None
    assert answer.text == "yes"


async def test_a_run_ahead_waits_beyond_its_time(inquiry: Inquiry) -> None:
    task_id = await inquiry.schedule()
    await inquiry.service.ask_task(task_id, "May I?")
    await inquiry.by_hand.tick(DAY)
    assert await inquiry.outcomes(task_id) == []
    await inquiry.service.answer_task(task_id, "yes")
    await inquiry.by_hand.tick(MINUTE)
    assert (await inquiry.outcomes(task_id))[-1] == DONE
    assert len(inquiry.answers) == 1


async def test_a_pause_holds_an_answered_run(inquiry: Inquiry) -> None:
    task_id = await inquiry.asked(Ask("May I?"))
    await inquiry.service.pause_task(task_id)
    await inquiry.service.answer_task(task_id, "yes")
    await inquiry.by_hand.tick(DAY)
    assert await inquiry.outcomes(task_id) == [ASKED]
    await inquiry.service.resume_task(task_id)
    await inquiry.by_hand.tick(MINUTE)
    assert await inquiry.outcomes(task_id) == [ASKED, DONE]


async def test_a_pause_that_ends_begins_no_unanswered_run(inquiry: Inquiry) -> None:
    task_id = await inquiry.schedule()
    await inquiry.service.ask_task(task_id, "May I?")
    await inquiry.service.pause_task(task_id)
    await inquiry.by_hand.tick(DAY)
    await inquiry.service.resume_task(task_id)
    await inquiry.by_hand.tick(DAY)
    assert await inquiry.outcomes(task_id) == []
    assert len(await inquiry.service.questions()) == 1


async def test_a_cancelled_task_has_no_open_question(inquiry: Inquiry) -> None:
    task_id = await inquiry.asked(Ask("May I?", within=HOUR))
    await inquiry.service.cancel_task(task_id)
    assert await inquiry.service.questions() == []
    with pytest.raises(TaskEnded):
        await inquiry.service.answer_task(task_id, "yes")
    await inquiry.by_hand.tick(DAY)
    assert await inquiry.outcomes(task_id) == [ASKED]


async def test_questions_count_among_deferrals_in_a_row(inquiry: Inquiry) -> None:
    inquiry.wish = Defer(HOUR, "Busy")
    task_id = await inquiry.schedule(max_deferrals=1)
    await inquiry.by_hand.tick(HOUR)
    with pytest.raises(DeferralsExhausted):
        await inquiry.service.ask_task(task_id, "May I?")


async def test_questions_are_listed_oldest_first(inquiry: Inquiry) -> None:
    asked: list[str] = []
    for number in range(3):
        asked.append(await inquiry.schedule())
        await inquiry.service.ask_task(asked[-1], f"Question {number}?")
        inquiry.clock.set(inquiry.clock.now() + MINUTE)
    assert [each.task_id for each in await inquiry.service.questions()] == asked
    assert [each.task_id for each in await inquiry.service.questions(2)] == asked[:2]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"question": ""}, "question"),
        ({"within": "soon"}, "within"),
        ({"on_no_answer": "remind"}, "within"),
        ({"on_no_answer": "wait", "within": "1d"}, "within"),
        ({"on_no_answer": "shrug"}, "on_no_answer"),
        ({"on_no_answer": "remind", "within": "1d", "reminders": 0}, "reminders"),
        ({"on_no_answer": "escalate", "within": "1d"}, "escalate_to"),
        ({"of": ["a\nb"]}, "of"),
        ({"of": [str(each) for each in range(21)]}, "of"),
    ],
)
async def test_wrong_questions_are_refused(service: TaskSchedulerService, fields: dict[str, Any], field: str) -> None:
    task = await service.schedule_task("Book", "goal", "prompt", "thought", in_="1h")
    with pytest.raises(InvalidInput) as refused:
        await service.ask_task(task.task_id, **{"question": "May I?", **fields})
    assert refused.value.field == field
    assert await service.questions() == []


async def test_an_answer_needs_an_open_question(inquiry: Inquiry) -> None:
    task_id = await inquiry.schedule()
    with pytest.raises(InvalidInput, match="an open question"):
        await inquiry.service.answer_task(task_id, "yes")
    await inquiry.service.ask_task(task_id, "May I?")
    await inquiry.service.answer_task(task_id, "yes")
    with pytest.raises(InvalidInput, match="was answered"):
        await inquiry.service.answer_task(task_id, "no")


async def test_the_audit_log_has_who_asked_and_who_answered(inquiry: Inquiry) -> None:
    task_id = await inquiry.schedule()
    await inquiry.service.ask_task(task_id, "May I?", thought_id="thought_2")
    await inquiry.service.answer_task(task_id, "yes")
    entries = await inquiry.service.audit_entries(task_id)
    assert [(each.action, each.reason) for each in entries[1:]] == [("ask", "May I?"), ("answer", "yes")]
    assert entries[-1].surface == "service"


async def test_a_question_without_an_end_stays_in_the_history(inquiry: Inquiry) -> None:
    task_id = await inquiry.asked(Ask("Which hotel?", "ada"))

    (asked,) = (await inquiry.service.get_task(task_id)).deferral_history
    assert (asked["deferred_until"], asked["reason"]) == (None, "Which hotel?")
