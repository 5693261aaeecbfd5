"""Schedules as the command line says them: options, previews, a year, an agenda, fields that are cleared."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cli.conftest import Desk

ASKED = ("--prompt", "prompt")
BERLIN = ("-z", "Europe/Berlin")


def scheduled(desk: Desk, *words: str) -> Any:
    return desk.json("schedule", "Tea", *ASKED, *words)


@pytest.mark.parametrize(
    ("words", "description"),
    [
        (("--every", "90m"), "Every 90 minutes"),
        (("--every", "2d", "--time", "09:00"), "Every other day at 09:00"),
        (("--rrule", "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=17"), "Every month, on the last Friday of the month, at 17:00"),
        (("--dates", "2090-04-05, 2090-12-24", "--time", "18:00"), "On 2090-04-05 and 2090-12-24 at 18:00"),
        (("--weekly", "mon-fri", "--time", "09:00"), "On Monday through Friday, from 09:00 until 24:00"),
        (("--workdays", "last", "--time", "17:00"), "On the last business day of the month, at 17:00"),
        (("--workdays", "each", "--time", "17:00"), "On each business day, at 17:00"),
        (("--schedule", '{"kind": "every", "every": "2h"}'), "Every 2 hours"),
        (("--cron", "0 9 * * *", "--until", "2090-01-01"), "At 09:00, until 2090-01-01"),
    ],
)
def test_each_way_to_say_a_schedule_makes_a_task(desk: Desk, words: tuple[str, ...], description: str) -> None:
    made = scheduled(desk, *words)

    assert made["description"].startswith(description)
    assert len(made["next_fires"]) in {2, 5}
    assert desk.json("preview", *(["--schedule", made["schedule_spec"]]))["description"] == made["description"]


def test_the_zone_and_the_bounds_are_those_of_the_schedule(desk: Desk) -> None:
    made = scheduled(
        desk, "--weekly", "mon", "--time", "09:00", *BERLIN, "--start", "2090-07-01", "--count", "2", "-n", "9"
    )

    assert made["timezone"] == "Europe/Berlin"
    assert made["next_fires"] == ["2090-07-03T07:00:00Z", "2090-07-10T07:00:00Z"]


def test_a_time_from_now_is_taken_wherever_a_time_is(desk: Desk) -> None:
    made = scheduled(desk, "--at", "in 2h")
    moved = desk.json("update", made["task_id"], "--in", "3h")
    deferred = desk.json("defer", made["task_id"], "--until", "in 4 hours", "--reason", "Later.")
    paused = desk.json("pause", made["task_id"], "--until", "+1d")

    times = [made["next_fires"][0], moved["next_fires"][0], deferred["next_fires"][0], paused["paused_until"]]
    assert times == sorted(times)
    assert len({datetime.fromisoformat(each) for each in times}) == 4


def test_an_update_changes_the_schedule_and_clears_a_field(desk: Desk) -> None:
    made = scheduled(desk, "--cron", "0 9 * * *", *BERLIN, "--timeout", "60", "--misfire", "skip")
    words = ("update", made["task_id"], "--every", "2h", "--clear", "timeout-seconds", "--clear", "misfire", "-n", "1")
    changed = desk.json(*words)

    assert (changed["timeout_seconds"], changed["misfire"]) == (None, "run_once")
    assert changed["schedule_cron"] is None
    assert changed["description"].startswith("Every 2 hours, counted from ")
    assert (len(changed["next_fires"]), len(changed["fires_before"])) == (1, 1)


def test_an_update_that_changes_nothing_says_so(desk: Desk) -> None:
    made = scheduled(desk, "--cron", "0 9 1 1 *")
    told = desk("update", made["task_id"], "--name", "Tea").out
    assert "unchanged" in told
    assert "existing" not in told


@pytest.mark.parametrize(
    "words",
    [
        ("--every", "90m", "--rrule", "FREQ=DAILY"),
        ("--every", "90m", "--cron", "0 9 * * *"),
        ("--in", "1h", "--count", "3"),
        ("--in", "tomorrow"),
        ("--at", "tomorrow"),
        ("--at", "in 1h", "--time", "09:00"),
        ("--rrule", "FREQ=DAILY;BYHOUR=9", "--time", "09:00"),
        ("--workdays", "some"),
        ("--every", "every day"),
    ],
)
def test_options_that_do_not_go_together_are_refused(desk: Desk, words: tuple[str, ...]) -> None:
    ran = desk("schedule", "Tea", *ASKED, *words)

    assert ran.code == 2
    assert "example" in ran.err


@pytest.mark.parametrize(
    "words", [("--clear", "nme"), ("--clear", "origin_thought_id"), ("--timeout", "5", "--clear", "timeout_seconds")]
)
def test_a_field_that_cannot_be_cleared_is_refused(desk: Desk, words: tuple[str, ...]) -> None:
    made = scheduled(desk, "--every", "1h")

    assert desk("update", made["task_id"], *words).code == 2


def test_a_year_shows_the_fires_of_each_day(desk: Desk) -> None:
    words = ("preview", "0 9,17 * * 1", "--after", "2089-12-31T00:00:00Z", "--year")
    days = desk.json(*words)["days"]
    shown = desk(*words)

    assert days["2090-01-02"] == 2
    assert set(days.values()) == {2}
    assert all(datetime.fromisoformat(day).weekday() == 0 for day in days)
    assert "December 2089" in shown.out
    assert "November 2090" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 200


def test_a_narrow_year_is_as_wide_as_a_month(desk: Desk) -> None:
    shown, _ = desk.begin("preview", "--every", "10m", "--year", COLUMNS="30").communicate()

    months = [line for line in shown.splitlines() if line.startswith("Mo Tu")]
    assert months == ["Mo Tu We Th Fr Sa Su"] * 12
    assert "++" in shown


def test_an_agenda_has_the_fires_of_all_tasks(desk: Desk) -> None:
    scheduled(desk, "--at", "2090-01-02T09:00", *BERLIN)
    made = scheduled(desk, "--every", "1s", "--start", "2090-01-02T10:00:00Z", "--until", "2090-01-02T11:00:00Z")
    words = ("agenda", "--from", "2090-01-02T00:00", "--to", "2090-01-03T00:00", "--zone", "Europe/Berlin")
    found, shown = desk.json(*words), desk(*words)

    assert [(each["local"], each["count"]) for each in found] == [
        ("2090-01-02T09:00:00+01:00", 1),
        ("2090-01-02T11:00:00+01:00", 3601),
    ]
    assert "3,601, the last at" in shown.out
    assert made["task_id"] in shown.out
    assert "Nothing fires" in desk("agenda").out


def test_show_tells_the_next_fires(desk: Desk) -> None:
    made = scheduled(desk, "--cron", "0 9 1 1 *")

    assert desk.json("show", made["task_id"])["next_fires"] == made["next_fires"]
    assert "next fires" in desk("show", made["task_id"]).out


def test_a_refusal_names_the_option_and_what_is_meant(desk: Desk) -> None:
    two = desk("preview", "--every", "2w", "--weekly", "fri")
    time = desk("preview", "--weekly", "fri", "--time", "9:00")
    end = desk("preview", "--weekly", "fri", "--until", "soon")
    rule = desk("preview", "--rrule", "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR")

    assert "every other Friday is --every 2w" in two.err
    assert "field    --time" in time.err
    assert "option   --until" in end.err
    assert "example  DTSTART:20260306T090000\\nRRULE:" in rule.err
