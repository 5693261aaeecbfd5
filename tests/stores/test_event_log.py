"""The event log on every store: nothing is missing, nothing comes twice, and what is forgotten is said."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from planned import plan

from remembrancer.errors import InvalidInput
from remembrancer.model.execution import Execution, ExecutionStatus, Reason
from remembrancer.model.timestamps import to_ms
from remembrancer.operations.event_feed import EventFeed
from remembrancer.ports.event_log import EventRetentionPolicy
from remembrancer.ports.handler import Progress
from remembrancer.ports.writes import Change, Settlement
from remembrancer.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from remembrancer.model.event import Event
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph

    MakeTask = Callable[..., ScheduledTask]
    Reopen = Callable[[], Awaitable[Graph]]
    Claimed = Callable[..., Awaitable[Sequence[Execution]]]

DAY = 86_400.0
EVERYTHING = "0"
SECOND = timedelta(seconds=1)
"""What follows in another lane, and so in another stream, is later by its time alone."""


async def read(store: Graph, clock: VirtualClock, after: str = EVERYTHING, limit: int = 1000) -> list[Event]:
    """Return all events after a cursor, page after page."""
    feed, events = EventFeed(store.events, clock), []
    while found := (await feed.page(after, limit=limit)).events:
        events += found
        after = found[-1].cursor
    return events


async def test_events_of_one_commit_have_the_order_of_its_writes(
    store: Graph, clock: VirtualClock, a_task: MakeTask, claimed: Claimed, now: datetime
) -> None:
    tasks = [a_task(), a_task()]
    await store.tasks.create(tasks)
    won = await claimed(*tasks)
    await store.queue.settle([Settlement(each, ExecutionStatus.COMPLETED, now + SECOND, 0.5) for each in won])
    events = await read(store, clock)

    assert [event.kind for event in events] == (
        ["task_created"] * 2 + ["execution_started"] * 2 + ["execution_completed"] * 2
    )
    for kind in ("task_created", "execution_started", "execution_completed"):
        assert {event.task_id for event in events if event.kind == kind} == {task.task_id for task in tasks}
    assert {event.execution_id for event in events[2:]} == {each.execution_id for each in won}


async def test_what_is_refused_or_comes_too_late_is_no_event(
    store: Graph, clock: VirtualClock, a_task: MakeTask, claimed: Claimed, now: datetime
) -> None:
    await store.tasks.create([task := a_task()])
    (won,) = await claimed(task)
    late = won.model_copy(update={"fence": won.fence + 7})
    assert await store.queue.settle([Settlement(late, ExecutionStatus.COMPLETED, now, 0.5)]) == [False]
    assert await claimed(task) == []
    await store.events.record_progress([(late, Progress(0.5, None))], now)
    await store.queue.settle([Settlement(won, ExecutionStatus.COMPLETED, now + SECOND, 0.5)])
    await store.events.record_progress([(won, Progress(0.9, "after the end"))], now)
    assert not await store.tasks.cancel("task_unknown", Change("cancel", now, "tests"))

    assert [event.kind for event in await read(store, clock)] == [
        "task_created",
        "execution_started",
        "execution_completed",
    ]


@pytest.mark.parametrize("status", sorted(set(ExecutionStatus) - {ExecutionStatus.RUNNING}))
async def test_every_outcome_is_an_event_of_its_name(
    store: Graph, a_task: MakeTask, claimed: Claimed, now: datetime, status: ExecutionStatus
) -> None:
    await store.tasks.create([task := a_task()])
    (won,) = await claimed(task)
    reason = None if status is ExecutionStatus.COMPLETED else "Because it is so"
    code = reason and Reason.HANDLER_FAILED
    await store.queue.settle([Settlement(won, status, now, 1.5, reason_code=code, reason=reason)])
    kind = f"execution_{status}"
    (event,) = (each for each in await read(store, VirtualClock(now)) if each.kind == kind)

    assert event.model_dump(exclude_none=True, exclude={"cursor", "reason_code"}) == {
        "kind": f"execution_{status}",
        "at": now,
        "task_id": task.task_id,
        "execution_id": won.execution_id,
        "duration_seconds": 1.5,
        **({"reason": reason} if reason else {}),
    }


async def test_progress_is_an_event_and_is_stored_with_its_execution(
    store: Graph, clock: VirtualClock, a_task: MakeTask, claimed: Claimed, now: datetime
) -> None:
    await store.tasks.create([task := a_task(), other := a_task()])
    (won, _) = await claimed(task, other)
    await store.events.record_progress([(won, Progress(0.25, "A quarter"))], now)
    await store.events.record_progress([(won, Progress(None, "Some more"))], now)
    by_id = {each.execution_id: each for each in await store.events.running(10)}
    events = [event for event in await read(store, clock) if event.kind == "execution_progress"]

    assert [(each.task_id, each.progress, each.progress_text) for each in events] == [
        (task.task_id, 0.25, "A quarter"),
        (task.task_id, None, "Some more"),
    ]
    assert len(by_id) == 2
    assert (by_id[won.execution_id].progress, by_id[won.execution_id].progress_text) == (None, "Some more")
    assert len(await store.events.running(1)) == 1


async def test_a_reader_goes_on_after_a_restart(
    reopen: Reopen, clock: VirtualClock, a_task: MakeTask, a_change: Callable[..., Change], now: datetime
) -> None:
    store = await reopen()
    tasks = [a_task(next_run_ms=to_ms(now + timedelta(hours=1))) for _ in range(3)]
    await store.tasks.create(tasks)
    whole = await read(store, clock)
    store = await reopen()
    for task in tasks:
        await store.tasks.cancel(task.task_id, a_change("cancel", "Over"))
    rest = await read(store, clock, whole[1].cursor)

    assert rest[0] == whole[2]
    assert [(event.kind, event.task_id, event.reason) for event in rest[1:]] == [
        ("task_cancelled", task.task_id, "Over") for task in tasks
    ]


@pytest.mark.parametrize("limit", [1, 3, 1000])
async def test_many_events_of_one_commit_are_read_in_pages_of_any_size(
    store: Graph, clock: VirtualClock, a_task: MakeTask, limit: int
) -> None:
    tasks = [a_task(name=f"{number} ☕") for number in range(40)]
    await store.tasks.create(tasks)
    events = await read(store, clock, limit=limit)

    assert [event.task_id for event in events] == [task.task_id for task in tasks]
    assert len({event.cursor for event in events}) == 40
    assert all(event.name and "☕" in event.name and event.model_dump_json() for event in events)


async def test_what_was_forgotten_is_told_to_whom_it_concerns(
    store: Graph, clock: VirtualClock, a_task: MakeTask, now: datetime
) -> None:
    for _ in range(130):
        await store.tasks.create([a_task()])
    whole = await read(store, clock)
    kept = EventRetentionPolicy(events=10, seconds=DAY)
    while await store.events.prune(now, kept):
        pass
    streams = await store.events.ranges()
    there = sum(extent.newest - extent.oldest + 1 for extent in streams.values())
    behind, up_to_date = await read(store, clock, whole[4].cursor), await read(store, clock, whole[-1].cursor)

    gaps = [event for event in behind if event.kind == "gap"]
    assert 10 <= there <= 10 * len(streams)
    assert sum(gap.lost or 0 for gap in gaps) == 125 - there
    assert behind[len(gaps) :] == whole[-there:] or len(streams) > 1
    assert {event.task_id for event in behind if event.kind != "gap"} <= {event.task_id for event in whole[5:]}
    assert up_to_date == []


async def test_what_is_too_old_is_forgotten_even_if_it_is_little(
    store: Graph, clock: VirtualClock, a_task: MakeTask, now: datetime
) -> None:
    await store.tasks.create([a_task(created_at=now - timedelta(days=2))])
    await store.tasks.create([new := a_task(created_at=now)])
    assert not await store.events.prune(now, EventRetentionPolicy(events=1000, seconds=DAY))

    assert [event.task_id for event in await read(store, clock) if event.kind != "gap"] == [new.task_id]
    await store.tasks.create([a_task(created_at=now)])
    assert [event.kind for event in await read(store, clock)].count("task_created") == 2


async def test_a_cursor_of_another_graph_gets_a_gap_and_all_events(
    store: Graph, clock: VirtualClock, a_task: MakeTask
) -> None:
    await store.tasks.create([task := a_task()])
    (stream,) = await store.events.ranges()
    events = await read(store, clock, f"{stream}.5000~99.3")

    assert [event.kind for event in events] == ["gap", "gap", "task_created"]
    assert events[0].lost is None
    assert events[0].reason
    assert events[-1].task_id == task.task_id


@pytest.mark.parametrize("cursor", ["", "x", "1.", "1.2~", "1.2~x.3", "-1.2", "1.2.3", "9" * 50 + ".1"])
async def test_a_cursor_that_is_none_is_refused(store: Graph, clock: VirtualClock, cursor: str) -> None:
    with pytest.raises(InvalidInput, match="after"):
        await read(store, clock, cursor)


async def test_a_burst_tells_how_many_occurrences_it_stands_for(
    store: Graph, clock: VirtualClock, a_task: MakeTask, claimed: Claimed, now: datetime
) -> None:
    hour = now - timedelta(hours=1)
    task = a_task(schedule_cron="* * * * *", next_run_ms=to_ms(hour), misfire="skip")
    await store.tasks.create([task])
    assert plan(task, to_ms(now), "replica_a").execution.occurrences == 59
    await claimed(task)
    event = (await read(store, clock))[-1]

    assert (event.kind, event.occurrences, event.nominal_at) == ("execution_missed", 59, hour)
    assert event.last_nominal_at == now - timedelta(minutes=2)
    assert event.reason_code is Reason.MISFIRE_SKIPPED
