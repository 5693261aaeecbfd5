"""Each line of a crontab is imported as cron means it, or skipped with the reason, or told to be a guess."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from cronsim import CronSim

from remembrancer.cli.commands.imports import machine_zone
from remembrancer.model.timestamps import to_ms
from remembrancer.schedules.cron.expression import parse_cron
from remembrancer.schedules.importers.crontab import judged, read_crontab

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Desk

CASES: dict[str, tuple[bytes, list[tuple[str, str | None]]]] = {
    "a user's own": (b"0 4 * * * pg_dump /srv/db\n@daily trim /\n", [("imported", None), ("imported", None)]),
    "Red Hat's heading": (
        b"# *  *  *  *  * user-name  command to be executed\n*/5 * * * * apache php /srv/x.php\n",
        [("no task", None), ("imported", "apache")],
    ),
    "BSD's heading": (
        b"#minute\thour\tmday\tmonth\twday\twho\tcommand\n0 * * * * www newsyslog\n",
        [("no task", None), ("imported", "www")],
    ),
    "an anacrontab": (
        b"RANDOM_DELAY=45\n7 25 cron.weekly nice run-parts /etc/cron.weekly\n@monthly 45 cron.monthly run-parts x\n",
        [("no task", None), ("refused", None), ("refused", None)],
    ),
    "flags of BSD": (b"15 3 * * * -q /bin/sh /etc/weekly\n", [("refused", None)]),
    "a NUL": (
        b"1 1 * * * a\n2 2 * * * b\0c\n3 3 * * * d\n",
        [("imported", None), ("refused", None), ("imported", None)],
    ),
    "a NUL in a setting": (b"CRON_TZ=Asia/\0Tokyo\n1 1 * * * a\n", [("refused", None), ("imported", None)]),
    "a long command": (
        b"1 1 * * * a\n2 2 * * * " + b"x" * 20_001 + b"\n3 3 * * * d\n",
        [("imported", None), ("refused", None), ("imported", None)],
    ),
    "a large environment": (
        b"".join(b"V%d=%s\n" % (n, b"v" * 900) for n in range(80)) + b"1 1 * * * a\n",
        [("no task", None)] * 80 + [("refused", None)],
    ),
    "an escape in the command": (b"1 1 * * * printf \x1b[2Jx\n", [("imported", None)]),
    "letters that are no UTF-8": (b"1 1 * * * caf\xe9\n", [("refused", None)]),
}


@pytest.mark.parametrize("name", CASES)
def test_a_dry_run_is_the_run(desk: Desk, name: str) -> None:
    written, fates = CASES[name]
    file = desk.folder / "tab"
    file.write_bytes(written)
    foreseen = desk.json("import", "crontab", str(file), "--dry-run")
    done = desk.json("import", "crontab", str(file))

    assert [(line["fate"], line["user"]) for line in done["entries"]] == fates
    for key in ("imported", "unchanged", "refused", "no_task", "form", "timezone"):
        assert foreseen[key] == done[key]
    for before, after in zip(foreseen["entries"], done["entries"], strict=True):
        assert {**after, "task_id": None, "next_fires": before["next_fires"]} == before
        assert after["fate"] != "refused" or after["reason"]
    assert len(desk.json("list")) == done["imported"]


def test_tz_is_for_the_command_and_the_line_says_so(desk: Desk) -> None:
    text = "TZ=America/New_York\n0 9 * * * report\nCRON_TZ=Asia/Tokyo\n0 9 * * * other\n"
    report = desk.json("import", "crontab", "-", "-z", "Europe/Oslo", stdin=text)

    assert [line["timezone"] for line in report["entries"]] == [None, "Europe/Oslo", None, "Asia/Tokyo"]
    assert "TZ reaches the command only" in report["entries"][1]["notes"][0]
    assert report["entries"][3]["notes"] == []
    assert {task["context"]["environment"]["TZ"] for task in desk.json("list")} == {"America/New_York"}


def test_a_mark_of_byte_order_hides_no_zone(desk: Desk) -> None:
    (desk.folder / "tab").write_bytes(b"\xef\xbb\xbfCRON_TZ=Europe/Paris\n0 7 * * * bread\n")
    report = desk.json("import", "crontab", str(desk.folder / "tab"))

    assert [(line["fate"], line["timezone"]) for line in report["entries"]] == [
        ("no task", None),
        ("imported", "Europe/Paris"),
    ]


def test_a_person_is_told_the_form_and_the_zone(desk: Desk) -> None:
    ran = desk("import", "crontab", "-", "--dry-run", stdin="0 7 * * * bread /srv\n")

    assert "Read as a user's own crontab: no heading" in ran.err
    assert "Times without a CRON_TZ are read in" in ran.err


def test_a_files_place_says_whether_it_is_the_systems() -> None:
    text = "0 7 * * * baker bread --fresh\n"

    assert judged(text, name="/etc/cron.d/bakery").kind == "system"
    assert judged(text, name="/etc/crontab").kind == "system"
    assert judged(text, name="/etc/anacrontab").kind == "anacron"
    assert judged(text, name="/var/spool/cron/crontabs/baker").kind == "user"
    assert judged(text, name="/etc/cron.d/bakery", system=False).kind == "user"


def test_the_zone_of_the_machine_is_the_one_cron_reads(tmp_path: Path) -> None:
    places = tmp_path / "zoneinfo" / "Europe"
    places.mkdir(parents=True)
    (places / "Oslo").touch()
    assert machine_zone(tmp_path)[0] == "UTC"

    (tmp_path / "timezone").write_text("Asia/Tokyo\n")
    assert machine_zone(tmp_path) == ("Asia/Tokyo", "the zone of this machine")

    (tmp_path / "localtime").symlink_to(places / "Oslo")
    assert machine_zone(tmp_path) == ("Europe/Oslo", "the zone of this machine")


@pytest.mark.parametrize(
    ("rest", "command", "stdin"),
    [
        (r"date +\%d", "date +%d", None),
        (r"cat%one%two", "cat", "one\ntwo"),
        (r"cat \\%one", r"cat \\", "one"),
        (r"cat \\\%one", r"cat \\%one", None),
        (r"cat%a\%b\c%d", "cat", "a%b\\c\nd"),
        (r"cat%a\\%b", "cat", r"a\%b"),
    ],
)
def test_percents_are_read_as_cron_reads_them(rest: str, command: str, stdin: str | None) -> None:
    (job,) = read_crontab(f"0 7 * * * {rest}")

    assert (job.command, job.stdin) == (command, stdin)
    assert ("backslash" in (job.note or "")) == (r"\\" in rest)


@pytest.mark.parametrize("when", ["30 1-3/2", "20-40/10 2", "0-30/15 0-4/2", "5 2-4/2", "10-50/20 1,2"])
@pytest.mark.parametrize("start", [datetime(2027, 3, 27, tzinfo=UTC), datetime(2027, 10, 30, tzinfo=UTC)])
def test_a_stepped_range_without_a_star_runs_as_in_cron(when: str, start: datetime) -> None:
    (job,) = read_crontab(f"{when} * * * run")
    cron = parse_cron(job.expression or "", timezone="Europe/Berlin")
    until = start.timestamp() + 3 * 86_400
    ours = {fire // 1000 for fire in cron.between(to_ms(start) + 1, int(until * 1000), 1000)}
    spelled = CronSim(job.expression or "", start.astimezone(parse_zone()))
    theirs = {int(fire.timestamp()) for fire in _until(spelled, until)}

    assert ours == theirs
    assert "is spelled" in (job.note or "")


def parse_zone() -> Any:
    from zoneinfo import ZoneInfo

    return ZoneInfo("Europe/Berlin")


def _until(fires: CronSim, end: float) -> list[datetime]:
    found: list[datetime] = []
    while (fire := next(fires)).timestamp() <= end:
        found.append(fire)
    return found


@pytest.mark.parametrize(
    "line", ["0 0-23 * * * x", "*/60 5 * * * x", "0 */24 * * * x", "-0 5 * * * x", "0 5 L * * x", "0 5 * * 1#1 x"]
)
def test_what_runs_otherwise_than_in_cron_is_told(line: str) -> None:
    (job,) = read_crontab(f"{line} run")

    assert job.kind == "job"
    assert job.note


@pytest.mark.parametrize(
    "line", ["0 5 * * * x", "*/5 * * * * x", "0 */2 * * * x", "5-55/10 * * * * x", "@weekly x", "@hourly x"]
)
def test_what_runs_as_in_cron_has_no_note(line: str) -> None:
    (job,) = read_crontab(f"{line} run")

    assert (job.kind, job.note) == ("job", None)
