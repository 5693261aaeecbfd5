"""Control characters in text, and others that are not seen; and text with each of them made visible.

They move a terminal's cursor, write its clipboard and title, turn text round and forge lines of a log. A task may
hold them in its longer texts; no name, key or id does, and no output sends them on.
"""

from __future__ import annotations

import json
import re
from typing import Final

_CONTROLS: Final = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb\ud800-\udfff"
"""C0, DEL and C1; marks, embeddings, overrides and isolates of direction; separators; lone surrogates."""
_INVISIBLE: Final = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u3164\ufeff\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff"
)
"""Characters without a width, by which two names that differ look alike; tags, which spell a text that none sees.

The joiners of letters and of emoji, and the selectors of an emoji's form, are none: they change what is seen.
"""
_ANY: Final = re.compile(f"[{_CONTROLS}{_INVISIBLE}]")
_IN_LINES: Final = re.compile(rf"(?![\n\t])[{_CONTROLS}{_INVISIBLE}]")


def has_controls(text: str) -> bool:
    """Tell whether any character of *text* is one."""
    return _ANY.search(text) is not None


def visible(text: str, *, lines: bool = False) -> str:
    r"""Return *text* with `\x1b` and the like for each control character; with *lines*, newlines and tabs stay."""
    return (_IN_LINES if lines else _ANY).sub(_shown, text)


def visible_json(written: str) -> str:
    r"""Return JSON with `\u001b` and the like for control characters inside of its strings: it reads the same."""
    return _IN_LINES.sub(lambda found: json.dumps(found[0])[1:-1], written)


def _shown(found: re.Match[str]) -> str:
    code = ord(found[0])
    if short := _SHORT.get(found[0]):
        return short
    return f"\\x{code:02x}" if code < _WIDE else f"\\u{code:04x}" if code < _ASTRAL else f"\\U{code:08x}"


_WIDE, _ASTRAL = 0x100, 0x10000
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
