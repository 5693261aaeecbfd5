"""The service for code without an event loop: each call is done on the service's own, and waited for."""

from __future__ import annotations

import asyncio
import time
from concurrent import futures
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar, cast

from remembrancer.errors import OutcomeUnknown, ServiceStopped, WrongThread
from remembrancer.service.calls import FORKED
from remembrancer.service.graph_holder import CLOSED

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from datetime import datetime

    from remembrancer.model.execution import Execution
    from remembrancer.model.request import ScheduleRequest
    from remembrancer.model.task import ScheduledReply, ScheduledTask, ScheduledTaskInfo
    from remembrancer.ports.task_store import Wanted
    from remembrancer.service.lifecycle import Lifecycle
    from remembrancer.service.service import SchedulerService

_T = TypeVar("_T")
_PATIENCE_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 1.0


class Blocking:
    """What `remembrancer.ports.sync_calls.BlockingCalls` promises, of one service.

    Args:
        service: Whose methods are called.
    """

    def __init__(self, service: Lifecycle) -> None:
        self._service = cast("SchedulerService", service)
        self._calls = service.calls

    def schedule_task(  # noqa: PLR0917 (the specification's own order)
        self,
        name: str,
        goal_description: str,
        trigger_prompt: str,
        origin_thought_id: str,
        defer_until: str | datetime | None = None,
        schedule_cron: str | None = None,
        **choices: object,
    ) -> ScheduledReply:
        """Schedule one task."""
        said = (name, goal_description, trigger_prompt, origin_thought_id, defer_until, schedule_cron)
        return self._wait(partial(self._service.schedule_task, *said, **choices))

    def schedule_tasks(self, requests: Sequence[ScheduleRequest]) -> list[ScheduledReply]:
        """Schedule all of *requests*, or none."""
        return self._wait(partial(self._service.schedule_tasks, requests))

    def schedule_deferred_task(
        self,
        thought_id: str,
        task_id: str,
        defer_until: str | datetime,
        reason: str,
        context: dict[str, object] | None = None,
    ) -> ScheduledReply:
        """Bring the agent's task back."""
        said = (thought_id, task_id, defer_until, reason, context)
        return self._wait(partial(self._service.schedule_deferred_task, *said))

    def cancel_task(self, task_id: str, reason: str | None = None, *, fence: int | None = None) -> bool:
        """End an open task."""
        return self._wait(partial(self._service.cancel_task, task_id, reason, fence=fence))

    def defer_task(
        self,
        task_id: str,
        until: str | datetime,
        reason: str,
        thought_id: str | None = None,
        *,
        fence: int | None = None,
    ) -> ScheduledReply:
        """Defer the task's next run."""
        return self._wait(partial(self._service.defer_task, task_id, until, reason, thought_id, fence=fence))

    def run_now(self, task_id: str, *, fence: int | None = None) -> Execution:
        """Start one execution outside the schedule."""
        return self._wait(partial(self._service.run_now, task_id, fence=fence))

    def get_task(self, task_id: str) -> ScheduledTask:
        """Return one task."""
        return self._wait(partial(self._service.get_task, task_id))

    def find_tasks(self, wanted: Wanted) -> list[ScheduledTask]:
        """Return tasks."""
        return self._wait(partial(self._service.find_tasks, wanted))

    def get_scheduled_tasks(self) -> list[ScheduledTaskInfo]:
        """Return the tasks that are PENDING or ACTIVE."""
        return self._wait(self._service.get_scheduled_tasks)

    def get_execution(self, execution_id: str) -> Execution:
        """Return one execution."""
        return self._wait(partial(self._service.get_execution, execution_id))

    def history(self, task_id: str | None = None, limit: int = 100, before: str | None = None) -> list[Execution]:
        """Return executions, newest first."""
        return self._wait(partial(self._service.history, task_id, limit, before))

    def cypher(self, query: str, parameters: dict[str, object] | None = None) -> list[dict[str, object]]:
        """Answer a reading query."""
        return self._wait(partial(self._service.cypher, query, parameters))

    def stop(self) -> None:
        """Stop the scheduler; within a handler, which it waits for, only ask for that."""
        if self._calls.home and not self._calls.is_forked:
            self._wait(self._service.stop)

    def _wait(self, work: Callable[[], Coroutine[None, None, _T]]) -> _T:
        """Do *work* on the loop of the service and return its answer."""
        if self._calls.is_forked:
            raise ServiceStopped(FORKED)
        if (home := self._calls.home) is None:
            raise ServiceStopped(CLOSED)
        if _running_loop() is home:
            raise WrongThread
        asked = self._calls.send(work)
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while not asked.done() and home.is_running() and time.monotonic() < give_up:
            futures.wait([asked], timeout=_LOOK_SECONDS)
        if not asked.done():
            asked.cancel()
            raise OutcomeUnknown(
                f"The scheduler has not answered within {_PATIENCE_SECONDS:g} s, or its event loop has ended: whether "
                "the call was acted on is not known. Look before you repeat it."
            )
        return asked.result()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
