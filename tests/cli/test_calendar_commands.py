"""Calendars and followed tasks on the command line and over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from remembrancer import TaskSchedulerService
from remembrancer.surfaces.rest.app import application

if TYPE_CHECKING:
    from conftest import Desk

ICS = (
    "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:{day}\nEND:VEVENT\nEND:VCALENDAR\n"
)
BASE = "http://127.0.0.1/v1/scheduler"
YEARLY = ["--cron", "0 10 1 1 *", "--prompt", "p"]


def test_a_calendar_is_defined_shown_renewed_and_removed(desk: Desk) -> None:
    made = desk.json("calendar", "define", "de", "--holidays", "DE", "--subdivision", "BE", "--years", "2")
    shown = desk("calendar", "show", "de")
    listed = desk("calendar", "list")
    renewal = desk.json("calendar", "renew", "de", "--years", "3", "--dry-run")
    renewed = desk("calendar", "renew", "de", "--years", "3")
    removed = desk("calendar", "remove", "de")

    assert (made["country"], made["subdivision"], made["years"]) == ("DE", "BE", 2)
    assert made["dates"][0] in shown.out
    assert "holidays DE BE" in listed.out
    assert (renewal["dry_run"], renewal["removed"]) == (True, [])
    assert f"  + {renewal['added'][0]}" in renewed.out
    assert removed.out == "Calendar de removed.\n"
    assert desk("calendar", "list").out == "No calendars.\n"
    assert desk("calendar", "show", "de").code == 2


def test_a_task_is_scheduled_on_a_calendar_of_a_file(desk: Desk) -> None:
    file = desk.folder / "team.ics"
    file.write_text(ICS.format(day="20990105"))
    desk("calendar", "define", "team", "--ics", str(file), "--years", "5")
    empty = desk("schedule", "Tea", "--on", "team", "--time", "09:00", "--prompt", "p")
    dates = ["--date", "2099-12-24", "--date", "2099-12-28"]
    desk("calendar", "define", "own", *dates)
    task = desk.json("schedule", "Tea", "--on", "own", "--time", "09:00", "-z", "Europe/Berlin", "--prompt", "p")
    desk("calendar", "renew", "own", "--date", "2099-12-31")
    (kept,) = desk.json("list")

    assert empty.code == 2
    assert task["next_fires"] == ["2099-12-24T08:00:00Z", "2099-12-28T08:00:00Z"]
    assert "The calendar own has data until 2099-12-28: renew it before." in task["warnings"]
    assert kept["next_run_ms"] == 4_102_387_200_000


def test_a_task_follows_another_on_the_command_line(desk: Desk) -> None:
    talk = desk.json("schedule", "Talk", *YEARLY)["task_id"]
    early = desk.json("schedule", "Notes", "--follow", talk, "--by", "-15m", "--prompt", "p")
    late = desk.json("schedule", "Thanks", "--follow", talk, "--by", "2d", "--prompt", "p")
    also = desk.json("schedule", "Tea", "--follow", talk, "--prompt", "p")
    desk("update", talk, "--cron", "0 12 1 1 *")
    moved = {each["name"]: each["next_run_ms"] for each in desk.json("list")}

    assert early["next_fires"][0][10:] == "T09:45:00Z"
    assert late["next_fires"][0][4:] == "-01-03T10:00:00Z"
    assert also["next_fires"][0][4:] == "-01-01T10:00:00Z"
    assert moved["Notes"] == moved["Talk"] - 15 * 60_000
    assert moved["Thanks"] == moved["Talk"] + 48 * 3_600_000


def test_options_that_do_not_go_together_are_refused(desk: Desk) -> None:
    for words in (
        ["--by", "-15m", *YEARLY],
        ["--on", "de", "--follow", "x", "--prompt", "p"],
        ["--on", "de", *YEARLY],
        ["--follow", "x", "--schedule", "{}", "--prompt", "p"],
        ["--holidays", "de", *YEARLY],
    ):
        assert desk("schedule", "Tea", *words).code == 2, words
    assert desk("schedule", "Tea", "--follow", "task_of_nothing", "--prompt", "p").code == 3


async def test_calendars_are_routes_of_the_api() -> None:
    async with TaskSchedulerService(":memory:") as service:
        made = await service.create_token("admin", "admin")
        reading = await service.create_token("reader", "read")
        transport = httpx.ASGITransport(app=application(service), client=("127.0.0.1", 1))
        head = {"Authorization": f"Bearer {made.token}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1/v1/scheduler", headers=head
        ) as api:
            defined = await api.post("/calendars", json={"name": "own", "dates": ["2099-12-24"]})
            shown = await api.get("/calendars/own")
            renewed = await api.post("/calendars/own/renew", json={"dates": ["2099-12-25"]})
            refused = await api.post(
                "/calendars/own/renew", json={}, headers={"Authorization": f"Bearer {reading.token}"}
            )
            missing = await api.get("/calendars/none")
            removed = await api.post("/calendars/own/remove", json={})
            listed = await api.get("/calendars")

    assert defined.json()["dates"] == shown.json()["dates"] == ["2099-12-24"]
    assert (renewed.json()["added"], renewed.json()["removed"]) == (["2099-12-25"], ["2099-12-24"])
    assert (refused.status_code, missing.status_code) == (403, 422)
    assert (removed.json(), listed.json()) == (True, [])


def test_the_check_reads_calendars(desk: Desk) -> None:
    desk("calendar", "define", "own", "--date", "2099-12-24")
    assert desk("check").code == 0


def test_business_days_take_the_holidays_of_a_calendar(desk: Desk) -> None:
    desk("calendar", "define", "closed", "--date", "2090-01-31")
    words = ("--workdays", "last", "--time", "17:00", "--start", "2090-01-01", "--prompt", "p")
    usual = desk.json("schedule", "Close", *words)
    made = desk.json("schedule", "Close", *words, "--holidays", "closed")
    shown = desk.json("preview", *words[:-2], "--holidays", "closed")
    unknown = desk("preview", "--workdays", "last", "--holidays", "nowhere")

    assert usual["next_fires"][0] == "2090-01-31T17:00:00Z"
    assert made["next_fires"][0] == "2090-01-30T17:00:00Z"
    assert [fire["at"] for fire in shown["fires"]] == made["next_fires"]
    assert (unknown.code, "nowhere" in unknown.err) == (2, True)
