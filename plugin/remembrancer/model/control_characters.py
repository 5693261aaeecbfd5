"""Control and invisible characters: detection, and escaping.

They can move a terminal's cursor, write its clipboard and title, reverse text and forge log lines. Longer texts of a
task may contain them; names, keys and ids may not, and all output escapes them.
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
"""Zero-width characters, which make different names look alike, and tags, which encode invisible text.

Joiners of letters and emoji, and variation selectors, are not among them: they change the visible text.
"""
_ANY: Final = re.compile(f"[{_CONTROLS}{_INVISIBLE}]")
_IN_LINES: Final = re.compile(rf"(?![\n\t])[{_CONTROLS}{_INVISIBLE}]")


def has_controls(text: str) -> bool:
    """Return True if *text* contains such a character."""
    return _ANY.search(text) is not None


def visible(text: str, *, lines: bool = False) -> str:
    r"""Return *text* with an escape such as `\x1b` for each control character; with *lines*, newlines and tabs stay."""
    return (_IN_LINES if lines else _ANY).sub(_shown, text)


def visible_json(written: str) -> str:
    r"""Return JSON with an escape such as `\u001b` for each control character; its value is unchanged."""
    return _IN_LINES.sub(lambda found: json.dumps(found[0])[1:-1], written)


def _shown(found: re.Match[str]) -> str:
    code = ord(found[0])
    if short := _SHORT.get(found[0]):
        return short
    return f"\\x{code:02x}" if code < _WIDE else f"\\u{code:04x}" if code < _ASTRAL else f"\\U{code:08x}"


_WIDE, _ASTRAL = 0x100, 0x10000
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
