"""The brackets of a Cypher text: which token closes which, and what lies on one level."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from remembrancer.stores.cypher.tokens import Token, folded

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

_CLOSING: Final = {")": "(", "]": "[", "}": "{"}
_END: Final = Token("end", "", 0)


class BracketLevels:
    """The tokens of a query by their brackets.

    Args:
        tokens: Of the query.
    """

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self.closing: dict[int, int] = {}
        """The place of the closing bracket, for each opening one."""
        self.opening: list[int] = []
        """For each token, the innermost bracket that is open there; -1 for none."""
        self._pair()

    def at(self, place: int) -> Token:
        """Return the token at a place, which may lie beyond the text."""
        return self._tokens[place] if 0 <= place < len(self._tokens) else _END

    def sign(self, place: int) -> str:
        """Return the sign at a place; empty for anything else."""
        token = self.at(place)
        return token.text if token.kind == "sign" else ""

    def word(self, place: int) -> str:
        """Return the word at a place; empty for anything else, and for the name of a property."""
        token = self.at(place)
        return token.text if token.kind == "word" and self.sign(place - 1) != "." else ""

    def level(self, begin: int, end: int) -> Iterator[int]:
        """Yield the places from *begin* to before *end* that lie in no bracket opened between them."""
        while begin < end:
            yield begin
            begin = self.closing.get(begin, begin) + 1

    def calls(self, place: int, names: Collection[str]) -> bool:
        """Return True if one of these functions is called there."""
        token = self.at(place)
        return token.is_name and folded(token.text) in names and self.sign(place + 1) == "("

    def parts(self, begin: int, end: int) -> list[tuple[int, int]]:
        """Return the beginnings and ends of what commas divide."""
        marks = [begin - 1, *(each for each in self.level(begin, end) if self.sign(each) == ","), end]
        return [(left + 1, right) for left, right in pairwise(marks)]

    def _pair(self) -> None:
        open_now: list[int] = []
        for place in range(len(self._tokens)):
            sign = self.sign(place)
            if sign in _CLOSING and open_now and self.sign(open_now[-1]) == _CLOSING[sign]:
                self.closing[open_now.pop()] = place
            self.opening.append(open_now[-1] if open_now else -1)
            if sign in _CLOSING.values():
                open_now.append(place)
