"""The bound on a search through several sets of times: a query gets so many steps, and is given up after them."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Generator

FEW: Final = 5000
"""Steps of a search for one time: some 15 ms."""
MANY: Final = 500_000
"""Steps of a list or a count."""


class _StepsLeft(threading.local):
    steps: int | None = None


_LEFT: Final = _StepsLeft()


@contextmanager
def at_most(steps: int) -> Generator[None]:
    """Allow so many steps to all searches inside taken together; where a bound is in force already, that one holds."""
    if _LEFT.steps is not None:
        yield
        return
    _LEFT.steps = steps
    try:
        yield
    finally:
        _LEFT.steps = None


def step() -> None:
    """Take a step. Raises InvalidInput if none is left."""
    if _LEFT.steps is None:
        return
    _LEFT.steps -= 1
    if _LEFT.steps < 0:
        allowed = "schedules whose times meet: these have none in common for a long time, or too many to compare"
        example = {"kind": "all_of", "schedules": [{"kind": "every", "every": "15m"}, {"kind": "workdays"}]}
        raise InvalidInput("schedule", "a combination", allowed, example)
