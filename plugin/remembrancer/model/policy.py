"""The choices a task carries: closed sets of words, the same in Python, in the graph and on the command line."""

from __future__ import annotations

from enum import StrEnum


class Gap(StrEnum):
    """What to do with a wall time that a zone's clock jumps over in spring."""

    RUN_AFTER = "run_after"
    """Fire at the first moment after the jump."""
    SKIP = "skip"
    """Do not fire on that day."""


class Fold(StrEnum):
    """What to do with a wall time that a zone's clock shows twice in autumn."""

    FIRST = "first"
    LAST = "last"
    BOTH = "both"


class SecondsField(StrEnum):
    """Where a six-field cron expression keeps its seconds; dialects disagree, so it must be said."""

    FIRST = "first"
    LAST = "last"


class Misfire(StrEnum):
    """What to do with occurrences found later than the task's grace, after an outage say."""

    SKIP = "skip"
    """Run none of them; each is recorded as missed."""
    RUN_ONCE = "run_once"
    """Run the latest; the earlier ones are recorded as missed."""
    RUN_ALL = "run_all"
    """Run the latest `misfire_limit` of them in order; the earlier ones are recorded as missed."""


class OnLost(StrEnum):
    """What becomes of an occurrence whose scheduler died while it ran."""

    FAIL = "fail"
    """It fails, loudly: nothing runs twice."""
    RETRY = "retry"
    """It fails, and a new attempt is made, up to `max_attempts`."""
