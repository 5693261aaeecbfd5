"""Skip marks: occurrences of a task that will not run, each with the reason that its outcome will have."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

from pydantic import PlainValidator, WithJsonSchema

from remembrancer.model.execution import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_SKIPPED: Final = 1_000
"""Occurrences ahead of a task that may be marked."""


class SkipMark(NamedTuple):
    """One occurrence that will not run."""

    at_ms: int
    """Its nominal time, epoch milliseconds."""
    code: Reason
    reason: str


def skips_text(marks: Iterable[SkipMark]) -> str | None:
    """Return marks as the graph keeps them; None without any."""
    kept = sorted(marks)
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")) if kept else None


@lru_cache(maxsize=1024)
def skips_from(text: str) -> tuple[SkipMark, ...]:
    """Return the marks that *text*, written by `skips_text`, holds, ascending; raises ValueError if it holds none."""
    try:
        return tuple(
            sorted(SkipMark(int(at_ms), Reason(code), str(reason)) for at_ms, code, reason in json.loads(text))
        )
    except TypeError as fault:
        raise ValueError(f"the skips of a task cannot be read: {fault!r}") from None


def _readable(text: str | None) -> str | None:
    """Refuse text that holds no marks: such a task cannot be read."""
    if text is not None:
        skips_from(text)
    return text


SkipsText = Annotated[str | None, PlainValidator(_readable), WithJsonSchema({"type": ["string", "null"]})]
"""The skip marks of a task as the graph keeps them."""
