"""Cues: the occurrences that a task gains from new matches of its query, and what it keeps of them. Pure functions.

A task keeps the keys of the matches of its last check, and the new ones that wait for room among its additions. Both
change in one write with the occurrences, so that each match has one, however often it is checked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from remembrancer.model.addition import MOST_ADDITIONS, Addition, Cause
from remembrancer.policies.additions import pending_additions, with_reactions
from remembrancer.policies.matches import KEY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from remembrancer.model.reacting_schedules import Cue
    from remembrancer.model.task import ScheduledTask
    from remembrancer.policies.matches import Match

MOST_MATCHES: Final = 1_000
"""Rows of the answer to a cue's query."""


@dataclass(frozen=True, slots=True)
class CuePlace:
    """The matches that a cue has seen."""

    seen: tuple[str, ...] | None = None
    """The keys of the matches of the last check; None before the first."""
    checked_ms: int = 0
    """The beginning of the last check that changed anything, epoch milliseconds."""
    waiting: tuple[Mapping[str, object], ...] = ()
    """New matches without room for their occurrences yet."""

    @property
    def text(self) -> str:
        """The place as the graph keeps it."""
        kept: dict[str, object] = {"checked_ms": self.checked_ms}
        if self.seen is not None:
            kept["seen"] = "".join(sorted(self.seen))
        if self.waiting:
            kept["waiting"] = [dict(each) for each in self.waiting]
        return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


def place_in(task: ScheduledTask) -> CuePlace:
    """Return the place of a cue. Raises ValueError if it cannot be read."""
    if task.watch is None:
        return CuePlace()
    held = json.loads(task.watch)
    keys = cast("str | None", held.get("seen"))
    seen = None if keys is None else tuple(keys[at : at + KEY] for at in range(0, len(keys), KEY))
    return CuePlace(seen, int(held["checked_ms"]), tuple(map(dict, held.get("waiting", ()))))


def has_room(task: ScheduledTask, place: CuePlace) -> bool:
    """Return whether the matches of another check can be kept: those found before come first."""
    return len(place.waiting) + len(pending_additions(task)) < MOST_ADDITIONS


def cued(task: ScheduledTask, matches: Sequence[Match] | None, asked_ms: int, now_ms: int) -> ScheduledTask:
    """Return the cue *task* with an occurrence for each new match; the same object, if nothing changes.

    Args:
        task: As it was when its query was asked, but for claims and changes of other fields.
        matches: The answer to its query; None if it was not asked, as matches wait.
        asked_ms: The time at which it was asked.
        now_ms: The present.
    """
    value: Cue = task.schedule  # pyright: ignore[reportAssignmentType]  of a cue
    place = place_in(task)
    seen, waiting = place.seen, [*place.waiting]
    if matches is not None:
        if seen is not None or value.existing == "fire":
            known = frozenset(seen or ())
            waiting += [each.detail for each in matches if each.key not in known]
        seen = tuple(sorted(each.key for each in matches))
    room = max(0, MOST_ADDITIONS - len(pending_additions(task)))
    taken, rest = waiting[:room], tuple(waiting[room:])
    is_well = matches is None or task.check_error is None
    if is_well and not taken and (seen, rest) == (place.seen, place.waiting):
        return task
    new = [Addition(now_ms + at, Cause.CUE, dict(each), runs_late=True) for at, each in enumerate(taken)]
    kept: dict[str, object] = {"watch": CuePlace(seen, place.checked_ms, rest).text}
    if matches is not None:
        kept = {"watch": CuePlace(seen, asked_ms, rest).text, "check_error": None}
    return with_reactions(task, new, now_ms).model_copy(update=kept)
