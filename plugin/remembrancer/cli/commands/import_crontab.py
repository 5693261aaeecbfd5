"""`remembrancer import crontab`."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from typer import Argument, Option

from remembrancer.cli.command import GraphOptions
from remembrancer.errors import InvalidInput

if TYPE_CHECKING:
    from remembrancer.cli.views.crontab import ImportedLine


@dataclass(frozen=True, kw_only=True)
class ImportOptions(GraphOptions):
    """The options of `import crontab`."""

    file: Annotated[Path, Argument(help="The crontab; - reads it from stdin.", allow_dash=True)]
    dry_run: Annotated[bool, Option("--dry-run", "-n", help="Show the result without importing.")] = False
    system: Annotated[
        bool | None,
        Option(
            "--system/--user",
            help="Job lines name a user, as in /etc/cron.d, or do not; default by the file.",
        ),
    ] = None
    timezone: Annotated[
        str | None,
        Option("--timezone", "-z", metavar="ZONE", help="Zone of lines without a CRON_TZ; default this machine's."),
    ] = None


async def crontab(asked: ImportOptions) -> None:
    """Import the jobs of a crontab, and report on every line of it.

    Each job becomes a recurring task whose prompt is the command; its context has user, environment and
    input. Importing again changes nothing. Times are in the zone of CRON_TZ, else of --timezone, else of this
    machine. Guesses are reported. For example:

        crontab -l | remembrancer import crontab - --dry-run
        remembrancer import crontab /etc/cron.d/sysstat --timezone Europe/Berlin
        remembrancer import crontab /etc/crontab --system --json
    """
    from remembrancer.cli.output import errors, print_json
    from remembrancer.cli.views.crontab import ImportStatus, classify
    from remembrancer.schedules.importers.crontab import judged, read_as

    text = _text(asked.file)
    form = judged(text, system=asked.system, name=str(asked.file))
    zone, source = (asked.timezone, "as --timezone says") if asked.timezone else machine_zone()
    accounted = await classify(read_as(text, form), asked.graph, zone, dry_run=asked.dry_run)
    if asked.as_json:
        counts = Counter(each.fate for each in accounted)
        totals = {fate.name.lower(): counts[fate] for fate in ImportStatus}
        guessed = {"form": form.kind, "form_reason": form.why, "timezone": zone, "timezone_reason": source}
        print_json({"file": str(asked.file), "dry_run": asked.dry_run, **guessed, **totals, "lines": accounted})
    else:
        _print(accounted, dry_run=asked.dry_run)
        errors().print(f"Read as {_FORMS[form.kind]}: {form.why}.", markup=False, highlight=False)
        errors().print(f"Times without a CRON_TZ are read in {zone}, {source}.", markup=False, highlight=False)


def machine_zone(etc: Path = Path("/etc")) -> tuple[str, str]:
    """Return the zone in which cron reads times on this machine, and its source; UTC if it is unknown."""
    with suppress(OSError, InvalidInput):
        return _zone((etc / "localtime").resolve().as_posix().partition("zoneinfo/")[2]), "the zone of this machine"
    with suppress(OSError, InvalidInput, UnicodeDecodeError):
        return _zone((etc / "timezone").read_text("utf-8").strip()), "the zone of this machine"
    return "UTC", "as this machine names no zone; --timezone names another"


def _zone(name: str) -> str:
    from remembrancer.schedules.parsing import read_zone

    return read_zone("UTC" if name in _UTC else name)


def _text(file: Path) -> str:
    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as refused:
        allowed = f"a file that can be read ({refused.strerror})"
        raise InvalidInput("file", str(file), allowed, "/etc/crontab") from refused
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")  # cron accepts any bytes, and Latin-1 decodes every byte


def _print(accounted: list[ImportedLine], *, dry_run: bool) -> None:
    from remembrancer.cli.output import print_table, row_table, screen
    from remembrancer.cli.views.crontab import ImportStatus

    rows: list[dict[str, object]] = [
        {
            "line": each.number,
            "what": each.fate,
            "schedule": each.schedule_cron or "",
            "user": each.user or "",
            "command": each.command or each.text.strip(),
            "why": each.reason or "",
        }
        for each in accounted
        if each.fate is not ImportStatus.NO_JOB
    ]
    print_table(row_table(rows))
    counts = Counter(each.fate for each in accounted)
    words = "would be imported" if dry_run else "imported"
    jobs = f"{counts[ImportStatus.IMPORTED]} {words}, {counts[ImportStatus.UNCHANGED]} unchanged"
    others = f"{counts[ImportStatus.SKIPPED]} skipped; {counts[ImportStatus.NO_JOB]} lines without a job."
    screen().print(f"{jobs}, {others}", highlight=False)


_FORMS: Final = {"user": "a user's own crontab", "system": "the system's crontab", "anacron": "an anacrontab"}
_UTC: Final = ("Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "Universal", "Zulu", "UCT")
