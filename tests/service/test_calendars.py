"""Named calendars on each kind of graph: defined, used, renewed, and removed; each occurrence has one outcome."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Calendar, Cron, Except, Firing, Offset, TaskSchedulerService, TaskStatus, TaskTimes, Workdays
from remembrancer.bootstrap import open_store
from remembrancer.errors import InvalidInput
from remembrancer.ports.writes import Change
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer import ScheduleResult

BEGIN = datetime(2026, 12, 21, 6, tzinfo=UTC)
"""A Monday."""
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(BEGIN)


@pytest.fixture
async def paced(graph: str, clock: VirtualClock) -> AsyncIterator[ManualScheduler]:
    """A scheduler over a graph of each kind, driven by hand."""
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        yield scheduler


async def daily(paced: ManualScheduler, *names: str, **fields: Any) -> ScheduleResult:
    value = Except(Cron("0 9 * * *"), [Calendar(name) for name in names])
    return await paced.service.schedule_task("Tea", "goal", "prompt", "t", schedule=value, **fields)


async def days(paced: ManualScheduler, task_id: str) -> list[tuple[str, str]]:
    """Return what became of the occurrences, oldest first: the status and the day."""
    found = await paced.service.history(task_id)
    return [(each.status.value, f"{each.nominal_at:%d}") for each in reversed(found)]


def shown(fires: list[datetime]) -> list[str]:
    return [f"{each:%d}" for each in fires]


async def test_a_calendar_is_kept_with_its_dates_and_their_source(paced: ManualScheduler) -> None:
    made = await paced.service.define_calendar("de", country="DE", subdivision="BE", years=2)
    kept = await paced.service.get_calendar("de")

    assert kept == made == (await paced.service.list_calendars())[0]
    assert (kept.first, kept.last, kept.source) == ("2026-01-01", "2027-12-31", "holidays")
    assert {"2026-12-25", "2026-03-08", "2027-01-01"} <= set(kept.dates)
    assert kept.library is not None
    assert kept.library.startswith("holidays ")
    (entry,) = [each for each in await paced.service.audit_entries() if each.action == "define_calendar"]
    assert entry.after is not None
    assert (entry.after["name"], entry.after["version"]) == ("de", kept.version)


async def test_the_window_of_a_calendar_is_said_when_it_is_used(paced: ManualScheduler) -> None:
    await paced.service.define_calendar("de", country="DE")
    value = Workdays("09:00", nth=-1, holidays="de", timezone="Europe/Berlin")
    task = await paced.service.schedule_task("Report", "goal", "prompt", "t", schedule=value)

    assert task.warnings == ["The calendar de has data until 2030-12-31: renew it before."]
    assert shown(task.next_fires) == ["31", "29", "26", "31", "30"]


async def test_a_renewal_arms_the_tasks_that_use_a_calendar(paced: ManualScheduler) -> None:
    await paced.service.define_calendar("closed", dates=["2026-12-24"])
    task, other = await daily(paced, "closed"), await daily(paced, "closed")
    follower = await paced.service.schedule_task(
        "Kettle", "goal", "prompt", "t", schedule=Offset(TaskTimes(task.task_id), by="-15m")
    )
    foreseen = await paced.service.renew_calendar("closed", dates=["2026-12-21", "2026-12-25"], dry_run=True)
    unmoved = await paced.service.get_task(task.task_id)
    renewal = await paced.service.renew_calendar("closed", dates=["2026-12-21", "2026-12-25"])
    kept = await paced.service.get_task(task.task_id)

    assert unmoved.fence == task.fence
    assert (foreseen.dry_run, renewal.dry_run, renewal.tasks) == (True, False, 2)
    assert (renewal.added, renewal.removed) == (["2026-12-21", "2026-12-25"], ["2026-12-24"])
    assert {each.task_id for each in renewal.moved} == {task.task_id, other.task_id}
    assert foreseen.moved == renewal.moved
    assert shown(renewal.moved[0].before) == ["21", "22", "23", "25", "26"]
    assert shown(renewal.moved[0].after) == ["22", "23", "24", "26", "27"]
    assert kept.next_run_ms == int(datetime(2026, 12, 22, 9, tzinfo=UTC).timestamp() * 1000)
    assert (await paced.service.audit_entries(task.task_id))[-1].reason == "The calendar closed was renewed."
    moved = await paced.service.get_task(follower.task_id)
    assert moved.next_run_ms == kept.next_run_ms - 15 * 60_000


async def test_a_renewal_that_moves_nothing_edits_no_fire(paced: ManualScheduler) -> None:
    await paced.service.define_calendar("closed", dates=["2026-12-24"])
    task = await daily(paced, "closed")
    renewal = await paced.service.renew_calendar("closed", dates=["2026-12-24", "2027-06-01"])
    again = await paced.service.renew_calendar("closed", dates=["2026-12-24", "2027-06-01"])
    kept = await paced.service.get_task(task.task_id)

    assert renewal.moved == again.moved == []
    assert (kept.next_run_ms, kept.outcomes_since_ms, kept.fence) == (task.next_run_ms, None, task.fence + 1)


async def test_a_pending_run_stays_if_the_calendar_names_it(paced: ManualScheduler, clock: VirtualClock) -> None:
    await paced.service.define_calendar("closed", dates=["2026-12-24"])
    await paced.service.define_calendar("other", dates=["2026-12-24"])
    kept = await daily(paced, "closed", misfire="run_all")
    dropped = await daily(paced, "other", misfire="run_all")
    clock.advance(timedelta(hours=4))
    await paced.service.renew_calendar("closed", dates=["2026-12-22"])
    await paced.service.renew_calendar("other", dates=["2026-12-21"])
    for _ in range(4):
        await paced.tick(DAY)

    assert await days(paced, kept.task_id) == [("completed", day) for day in ("21", "23", "24", "25")]
    assert await days(paced, dropped.task_id) == [
        ("superseded", "21"),
        *(("completed", day) for day in ("22", "23", "24", "25")),
    ]


async def test_a_live_deferral_outlives_a_renewal(paced: ManualScheduler) -> None:
    await paced.service.define_calendar("closed", dates=["2026-12-24"])
    task = await daily(paced, "closed")
    await paced.service.defer_task(task.task_id, datetime(2026, 12, 23, 12, tzinfo=UTC), "Busy")
    await paced.service.renew_calendar("closed", dates=["2026-12-22"])
    kept = await paced.service.get_task(task.task_id)

    assert kept.deferral_id is not None
    assert kept.next_run_ms == int(datetime(2026, 12, 23, 12, tzinfo=UTC).timestamp() * 1000)


async def test_a_task_with_nothing_left_ends_and_says_why(paced: ManualScheduler) -> None:
    await paced.service.define_calendar("open", dates=["2026-12-24", "2026-12-28"])
    task = await paced.service.schedule_task("Tea", "g", "p", "t", schedule=Calendar("open", at="09:00"))
    await paced.service.renew_calendar("open", dates=["2026-12-01"])
    ended = await paced.service.get_task(task.task_id)

    assert ended.status is TaskStatus.CANCELLED
    reason = (await paced.service.audit_entries(task.task_id))[-1].reason
    assert reason == "The calendar open was renewed. Nothing is ahead of this task since then."


async def test_a_paused_task_stays_paused_through_a_renewal(paced: ManualScheduler) -> None:
    await paced.service.define_calendar("closed", dates=["2026-12-24"])
    task = await daily(paced, "closed")
    await paced.service.pause_task(task.task_id)
    await paced.service.renew_calendar("closed", dates=["2026-12-21"])
    kept = await paced.service.get_task(task.task_id)
    resumed = await paced.service.resume_task(task.task_id)

    assert (kept.next_run_ms, kept.paused_at is not None) == (None, True)
    assert shown(resumed.next_fires)[0] == "22"


async def test_a_calendar_in_use_is_not_removed(paced: ManualScheduler) -> None:
    await paced.service.define_calendar("closed", dates=["2026-12-24"])
    task = await daily(paced, "closed")
    with pytest.raises(InvalidInput, match=task.task_id):
        await paced.service.remove_calendar("closed")
    await paced.service.cancel_task(task.task_id)
    assert await paced.service.remove_calendar("closed")
    assert await paced.service.list_calendars() == []
    with pytest.raises(InvalidInput, match="there are none"):
        await paced.service.get_calendar("closed")


async def test_a_task_of_another_schedule_lets_its_calendar_go(paced: ManualScheduler) -> None:
    await paced.service.define_calendar("one", dates=["2026-12-24"])
    await paced.service.define_calendar("two", dates=["2026-12-24"])
    task = await daily(paced, "one")
    await paced.service.update_task(task.task_id, schedule=Except(Cron("0 9 * * *"), Calendar("two")))
    assert await paced.service.remove_calendar("one")
    await paced.service.update_task(task.task_id, schedule_cron="0 9 * * *")
    assert await paced.service.remove_calendar("two")


async def test_the_next_start_ends_a_renewal_cut_short(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as paced:
        before = await paced.service.define_calendar("closed", dates=["2026-12-24"])
        task = await daily(paced, "closed")
    store = await open_store(graph)
    after = before.model_copy(update={"dates": ["2026-12-21"], "version": "another"})
    assert await store.calendars.replace(before, after, Change("renew_calendar", clock.now(), "service"))
    await store.close()
    async with TaskSchedulerService(graph, clock) as service:
        kept = await service.get_task(task.task_id)
        entry = (await service.audit_entries(task.task_id))[-1]

    assert kept.next_run_ms == int(datetime(2026, 12, 22, 9, tzinfo=UTC).timestamp() * 1000)
    assert entry.reason == "A calendar that it uses, or a task that it follows, had changed before."


async def test_a_later_renewal_ends_one_cut_short(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as paced:
        before = await paced.service.define_calendar("closed", dates=["2026-12-24"])
        task = await daily(paced, "closed")
        store = paced.service._graph()
        after = before.model_copy(update={"dates": ["2026-12-21"], "version": "another"})
        assert await store.calendars.replace(before, after, Change("renew_calendar", clock.now(), "service"))
        renewal = await paced.service.renew_calendar("closed", dates=["2026-12-21"])

    assert [each.task_id for each in renewal.moved] == [task.task_id]


async def test_two_names_are_never_one_calendar(paced: ManualScheduler) -> None:
    await paced.service.define_calendar("closed", dates=["2026-12-24"])
    for wrong, field in (
        ({"name": "closed", "dates": ["2026-12-25"]}, "name"),
        ({"name": "2026-12-24", "dates": ["2026-12-25"]}, "name"),
        ({"name": "x"}, "country"),
        ({"name": "x", "country": "DE", "dates": ["2026-12-25"]}, "country"),
        ({"name": "x", "country": "Germany"}, "country"),
        ({"name": "x", "country": "DE", "subdivision": "XX"}, "subdivision"),
        ({"name": "x", "country": "DE", "categories": ["nonsense"]}, "categories"),
        ({"name": "x", "country": "DE", "years": 100}, "years"),
        ({"name": "x", "dates": []}, "dates"),
        ({"name": "x", "dates": "2026-12-24"}, "dates"),
        ({"name": 7, "dates": ["2026-12-24"]}, "name"),
        ({"name": "x", "ics": b"BEGIN:VCALENDAR"}, "ics"),
        ({"name": "x", "dates": ["2026-02-30"]}, "dates"),
        ({"name": "x", "dates": ["2026-12-24T18:00/2026-12-24T17:00"]}, "dates"),
        ({"name": "x", "dates": ["2026-12-24"], "timezone": "Berlin"}, "timezone"),
    ):
        with pytest.raises(InvalidInput) as refused:
            await paced.service.define_calendar(**wrong)  # pyright: ignore[reportArgumentType]
        assert refused.value.field == field, wrong
    with pytest.raises(InvalidInput, match="there are closed"):
        await daily(paced, "cloesd")
    with pytest.raises(InvalidInput) as refused:
        await paced.service.renew_calendar("closed")
    assert refused.value.field == "dates"
    assert len(await paced.service.list_calendars()) == 1


async def test_the_doctor_warns_of_a_calendar_that_ends_soon(paced: ManualScheduler) -> None:
    await paced.service.define_calendar("unused", dates=["2026-12-24"])
    await paced.service.define_calendar("de", country="DE", years=5)
    await daily(paced, "de")
    (before,) = [each for each in await paced.service.examine() if each.check == "cron"]
    await paced.service.renew_calendar("de", years=1)
    (after,) = [each for each in await paced.service.examine() if each.check == "cron"]

    assert (before.health, after.health) == ("ok", "warn")
    assert "1 calendars in use are to be renewed: de until 2026-12-31 (1 tasks)" in after.saw


async def test_each_occurrence_has_one_outcome_through_renewals(graph: str, clock: VirtualClock) -> None:
    ran: list[datetime] = []

    async def handle(firing: Firing) -> None:
        ran.append(firing.execution.nominal_at)

    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=handle), clock) as paced:
        await paced.service.define_calendar("closed", dates=["2026-12-24"])
        task = await daily(paced, "closed", misfire="run_all")
        for number in range(20):
            day = clock.now().date() + timedelta(days=number % 3)
            await paced.service.renew_calendar("closed", dates=[day.isoformat()])
            await paced.tick(timedelta(hours=7 + number % 5 * 6))
        found = await paced.service.history(task.task_id)

    assert len(ran) == len(set(ran))
    moments = [each.nominal_at for each in found if each.occurrences == 1]
    assert len(moments) == len(set(moments))
