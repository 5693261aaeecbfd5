"""Budgets of lineages: what one may use, and how far it may grow, checked and in their normal form.

Money is text with up to six decimals for people, and a whole number of millionths everywhere else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, NoReturn, TypeAlias, cast

from pydantic import BeforeValidator

from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import read_word
from remembrancer.model.field_definition import FieldDefinition
from remembrancer.model.json_bounds import read_json
from remembrancer.model.policy import OnExhausted
from remembrancer.model.suggestions import unknown

if TYPE_CHECKING:
    from remembrancer.model.field_definition import Check

Budget: TypeAlias = dict[str, int | str | None]
"""The parts of a budget, by their names; None is a part without a bound."""
LIMITS: Final = ("max_depth", "max_fan_out", "max_open_tasks")
"""Bounds on what handlers schedule: generations, tasks of one execution, open tasks of the lineage."""
AMOUNTS: Final = ("runs", "tokens", "money")
"""The amounts that a lineage may use, over its whole life."""
ON_EXHAUSTED: Final = "on_exhausted"
PARTS: Final = (*AMOUNTS, *LIMITS, ON_EXHAUSTED)
"""The parts of a budget, in the order in which it is written."""
MOST: Final = 10**15
"""The largest number in a budget."""
_ALLOWED: Final = f"an object with some of {', '.join(PARTS)}; or such a text: runs=100,tokens=1e6,money=5.00"


def read_budget(field: str, value: object, example: object) -> Budget | None:
    """Return a budget in its normal form; None without one. Raises InvalidInput."""
    if value is None:
        return None
    if isinstance(value, str):
        value = _parsed(field, value, example)
    if not isinstance(value, Mapping) or not value:
        raise InvalidInput(field, cast("object", value), _ALLOWED, example)
    given = cast("Mapping[object, object]", value)
    for name in given:
        if name not in PARTS:
            raise InvalidInput(f"{field}.{name}", given[name], unknown(str(name), PARTS), example)
    return {name: _read(f"{field}.{name}", name, given[name]) for name in PARTS if name in given}


def bounds_amounts(budget: Mapping[str, object] | None) -> bool:
    """Return whether a budget bounds what a lineage may use."""
    return budget is not None and any(budget.get(name) is not None for name in AMOUNTS)


def budget_text(budget: Mapping[str, object] | None) -> str | None:
    """Return a budget as the text that the graph holds and people read as JSON; None without one."""
    return None if budget is None else json.dumps(budget, separators=(",", ":"))


def budget_words(budget: Mapping[str, object]) -> str:
    """Return a budget as it is typed on a command line; a part without a bound is `none`."""
    return ",".join(f"{name}={'none' if value is None else value}" for name, value in budget.items())


def refuse_budget(budget: object, lineage_id: str) -> NoReturn:
    """Refuse a budget that a handler sets, or that is set on a task which a handler scheduled. Raises InvalidInput."""
    allowed = f"no budget within a lineage: it shares that of the lineage {lineage_id}, which is set from outside of it"
    raise InvalidInput("budget", budget, allowed, None)


def _parsed(field: str, text: str, example: object, allowed: str = _ALLOWED) -> dict[str, object]:
    """Return what a text such as `max_depth=3,max_fan_out=10` says."""
    if text.lstrip().startswith("{"):
        try:
            return cast("dict[str, object]", read_json(text, is_finite=True))
        except ValueError:
            raise InvalidInput(field, text, allowed, example) from None
    found: dict[str, object] = {}
    for part in text.split(","):
        name, sign, said = (each.strip() for each in part.partition("="))
        if not sign or not said or name in found:
            raise InvalidInput(field, text, allowed, example)
        found[name.replace("-", "_")] = None if said == "none" else said
    return found


def _read(field: str, name: str, value: object) -> int | str | None:
    """Return one part of a budget; None takes its bound away."""
    if value is None:
        return None
    if name == ON_EXHAUSTED:
        return read_word(field, value, OnExhausted, "wait").value
    if name == "money":
        return money_text(micros_of(field, value))
    number = _whole(value)
    if number is None or not 0 <= number <= MOST:
        raise InvalidInput(field, value, f"a whole number from 0 to {MOST:,}, or null for no bound", _EXAMPLES[name])
    return number


def _whole(value: object) -> int | None:
    """Return a whole number, also one that a text such as `1e6` spells; None for another value."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        spelled = Decimal(value)
        return int(spelled) if spelled == spelled.to_integral_value() else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def micros_of(field: str, value: object) -> int:
    """Return an amount of money in millionths. Raises InvalidInput: a float, which is never exact, or no amount."""
    allowed = f"a whole number, or text with up to six decimals, from 0 to {MOST // _MICROS:,}"
    is_whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST
    if not is_whole and not (isinstance(value, str) and _NUMBER.fullmatch(value)):
        raise InvalidInput(field, value, allowed, _EXAMPLES["money"])
    micros = Decimal(cast("int | str", value)) * _MICROS
    if micros != micros.to_integral_value() or not 0 <= micros <= MOST:
        raise InvalidInput(field, value, allowed, _EXAMPLES["money"])
    return int(micros)


def money_text(micros: int) -> str:
    """Return millionths as text, with at least two decimals."""
    sign, (whole, part) = "-" if micros < 0 else "", divmod(abs(micros), _MICROS)
    return f"{sign}{whole}.{f'{part:06}'.rstrip('0'):0<2}"


def read_estimate(field: str, value: object, example: object) -> Budget | None:
    """Return what one run is expected to use, in its normal form; None without it. Raises InvalidInput."""
    if value is None:
        return None
    if isinstance(value, str):
        value = _parsed(field, value, example, _ALLOWED_ESTIMATE)
    if not isinstance(value, Mapping) or not value:
        raise InvalidInput(field, cast("object", value), _ALLOWED_ESTIMATE, example)
    given = cast("Mapping[object, object]", value)
    for name, part in given.items():
        if name not in _ESTIMATED:
            raise InvalidInput(f"{field}.{name}", part, unknown(str(name), _ESTIMATED), example)
        if part is None:
            raise InvalidInput(f"{field}.{name}", part, "an amount, or no such part", example)
    tokens = _whole(given.get("tokens", 0))
    if tokens is None or not 0 <= tokens <= MOST:
        allowed = f"a whole number from 0 to {MOST:,}"
        raise InvalidInput(f"{field}.tokens", given["tokens"], allowed, _EXAMPLES["tokens"])
    return read_budget(field, given, example)


_MICROS: Final = 1_000_000
_NUMBER: Final = re.compile(r"\d{1,16}(?:\.\d{1,16})?(?:[eE]\+?\d{1,2})?")
_ESTIMATED: Final = ("tokens", "money")
_ALLOWED_ESTIMATE: Final = "an object with tokens, money or both; or such a text: tokens=2000,money=0.05"
_EXAMPLES: Final[dict[str, object]] = {
    "runs": 100,
    "tokens": 1_000_000,
    "money": "5.00",
    "max_depth": 3,
    "max_fan_out": 10,
    "max_open_tasks": 50,
}


def _decoded(value: object) -> object:
    """Return the budget that a node holds as text."""
    return json.loads(value) if isinstance(value, str) else value


BudgetText = Annotated[Budget | None, BeforeValidator(_decoded)]
"""A budget as a task has it; in the graph it is JSON text."""


@dataclass(frozen=True, kw_only=True)
class BudgetField(FieldDefinition):
    """A budget: an object, or a text such as `runs=100,max_depth=3`."""

    metavar: ClassVar[str | None] = "PARTS"

    @property
    def check(self) -> Check:
        """Refuse anything but known parts with numbers."""
        return partial(read_budget, example=self.example)

    @property
    def kind(self) -> str:
        """The type in words."""
        return "JSON object"

    def shown(self, value: object) -> str:
        """Return the budget as it is typed."""
        return budget_words(cast("Mapping[str, object]", value))


@dataclass(frozen=True, kw_only=True)
class EstimateField(BudgetField):
    """An estimate: an object, or a text such as `tokens=2000,money=0.05`."""

    @property
    def check(self) -> Check:
        """Refuse anything but amounts of tokens and money."""
        return partial(read_estimate, example=self.example)
