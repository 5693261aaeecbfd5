"""Previews of schedules: their next fires, words and cautions, worked out on a thread of their own."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from remembrancer.model.constraints import read_word
from remembrancer.model.plain_schedules import Cron, Once
from remembrancer.model.policy import Fold, Gap, SecondsField
from remembrancer.model.schedule import text_of
from remembrancer.model.timestamps import to_iso, to_local_iso, to_ms
from remembrancer.operations.ahead.worker import Worker
from remembrancer.operations.requested_schedule import requested
from remembrancer.schedules.cautions import cautions
from remembrancer.schedules.kinds import KINDS
from remembrancer.schedules.parsing import read_moment, read_zone
from remembrancer.schedules.preview import Fire, preview, read_expression

if TYPE_CHECKING:
    from collections.abc import Callable

    from remembrancer.model.timestamps import Moment
    from remembrancer.schedules.cron.schedule import CronSchedule
    from remembrancer.schedules.protocol import Schedule

PREVIEW_SECONDS: Final = 10.0
"""Seconds that the fires of a preview may take to find."""
_WORKER: Final = Worker("remembrancer-preview")


@dataclass(frozen=True, slots=True)
class PreviewedFire:
    """A fire to come."""

    at: datetime
    """The time of the fire (UTC)."""
    local: str
    """The same on the wall clock of the schedule's zone, ISO-8601."""
    note: str
    """The effect of a clock change on it; empty without one."""


@dataclass(frozen=True, slots=True)
class SchedulePreview:
    """A schedule before it is asked for: what it means, and when it fires."""

    schedule: dict[str, object]
    """The schedule with its times exact: to be given to `schedule_task` as it is."""
    description: str
    """The schedule in English."""
    timezone: str
    """The zone of its wall clock."""
    fires: list[PreviewedFire]
    """Its next fires, ascending."""
    warnings: list[str]
    """Points that a careful reader would raise."""


def read_cron(
    expression: str, *, timezone: str, gap: Gap | str, fold: Fold | str, seconds_field: SecondsField | str | None
) -> CronSchedule:
    """Return the schedule of a cron expression. Raises InvalidInput."""
    named = Cron(expression, timezone)  # takes a zone before the fields
    return read_expression(
        named.expression,
        timezone=named.timezone,
        gap=read_word("gap", gap, Gap, Gap.RUN_AFTER.value),
        fold=read_word("fold", fold, Fold, Fold.FIRST.value),
        seconds_field=None
        if seconds_field is None
        else read_word("seconds_field", seconds_field, SecondsField, SecondsField.FIRST.value),
    )


def previewed(
    given: object, after: Moment | None, count: int, now: datetime, is_late: Callable[[], bool] = lambda: False
) -> SchedulePreview:
    """Return the preview of a schedule, a value or a JSON object, after a time or after *now*. Raises InvalidInput."""
    value = exact = requested(given, now)
    if isinstance(value, Once):
        zone = read_zone(value.timezone)
        at = read_moment(value.at, "at", now=now, timezone=zone, fold=value.fold, gap=value.gap)
        value, exact = replace(value, at=at), replace(value, at=to_iso(at))
    schedule = KINDS[value.kind](value, "")
    begin = now if after is None else read_moment(after, "after", now=now, timezone=schedule.timezone)
    fires = preview(schedule, to_ms(begin), count, is_late)
    return SchedulePreview(
        schedule=cast("dict[str, object]", json.loads(text_of(exact))),
        description=schedule.describe(),
        timezone=schedule.timezone,
        fires=[_shown(fire) for fire in fires],
        warnings=cautions(value, schedule.timezone, [fire.at for fire in fires], begin),
    )


async def preview_of(given: object, after: Moment | None, count: int, now: datetime) -> SchedulePreview:
    """Return the same, worked out beside the event loop. Raises InvalidInput, also if it takes too long."""
    return await _WORKER.run(partial(previewed, given, after, count, now), _deadline())


async def next_fires(read: Callable[[], Schedule], after: datetime, count: int) -> list[PreviewedFire]:
    """Return the next *count* fires after a time of the schedule that *read* returns.

    Raises InvalidInput: *read* refuses the schedule, or the fires take too long to find.
    """

    def work(is_late: Callable[[], bool]) -> list[Fire]:
        return preview(read(), to_ms(after), count, is_late)

    return [_shown(fire) for fire in await _WORKER.run(work, _deadline())]


def _deadline() -> float:
    return time.monotonic() + PREVIEW_SECONDS


def _shown(fire: Fire) -> PreviewedFire:
    return PreviewedFire(at=fire.at, local=to_local_iso(fire.local), note=fire.note)
