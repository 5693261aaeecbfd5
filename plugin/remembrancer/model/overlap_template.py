"""Templates of keys, such as overlap keys: text with fields of the task in braces."""

from __future__ import annotations

from dataclasses import dataclass
from string import Formatter
from typing import TYPE_CHECKING, Final

from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import read_line
from remembrancer.model.field_definition import Text
from remembrancer.model.suggestions import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONGEST: Final = 200
_FIELDS: Final = (
    *("task_id", "name", "group", "concurrency_key", "dedup_key", "origin_thought_id", "created_by", "template"),
    "lineage_id",
)
CONTEXT: Final = "context"


@dataclass(frozen=True, kw_only=True)
class KeyTemplate(Text):
    """A template of a key."""

    longest: int = LONGEST
    one_line: bool = True

    @property
    def check(self) -> Callable[[str, object], object]:
        """Refuse a template that no task could fill."""

        def read(name: str, value: object) -> object:
            text = read_line(name, value, longest=self.longest, example=self.example)
            list(parts_of(text, name))
            return text

        return read


def parts_of(template: str, field: str) -> Iterator[tuple[str, str | None]]:
    """Yield the texts of a template of a field, each with the path of the field after it. Raises InvalidInput."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError as fault:
        raise wrong_template(field, template, f"text with fields in pairs of braces; here: {fault}") from fault
    for text, path, form, conversion in parts:
        if path is None:
            yield text, None
            continue
        first, _, rest = path.partition(".")
        if form or conversion or ((first not in _FIELDS or rest) and (first != CONTEXT or not rest)):
            known = ", ".join(f"{{{each}}}" for each in _FIELDS)
            raise wrong_template(field, template, f"fields of the task: {known}, and {{context.NAME}}", first)
        yield text, path


def wrong_template(field: str, template: str, allowed: str, name: str | None = None) -> InvalidInput:
    """Return the error about a template, which says what is allowed."""
    meant = nearest(name, [*_FIELDS, CONTEXT]) if name else None
    hint = f" (did you mean {meant}?)" if meant and meant != name else ""
    return InvalidInput(field, template, allowed + hint, "report-{name}")
