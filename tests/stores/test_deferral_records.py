"""A deferral that was written is answered as written, also where the graph cannot be read just then."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from remembrancer.model.handler_result import Defer
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.unanswered.deferral import defer, deferred

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.writes import Change


async def test_a_deferral_is_told_as_the_graph_tells_it(
    store: Graph, a_task: Callable[..., ScheduledTask], a_change: Callable[..., Change], now: datetime
) -> None:
    await store.tasks.create([made := a_task(next_run_ms=to_ms(now) + 60_000)])
    for turn in (1, 2):
        read = await store.tasks.get(made.task_id)
        reschedule = defer(read, Defer(now + timedelta(hours=turn), "later"), now + timedelta(seconds=turn), None)
        assert await store.tasks.defer(read.task_id, read.next_run_ms, reschedule, a_change("defer"))

        assert deferred(read, reschedule) == await store.tasks.get(made.task_id)
