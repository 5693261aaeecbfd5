"""Log of the occurrences that were recorded without a run, and of budgets that have too little left."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from remembrancer.model.control_characters import visible
from remembrancer.model.timestamps import to_iso
from remembrancer.policies.budget import exhausted_words, shortage_of
from remembrancer.ports.lineages import Exhaustion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.lineages import LineageState, LineageStore

_LOG: Final = logging.getLogger("remembrancer")


async def tell_exhausted(
    store: LineageStore, tasks: Iterable[ScheduledTask], lineages: Mapping[str, LineageState], now: datetime
) -> None:
    """Tell which budgets have too little left for one of *tasks*, whatever is given back: once, until it is changed."""
    found: dict[str, Exhaustion] = {}
    for task in tasks:
        short = shortage_of(task, lineages)
        if short is not None and not short.state.is_exhausted and short.state.is_spent_for(short.draw):
            words = exhausted_words(short.state, short.name)
            found.setdefault(short.draw.lineage_id, Exhaustion(short.draw.lineage_id, task.task_id, words))
    if not found:
        return
    for each in await store.note_exhausted([*found.values()], now):
        _LOG.warning("%s Its runs wait or are skipped until `remembrancer budget set` raises it.", visible(each.reason))


def log_skipped(task: ScheduledTask, execution: Execution) -> None:
    """Log an occurrence, or a burst of them, that was skipped or missed."""
    first, times = to_iso(execution.nominal_at), execution.occurrences
    what = f"{times} occurrences from {first}" if times > 1 else f"the occurrence of {first}"
    _LOG.info("%s: %s of %s. %s", execution.status, what, visible(task.name), visible(execution.reason or ""))
