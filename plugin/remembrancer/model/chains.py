"""Chains: requests that wait for each other in order, for one call of `schedule_tasks`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from remembrancer.model.dependency import Dependency, OnFailure
from remembrancer.model.request import ScheduleRequest  # noqa: TC001 (its annotations are read at run time)


def chain(
    *steps: ScheduleRequest | Sequence[ScheduleRequest], on_failure: OnFailure | str = OnFailure.BLOCK
) -> list[ScheduleRequest]:
    """Return the requests of all steps, each depending on all of the step before it, for `schedule_tasks`.

    A step of several requests fans out, and the step after it joins them: `chain(extract, [load_a, load_b], report)`.
    A request is referred to by its `dedup_key`, or by its name, which no other task of the call may have then.

    Args:
        steps: A request, or several that run side by side.
        on_failure: The effect of a failure in the step before.
    """
    made: list[ScheduleRequest] = []
    before: list[str] = []
    for step in steps:
        together = list(step) if isinstance(step, Sequence) else [step]
        waits = [Dependency(each, OnFailure(on_failure)) for each in before]
        made += [
            replace(each, depends_on=[*cast("Sequence[Dependency]", each.depends_on), *waits]) for each in together
        ]
        before = [each.dedup_key or each.name for each in together]
    return made
