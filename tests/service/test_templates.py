"""Templates on each kind of graph: defined, filled with values, used in sets, and removed."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st

from remembrancer import InvalidInput, SetAction, TaskSchedulerService, TaskTemplate
from remembrancer.operations.templates.places import MOST_FILLED, filled
from remembrancer.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NOW = datetime(2026, 12, 21, 6, tzinfo=UTC)
TASK: dict[str, Any] = {
    "name": "Report on {topic}",
    "trigger_prompt": 'Write about {topic} as {{topic}}, {"a": {"b": 1}}.',
    "cron": "{minute} {hour} * * 1-5",
    "timezone": "{zone}",
    "max_attempts": "{tries}",
    "context": {"topic": "{topic}", "hours": ["{hour}", "at {hour}"]},
}
PARAMETERS: dict[str, Any] = {
    "topic": "text",
    "hour": {"type": "number", "default": 9},
    "minute": {"type": "number", "default": 0},
    "zone": {"type": "zone", "default": "Europe/Berlin"},
    "tries": {"type": "choice", "allowed": [1, 2, 3], "default": 2},
}
EDGES = "MATCH (t:scheduled_task)-[u:FROM_TEMPLATE]->(k:task_template) RETURN t.name AS task, u.version AS version"


@pytest.fixture
async def service(graph: str) -> AsyncIterator[TaskSchedulerService]:
    made = TaskSchedulerService(graph, VirtualClock(NOW))
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def embedded() -> AsyncIterator[TaskSchedulerService]:
    made = TaskSchedulerService(":memory:", VirtualClock(NOW))
    await made.open()
    yield made
    await made.close()


async def refusal(service: TaskSchedulerService, values: dict[str, Any], **overrides: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        await service.schedule_from_template("report", values, overrides)
    return refused.value


async def unfit(service: TaskSchedulerService, task: dict[str, Any], parameters: Any = None) -> str:
    with pytest.raises(InvalidInput) as refused:
        await service.define_template("report", task, parameters)
    return str(refused.value)


async def test_a_template_makes_a_task_of_values(service: TaskSchedulerService) -> None:
    made = await service.define_template("report", TASK, PARAMETERS, description="A report")
    reply = await service.schedule_from_template("report", {"topic": "sales", "hour": "10", "tries": 3})
    kept = await service.get_task(reply.task_id)

    assert kept.name == "Report on sales"
    assert kept.trigger_prompt == 'Write about sales as {topic}, {"a": {"b": 1}}.'
    assert (kept.schedule_cron, kept.timezone, kept.max_attempts) == ("0 10 * * 1-5", "Europe/Berlin", 3)
    assert kept.context == {"topic": "sales", "hours": [10, "at 10"]}
    assert (kept.template, kept.template_version, kept.origin_thought_id) == ("report", 1, "template_report")
    assert reply.next_fires[0] == datetime(2026, 12, 21, 9, tzinfo=UTC)
    assert await service.cypher(EDGES) == [{"task": "Report on sales", "version": 1}]
    assert await service.get_template("report") == made == (await service.list_templates())[0]


async def test_a_template_is_replaced_and_removed(service: TaskSchedulerService) -> None:
    first = await service.define_template("report", TASK, PARAMETERS)
    task = await service.schedule_from_template("report", {"topic": "sales"})
    again = await service.define_template("report", TASK, PARAMETERS)
    second = await service.define_template("report", {**TASK, "name": "{topic}"}, PARAMETERS, version=1)
    with pytest.raises(InvalidInput, match="version=1 is not accepted"):
        await service.define_template("report", TASK, PARAMETERS, version=1)
    renamed = await service.schedule_from_template("report", {"topic": "stock"})
    edges = await service.cypher(f"{EDGES} ORDER BY version")
    removed = await service.remove_template("report")
    kept = await service.get_task(task.task_id)

    assert (again, second.version, second.created_at) == (first, 2, first.created_at)
    assert [each["version"] for each in edges] == [1, 2]
    assert (renamed.name, removed, await service.list_templates()) == ("stock", True, [])
    assert (kept.template, kept.is_open, await service.cypher(EDGES)) == ("report", True, [])
    actions = [each.action for each in await service.audit_entries() if "template" in each.action]
    assert sorted(actions) == ["define_template", "define_template", "remove_template"]
    with pytest.raises(InvalidInput, match="there are none"):
        await service.remove_template("report")


async def test_definitions_at_once_lose_none(service: TaskSchedulerService) -> None:
    named = [{"trigger_prompt": f"Do {place} of {{topic}}", "every": "1h"} for place in range(4)]
    made = await asyncio.gather(*(service.define_template("report", task, {"topic": "text"}) for task in named))
    assert sorted(each.version for each in made) == [1, 2, 3, 4]
    equal = await asyncio.gather(*(service.define_template("same", TASK, PARAMETERS) for _ in range(4)))
    assert {each.version for each in equal} == {1}


async def test_overrides_take_the_place_of_fields(embedded: TaskSchedulerService) -> None:
    await embedded.define_template("report", TASK, PARAMETERS)
    reply = await embedded.schedule_from_template(
        "report", {"topic": "sales"}, {"every": "2h", "name": "Mine", "dedup_key": "mine"}
    )
    again = await embedded.schedule_from_template("report", {"topic": "x"}, {"dedup_key": "mine"}, fires=1)

    assert (reply.name, reply.schedule.kind, reply.max_attempts) == ("Mine", "every", 2)
    assert (again.task_id, again.disposition) == (reply.task_id, "existing")
    assert (await refusal(embedded, {"topic": "x"}, tmezone="UTC")).field == "overrides.tmezone"


@pytest.mark.parametrize(
    ("values", "field", "allowed", "example"),
    [
        ({}, "topic", "no default", "some text"),
        ({"topic": 3}, "topic", "a text", "some text"),
        ({"topic": "a", "hour": "many"}, "hour", "a number", 9),
        ({"topic": "a", "hour": True}, "hour", "a number", 9),
        ({"topic": "a", "hour": float("inf")}, "hour", "a finite number", 9),
        ({"topic": "a", "zone": "EST"}, "zone", "an IANA time zone", "Europe/Berlin"),
        ({"topic": "a", "tries": 4}, "tries", "one of 1, 2, 3", 2),
        ({"topc": "a"}, "topc", "topic is meant", "topic"),
        ({"topic": "\0"}, "topic", "text", "some text"),
    ],
)
async def test_a_wrong_value_is_refused_by_its_name(
    embedded: TaskSchedulerService, values: dict[str, Any], field: str, allowed: str, example: object
) -> None:
    await embedded.define_template("report", TASK, PARAMETERS)
    refused = await refusal(embedded, values)
    assert (refused.field, refused.example) == (f"values.{field}", example)
    assert allowed in refused.allowed
    assert await embedded.find_tasks() == []


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (
            "time",
            ["09:00", "09:00:30", "2026-12-24", "2026-12-24T09:00", "2026-12-24T09:00Z", "in 2h"],
            ["9 o'clock", 9],
        ),
        ("duration", ["90m", "1h30m", "2d"], ["soon", 90, "PT1H"]),
        ("zone", ["UTC", "America/New_York"], ["CET+1", 1]),
        ("number", [1, 2.5, "3", "-2.50"], ["1e3", "", None, [1]]),
        ("text", ["", "{x}", "ü"], [1, None, {}]),
    ],
)
async def test_each_type_takes_its_values_alone(
    embedded: TaskSchedulerService, kind: str, right: list[Any], wrong: list[Any]
) -> None:
    task = {"trigger_prompt": "Use {x}.", "every": "1h"}
    await embedded.define_template("report", task, {"x": kind})
    for value in right:
        reply = await embedded.schedule_from_template("report", {"x": value})
        assert reply.trigger_prompt == f"Use {float(value) if value == '-2.50' else value}."
    for value in wrong:
        assert (await refusal(embedded, {"x": value})).field == "values.x"


@pytest.mark.parametrize(
    ("task", "parameters", "told"),
    [
        ({"trigger_prompt": "{topc}", "every": "1h"}, {"topic": "text"}, "{topc} has none ({topic} is meant?)"),
        ({"trigger_prompt": "a", "every": "1h"}, {"topic": "text"}, "topic has none"),
        ({"trigger_prompt": "{topic}", "cron": "{topic} * * * *"}, {"topic": "text"}, "give topic an `example`"),
        ({"trigger_prompt": "{n}", "at": "{n}"}, {"n": {"type": "time", "example": "09:00"}}, "tried with n='09:00'"),
        ({"trigger_prompt": "a", "evry": "1h"}, None, "every is meant"),
        ({"trigger_prompt": "a"}, None, "task.defer_until"),
        ({"every": "1h"}, None, "task.trigger_prompt"),
        ({"trigger_prompt": "{a}", "every": "1h"}, {"a": {"type": "word"}}, "parameters.a.type"),
        ({"trigger_prompt": "{a}", "every": "1h"}, {"a": {"type": "choice"}}, "parameters.a.allowed"),
        ({"trigger_prompt": "{a}", "every": "1h"}, {"a": {"type": "number", "default": "x"}}, "parameters.a.default"),
        ({"trigger_prompt": "{a}", "every": "1h"}, {"a": {"type": "text", "defalt": "x"}}, "default is meant"),
        ({"trigger_prompt": "a", "every": "1h"}, {"1a": "text"}, "no digit first"),
        ({"trigger_prompt": "{a}", "every": "1h", "dedup_key": "set:{a}"}, {"a": "text"}, "task.dedup_key"),
        ({"trigger_prompt": "a", "calendar": "nowhere"}, None, "a calendar of the graph"),
    ],
)
async def test_a_wrong_definition_is_refused(
    embedded: TaskSchedulerService, task: dict[str, Any], parameters: Any, told: str
) -> None:
    assert told in await unfit(embedded, task, parameters)
    assert await embedded.list_templates() == []
    assert await embedded.audit_entries() == []


async def test_a_place_names_a_calendar_or_a_task(embedded: TaskSchedulerService) -> None:
    parameters = {"days": "text", "time": {"type": "time", "default": "09:00"}}
    task = {"trigger_prompt": "Greet", "calendar": {"name": "{days}", "at": "{time}"}}
    await embedded.define_template("report", task, parameters)
    assert (await refusal(embedded, {"days": "team"})).field == "calendar"
    await embedded.define_calendar("team", dates=["2026-12-24"])
    reply = await embedded.schedule_from_template("report", {"days": "team", "time": "10:30"})
    assert reply.next_fires == [datetime(2026, 12, 24, 10, 30, tzinfo=UTC)]


async def test_values_cannot_make_a_text_without_end(embedded: TaskSchedulerService) -> None:
    task = {"trigger_prompt": "{a}" * 6000, "every": "1h"}
    await embedded.define_template("report", task, {"a": {"type": "text", "default": "b"}})
    assert f"{MOST_FILLED:,}" in str(await refusal(embedded, {"a": "x" * 20_000}))


async def test_a_set_uses_a_template(service: TaskSchedulerService) -> None:
    await service.define_template("report", {**TASK, "dedup_key": "own"}, PARAMETERS)
    tasks: dict[str, Any] = {
        "sales": {"template": "report", "with": {"topic": "sales"}},
        "stock": {"template": "report", "with": {"topic": "stock", "hour": 7}, "max_attempts": 1},
        "tea": {"trigger_prompt": "Make tea", "every": "90m"},
    }
    made = await service.apply_set("house", tasks)
    again = await service.apply_set("house", tasks)
    tasks["sales"]["with"]["hour"] = 8
    changed = await service.apply_set("house", tasks)
    found = {each.name: each for each in await service.find_tasks()}

    assert [each.action for each in made.tasks] == [SetAction.CREATED] * 3
    assert [each.action for each in again.tasks] == [SetAction.UNCHANGED] * 3
    assert changed.tasks[0].changed["schedule_cron"].after == "0 8 * * 1-5"
    assert found["Report on stock"].schedule_cron == "0 7 * * 1-5"
    assert (found["Report on stock"].max_attempts, found["Report on stock"].dedup_key) == (1, "set:house/stock")
    assert (found["Report on sales"].template, found["tea"].template) == ("report", None)
    assert len(await service.cypher(EDGES)) == 2


async def test_a_wrong_use_in_a_set_is_named_by_its_place(embedded: TaskSchedulerService) -> None:
    await embedded.define_template("report", TASK, PARAMETERS)
    tasks: dict[str, Any] = {
        "a": {"template": "report", "with": {"topic": 1}},
        "b": {"template": "reprt"},
        "c": {"with": {"topic": "x"}, "trigger_prompt": "Tea", "every": "1h"},
        "d": {"template": "report", "with": {"topic": "x", "minute": 77}},
    }
    with pytest.raises(InvalidInput) as refused:
        await embedded.apply_set("house", tasks)
    for place in ("tasks.a.with.topic", "tasks.b.template", "tasks.c.with", "tasks.d.schedule"):
        assert place in str(refused.value)
    assert await embedded.find_tasks() == []


PIECES = st.lists(st.sampled_from(["{", "}", "{{", "}}", "a", "b1", "{a}", "{{a}}", " ", "1", '"', "_"]), max_size=12)


def spelled(text: str, values: dict[str, str]) -> str:
    """Fill a text from left to right, one character after the other."""
    made, place = "", 0
    while place < len(text):
        for name, value in values.items():
            if text.startswith(f"{{{{{name}}}}}", place):
                made, place = f"{made}{{{name}}}", place + len(name) + 4
                break
            if text.startswith(f"{{{name}}}", place):
                made, place = made + value, place + len(name) + 2
                break
        else:
            made, place = made + text[place], place + 1
    return made


@given(PIECES, st.text(alphabet="{}ab1", max_size=6))
def test_places_are_filled_once_and_the_rest_stays(pieces: list[str], value: str) -> None:
    text = "".join(pieces)
    values = {name: f"{value}{name}" for name in re.findall(r"[A-Za-z_]\w*", text)}
    assert filled([text], values) == [spelled(text, values)]  # pyright: ignore[reportArgumentType]


def test_a_text_that_is_one_place_keeps_the_type() -> None:
    assert filled({"n": "{n}", "t": "{n} h", "e": "{{n}}"}, {"n": 2.5}) == {"n": 2.5, "t": "2.5 h", "e": "{n}"}


async def test_a_template_reads_back_from_json(embedded: TaskSchedulerService) -> None:
    made = await embedded.define_template("report", TASK, PARAMETERS)
    assert TaskTemplate.model_validate_json(made.model_dump_json()) == made
