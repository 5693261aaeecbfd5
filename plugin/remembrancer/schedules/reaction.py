"""Schedules whose occurrences are not known ahead: they name none, and the scheduler adds what has come about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import read_id
from remembrancer.model.json_bounds import check_bounds
from remembrancer.schedules.phrases import length_words
from remembrancer.schedules.protocol import Schedule
from remembrancer.schedules.value_fields import read_length

if TYPE_CHECKING:
    from remembrancer.model.reacting_schedules import After, Cue, Paced

OUTCOMES: Final = {"completed": ("completed",), "failed": ("failed",), "ended": ("completed", "failed")}
"""The statuses of executions that each value of `on` counts."""
_VERBS: Final = {"completed": "completes", "failed": "fails", "ended": "ends"}
_LONGEST_DELAY: Final = 366 * 86_400
GIVEN: Final = ("now", "last_check", "task_id")
"""The parameters that have a value at each check."""
LONGEST_QUERY: Final = 10_000
"""Characters: the query is a part of the task, which each fire reads."""
_MOST_PARAMETERS: Final = 100
_LONGEST_PARAMETERS: Final = 10_000
_LONGEST_PACE: Final = 366 * 86_400
_EXISTING: Final = ("fire", "ignore")
CUE_EXAMPLE: Final = "MATCH (n:thought) WHERE n.mood = 'worried' RETURN n.thought_id AS match"
_PARAMETERS: Final = {"mood": "worried"}


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
    return ReactingSchedule(f"After {value.task_id} {_VERBS[value.on]}{later}")


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


def cue_schedule(value: Cue, task_id: str) -> ReactingSchedule:
    """Return the schedule that *value* means. Raises InvalidInput."""
    del task_id
    check_cue(value)
    pace = length_words(pace_seconds(value))
    pace = pace.removeprefix("1 ") if pace.count(" ") == 1 else pace
    return ReactingSchedule(f"On each new match of its query, looked for every {pace}")


def check_cue(value: Cue) -> None:
    """Check the fields of a cue. Raises InvalidInput."""
    if not isinstance(value.cypher, str) or not value.cypher.strip():  # pyright: ignore[reportUnnecessaryIsInstance]  a model may send anything
        raise InvalidInput("cypher", value.cypher, "a query in Cypher that reads", CUE_EXAMPLE)
    if len(value.cypher) > LONGEST_QUERY:
        shown = f"{value.cypher[:100]}… ({len(value.cypher):,} characters)"
        raise InvalidInput("cypher", shown, f"at most {LONGEST_QUERY:,} characters", CUE_EXAMPLE)
    pace_seconds(value)
    if not isinstance(value.existing, str) or value.existing not in _EXISTING:  # pyright: ignore[reportUnnecessaryIsInstance]  as above
        raise InvalidInput("existing", value.existing, f"one of {', '.join(_EXISTING)}", "fire")
    _check_parameters(value.parameters)


def pace_seconds(value: Cue) -> int:
    """Return the seconds from one check to the next. Raises InvalidInput."""
    seconds = read_length(value.every, "every", "5m")
    if not 1 <= seconds <= _LONGEST_PACE:
        raise InvalidInput("every", value.every, "a length from 1s to 366d", "5m")
    return seconds


def _check_parameters(given: object) -> None:
    if given is None:
        return
    names = cast("Mapping[object, object]", given if isinstance(given, Mapping) else {1: None})
    if not all(isinstance(name, str) for name in names) or len(names) > _MOST_PARAMETERS:
        allowed = f"a JSON object with at most {_MOST_PARAMETERS} parameters"
        raise InvalidInput("parameters", cast("object", given), allowed, _PARAMETERS)
    for name in GIVEN:
        if name in names:
            raise InvalidInput("parameters", name, f"other names than {', '.join(GIVEN)}: a check gives these", "mood")
    check_bounds(dict(names), "parameters", _PARAMETERS)
    _check_json(names)


def _check_json(names: Mapping[object, object]) -> None:
    try:
        size = len(json.dumps(dict(names)))
    except TypeError as wrong:
        raise InvalidInput("parameters", str(wrong), "JSON values", _PARAMETERS) from None
    if size > _LONGEST_PARAMETERS:
        allowed = f"at most {_LONGEST_PARAMETERS:,} characters as JSON"
        raise InvalidInput("parameters", f"{size:,} characters", allowed, _PARAMETERS)
