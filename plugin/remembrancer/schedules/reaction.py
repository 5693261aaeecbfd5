"""Schedules whose occurrences are not known ahead: they name none, and the scheduler adds what has come about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import read_id
from remembrancer.schedules.phrases import length_words
from remembrancer.schedules.protocol import Schedule
from remembrancer.schedules.value_fields import read_length

if TYPE_CHECKING:
    from remembrancer.model.reacting_schedules import After, Paced

OUTCOMES: Final = {"completed": ("completed",), "failed": ("failed",), "ended": ("completed", "failed")}
"""The statuses of executions that each value of `on` counts."""
_VERBS: Final = {"completed": "completes", "failed": "fails", "ended": "ends"}
_LONGEST_DELAY: Final = 366 * 86_400


@dataclass(frozen=True, slots=True)
class ReactingSchedule(Schedule):
    """No occurrence by itself; *words* say when the scheduler adds one."""

    recurring: ClassVar[bool] = True

    words: str

    @property
    def is_finite(self) -> bool:
        """True: after an occurrence, none is meant to follow by the calendar."""
        return True

    def next_after(self, after_ms: int) -> int | None:
        """Return None: none is known ahead."""
        del after_ms
        return None

    def describe(self) -> str:
        """Return it in English."""
        return self.words


def after_schedule(value: After, task_id: str) -> ReactingSchedule:
    """Return the schedule that *value* means. Raises InvalidInput."""
    del task_id
    read_id("task_id", value.task_id)
    if not isinstance(value.on, str) or value.on not in OUTCOMES:  # pyright: ignore[reportUnnecessaryIsInstance]  a model may send anything
        raise InvalidInput("on", value.on, f"one of {', '.join(OUTCOMES)}", "completed")
    seconds = delay_seconds(value)
    later = f", {length_words(seconds)} later" if seconds else ""
    return ReactingSchedule(f"After task {value.task_id} {_VERBS[value.on]}{later}")


def paced_schedule(value: Paced, task_id: str) -> ReactingSchedule:
    """Return the schedule that *value* means. Raises InvalidInput."""
    del task_id
    least_ms, most_ms = pace_ms(value)
    least, most = length_words(least_ms // 1000), length_words(most_ms // 1000)
    when = f"{least} after its last run" if least_ms == most_ms else f"{least} to {most} after its last run"
    return ReactingSchedule(f"When the agent decides, {when}")


def pace_ms(value: Paced) -> tuple[int, int]:
    """Return the least and the most milliseconds from an outcome to the next check. Raises InvalidInput."""
    least, most = read_length(value.least, "least", "5m"), read_length(value.most, "most", "1d")
    if not 1 <= least <= _LONGEST_DELAY:
        raise InvalidInput("least", value.least, "a length from 1s to 366d", "5m")
    if not least <= most <= _LONGEST_DELAY:
        raise InvalidInput("most", value.most, f"a length from {value.least}, which is the least, to 366d", "1d")
    return least * 1000, most * 1000


def delay_seconds(value: After) -> int:
    """Return the seconds from the outcome of the other task to the occurrence. Raises InvalidInput."""
    if value.delay is None:
        return 0
    seconds = read_length(value.delay, "delay", "5m")
    if not 0 <= seconds <= _LONGEST_DELAY:
        raise InvalidInput("delay", value.delay, "a length from 0s to 366d", "5m")
    return seconds
