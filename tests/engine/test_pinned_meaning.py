"""The meaning of a task is pinned: what was asked for fires by the rules in force, once, and each move is reported."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import pytest
from zoned_lives import BERLIN, MONDAY, at, live, rules, under

from remembrancer import TaskSchedulerService
from remembrancer.model.schedule import value_of
from remembrancer.model.timestamps import to_iso
from remembrancer.schedules import kinds
from remembrancer.schedules.every import every_schedule
from remembrancer.schedules.zone_rules import ZoneRules, follow_rules, own_rules
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ZONE: Final = {"timezone": "Europe/Berlin"}
NINE: Final = {"kind": "cron", "expression": "0 9 * * *", **ZONE}
ALIKE: Final[dict[str, dict[str, Any]]] = {
    "weekly": BERLIN,
    "yearly": {"schedule_cron": "0 9 5 7 *", **ZONE},
    "once": {"defer_until": f"{MONDAY}T09:00", **ZONE},
    "once_as_value": {"schedule": {"kind": "once", "at": f"{MONDAY}T09:00:00", **ZONE}},
    "every": {"schedule": {"kind": "every", "every": "1w", "at": "09:00", "anchor": MONDAY, **ZONE}},
    "rrule": {"schedule": {"kind": "rrule", "rule": "FREQ=YEARLY;BYMONTH=7;BYMONTHDAY=5;BYHOUR=9", **ZONE}},
    "dates": {"schedule": {"kind": "dates", "dates": [MONDAY], "at": "09:00", **ZONE}},
    "window": {"schedule": {"kind": "weekly", "days": "mon", "start": "09:00", "end": "17:00", **ZONE}},
    "workdays": {"schedule": {"kind": "workdays", "at": "09:00", "weekdays": "mon", **ZONE}},
    "any_of": {"schedule": {"kind": "any_of", "schedules": [{**NINE, "expression": "0 9 * * MON"}]}},
    "except": {
        "schedule": {
            "kind": "except",
            "schedule": NINE,
            "excluded": [{"kind": "weekly", "days": "tue-sun", **ZONE}],
        }
    },
    "two_zones": {
        "schedule": {
            "kind": "any_of",
            "schedules": [
                {"kind": "cron", "expression": "0 9 1 1 *", "timezone": "Asia/Tokyo"},
                {**NINE, "expression": "0 9 * * MON"},
            ],
        }
    },
    "offset": {
        "schedule": {"kind": "offset", "schedule": {**NINE, "expression": "15 9 * * MON"}, "by": "-15m"},
    },
    "bounded": {
        "schedule": {"kind": "bounded", "schedule": NINE, "start": f"{MONDAY}T09:00", "end": f"{MONDAY}T09:00"},
    },
    "counted": {"schedule": {"kind": "bounded", "schedule": NINE, "start": f"{MONDAY}T09:00", "count": 1}},
    "held": {"schedule_cron": "0 9 * * *", "defer_until": f"{MONDAY}T09:00", **ZONE},
}
"""Tasks that first fire on that Monday at nine in Berlin, whatever the rules there are."""
SUMMER, WINTER = "Europe/Berlin", "Etc/GMT-1"
NINE_BY: Final = {SUMMER: f"{MONDAY}T07:00", WINTER: f"{MONDAY}T08:00"}


@pytest.mark.slow
@pytest.mark.parametrize(("former", "latter"), [(SUMMER, WINTER), (WINTER, SUMMER)], ids=["forward", "back"])
async def test_each_kind_fires_once_at_its_wall_time(tmp_path: Path, former: str, latter: str) -> None:
    graph, tasks = str(tmp_path / "graph"), list(ALIKE.values())
    old, new = under(tmp_path / "old", rules(former)), under(tmp_path / "new", rules(latter))
    armed = await live(old, graph, "2027-06-29T12:00", "2027-06-29T12:00", tasks=tasks)
    told = await live(new, graph, "2027-07-04T12:00", f"{MONDAY}T12:00")

    before, after = at(NINE_BY[former]), at(NINE_BY[latter])
    assert armed["armed"] == [before] * len(tasks)
    assert [run for run in told["runs"] if run[0] != f"{NINE_BY[latter]}:00+00:00"] == []
    assert [run[1:] for run in told["runs"]] == [["completed", 0]] * len(tasks)
    assert told["moves"] == [
        [{"next_run_ms": before, "nominal_ms": before}, {"next_run_ms": after, "nominal_ms": after}]
    ] * len(tasks)


@pytest.mark.slow
async def test_what_has_fired_does_not_fire_again_by_later_rules(tmp_path: Path) -> None:
    """It fired at nine by the summer's rules; by the winter's, the same nine is an hour ahead."""
    graph, tasks = str(tmp_path / "graph"), [each for name, each in ALIKE.items() if name != "held"]
    summer, winter = under(tmp_path / "summer", rules(SUMMER)), under(tmp_path / "winter", rules(WINTER))
    told = await live(summer, graph, "2027-07-04T12:00", f"{MONDAY}T07:30", tasks=tasks)
    assert len(told["runs"]) == len(tasks)

    again = await live(winter, graph, f"{MONDAY}T07:30", f"{MONDAY}T20:00", step=15)
    assert len(again["runs"]) == len(tasks)


@pytest.mark.slow
async def test_rules_that_change_back_leave_a_task_as_it_was(tmp_path: Path) -> None:
    graph, tasks = str(tmp_path / "graph"), list(ALIKE.values())
    summer, winter = under(tmp_path / "summer", rules(SUMMER)), under(tmp_path / "winter", rules(WINTER))
    armed = await live(summer, graph, "2027-06-29T12:00", "2027-06-29T12:00", tasks=tasks)
    moved = await live(winter, graph, "2027-06-30T12:00", "2027-06-30T12:00")
    again = await live(summer, graph, "2027-07-01T12:00", "2027-07-01T12:00")

    assert (armed["armed"], moved["armed"]) == ([at(NINE_BY[SUMMER])] * len(tasks), [at(NINE_BY[WINTER])] * len(tasks))
    assert again["armed"] == armed["armed"]
    assert again["counted"] == 2 * len(tasks)


@pytest.mark.slow
async def test_a_wall_time_that_falls_into_a_gap_runs_after_it(tmp_path: Path) -> None:
    """By the winter's rules 02:30 exists on that Sunday; by the summer's, the clock jumps over it."""
    graph, tasks = str(tmp_path / "graph"), [{"defer_until": "2027-03-28T02:30", **ZONE}]
    winter, summer = under(tmp_path / "winter", rules(WINTER)), under(tmp_path / "summer", rules(SUMMER))
    await live(winter, graph, "2027-03-01T12:00", "2027-03-01T12:00", tasks=tasks)
    told = await live(summer, graph, "2027-03-27T12:00", "2027-03-28T12:00")

    assert [run[:2] for run in told["runs"]] == [["2027-03-28T01:00:00+00:00", "completed"]]


@pytest.mark.slow
async def test_a_deferred_one_time_task_keeps_its_moment(tmp_path: Path) -> None:
    graph, until = str(tmp_path / "graph"), f"{MONDAY}T10:30:00+00:00"
    summer, winter = under(tmp_path / "summer", rules(SUMMER)), under(tmp_path / "winter", rules(WINTER))
    await live(summer, graph, "2027-06-29T12:00", "2027-06-29T12:00", tasks=[ALIKE["once"]], until=until)
    told = await live(winter, graph, "2027-07-04T12:00", f"{MONDAY}T12:00")

    nominal = f"{NINE_BY[WINTER]}:00+00:00"
    assert [run[:2] for run in told["runs"]] == [[until, "completed"], [nominal, "deferred"]]


@pytest.fixture
def winter_here() -> Iterator[None]:
    """Let this process read Berlin by other rules than its own."""
    yield
    own = own_rules(SUMMER)
    assert own
    follow_rules(own)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(datetime(2027, 6, 29, 12, tzinfo=UTC))


async def schedule(service: TaskSchedulerService, **choices: Any) -> Any:
    return await service.schedule_task("Nine", "goal", "prompt", "thought", **choices)


@pytest.mark.usefixtures("winter_here")
async def test_recheck_reports_a_set_of_fires_and_moves_them(graph: str, clock: VirtualClock) -> None:
    follow_rules(ZoneRules(SUMMER, rules(WINTER)))
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        weekly, once = await schedule(service, **BERLIN), await schedule(service, **ALIKE["once"])
        own = own_rules(SUMMER)
        assert own
        dry = await service.recheck(dry_run=True)
        still = [await service.get_task(each.task_id) for each in (weekly, once)]
        done = await service.recheck()
        again = await service.recheck()
        entries = [each for each in await service.audit_entries(once.task_id) if each.action == "rearm"]
        await scheduler.tick(timedelta(days=7))
        runs = await service.history()

    assert [each.next_run_ms for each in still] == [at(NINE_BY[WINTER])] * 2
    assert {each.task_id for each in dry.moved} == {weekly.task_id, once.task_id}
    assert done == dry
    (first, *_), (difference,) = done.moved, done.differences
    assert (to_iso(first.was), to_iso(first.will_be)) == (f"{NINE_BY[WINTER]}:00Z", f"{NINE_BY[SUMMER]}:00Z")
    assert (first.wall_time, first.timezone) == (f"{MONDAY}T09:00:00", "Europe/Berlin")
    assert "The rules of the time zone Europe/Berlin have changed" in first.cause
    assert (difference.timezone, difference.is_followed) == (SUMMER, False)
    assert (again.moved, again.differences) == ([], [])
    assert [(each.surface, each.before, each.after) for each in entries] == [
        (
            "service",
            {"next_run_ms": at(NINE_BY[WINTER]), "nominal_ms": at(NINE_BY[WINTER])},
            {"next_run_ms": at(NINE_BY[SUMMER]), "nominal_ms": at(NINE_BY[SUMMER])},
        )
    ]
    assert [to_iso(each.nominal_at) for each in runs] == [f"{NINE_BY[SUMMER]}:00Z"] * 2


@pytest.mark.usefixtures("winter_here")
async def test_the_doctor_finds_rules_that_differ(graph: str, clock: VirtualClock) -> None:
    follow_rules(ZoneRules(SUMMER, rules(WINTER)))
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        await schedule(scheduler.service, **BERLIN)
        (before,) = [each for each in await scheduler.service.examine() if each.check == "integration"]
        await scheduler.service.recheck()
        (after,) = [each for each in await scheduler.service.examine() if each.check == "integration"]

    assert "the rules of Europe/Berlin differ from those of the graph" in before.saw
    assert (before.numbers["zones_apart"], after.numbers["zones_apart"]) == (1, 0)


async def test_another_reading_of_a_kind_moves_its_tasks(
    graph: str, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A former version took the interval from the evening; the next takes it from the morning, as it is written."""
    with monkeypatch.context() as former:
        evening = value_of({"kind": "every", "every": "1d", "at": "21:00"})
        former.setitem(kinds.KINDS, "every", lambda _value, task_id: every_schedule(evening, task_id))  # pyright: ignore[reportArgumentType]
        async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
            task = await schedule(scheduler.service, schedule={"kind": "every", "every": "1d", "at": "09:00"})
            other = await schedule(scheduler.service, schedule_cron="0 22 * * *")
    assert task.next_run_ms == at("2027-06-29T21:00")

    monkeypatch.setitem(kinds.READINGS, "every", 2)
    for _ in range(2):  # the second start finds nothing to do
        async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
            moved = await scheduler.service.get_task(task.task_id)
            entries = [each for each in await scheduler.service.audit_entries() if each.action == "rearm"]
            stays = await scheduler.service.get_task(other.task_id)
            assert (moved.next_run_ms, stays.next_run_ms) == (at("2027-06-30T09:00"), at("2027-06-29T22:00"))
            assert [(each.task_id, each.reason) for each in entries] == [
                (task.task_id, "This version reads schedules of kind every in another way.")
            ]


async def test_a_wall_time_is_kept_beside_its_moment(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        kept = [
            await schedule(service, defer_until=asked, timezone="Europe/Berlin")
            for asked in (
                f"{MONDAY}T09:00",
                datetime(2027, 7, 5, 9),  # noqa: DTZ001 (a wall time)
                datetime(2027, 7, 5, 9, tzinfo=ZoneInfo("Europe/Berlin")),
                f"{MONDAY}T09:00+02:00",
                f"{MONDAY}T07:00Z",
            )
        ]
        moved = await service.update_task(kept[0].task_id, timezone="America/New_York")
        fixed = await service.update_task(kept[1].task_id, defer_until=f"{MONDAY}T07:00Z")
        shown = await service.get_task(kept[2].task_id)

    assert [each.wall_time for each in kept] == [f"{MONDAY}T09:00:00"] * 3 + [None] * 2
    assert {each.next_run_ms for each in kept} == {at(f"{MONDAY}T07:00")}
    assert (moved.wall_time, moved.next_run_ms) == (f"{MONDAY}T09:00:00", at(f"{MONDAY}T13:00"))
    assert (fixed.wall_time, fixed.next_run_ms) == (None, at(f"{MONDAY}T07:00"))
    assert json.loads(shown.model_dump_json())["wall_time"] == f"{MONDAY}T09:00:00"


@pytest.mark.parametrize("name", ["weekly", "every", "rrule", "any_of"])
async def test_a_deferral_that_has_run_holds_no_schedule(graph: str, clock: VirtualClock, name: str) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=lambda _: "done"), clock) as scheduler:
        task = await schedule(scheduler.service, **ALIKE[name])
        await scheduler.service.defer_task(task.task_id, f"{MONDAY}T10:30Z", "Busy")
        await scheduler.tick(timedelta(days=7))
        kept = await scheduler.service.get_task(task.task_id)
        listed = await scheduler.service.find_tasks()

    assert (kept.deferral_count, kept.defer_until, [each.defer_until for each in listed]) == (1, None, [None])
