"""Crontabs are taken over line by line, and only once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from conftest import Desk


CRONTAB = """\
# a comment
SHELL=/bin/sh
CRON_TZ=Europe/Berlin

0 9 * * mon-fri   echo "good morning"
@daily            backup --all
*/5 * * * *       mail ada%Dear Ada,%all is well
@reboot           start-me
0 0 31 2 *        never
this is no job
0 9 * * mon-fri   echo "good morning"
"""


def fates(report: dict[str, Any]) -> list[tuple[int, str]]:
    return [(int(line["place"].removeprefix("line ")), line["fate"]) for line in report["entries"]]


def test_every_line_is_accounted_for(desk: Desk) -> None:
    report = desk.json("import", "crontab", "-", stdin=CRONTAB)

    assert fates(report) == [
        *((number, "no task") for number in (1, 2, 3, 4)),
        *((number, "imported") for number in (5, 6, 7)),
        *((number, "refused") for number in (8, 9, 10)),
        (11, "unchanged"),
    ]
    assert all(line["reason"] for line in report["entries"] if line["fate"] != "imported")
    assert (report["imported"], report["unchanged"], report["refused"], report["no_task"]) == (3, 1, 3, 4)


def test_a_job_becomes_a_recurring_task_with_all_that_cron_knew(desk: Desk) -> None:
    report = desk.json("import", "crontab", "-", stdin=CRONTAB)
    mail = next(task for task in desk.json("list") if task["name"] == "mail ada")

    assert (mail["schedule_cron"], mail["timezone"]) == ("*/5 * * * *", "Europe/Berlin")
    assert (mail["trigger_prompt"], mail["origin_thought_id"]) == ("mail ada", "crontab_import")
    assert mail["context"]["stdin"] == "Dear Ada,\nall is well"
    assert mail["context"]["environment"]["SHELL"] == "/bin/sh"
    assert mail["task_id"] == report["entries"][6]["task_id"]


def test_importing_twice_makes_no_duplicate(desk: Desk) -> None:
    first = desk.json("import", "crontab", "-", stdin=CRONTAB)
    (desk.folder / "elsewhere").write_text(f"# moved\n{CRONTAB}")
    foreseen = desk.json("import", "crontab", str(desk.folder / "elsewhere"), "--dry-run")
    second = desk.json("import", "crontab", str(desk.folder / "elsewhere"))

    assert (first["imported"], second["imported"], second["unchanged"]) == (3, 0, 4)
    assert (foreseen["imported"], foreseen["unchanged"]) == (0, 4)
    assert len(desk.json("list", "--all")) == 3


def test_a_dry_run_writes_nothing(desk: Desk) -> None:
    report = desk.json("import", "crontab", "-", "--dry-run", stdin=CRONTAB)

    assert (report["dry_run"], report["imported"]) == (True, 3)
    assert not desk.graph.exists()


def test_the_system_form_names_the_user(desk: Desk) -> None:
    line = "17 * * * * ada cd / && run-parts /etc/cron.hourly\n"
    report = desk.json("import", "crontab", "-", "--system", "-z", "Asia/Tokyo", stdin=line)
    (task,) = desk.json("list")

    assert report["entries"][0]["user"] == "ada"
    assert (task["trigger_prompt"], task["timezone"]) == ("cd / && run-parts /etc/cron.hourly", "Asia/Tokyo")
    assert task["context"]["user"] == "ada"


def test_the_table_for_people_ends_with_the_totals(desk: Desk) -> None:
    ran = desk("import", "crontab", "-", stdin=CRONTAB)

    assert ran.code == 0
    assert ran.out.rstrip().endswith("3 imported, 1 unchanged, 3 refused; 4 lines without a job.")
    assert "@reboot names no time" in ran.out


def test_a_line_with_bytes_that_are_no_text_is_refused(desk: Desk) -> None:
    (desk.folder / "bytes").write_bytes(b"# \xe9\n0 9 * * * \xff\xfe\n0 8 * * * tea\nA=\xff\n0 7 * * * echo\n")
    report = desk.json("import", "crontab", str(desk.folder / "bytes"))
    lines = report["entries"]

    assert fates(report) == [(1, "no task"), (2, "refused"), (3, "imported"), (4, "no task"), (5, "refused")]
    assert r"bytes that are no UTF-8, which no task can keep unchanged: 0 9 * * * \xff\xfe" in lines[1]["reason"]
    assert r"a setting above it has bytes" in lines[4]["reason"]
    assert [task["name"] for task in desk.json("list")] == ["tea"]
