"""Policies of a task: closed sets of words, the same in Python, in the graph and on the command line."""

from __future__ import annotations

from enum import StrEnum


class Gap(StrEnum):
    """The policy for a time of day that a clock change leaves out."""

    RUN_AFTER = "run_after"
    """Fire at the first time after the change."""
    SKIP = "skip"
    """Do not fire on that day."""


class Fold(StrEnum):
    """The policy for a time of day that a clock change repeats."""

    FIRST = "first"
    """Fire at the first pass."""
    LAST = "last"
    """Fire at the second pass."""
    BOTH = "both"
    """Fire at both passes."""


class SecondsField(StrEnum):
    """The place of the seconds in a cron expression of six fields; dialects disagree, so it must be given."""

    FIRST = "first"
    """Seconds before the minutes, as Quartz writes them."""
    LAST = "last"
    """Seconds after the weekday."""


class Misfire(StrEnum):
    """The policy for occurrences that are found later than the task's grace, for example after an outage."""

    SKIP = "skip"
    """Run none of them; each is recorded as missed."""
    RUN_ONCE = "run_once"
    """Run the latest; the earlier ones are recorded as missed."""
    RUN_ALL = "run_all"
    """Run the latest `misfire_limit` of them in order; the earlier ones are recorded as missed."""


class Overlap(StrEnum):
    """The policy for an occurrence that comes while another execution under its overlap key runs."""

    SKIP = "skip"
    """It is skipped, with the reason `overlap`."""
    BUFFER_ONE = "buffer_one"
    """It waits until the other has ended; those that come while it waits are skipped."""
    BUFFER_ALL = "buffer_all"
    """It waits, and so do those after it: they run in turn."""
    CANCEL_OTHER = "cancel_other"
    """The other is asked to stop, and it runs once that has ended."""
    TERMINATE_OTHER = "terminate_other"
    """The other is recorded as cancelled, whatever its handler does, and it runs at once."""
    ALLOW_ALL = "allow_all"
    """It runs beside the other."""


class DedupReuse(StrEnum):
    """The policy for the `dedup_key` of a task that has ended."""

    NEVER = "never"
    """It keeps its key: scheduling again under it returns the ended task."""
    AFTER_END = "after_end"
    """It gives its key back: the next task that is scheduled under it is a new one."""


class Session(StrEnum):
    """The conversation in which the handler of a recurring task works."""

    SAME = "same"
    """One conversation for all of its occurrences."""
    FRESH = "fresh"
    """A new conversation for each occurrence, kept over its attempts, deferrals and questions."""


class OnExhausted(StrEnum):
    """The policy for an occurrence that the budget of its lineage has nothing left for."""

    SKIP = "skip"
    """It is skipped, with the reason `budget_exhausted`."""
    WAIT = "wait"
    """It waits until the budget is raised."""


class OnLost(StrEnum):
    """The policy for an occurrence whose scheduler died while it ran."""

    FAIL = "fail"
    """It fails, and nothing runs twice."""
    RETRY = "retry"
    """It fails, and a new attempt is made, up to `max_attempts`."""
