"""The definitions of task fields: each surface says of a field what its definition says."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from types import NoneType
from typing import Any, Unpack, get_args, get_type_hints

import pytest
import typer
from pydantic import TypeAdapter

from reference_pages.fields import task_fields
from remembrancer import InvalidInput, ScheduledTask, ScheduleRequest, TaskSchedulerService
from remembrancer.cli import app
from remembrancer.cli.commands.schedule import flags_of
from remembrancer.model.field_definition import ScheduleObject, Seconds, Text, WholeNumber
from remembrancer.model.policy import DedupReuse, Fold, Gap, Misfire, OnLost, SecondsField, Session
from remembrancer.model.request import DEFAULTS, EXAMPLE, TASK_FIELDS, TaskFields
from remembrancer.operations.validation import validate
from remembrancer.ports.sync_calls import SyncCalls
from remembrancer.stores.rows.node_rows import TIMESTAMPS, task_row
from remembrancer_schema.catalog import query

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
SCHEMA: dict[str, Any] = TypeAdapter(ScheduleRequest).json_schema()["properties"]
FIELDS = list(TASK_FIELDS)
KEPT = [name for name in FIELDS if not isinstance(TASK_FIELDS[name], ScheduleObject)]
"""The fields that a task keeps under their names: a schedule is kept as what its kind spells it with."""
SIX_FIELDS = {"schedule_cron": "0 0 9 * * 1-5"}


KEPT_UNLESS_GIVEN = {"timezone": "UTC", "gap": "run_after"}
"""The values that a task has of fields whose absence a request tells apart."""


def asked(**fields: Any) -> ScheduledTask:
    """Return the task of a request with these fields."""
    return validate(ScheduleRequest(**{**EXAMPLE, **fields}), NOW, 60.0, {})


def test_every_field_of_a_request_has_a_definition() -> None:
    assert [each.name for each in fields(ScheduleRequest)] == FIELDS


@pytest.mark.parametrize("name", KEPT)
def test_the_example_of_a_field_is_accepted(name: str) -> None:
    example = TASK_FIELDS[name].example
    kept = getattr(asked(**{**SIX_FIELDS, name: example} if name == "seconds_field" else {name: example}), name)

    check = TASK_FIELDS[name].check
    read = check(name, example) if name == "depends_on" and check else example
    assert kept == (datetime.fromisoformat(str(example)) if name == "defer_until" else read)


@pytest.mark.parametrize("name", [name for name in KEPT if name in DEFAULTS and TASK_FIELDS[name].check])
def test_the_default_of_a_field_passes_its_check(name: str) -> None:
    check, default = TASK_FIELDS[name].check, DEFAULTS[name]

    assert check is not None
    assert default is None or check(name, default) == default
    unset = ScheduledTask.model_fields[name].default if default is None else default
    assert getattr(asked(), name) == EXAMPLE.get(name, unset)


@pytest.mark.parametrize("name", KEPT)
def test_a_task_has_each_field_of_its_request(name: str) -> None:
    kept = ScheduledTask.model_fields[name]

    assert kept.is_required() is (name not in DEFAULTS)
    assert kept.is_required() or kept.default == KEPT_UNLESS_GIVEN.get(name, DEFAULTS[name])


def test_the_python_call_takes_each_field_with_its_type() -> None:
    hints = get_type_hints(ScheduleRequest)
    words = {each.__name__: each for each in (DedupReuse, Fold, Gap, Misfire, OnLost, SecondsField, Session)}
    choices = get_type_hints(TaskFields, localns=words)
    positional = [name for name in FIELDS if name not in choices]

    assert choices == {name: hints[name] for name in FIELDS if name in choices}
    assert positional == FIELDS[: len(positional)]
    for call in (TaskSchedulerService.schedule_task, SyncCalls.schedule_task):
        names = list(call.__annotations__)
        assert names == [*positional, "fields", "return"]
        assert call.__annotations__["fields"] == f"{Unpack.__name__}[NewTaskFields]"


@pytest.mark.parametrize("name", FIELDS)
def test_the_schema_says_what_the_definition_says(name: str) -> None:
    field, schema = TASK_FIELDS[name], SCHEMA[name]

    assert (schema["description"], schema["examples"]) == (field.description, [field.example])
    if isinstance(field, Text):
        assert (schema["minLength"], schema["maxLength"]) == (1, field.longest)
    if isinstance(field, WholeNumber | Seconds):
        assert (schema["minimum"], schema["maximum"]) == (field.least, field.most)
    if name in KEPT:
        assert ScheduledTask.model_json_schema()["properties"][name]["description"] == field.description


@pytest.mark.parametrize("name", [n for n in FIELDS if isinstance(TASK_FIELDS[n], WholeNumber | Seconds)])
def test_a_number_is_taken_up_to_its_bounds_only(name: str) -> None:
    field: Any = TASK_FIELDS[name]

    assert getattr(asked(**{name: field.most}), name) == field.most
    assert getattr(asked(**{name: field.least}), name) == field.least
    for beyond in (field.most + 1, field.least - 1):
        with pytest.raises(InvalidInput, match=f"{field.most:,.0f}"):
            asked(**{name: beyond})


def test_the_command_has_an_option_for_each_field() -> None:
    command: Any = getattr(typer.main.get_command(app), "commands")["schedule"]  # noqa: B009 (of a group only)
    options = {each.name: each for each in command.params}

    for name, field in TASK_FIELDS.items():
        assert options[name].help == field.description
        assert tuple(options[name].opts) == (flags_of(name) or ("name",))


def test_the_graph_is_given_each_field_of_a_task() -> None:
    every = {name: TASK_FIELDS[name].example for name in KEPT}
    row = task_row(asked(**{**every, **SIX_FIELDS}))

    assert set(KEPT) - set(TIMESTAMPS) <= row["properties"].keys()
    for name in TIMESTAMPS:
        assert name not in row["properties"]
        assert name in {"last_triggered_at", "paused_at", "paused_until"} or f"t.{name} = " in query("create_tasks")


@pytest.mark.parametrize("name", KEPT)
def test_the_dictionary_has_the_row_of_each_field(name: str) -> None:
    dictionary = (ROOT / "graph_schema/remembrancer_schema/README.md").read_text("utf-8")
    section = dictionary.partition("### `scheduled_task`")[2].partition("### `task_execution`")[0]
    found = re.search(rf"^\| `{name}` \| (.*) \| (.*) \|$", section, re.MULTILINE)
    may_be_null = NoneType in get_args(ScheduledTask.model_fields[name].annotation)
    field = TASK_FIELDS[name]
    meaning = field.description[0].lower() + field.description[1:].rstrip(".")

    assert found is not None
    assert found[1].removesuffix(", unique") == field.kind + (", or null" if may_be_null else "")
    assert name == "defer_until" or found[2].startswith(meaning)  # a deferral changes what that one means


def test_the_reference_has_each_field() -> None:
    page = task_fields()

    for name, field in TASK_FIELDS.items():
        assert f"| `{name}` | {field.description} | {field.kind} |" in page


def test_a_value_that_only_equals_the_default_is_checked() -> None:
    for field, value in (("misfire_limit", None), ("max_attempts", 3.0), ("misfire_grace_seconds", True)):
        with pytest.raises(InvalidInput, match=f"{field}={value}"):
            asked(**{field: value})
