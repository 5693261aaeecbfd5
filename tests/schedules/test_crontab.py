"""Crontab files as they are found on real machines."""

from __future__ import annotations

import pytest

from remembrancer.schedules.cron.expression import parse_cron
from remembrancer.schedules.importers.crontab import CrontabLine, read_crontab

SYSTEM = """\
# /etc/crontab: the jobs of the whole system, each with the user it runs as.

SHELL=/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin

# .---------------- minute (0 - 59)
# |  .------------- hour (0 - 23)
# m h dom mon dow user\tcommand
17 *\t* * *\troot\tcd / && run-parts --report /etc/cron.hourly
25 6\t* * *\troot\ttest -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }
47 6\t* * 7\troot\ttest -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.weekly; }
52 6\t1 * *\troot\ttest -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.monthly; }
#
"""

DROPPED_IN = """\
# Sweep the sessions twice an hour.
MAILTO=""
@reboot         root    [ -d /run/example ] || mkdir /run/example
09,39 *     * * *     root   [ -x /usr/lib/example/sweep ] && if [ ! -d /run/held ]; then sweep; fi
5-55/10 * * * * www-data command -v sample > /dev/null && sample 1 1
59 23 * * * root command -v sample > /dev/null && sample 60 2
57 0 * * 0 root if [ -x /usr/sbin/check ] && [ $(date +\\%d) -le 7 ]; then /usr/sbin/check; fi
"""

MINE = """\
CRON_TZ=Europe/Berlin
0 5 * * 1 tar -zcf /var/backups/home.tgz /home/
*/15 9-17 * * MON-FRI $HOME/bin/check-mail >/dev/null 2>&1
30 7 1 jan,jul * mail -s "Half a year" me@example.org%Dear me,%%it is time: 100\\% of it.
@daily ~/bin/tidy"""


def jobs(text: str, *, system: bool | None = None) -> list[CrontabLine]:
    return [line for line in read_crontab(text, system=system) if line.kind == "job"]


def test_the_system_form_is_seen_and_read() -> None:
    read = jobs(SYSTEM)
    assert [(job.number, job.expression, job.user) for job in read] == [
        (9, "17 * * * *", "root"),
        (10, "25 6 * * *", "root"),
        (11, "47 6 * * 7", "root"),
        (12, "52 6 1 * *", "root"),
    ]
    assert read[0].command == "cd / && run-parts --report /etc/cron.hourly"
    assert read[0].environment[0] == ("SHELL", "/bin/sh")
    assert [line.kind for line in read_crontab(SYSTEM)].count("comment") == 5


def test_a_drop_in_file_needs_no_heading_to_be_a_system_one() -> None:
    lines = read_crontab(DROPPED_IN)
    assert [line.kind for line in lines] == ["comment", "environment", "skipped", "job", "job", "job", "job"]
    assert "machine starts" in (lines[2].reason or "")
    assert [line.user for line in lines[3:]] == ["root", "www-data", "root", "root"]
    assert "$(date +%d) -le 7" in (lines[6].command or "")
    assert lines[6].stdin is None
    assert lines[1].environment == (("MAILTO", ""),)


def test_a_users_own_form_is_seen_and_read() -> None:
    read = jobs(MINE)
    assert [job.user for job in read] == [None] * 4
    assert {job.timezone for job in read} == {"Europe/Berlin"}
    assert read[0].command == "tar -zcf /var/backups/home.tgz /home/"
    assert read[2].command == 'mail -s "Half a year" me@example.org'
    assert read[2].stdin == "Dear me,\n\nit is time: 100% of it."
    assert read[3].expression == "@daily"


@pytest.mark.parametrize("text", [SYSTEM, DROPPED_IN, MINE, "", "\n", "\n\n", "a\r\nb\r\n", "* * * * *", "\x0c\x0b"])
def test_every_line_is_counted_and_every_job_can_be_scheduled(text: str) -> None:
    lines = read_crontab(text)
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    assert "\n".join(line.text for line in lines) == text.replace("\r\n", "\n").removesuffix("\n")
    for line in lines:
        assert (line.reason is not None) == (line.kind == "skipped")
        if line.kind == "job":
            assert line.command
            parse_cron(line.expression or "", timezone=line.timezone or "UTC")


@pytest.mark.parametrize(
    ("line", "expression"),
    [
        ("5-5 * * * * true", "5 * * * *"),
        ("0 0 * * FRI-FRI true", "0 0 * * FRI"),
        ("3-3/2,10-20/30 * * * * true", "3,10 * * * *"),
        ("*/60 */24 * * * true", "0 0 * * *"),
        ("-*/15 * * * * true", "*/15 * * * *"),
        ("  7   4\t*  *  *   true", "7 4 * * *"),
        ("@HOURLY true", "@HOURLY"),
        ("0 0 * * SAT-SUN true", "0 0 * * SAT-SUN"),
    ],
)
def test_what_cron_certainly_means_is_taken_over(line: str, expression: str) -> None:
    (job,) = jobs(line)
    assert job.expression == expression
    assert job.command == "true"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("@reboot /usr/bin/start", "machine starts"),
        ("@every 5m true", "interval schedule"),
        ("5/15 * * * * true", "write 5-59/15"),
        ("61 * * * * true", "the minute field takes 0 to 59"),
        ("0~30 * * * * true", "the minute field"),
        ("0 0 31 2 * true", "never fire"),
        ("0 0 */31 * 1 true", "day-of-month"),
        ("* * * * *", "neither a job"),
        ("hello world", "neither a job"),
        ("0 5 * * * %only input", "no command"),
    ],
)
def test_what_cannot_be_taken_over_says_why(line: str, reason: str) -> None:
    (skipped,) = read_crontab(line)
    assert skipped.kind == "skipped"
    assert reason in (skipped.reason or "")
    assert skipped.text == line


def test_the_form_can_be_told_instead_of_guessed() -> None:
    line = "0 5 * * * deploy /srv/run --now"
    (mine,) = jobs(line, system=False)
    (systems,) = jobs(line, system=True)
    assert (mine.user, mine.command) == (None, "deploy /srv/run --now")
    assert (systems.user, systems.command) == ("deploy", "/srv/run --now")
    (lonely,) = read_crontab("0 5 * * * root", system=True)
    assert "no command after the user root" in (lonely.reason or "")


def test_one_line_without_a_user_makes_the_file_a_users_own() -> None:
    text = "0 5 * * * report /srv/a\n0 6 * * * /srv/b --fast\n"
    assert [job.user for job in jobs(text)] == [None, None]
    assert jobs("0 5 * * * sync --all")[0].user is None


def test_one_broken_line_leaves_a_system_file_a_system_file() -> None:
    lines = read_crontab(SYSTEM + "* * * * * root\n")
    assert lines[8].user == "root"
    assert lines[-1].kind == "skipped"


def test_settings_hold_from_their_line_on() -> None:
    lines = read_crontab(
        "0 1 * * * a\nCRON_TZ=:Asia/Tokyo\n0 2 * * * b\n \"NAME\" = 'x y' \nCRON_TZ=UTC\n0 3 * * * c\n"
    )
    assert [line.timezone for line in lines] == [None, "Asia/Tokyo", "Asia/Tokyo", "Asia/Tokyo", "UTC", "UTC"]
    assert lines[0].environment == ()
    assert lines[-1].environment == (("CRON_TZ", "UTC"), ("NAME", "x y"))


def test_jobs_in_a_zone_that_does_not_exist_are_skipped() -> None:
    lines = read_crontab("CRON_TZ=Mars/Olympus\n0 1 * * * a\n")
    assert lines[0].kind == "environment"
    assert lines[1].kind == "skipped"
    assert "timezone" in (lines[1].reason or "")
