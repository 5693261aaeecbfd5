"""Suggestions for unknown names: the known name that comes closest."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the one of *known* that *name* most likely means; None if it is like none of them."""
    plain = {_plain(each): each for each in known}
    given = _plain(name)
    if given in plain:
        return plain[given]
    if given in _ALSO and _plain(_ALSO[given]) in plain:
        return plain[_plain(_ALSO[given])]
    inside = [each for each in plain if min(len(each), len(given)) >= _SHORT and (each in given or given in each)]
    if inside:
        return plain[max(inside, key=lambda each: (each.startswith(given) or given.startswith(each), len(each)))]
    close = get_close_matches(given, plain, n=1, cutoff=0.7)
    return plain[close[0]] if close else None


def unknown(name: str, known: Iterable[str], what: str = "field") -> str:
    """Return a sentence: no such *what* has the name, this one is meant, these are known."""
    names = list(known)
    meant = nearest(name, names)
    there = f"; there are {', '.join(names)}" if names else "; there are none"
    return f"no such {what}{f': {meant} is meant' if meant else ''}{there}"


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


_SHORT: Final = 4
_ALSO: Final = {
    "tz": "timezone",
    "zone": "timezone",
    "goal": "goal_description",
    "description": "goal_description",
    "prompt": "trigger_prompt",
    "at": "defer_until",
    "in": "defer_until",
    "when": "defer_until",
    "runat": "defer_until",
    "cron": "schedule_cron",
    "expr": "expression",
    "why": "reason",
    "retries": "max_attempts",
    "maxretries": "max_attempts",
    "idempotencykey": "dedup_key",
    "id": "task_id",
    "after": "cursor",
    "pagesize": "limit",
    "n": "count",
}
"""Other names for the task fields, without their underscores."""
