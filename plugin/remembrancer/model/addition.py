"""Additions: occurrences of a task beyond those that its schedule names, each with the cause of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST_ADDITIONS: Final = 1_000
"""Additions that a task may have ahead."""
LONGEST_DETAIL: Final = 2_000
"""Characters of the JSON text of a detail."""


class Cause(StrEnum):
    """The origin of an occurrence that the schedule of its task does not name."""

    ADDED = "added"
    """A caller asked for one more."""
    RESCHEDULED = "rescheduled"
    """It takes the place of an occurrence that was moved; the detail has the time of that in `nominal_at`."""
    BACKFILL = "backfill"
    """It makes up for a time in the past, which the detail has in `nominal_at`."""
    COMPLETION = "completion"
    """A task that this one follows had an outcome; the detail has its `execution_id` and `status`."""
    CUE = "cue"
    """The query of the task has a new match; the detail is its row."""


@dataclass(frozen=True, slots=True)
class Addition:
    """One occurrence beyond the schedule.

    Args:
        at_ms: Its time, epoch milliseconds; no other occurrence of the task has it.
        cause: Its origin.
        detail: A small JSON object for the handler and the history.
        runs_late: True if the misfire policy leaves it alone: it runs, however late it is found.
    """

    at_ms: int
    cause: Cause
    detail: Mapping[str, object] = field(default_factory=dict[str, object])
    runs_late: bool = False

    @property
    def detail_text(self) -> str | None:
        """The detail as JSON text; None for an empty one."""
        return json.dumps(self.detail, ensure_ascii=False, separators=(",", ":")) if self.detail else None


@dataclass(frozen=True)
class Additions:
    """The additions of one task, ascending.

    Args:
        items: With and without an outcome; those without have times from the task's `nominal_ms` on.
        once_ms: The only occurrence of a one-time task by its schedule, epoch milliseconds; else None.
    """

    items: tuple[Addition, ...]
    once_ms: int | None = None

    @cached_property
    def times_ms(self) -> tuple[int, ...]:
        """The times of the additions."""
        return tuple(each.at_ms for each in self.items)

    @cached_property
    def _by_time(self) -> dict[int, Addition]:
        return {each.at_ms: each for each in self.items}

    def at(self, at_ms: int) -> Addition | None:
        """Return the addition at a time; None without one."""
        return self._by_time.get(at_ms)

    def only(self, items: Iterable[Addition]) -> Additions:
        """Return the same with these items."""
        return replace(self, items=tuple(sorted(items, key=lambda each: each.at_ms)))

    @property
    def text(self) -> str | None:
        """The additions as the graph keeps them; None without any."""
        if not self.items:
            return None
        rows = [[each.at_ms, each.cause, dict(each.detail), each.runs_late] for each in self.items]
        return json.dumps({"items": rows, "once_ms": self.once_ms}, ensure_ascii=False, separators=(",", ":"))


NO_ADDITIONS: Final = Additions(())


@lru_cache(maxsize=1024)
def additions_from(text: str) -> Additions:
    """Return the additions that *text*, written by `Additions.text`, holds; raises ValueError if it holds none."""
    try:
        held = json.loads(text)
        items = [
            Addition(int(at_ms), Cause(cause), dict(rest), bool(late)) for at_ms, cause, rest, late in held["items"]
        ]
        return Additions(tuple(sorted(items, key=lambda each: each.at_ms)), held["once_ms"])
    except (TypeError, KeyError) as fault:
        raise ValueError(f"the additions of a task cannot be read: {fault!r}") from None


def _readable(text: str | None) -> str | None:
    """Refuse text that holds no additions: such a task cannot be read."""
    if text is not None:
        additions_from(text)
    return text


def _decoded(detail: object) -> object:
    return json.loads(detail) if isinstance(detail, str) else detail


AdditionsText = Annotated[str | None, PlainValidator(_readable), WithJsonSchema({"type": ["string", "null"]})]
"""The additions of a task as the graph keeps them."""
Detail = Annotated[dict[str, object] | None, BeforeValidator(_decoded)]
"""The detail of a cause; JSON text in the graph."""
