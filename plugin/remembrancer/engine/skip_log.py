"""Log of the occurrences that were recorded without a run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from remembrancer.model.control_characters import visible
from remembrancer.model.timestamps import to_iso

if TYPE_CHECKING:
    from remembrancer.model.execution import Execution
    from remembrancer.model.task import ScheduledTask

_LOG: Final = logging.getLogger("remembrancer")


def log_skipped(task: ScheduledTask, execution: Execution) -> None:
    """Log an occurrence, or a burst of them, that was skipped or missed."""
    first, times = to_iso(execution.nominal_at), execution.occurrences
    what = f"{times} occurrences from {first}" if times > 1 else f"the occurrence of {first}"
    _LOG.info("%s: %s of %s. %s", execution.status, what, visible(task.name), visible(execution.reason or ""))
