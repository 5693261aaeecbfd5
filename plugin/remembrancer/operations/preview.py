"""Preview of a cron expression: its next fires, worked out on a thread of their own."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)
from typing import TYPE_CHECKING, Final

from remembrancer.model.constraints import read_word
from remembrancer.model.plain_schedules import Cron
from remembrancer.model.policy import Fold, Gap, SecondsField
from remembrancer.model.timestamps import to_ms
from remembrancer.schedules.preview import Fire, preview, read_expression

if TYPE_CHECKING:
    from collections.abc import Callable

    from remembrancer.schedules.cron.schedule import CronSchedule
    from remembrancer.schedules.protocol import Schedule

PREVIEW_SECONDS: Final = 10.0
"""Seconds that the fires of a preview may take to find."""
_THREADS: Final = ThreadPoolExecutor(1, thread_name_prefix="remembrancer-preview")
"""Of previews: each may take seconds, and delays no other answer."""


@dataclass(frozen=True, slots=True)
class PreviewedFire:
    """A fire to come."""

    at: datetime
    local: str
    note: str


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


async def next_fires(read: Callable[[], Schedule], after: datetime, count: int) -> list[PreviewedFire]:
    """Return the next *count* fires after a time of the schedule that *read* returns.

    Raises InvalidInput: *read* refuses the schedule, or the fires take too long to find.
    """
    over = threading.Event()
    until = time.monotonic() + PREVIEW_SECONDS

    def work() -> list[Fire]:
        return preview(read(), to_ms(after), count, lambda: over.is_set() or time.monotonic() > until)

    try:
        fires = await asyncio.get_running_loop().run_in_executor(_THREADS, work)
    finally:
        over.set()  # the caller may have gone
    return [PreviewedFire(at=fire.at, local=fire.local.isoformat(), note=fire.note) for fire in fires]
