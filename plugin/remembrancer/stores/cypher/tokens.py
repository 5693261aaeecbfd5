"""The tokens of a Cypher text: words, quoted names and signs, without comments and the contents of strings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from remembrancer.errors import InvalidInput

EXAMPLE: Final = "MATCH (t:scheduled_task) RETURN t.name, t.status"
READS_ONLY: Final = "a query that only reads (MATCH … RETURN …)"
"""The allowed queries, for the error of one that writes."""
_MARKS: Final = "'\"`\\"
_ESCAPE: Final = re.compile(r"\\u+([0-9A-Fa-f]{4})")
_TOKEN: Final = re.compile(
    r"""
    (?P<gap>\s+ | //[^\n\r]* | /\*.*?(?:\*/|\Z))
  | (?P<string>'(?:[^'\\]|\\.)*'? | "(?:[^"\\]|\\.)*"?)
  | (?P<quoted>`(?:[^`]|``)*`?)
  | (?P<word>[^\W\d]\w*)
  | (?P<number>\d[\w]*)
  | (?P<sign>\\u+[0-9A-Fa-f]{4} | .)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token; a word in lower case."""

    kind: str
    """word, quoted (a name between backticks), string, number or sign."""
    text: str
    place: int
    """Its first character's, from 1 on."""

    @property
    def is_name(self) -> bool:
        """True if it may name something."""
        return self.kind in {"word", "quoted"}


def tokens_of(text: str) -> list[Token]:
    """Return the tokens of a Cypher text.

    Raises InvalidInput: it has escapes that one engine reads before it finds tokens, and the other after. Then the
    text would not be what it looks like.
    """
    found = list(_TOKEN.finditer(text))
    for match in found:
        _refuse_escapes(match)
    return [_token(match) for match in found if match.lastgroup != "gap"]


def _refuse_escapes(match: re.Match[str]) -> None:
    for escape in _ESCAPE.finditer(match[0]):
        if match.lastgroup != "string" or chr(int(escape[1], 16)) in _MARKS:
            allowed = "escapes of the form \\u0041 within strings only, and for anything but quotes and backslashes"
            raise InvalidInput("query", escape[0], allowed, EXAMPLE)
    if match.lastgroup == "sign" and match[0] == "\\":
        raise InvalidInput("query", "\\", "backslashes within strings only", EXAMPLE)


def _token(match: re.Match[str]) -> Token:
    text = match[0]
    if match.lastgroup == "quoted":
        text = text.strip("`").replace("``", "`")
    elif match.lastgroup == "word":
        text = folded(text)
    return Token(match.lastgroup or "sign", text, match.start() + 1)


def folded(name: str) -> str:
    """Return a name in lower case, as engines compare names, in any alphabet."""
    return name.upper().casefold()
