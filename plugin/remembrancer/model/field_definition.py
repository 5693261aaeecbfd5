"""Definitions of task fields: bounds, description and example, from which every surface derives its part."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast, get_type_hints

from remembrancer.model.constraints import (
    LONGEST_WORD,
    MOST_WORDS,
    read_expression,
    read_integer,
    read_label,
    read_labels,
    read_line,
    read_object,
    read_seconds,
    read_text,
    read_word,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Check = Callable[[str, object], object]
    Schema = dict[str, object]


class FieldGroup(StrEnum):
    """The part of a task that a field belongs to: a panel of the help, a section of the reference."""

    TASK = "Task"
    WHEN = "When"
    FAULTS = "When something goes wrong"
    BUSY = "When much runs at once"
    WAITS = "What it waits for"
    LINEAGE = "What may come of it"


@dataclass(frozen=True)
class FieldDefinition:
    """The properties of a task field other than its name, type and default; a subclass for each kind of value.

    It is part of the annotation of a field of `ScheduleRequest`; pydantic puts it into the JSON schema.

    Args:
        description: A sentence for help texts, schemas and tables.
        example: A value that is accepted.
        group: The part of a task that the field belongs to.
    """

    description: str
    example: object
    group: FieldGroup = field(default=FieldGroup.TASK, kw_only=True)

    metavar: ClassVar[str | None] = None
    """The word for the value in the help of a command."""

    @property
    def typed(self) -> type:
        """The type of the value on a command line."""
        return str

    @property
    def check(self) -> Check | None:
        """The function (name, value) -> value that raises InvalidInput; None if the schedule's parser reads it."""
        return None

    @property
    def kind(self) -> str:
        """The type and the bounds in words, for the dictionary and the reference."""
        return "text"

    def constrain(self, schema: Schema) -> Schema:
        """Return the JSON schema of the field's type, with the bounds."""
        return schema

    def shown(self, value: object) -> str:
        """Return a value of this field for people."""
        return str(value)

    def __get_pydantic_json_schema__(self, core: object, handler: Callable[[object], Schema]) -> Schema:
        """Return the field's JSON schema: pydantic calls this where it finds the definition in an annotation."""
        return {**self.constrain(handler(core)), "description": self.description, "examples": [self.example]}


@dataclass(frozen=True, kw_only=True)
class Text(FieldDefinition):
    """Text, of one line where that is said."""

    longest: int
    one_line: bool = False

    @property
    def check(self) -> Check:
        """Refuse text that is blank, too long or not storable."""
        return partial(read_line if self.one_line else read_text, longest=self.longest, example=self.example)

    @property
    def kind(self) -> str:
        """The type and the bounds in words."""
        return f"text, 1 to {self.longest:,} characters"

    def constrain(self, schema: Schema) -> Schema:
        """Return the JSON schema with the lengths."""
        return {**schema, "minLength": 1, "maxLength": self.longest}


@dataclass(frozen=True, kw_only=True)
class Label(FieldDefinition):
    """A short word that tasks are found by, kept in small letters."""

    metavar: ClassVar[str | None] = "WORD"

    @property
    def check(self) -> Check:
        """Refuse text that is no short word."""
        return partial(read_label, example=self.example)

    @property
    def kind(self) -> str:
        """The type and the bounds in words."""
        return f"text: a word of 1 to {LONGEST_WORD} characters"

    def constrain(self, schema: Schema) -> Schema:
        """Return the JSON schema with the lengths."""
        return {**schema, "minLength": 1, "maxLength": LONGEST_WORD}


@dataclass(frozen=True, kw_only=True)
class Labels(Label):
    """A list of such words, each once and in order."""

    @property
    def typed(self) -> type:
        """A list: the option may be given again."""
        return list[str]

    @property
    def check(self) -> Check:
        """Refuse anything but a list of short words."""
        return partial(read_labels, example=self.example)

    @property
    def kind(self) -> str:
        """The type and the bounds in words."""
        return f"list of up to {MOST_WORDS} words of 1 to {LONGEST_WORD} characters"

    def constrain(self, schema: Schema) -> Schema:
        """Return the JSON schema with the length of the list, and those of its words."""
        word = {"type": "string", "minLength": 1, "maxLength": LONGEST_WORD}
        return {**schema, "items": word, "maxItems": MOST_WORDS}

    def shown(self, value: object) -> str:
        """Return the words with commas between them."""
        return ", ".join(cast("Sequence[str]", value))


@dataclass(frozen=True, kw_only=True)
class Choice(FieldDefinition):
    """A word of a closed set."""

    words: type[StrEnum]

    @property
    def typed(self) -> type:
        """The set: a command line offers its words."""
        return self.words

    @property
    def check(self) -> Check:
        """Refuse any other word."""
        return partial(read_word, words=self.words, example=self.example)

    @property
    def kind(self) -> str:
        """The words."""
        *others, last = [f"`{word}`" for word in self.words]
        return f"text: {', '.join(others)} or {last}"

    def constrain(self, schema: Schema) -> Schema:
        """Return a JSON schema of the words alone, null included where the type includes it."""
        words: list[str | None] = [word.value for word in self.words]
        if {"type": "null"} in cast("list[object]", schema.get("anyOf", [])):
            return {"type": ["string", "null"], "enum": [*words, None]}
        return {"type": "string", "enum": words}


@dataclass(frozen=True, kw_only=True)
class WholeNumber(FieldDefinition):
    """A whole number within bounds."""

    least: int
    most: int

    @property
    def typed(self) -> type:
        """A whole number on a command line too."""
        return int

    @property
    def check(self) -> Check:
        """Refuse anything but a whole number within the bounds."""
        return partial(read_integer, least=self.least, most=self.most, example=self.example)

    @property
    def kind(self) -> str:
        """The type and the bounds in words."""
        return f"integer, {self.least:,} to {self.most:,}"

    def constrain(self, schema: Schema) -> Schema:
        """Return the JSON schema with the bounds."""
        return {**schema, "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, kw_only=True)
class Seconds(FieldDefinition):
    """A number of seconds within bounds."""

    least: float
    most: float

    metavar: ClassVar[str | None] = "SECONDS"

    @property
    def typed(self) -> type:
        """A number on a command line too."""
        return float

    @property
    def check(self) -> Check:
        """Refuse anything but a number within the bounds."""
        return partial(read_seconds, least=self.least, most=self.most, example=self.example)

    @property
    def kind(self) -> str:
        """The type and the bounds in words."""
        return f"number, {self.least:g} to {self.most:,.0f} seconds"

    def constrain(self, schema: Schema) -> Schema:
        """Return the JSON schema with the bounds."""
        return {**schema, "minimum": self.least, "maximum": self.most}

    def shown(self, value: object) -> str:
        """Return the number with its unit."""
        return f"{value:g} s"


@dataclass(frozen=True, kw_only=True)
class JsonObject(FieldDefinition):
    """A JSON object of the author's own."""

    metavar: ClassVar[str | None] = "JSON"

    @property
    def check(self) -> Check | None:
        """Refuse anything but a JSON object within the bounds of `json_bounds`."""
        return partial(read_object, example=self.example)

    @property
    def kind(self) -> str:
        """The type and the bounds in words."""
        return "JSON, to 64 KiB"

    def shown(self, value: object) -> str:
        """Return the object as JSON."""
        return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, kw_only=True)
class ScheduleObject(JsonObject):
    """A schedule as a JSON object; its kind reads it."""

    @property
    def check(self) -> Check | None:
        """Leave the object to its kind."""
        return None

    @property
    def kind(self) -> str:
        """The type in words."""
        return "JSON, by its `kind`"


@dataclass(frozen=True, kw_only=True)
class Timestamp(FieldDefinition):
    """A date and time, read by `schedules.parsing` in the zone of the schedule."""

    metavar: ClassVar[str | None] = "TIME"

    @property
    def kind(self) -> str:
        """The type in words."""
        return "moment"

    def constrain(self, schema: Schema) -> Schema:
        """Return the JSON schema of text, in which JSON has a time or a length of time."""
        del schema
        return {"anyOf": [{"type": "string"}, {"type": "null"}]}


@dataclass(frozen=True, kw_only=True)
class CronText(FieldDefinition):
    """A cron expression; the cron parser checks its text."""

    metavar: ClassVar[str | None] = "EXPR"

    @property
    def check(self) -> Check:
        """Reject a value that is no text."""
        return partial(read_expression, example=self.example)


@dataclass(frozen=True, kw_only=True)
class ZoneName(FieldDefinition):
    """The IANA name of a time zone, read by `schedules.parsing`."""

    metavar: ClassVar[str | None] = "ZONE"


def definitions_of(request: type) -> Mapping[str, FieldDefinition]:
    """Return the definitions in the annotations of a class, by the names of its fields."""
    return {
        name: each
        for name, hint in get_type_hints(request, include_extras=True).items()
        for each in getattr(hint, "__metadata__", ())
        if isinstance(each, FieldDefinition)
    }
