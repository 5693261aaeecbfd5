"""Loops within one expression of Cypher: those that no time limit ends, and that are refused.

The embedded engine checks the time between rows, and not within one expression: a loop in a loop over long lists goes
on after the query's time is over, and keeps its thread. Written with UNWIND, or as a subquery, the same loop is rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

from remembrancer.errors import InvalidInput
from remembrancer.stores.cypher.bracket_levels import BracketLevels
from remembrancer.stores.cypher.tokens import EXAMPLE

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST_RANGE: Final = 10_000
"""Numbers that a range may have within an expression."""
_SHORT: Final = 100
"""Values in a list that is written out, and in a range, over which there may be a loop within a loop."""
_MOST_BRACKETS: Final = 100
_DEEPEST: Final = 3
"""The deepest nesting of short loops; with a long one, there may be one of them."""
_QUANTIFIERS: Final = frozenset(("any", "all", "none", "single", "filter", "extract"))
_FOLDS: Final = frozenset(("reduce", "allreduce"))
_SHORT_LISTS: Final = frozenset(("nodes", "relationships", "rels", "edges", "labels", "keys"))
_COUNTS: Final = frozenset(("size", "length"))
_ROWS: Final = frozenset(("unwind", "return"))
"""Words that come directly before a range that is read number by number, or is the result."""
_CASE: Final = frozenset(("case", "when", "then", "else", "end"))
_CLAUSES: Final = frozenset(("match", "where", "with", "return", "unwind", "by", "call", "yield"))

_IN_ROWS: Final = "UNWIND range(1, 100) AS x UNWIND range(1, 100) AS y WITH x, y WHERE x * y = 42 RETURN count(*) AS n"
_OF_RANGE: Final = "UNWIND range(1, 100000) AS x WITH x WHERE x % 7 = 0 RETURN count(*) AS n"
_OF_PATTERN: Final = (
    "MATCH (t:scheduled_task) RETURN COLLECT { MATCH (t)<-[:EXECUTION_OF]-(e)-[:RETRY_OF]->(f) RETURN f.status } AS l"
)
_OF_PREDICATE: Final = (
    "MATCH (e:task_execution) WHERE EXISTS { (e)-[:RETRY_OF*1..3]->(:task_execution) } RETURN count(e)"
)
_OF_SUM: Final = "UNWIND range(1, 100) AS x RETURN sum(x) AS total, collect(x) AS numbers"


@dataclass(frozen=True, slots=True)
class _Loop:
    """One loop: its place, its list, its body, and whether the list is short."""

    place: int
    source: tuple[int, int]
    body: tuple[int, int]
    is_short: bool


class ExpressionLoops(BracketLevels):
    """The loops of one query.

    Args:
        tokens: Of the query.
    """

    def refuse(self) -> None:
        """Refuse those that could not be stopped. Raises InvalidInput, with the same written in rows."""
        places = range(len(self.opening))
        self._refuse_depth()
        loops = [loop for place in places if (loop := self._loop_at(place))]
        self._refuse_nests(loops)
        repeated = {place for loop in loops for place in range(*loop.body)}
        for place in places:
            if self.calls(place, {"range"}):
                self._refuse_range(place, is_repeated=place in repeated or self._is_collected(place))
            if self.sign(place) == "[" and self._is_step(place - 1) and self._is_varied(place):
                self._refuse_predicate(place)

    def _refuse_depth(self) -> None:
        """Reject brackets that are nested too deep to be read quickly."""
        depths: list[int] = []
        for place, opening in enumerate(self.opening):
            depths.append(depths[opening] + 1 if opening >= 0 else 0)
            if depths[place] > _MOST_BRACKETS:
                allowed = f"at most {_MOST_BRACKETS} brackets within one another"
                self._raise(place, f"a bracket within {_MOST_BRACKETS} others", allowed, EXAMPLE)

    def _is_step(self, place: int) -> bool:
        """Return True if a step from node to node begins with this hyphen."""
        before = self.sign(place - 1)
        return self.sign(place) == "-" and (before == ")" or (before == "<" and self.sign(place - 2) == ")"))

    def _loop_at(self, place: int) -> _Loop | None:
        """Return the loop that begins there; None if there is none."""
        end = self.closing.get(place)
        if end is not None and self.sign(place) == "[":
            return self._over(place, place + 1, end) or self._pattern_at(place, end)
        if end is not None and self.calls(place - 1, _QUANTIFIERS):
            return self._over(place, place + 1, end)
        if end is not None and self.calls(place - 1, _FOLDS):
            parts = self.parts(place + 1, end)
            loop = self._over(place, parts[1][0], end) if len(parts) > 1 else None
            if loop:
                self._refuse_growth(place + 1, loop)
            return loop
        return self._membership(place) if self.word(place) == "in" else None

    def _over(self, place: int, begin: int, end: int) -> _Loop | None:
        """Return the loop that `x IN list` is there."""
        if not self.at(begin).is_name or self.word(begin + 1) != "in":
            return None
        divide = next((each for each in self.level(begin + 2, end) if self._divides(each)), end)
        return _Loop(place, (begin + 2, divide), (divide, end), self._is_short(begin + 2, divide))

    def _membership(self, place: int) -> _Loop | None:
        """Return the loop that a search for a value in a list is; None where the list is short, or a parameter."""
        if self.sign(place - 2) in {"[", "(", ","} and self.at(place - 1).is_name and self._names_loop(place - 2):
            return None
        begin = place + 1
        end = self.closing.get(begin, self.closing.get(begin + 1, begin)) + 1
        is_all = self.sign(end) not in {"+", "[", "|"}
        if self.sign(begin) == "$" or (is_all and self._is_short(begin, end)):
            return None
        return _Loop(place, (begin, begin), (begin, begin), is_short=False)

    def _names_loop(self, place: int) -> bool:
        """Return True if the name after this sign is that of a loop's value."""
        opening = self.opening[place] if self.sign(place) == "," else place
        return self.sign(opening) == "[" or self.calls(opening - 1, _QUANTIFIERS | _FOLDS)

    def _pattern_at(self, place: int, end: int) -> _Loop | None:
        """Return the loop that a comprehension over a pattern is. Raises InvalidInput: it has more than one step."""
        parts = list(self.level(place + 1, end))
        bar = next((each for each in parts if self._divides(each)), 0)
        steps = [each for each in parts if self.sign(each - 1) == ")" and self.sign(each) in {"-", "<"} and each < bar]
        if not bar or not steps:
            return None
        if len(steps) > 1 or any(self._is_varied(each) for each in parts if self.sign(each) == "[" and each < bar):
            what = "a comprehension over a pattern of more than one step"
            self._raise(place, what, "one step in a comprehension; more of them in COLLECT { MATCH … }", _OF_PATTERN)
        return _Loop(place, (place + 1, bar), (bar, end), is_short=False)

    def _is_varied(self, place: int) -> bool:
        """Return True if the brackets hold a step of no fixed length."""
        return any(self.sign(each) == "*" for each in self.level(place + 1, self.closing.get(place, place)))

    def _refuse_nests(self, loops: Sequence[_Loop]) -> None:
        """Refuse loops that lie in the bodies of others, but for short ones."""
        around: list[_Loop] = []
        for loop in loops:
            around = [each for each in around if loop.place < each.body[1]]
            nest = [*(each for each in around if each.body[0] <= loop.place), loop]
            long = sum(not each.is_short for each in nest)
            if long > 1 or len(nest) > _DEEPEST - long:
                allowed = (
                    "loops within one expression beside one another; one within another only if one of the two goes "
                    f"over at most {_SHORT} values that are written out, or over nodes(), labels() or keys(). Nothing "
                    "could stop it; written with UNWIND, it ends when its time is over"
                )
                self._raise(loop.place, "a loop within a loop of one expression", allowed, _IN_ROWS)
            around.append(loop)

    def _refuse_range(self, place: int, *, is_repeated: bool) -> None:
        """Refuse a range that is long, or may be, where it is not read row by row."""
        if self.word(place - 1) in _ROWS:
            return
        most, count = _SHORT if is_repeated else LONGEST_RANGE, self._count_of_range(place)
        if count is None or count > most or (is_repeated and count == 0):
            allowed = (
                f"a range() within an expression of at most {most:,} numbers, its bounds written out, or up to the "
                "size() of a list; a longer one right behind UNWIND"
            )
            self._raise(place, "a long range() within an expression", allowed, _OF_RANGE)

    def _is_collected(self, place: int) -> bool:
        while (place := self.opening[place]) >= 0:
            if self.calls(place - 1, {"collect", "collect_list"}):
                return True
        return False

    def _refuse_predicate(self, place: int) -> None:
        """Refuse a step of no fixed length where it is a condition, and not the pattern of MATCH or a subquery."""
        opening, begin = self.opening[place], place
        while True:
            before = (each for each in range(begin - 1, opening, -1) if self.opening[each] == opening)
            clause = next((self.word(each) for each in before if self.word(each) in _CLAUSES), "")
            if clause == "match" or (not clause and (opening < 0 or self.sign(opening) == "{")):
                return
            if clause or self.calls(opening - 1, {"exists"}):
                allowed = "steps of no fixed length in MATCH, and in EXISTS { … } and COUNT { … }"
                self._raise(place, "a step of no fixed length as a condition", allowed, _OF_PREDICATE)
            begin, opening = opening, self.opening[opening]

    def _refuse_growth(self, begin: int, loop: _Loop) -> None:
        """Refuse a reduce that takes up its result more than once in a step: it doubles, and fills the memory."""
        name, kind = self.at(begin).text, ""
        uses = {kind: 0}
        most = 0
        for place in range(*loop.body):
            if self.word(place) in _CASE:
                most, kind = max(most, uses.get("branch", 0)), _PARTS[self.word(place)]
                uses["branch"] = 0
            elif self.at(place).is_name and self.at(place).text == name:
                uses[kind] = uses.get(kind, 0) + 1
        most = max(most, uses.get("branch", 0))
        if most + uses[""] > 1 or any(self._may_lengthen(place) for place in range(*loop.body)):
            allowed = "a reduce() that takes up its own result once in a step; sum() and collect() over rows do more"
            self._raise(begin, "a reduce() whose result may double", allowed, _OF_SUM)

    def _may_lengthen(self, place: int) -> bool:
        """Return True if a replace() that may put in more than it takes out is called there."""
        return self.calls(place, {"replace"}) and self.at(self.closing.get(place + 1, 0) - 1).text not in {"''", '""'}

    def _is_short(self, begin: int, end: int) -> bool:
        """Return True if the list that is written there, alone, is surely short."""
        if self.sign(begin) == "[" and self.closing.get(begin) == end - 1:
            is_written_out = not self._over(begin, begin + 1, end - 1) and not self._pattern_at(begin, end - 1)
            return is_written_out and len(self.parts(begin + 1, end - 1)) <= _SHORT
        if self.closing.get(begin + 1) != end - 1:
            return False
        if self.calls(begin, {"range"}):
            return 0 < (self._count_of_range(begin) or 0) <= _SHORT
        return self.calls(begin, _SHORT_LISTS)

    def _count_of_range(self, place: int) -> int | None:
        """Return how many numbers a range has at most; 0 for as many as a list, None where that cannot be seen."""
        parts = self.parts(place + 2, self.closing.get(place + 1, place + 2))
        if not 2 <= len(parts) <= 3:  # noqa: PLR2004 (from, to, and the step)
            return None
        first, last = (self._number(*part) for part in parts[:2])
        if first is not None and first >= 0 and last is None and len(parts) == 2:  # noqa: PLR2004
            return 0 if self._is_size(*parts[1]) else None
        step = self._number(*parts[2]) if parts[2:] else 1
        return None if first is None or last is None or not step else abs(last - first) // abs(step) + 1

    def _number(self, begin: int, end: int) -> int | None:
        """Return the whole number that is written there, alone."""
        try:
            return int("".join(self.at(place).text for place in range(begin, end)))
        except ValueError:
            return None

    def _is_size(self, begin: int, end: int) -> bool:
        """Return True if size(…) is written there, or size(…) less a number."""
        if not self.calls(begin, _COUNTS):
            return False
        beyond = self.closing.get(begin + 1, end) + 1
        return beyond == end or (self.sign(beyond) == "-" and self._number(beyond + 1, end) is not None)

    def _divides(self, place: int) -> bool:
        """Return True if the list of a loop ends there."""
        return self.word(place) == "where" or self.sign(place) == "|"

    def _raise(self, place: int, what: str, allowed: str, example: str) -> NoReturn:
        raise InvalidInput("query", f"{what} (at character {self.at(place).place})", allowed, example)


_PARTS: Final = {"case": "condition", "when": "condition", "then": "branch", "else": "branch", "end": ""}
"""The part of an expression that a word of CASE begins."""
