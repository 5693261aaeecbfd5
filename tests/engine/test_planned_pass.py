"""The record of a checker knows when the next pass is due: one that does not come is no health."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from remembrancer.engine.tick_record import TickRecord
from remembrancer.testing import VirtualClock

HOUR = 3600.0


def test_a_pass_that_is_due_and_does_not_begin_is_told() -> None:
    clock = VirtualClock(datetime(2030, 1, 1, tzinfo=UTC))
    record = TickRecord(clock, HOUR)
    record.start()
    record.begin()
    record.end(well=True)
    record.plan(clock.now() + timedelta(seconds=5))
    clock.advance(timedelta(seconds=14))
    in_time = record.trouble
    clock.advance(timedelta(seconds=2))

    assert in_time is None
    assert "due 11 s ago" in (record.trouble or "")
    record.begin()
    assert record.trouble is None
