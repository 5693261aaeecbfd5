"""First sentences, described arguments and named errors of docstrings."""

from __future__ import annotations

import inspect
import re
from typing import Final

_EMPHASIS: Final = re.compile(r"(?<![\w*`])\*(\w+)\*(?![\w*])")
_SENTENCE: Final = re.compile(r"(.*?[.!?])(?:\s+(?=[A-Z`*\"])|$)", re.DOTALL)
_ENTRY: Final = re.compile(r"^    (\*{0,2}\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)
_NAMES: Final = r"[A-Z]\w+"
_RAISED: Final = re.compile(rf"\braises?:? ({_NAMES}(?:(?:, | or | and ){_NAMES})*)", re.IGNORECASE)


def prose(text: str) -> str:
    """Return *text* on one line, with the names of arguments as code."""
    return _EMPHASIS.sub(r"`\1`", " ".join(text.split()))


def paragraph(documented: object) -> str:
    """Return the first paragraph of a docstring, without its sentence on errors."""
    text = documented if isinstance(documented, str) else inspect.getdoc(documented) or ""
    return prose(text.split("\n\n")[0])


def sentence(documented: object) -> str:
    """Return the first sentence of a docstring."""
    first = paragraph(documented)
    found = _SENTENCE.match(first)
    return found[1] if found else first


def _block(documented: object, name: str) -> dict[str, str]:
    """Return the entries under a heading such as Args."""
    text = inspect.getdoc(documented) or ""
    _, _, after = text.partition(f"\n{name}:\n")
    block = re.split(r"\n(?=\S)", after)[0]
    return {entry: prose(meaning) for entry, meaning in _ENTRY.findall(block)}


def arguments(documented: object) -> dict[str, str]:
    """Return the meaning of each argument that a docstring describes."""
    return _block(documented, "Args")


def errors(documented: object) -> list[str]:
    """Return the names of the errors that a docstring says are raised."""
    text = inspect.getdoc(documented) or ""
    named = [name for found in _RAISED.findall(text) for name in re.findall(_NAMES, found)]
    return list(dict.fromkeys([*named, *_block(documented, "Raises")]))
