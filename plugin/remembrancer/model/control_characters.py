"""Control characters in text: which they are, and text with each of them made visible.

They move a terminal's cursor, write its clipboard and title, turn text round and forge lines of a log. A task may
hold them in its longer texts; no name, key or id does, and no output sends them on.
"""

from __future__ import annotations

import re
from typing import Final

_CONTROLS: Final = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
"""C0, DEL and C1; marks, embeddings, overrides and isolates of direction; separators; lone surrogates."""
_ANY: Final = re.compile(f"[{_CONTROLS}]")
_IN_LINES: Final = re.compile(rf"(?![\n\t])[{_CONTROLS}]")


def has_controls(text: str) -> bool:
    """Tell whether any character of *text* is one."""
    return _ANY.search(text) is not None


def visible(text: str, *, lines: bool = False) -> str:
    r"""Return *text* with `\x1b` and the like for each control character; with *lines*, newlines and tabs stay."""
    return (_IN_LINES if lines else _ANY).sub(_shown, text)


def visible_json(written: str) -> str:
    r"""Return JSON with `\u001b` and the like for control characters inside of its strings: it reads the same."""
    return _IN_LINES.sub(lambda found: f"\\u{ord(found[0]):04x}", written)


def _shown(found: re.Match[str]) -> str:
    return _SHORT.get(found[0]) or (f"\\x{ord(found[0]):02x}" if found[0] < "\u0100" else f"\\u{ord(found[0]):04x}")


_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
