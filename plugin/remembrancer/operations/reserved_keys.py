"""Reserved forms of dedup_keys: marks of the API, of sets and of the import, which no other caller may take."""

from __future__ import annotations

import re
from typing import Final

from remembrancer.context import current_actor
from remembrancer.errors import InvalidInput
from remembrancer.model.policy import DedupReuse
from remembrancer.schedules.importers.entries import Source

_EXAMPLE: Final = "daily-report"
_OF_A_REQUEST: Final = re.compile(r"rest(?:: [^|]*)?\|")
_OF_A_SET: Final = re.compile(r"set:")
_OF_AN_IMPORT: Final = re.compile(rf"(?P<source>{'|'.join(Source)})_[0-9a-f]{{32}}")


def refuse_reuse(dedup_reuse: object, dedup_key: str | None) -> None:
    """Refuse to give a key back that is none of the caller's own: it tells a repeated request from another.

    Raises InvalidInput.
    """
    if dedup_reuse != DedupReuse.AFTER_END:
        return
    if dedup_key is None or _OF_A_REQUEST.match(dedup_key) or _OF_A_SET.match(dedup_key):
        allowed = "after_end only beside a dedup_key of your own; or never"
        raise InvalidInput("dedup_reuse", dedup_reuse, allowed, DedupReuse.NEVER.value)


def refuse_reserved(dedup_key: object) -> None:
    """Refuse a key that a caller gives and another part of the package keeps for itself. Raises InvalidInput.

    A task with such a key would be returned in place of the task that an API request asks for, or would keep an
    entry of another system from being imported.
    """
    if not isinstance(dedup_key, str):
        return  # refused where its type is looked at
    if _OF_A_REQUEST.match(dedup_key):
        allowed = "a key that does not begin as the marks of requests under an Idempotency-Key do, with `rest: NAME|`"
        raise InvalidInput("dedup_key", dedup_key, allowed, _EXAMPLE)
    if _OF_A_SET.match(dedup_key):
        allowed = "a key that does not begin as those of declared sets do, with `set:`"
        raise InvalidInput("dedup_key", dedup_key, allowed, _EXAMPLE)
    if (found := _OF_AN_IMPORT.fullmatch(dedup_key)) and current_actor().surface != "import":
        command = found["source"].replace("_", "-")
        allowed = f"a key other than `{found['source']}_` and a digest, which `remembrancer import {command}` gives"
        raise InvalidInput("dedup_key", dedup_key, allowed, _EXAMPLE)
