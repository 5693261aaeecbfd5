"""Limits of a chain of deferrals: of how many in a row, and of the time for which they defer one run.

A chain begins with the deferral of a run that no deferral moved. A deferral goes on with it if it moves a live one, or
if the handler of the deferred run asks for it. A run that ends in any other way ends the chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from remembrancer.errors import DeferralsExhausted
from remembrancer.model.timestamps import from_ms, to_iso, to_ms

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.model.task import ScheduledTask
    from remembrancer.settings import SchedulerOptions


@dataclass(frozen=True, slots=True)
class DeferralLimits:
    """The scheduler's limits, for tasks that have none of their own; None is no limit.

    Args:
        deferrals: The most deferrals in a row.
        seconds: The most seconds from the beginning of the chain to the time that a run is deferred to.
    """

    deferrals: int | None = None
    seconds: float | None = None


NO_LIMITS: Final = DeferralLimits()
"""The limits of a scheduler that sets none."""


class DeferralChain(NamedTuple):
    """The deferrals in a row of one run, before the next one."""

    since_ms: int
    """The time at which the run was to be, or that of the first deferral if this is later."""
    deferrals: int


@dataclass(frozen=True, slots=True)
class DeferralTerms:
    """The terms of one deferral.

    Args:
        limits: Of the scheduler.
        of_deferred_run: Whether the handler of a deferred run asks for it: then it goes on with the chain of that run.
        context: A JSON object that its author gives along.
    """

    limits: DeferralLimits = NO_LIMITS
    of_deferred_run: bool = False
    context: dict[str, Any] | None = None


PLAIN_TERMS: Final = DeferralTerms()
"""The terms without limits, of a run that no deferral moved."""


def limits_from(options: SchedulerOptions) -> DeferralLimits:
    """Return the limits that the settings of a scheduler name."""
    return DeferralLimits(options.max_deferrals, options.max_deferral_seconds)


def chain_of(task: ScheduledTask, original: datetime | None, now: datetime, *, of_deferred_run: bool) -> DeferralChain:
    """Return the chain that a deferral of *task* goes on with, or the one of no deferral that it begins.

    *original* is the time of the run that is deferred. *of_deferred_run* says that the handler of a deferred run
    asks for it.
    """
    goes_on = task.deferral_id is not None or (of_deferred_run and task.last_deferral_id is not None)
    begins_ms = to_ms(now if original is None else max(now, original))
    if not goes_on:
        return DeferralChain(begins_ms, 0)
    return DeferralChain(
        begins_ms if task.chain_since_ms is None else task.chain_since_ms,
        1 if task.chain_deferrals is None else task.chain_deferrals,
    )


def most_in_row(task: ScheduledTask, limits: DeferralLimits) -> int | None:
    """Return the most deferrals in a row of one run of *task*; None for any number."""
    return limits.deferrals if task.max_deferrals is None else task.max_deferrals


def check_limits(task: ScheduledTask, chain: DeferralChain, until_ms: int | None, limits: DeferralLimits) -> None:
    """Refuse a deferral beyond the limits of *task*; *until_ms* is None for one without a time.

    Raises:
        DeferralsExhausted: The field is `until`; the message says which limit, and what is left.
    """
    given = None if until_ms is None else to_iso(from_ms(until_ms))
    since = to_iso(from_ms(chain.since_ms))
    most = most_in_row(task, limits)
    if most is not None and chain.deferrals >= most:
        times = (
            f"was deferred {chain.deferrals} times in a row, since {since}" if chain.deferrals else "is not deferred"
        )
        raise DeferralsExhausted("until", given, f"no time: the run {times}, and max_deferrals is {most}", None)
    seconds = limits.seconds if task.max_deferral_seconds is None else task.max_deferral_seconds
    if seconds is None or until_ms is None:
        return
    latest_ms = chain.since_ms + int(seconds * 1000)
    if until_ms > latest_ms:
        latest = to_iso(from_ms(latest_ms))
        allowed = f"a time up to {latest}: the run is deferred since {since}, and max_deferral_seconds is {seconds:g}"
        raise DeferralsExhausted("until", given, allowed, latest)
