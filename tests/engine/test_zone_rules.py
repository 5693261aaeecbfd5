"""The rules of a time zone change between two starts: a task keeps its wall time, runs once, and the move is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st
from zoned_lives import BERLIN, MONDAY, at, live, rules, under

from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.schedules.cron.expression import parse_cron
from remembrancer.schedules.new_rules import under_new_rules
from remembrancer.schedules.zone_rules import ZoneRules, rules_in_force, say_the_same
from remembrancer.stores.embedded.arcadedb import load_engine
from remembrancer.stores.embedded.files.directory import database_path

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def summer(tmp_path: Path) -> Path:
    """Berlin as it is."""
    return under(tmp_path / "summer", rules("Europe/Berlin"))


@pytest.fixture
def winter(tmp_path: Path) -> Path:
    """Berlin keeps an hour ahead of UTC all year."""
    return under(tmp_path / "winter", rules("Etc/GMT-1"))


async def test_a_task_keeps_its_wall_time_under_new_rules(graph: str, summer: Path, winter: Path) -> None:
    await live(summer, graph, "2027-06-29T12:00", "2027-06-29T12:00", tasks=[BERLIN])
    told = await live(winter, graph, "2027-07-04T12:00", "2027-07-06T12:00")

    assert told["runs"] == [[f"{MONDAY}T08:00:00+00:00", "completed", 0]]
    before, after = at(f"{MONDAY}T07:00"), at(f"{MONDAY}T08:00")
    assert told["moves"] == [
        [{"next_run_ms": before, "nominal_ms": before}, {"next_run_ms": after, "nominal_ms": after}]
    ]
    assert told["counted"] == 1
    again = await live(winter, graph, "2027-07-06T12:00", "2027-07-12T12:00")
    assert [run[0] for run in again["runs"]] == ["2027-07-12T08:00:00+00:00", f"{MONDAY}T08:00:00+00:00"]
    assert again["counted"] == 1


async def test_a_deferred_task_keeps_its_moment_under_new_rules(graph: str, summer: Path, winter: Path) -> None:
    until = f"{MONDAY}T07:30:00+00:00"
    await live(summer, graph, "2027-06-29T12:00", "2027-06-29T12:00", tasks=[BERLIN], until=until)
    told = await live(winter, graph, "2027-07-04T12:00", "2027-07-06T12:00")

    assert [run[:2] for run in told["runs"]] == [[f"{MONDAY}T08:00:00+00:00", "completed"], [until, "completed"]]
    assert told["moves"][0][0]["next_run_ms"] == told["moves"][0][1]["next_run_ms"] == at(f"{MONDAY}T07:30")
    assert told["moves"][0][1]["nominal_ms"] == at(f"{MONDAY}T08:00")


async def test_a_moment_moved_to_the_past_is_served_late(tmp_path: Path, winter: Path) -> None:
    """Berlin goes east by two hours while nothing runs: its nine o'clock has passed when the scheduler starts."""
    graph, east = str(tmp_path / "graph"), under(tmp_path / "east", rules("Etc/GMT-3"))
    await live(winter, graph, "2027-06-29T12:00", "2027-06-29T12:00", tasks=[BERLIN, {**BERLIN, "misfire": "skip"}])
    told = await live(east, graph, f"{MONDAY}T07:00", f"{MONDAY}T10:00")

    nominal = f"{MONDAY}T06:00:00+00:00"
    assert sorted(run[:2] for run in told["runs"]) == [[nominal, "completed"], [nominal, "missed"]]


async def test_intervals_moments_and_utc_stay_as_armed(tmp_path: Path, summer: Path, winter: Path) -> None:
    graph = str(tmp_path / "graph")
    tasks = [
        {"schedule_cron": "*/15 * * * *", "timezone": "Europe/Berlin"},
        {"defer_until": f"{MONDAY}T09:00:00+02:00", "timezone": "Europe/Berlin"},
        {"defer_until": f"{MONDAY}T07:00:00Z"},
        {"schedule_cron": "0 9 * * MON"},
    ]
    armed = (await live(summer, graph, "2027-06-29T12:00", "2027-06-29T12:00", tasks=tasks))["armed"]
    told = await live(winter, graph, "2027-06-29T12:00", "2027-06-29T12:00")

    assert told["armed"] == armed
    assert told["moves"] == []


async def test_a_zone_written_otherwise_moves_no_task(tmp_path: Path, summer: Path) -> None:
    graph, same = str(tmp_path / "graph"), under(tmp_path / "same", rules("Europe/Berlin") + b"\n")
    armed = (await live(summer, graph, "2027-06-29T12:00", "2027-06-29T12:00", tasks=[BERLIN]))["armed"]
    told = await live(same, graph, "2027-06-29T12:00", "2027-06-29T12:00")

    assert (told["armed"], told["moves"]) == (armed, [])


async def test_a_graph_without_rules_learns_them_at_its_start(tmp_path: Path, summer: Path, winter: Path) -> None:
    graph = tmp_path / "graph"
    await live(summer, str(graph), "2027-06-29T12:00", "2027-06-29T12:00", tasks=[BERLIN])
    with load_engine().open_database(str(database_path(graph))) as database, database.transaction():
        database.command("opencypher", "MATCH (z:zone_rules) DELETE z")
    await live(summer, str(graph), "2027-06-30T12:00", "2027-06-30T12:00")
    told = await live(winter, str(graph), "2027-07-04T12:00", "2027-07-06T12:00")

    assert told["runs"] == [[f"{MONDAY}T08:00:00+00:00", "completed", 0]]


ZONES: Final = ["Europe/Berlin", "Etc/GMT-1", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Etc/GMT+3"]
FIXED: Final = ["0 9 * * MON", "30 2 * * *", "0,30 1,2,3 * * *", "15 0 1 * *", "0 9,10,11 * * *", "59 23 L * *"]


@settings(max_examples=150)
@given(
    pair=st.tuples(st.sampled_from(ZONES), st.sampled_from(ZONES)),
    expression=st.sampled_from(FIXED),
    day=st.integers(0, 730),
    gap=st.sampled_from(["run_after", "skip"]),
    fold=st.sampled_from(["first", "last", "both"]),
)
def test_new_rules_lose_no_moment_and_repeat_none(
    pair: tuple[str, str], expression: str, day: int, gap: Any, fold: Any
) -> None:
    served_by = parse_cron(expression, timezone=pair[0], gap=gap, fold=fold)
    now_by = parse_cron(expression, timezone=pair[1], gap=gap, fold=fold)
    served_ms = served_by.next_ms(to_ms(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)))
    place_ms = served_by.next_ms(served_ms)
    old, new = ZoneInfo(pair[0]), ZoneInfo(pair[1])
    found_ms = under_new_rules(now_by, place_ms, old)

    assert now_by.next_ms(found_ms - 1) == found_ms > served_ms
    wall = from_ms(place_ms).astimezone(old).replace(tzinfo=None)
    came = from_ms(found_ms).astimezone(new).replace(tzinfo=None)
    skipped = now_by.between(to_ms(wall.replace(tzinfo=new)), found_ms - 1, 100)
    assert all(moment_ms <= served_ms for moment_ms in skipped)
    assert came >= wall


def test_the_rules_in_force_say_the_same_as_themselves() -> None:
    current = rules_in_force("Europe/Berlin")
    assert current
    now_ms = at("2027-07-05T09:00")

    assert say_the_same(current, ZoneRules("Europe/Berlin", current.data + b"\n"), now_ms)
    assert not say_the_same(current, ZoneRules("Europe/Berlin", rules("Etc/GMT-1")), now_ms)
    assert rules_in_force("Mars/Olympus") is None
