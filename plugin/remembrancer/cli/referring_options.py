"""Options of a schedule that refers to a calendar, or to another task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, cast

from typer import Option

from remembrancer.errors import InvalidInput
from remembrancer.model.field_definition import FieldGroup

if TYPE_CHECKING:
    from collections.abc import Mapping

_ON: Final = Annotated[
    str | None,
    Option(
        "--on",
        metavar="CALENDAR",
        help="On the days of a calendar, at the time of day in --at.",
        rich_help_panel=FieldGroup.WHEN.value,
    ),
]
_FOLLOW: Final = Annotated[
    str | None,
    Option(
        "--follow",
        metavar="TASK_ID",
        help="At the times of another task, also when it moves.",
        rich_help_panel=FieldGroup.WHEN.value,
    ),
]
_BY: Final = Annotated[
    str | None,
    Option(
        "--by",
        metavar="LENGTH",
        help="With --follow: -15m is before it, 2d two days after.",
        rich_help_panel=FieldGroup.WHEN.value,
    ),
]
REFERRING: Final = (("on", _ON, None), ("follow", _FOLLOW, None), ("by", _BY, None))
"""Fields of the options of `schedule` and `update`."""


def with_reference(typed: Mapping[str, object], given: dict[str, object]) -> dict[str, object]:
    """Return the fields *given* with the schedule that the options make; as they are without one of them."""
    on, follow, by = (cast("str | None", typed[name]) for name in ("on", "follow", "by"))
    if by is not None and follow is None:
        raise InvalidInput("--by", by, "a length beside --follow", "--follow TASK_ID --by -15m")
    if on is None and follow is None:
        return given
    if on is not None and follow is not None:
        raise InvalidInput("--on", on, "--on or --follow, not both", "de")
    if given.get("schedule") is not None:
        raise InvalidInput("--on" if on else "--follow", on or follow, "no value beside --schedule", None)
    if on is None:
        return {**given, "schedule": _following(follow, by)}
    schedule = {"kind": "calendar", "name": on, "at": typed["defer_until"], "timezone": given.get("timezone")}
    return {**given, "schedule": schedule, "defer_until": None, "timezone": None}


def _following(task_id: object, by: str | None) -> dict[str, object]:
    """Return the schedule that follows a task; days and weeks are calendar days, at the same time of day."""
    from remembrancer.schedules.value_fields import names_days_only, read_length

    times: dict[str, object] = {"kind": "task_times", "task_id": task_id}
    if by is None:
        return times
    if names_days_only(by) and (seconds := read_length(by, "by", "-15m")) % _DAY == 0:
        return {"kind": "offset", "schedule": times, "days": seconds // _DAY}
    return {"kind": "offset", "schedule": times, "by": by}


_DAY: Final = 86_400
