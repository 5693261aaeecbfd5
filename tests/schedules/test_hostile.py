"""Hostile schedules: each is refused, or answered within the steps of one search; and jitter keeps to its place."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from remembrancer.errors import InvalidInput
from remembrancer.model.schedule import value_of
from remembrancer.schedules.kinds import KINDS
from remembrancer.schedules.walls.steps import FEW, at_most

BENCH = runpy.run_path(str(Path(__file__).parents[2] / "bench" / "hostile.py"))
VALUES: dict[str, dict[str, Any]] = BENCH["hostile"]()
REFUSED = {
    "INTERVAL=0",
    "COUNT with UNTIL",
    "BYSETPOS of no place",
    "BYMONTHDAY=31;BYMONTH=2",
    "BYMONTHDAY=31;BYMONTH=2, by the second",
    "SECONDLY;INTERVAL=86399;COUNT=100000",
    "a thousand deep",
    "two rules of office hours that never meet",
}
INNER = (
    {"kind": "every", "every": "1m"},
    {"kind": "every", "every": "7s"},
    {"kind": "cron", "expression": "0 */2 * * *", "timezone": "Europe/Berlin"},
    {"kind": "cron", "expression": "30 2 * * *", "timezone": "Europe/Berlin"},
    {"kind": "dates", "dates": ["2026-03-01", "2026-03-02", "2026-06-01"], "at": "09:00"},
)


@pytest.mark.parametrize("name", VALUES)
def test_a_hostile_schedule_takes_the_steps_of_one_search(name: str) -> None:
    try:
        with at_most(FEW):
            BENCH["answer"](VALUES[name])
    except (InvalidInput, ValueError):
        assert name in REFUSED
    else:
        assert name not in REFUSED


@given(
    inner=st.sampled_from(INNER),
    jitter=st.integers(0, 4 * 86_400),
    spread=st.integers(0, 86_400),
    begin=st.integers(1_767_225_600, 1_782_864_000),
    task=st.text("abc", min_size=1, max_size=3),
)
def test_a_jittered_fire_stays_before_the_next_nominal(
    inner: dict[str, Any], jitter: int, spread: int, begin: int, task: str
) -> None:
    nominal = _schedule(inner, task)
    value = {"kind": "bounded", "schedule": inner, "jitter": f"{jitter}s", "spread": f"{spread}s"}
    nominals = nominal.between(begin * 1000, begin * 1000 + 40 * 86_400_000, 20)
    fires = _schedule(value, task).between(begin * 1000, begin * 1000 + 80 * 86_400_000, 21)
    for at in nominals[:-1]:
        following = nominal.next_ms(at)
        assert len([each for each in fires if at <= each < following]) == 1
    assert fires == _schedule(value, task).between(begin * 1000, begin * 1000 + 80 * 86_400_000, 21)


def _schedule(value: dict[str, Any], task: str) -> Any:
    read = value_of(value)
    return KINDS[read.kind](read, task)
