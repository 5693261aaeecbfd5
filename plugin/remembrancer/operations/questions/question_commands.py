"""Commands on questions: ask one about the next run of a task, answer it, list the open ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.context import current_actor
from remembrancer.errors import InvalidInput, TaskContended
from remembrancer.model.constraints import read_id, read_limit
from remembrancer.model.json_bounds import check_bounds
from remembrancer.model.task import Disposition
from remembrancer.operations.idempotency import run_once
from remembrancer.operations.open_tasks import ROUNDS, OpenTasks, check_not_paused
from remembrancer.operations.validation import reply
from remembrancer.policies.timers import timer_of
from remembrancer.policies.unanswered.deferral import deferred
from remembrancer.policies.unanswered.deferral_limits import DeferralTerms
from remembrancer.policies.unanswered.questions import answer_text, answered, ask, wish_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.handler_result import Ask
    from remembrancer.model.question import Question
    from remembrancer.model.task import ScheduleResult
    from remembrancer.policies.unanswered.deferral_limits import DeferralLimits
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.timers import TimerGate


class QuestionCommands:
    """The questions of the tasks of one graph, for the current actor.

    Args:
        store: The graph.
        clock: The time.
        limits: Of deferrals in a row, for tasks that have none of their own.
        timers: The host's word on timers; None without one.
    """

    def __init__(self, store: Graph, clock: Clock, limits: DeferralLimits, timers: TimerGate | None = None) -> None:
        self._timers = timers
        self._store = store
        self._clock = clock
        self._tasks = OpenTasks(store, clock)
        self._limits = limits

    async def ask(self, task_id: str, wish: Ask, fence: int | None = None) -> ScheduleResult:
        """Let the task's next run wait for an answer."""
        read_id("task_id", task_id)
        check_bounds(fence, "fence", 3)
        wish_of(wish)

        async def act() -> ScheduleResult:
            for _ in range(ROUNDS):
                task, now = await self._tasks.open(task_id, "deferred", fence), self._clock.now()
                check_not_paused(task, now)
                made = ask(task, wish, now, None, DeferralTerms(self._limits))
                if task.next_run_ms is None:
                    raise InvalidInput("task_id", task_id, "a task with a run ahead", "wait for its next run")
                if self._timers is not None:
                    await self._timers.permit([timer_of(task, made, current_actor())])
                change = self._tasks.change("ask", made.deferral.reason, wish.thought_id, fence=fence)
                if await self._store.tasks.defer(task_id, task.next_run_ms, made, change):
                    return reply(await self._tasks.kept(deferred(task, made)), now, Disposition.MERGED)
            raise TaskContended(task_id, "deferred", ROUNDS)

        return await run_once(self._store.idempotency, act, self._tasks.as_it_stands)

    async def answer(self, task_id: str, text: str, fence: int | None = None) -> ScheduleResult:
        """Answer the open question of a task, again if the task changed meanwhile: an answer outranks the clock."""
        read_id("task_id", task_id)
        check_bounds(fence, "fence", 3)
        word = answer_text(text)

        async def act() -> ScheduleResult:
            for _ in range(ROUNDS):
                task = await self._tasks.open(task_id, "answered", fence)
                change = self._tasks.change("answer", word, fence=fence)
                after, _answer = answered(task, word, change)
                if await self._store.questions.answer(task, after, change):
                    return reply(await self._tasks.kept(after), change.at, Disposition.MERGED)
            raise TaskContended(task_id, "answered", ROUNDS)

        return await run_once(self._store.idempotency, act, self._tasks.as_it_stands)

    async def open(self, limit: int) -> Sequence[Question]:
        """Return the open questions, the oldest first."""
        return await self._store.questions.open_questions(read_limit(limit))
