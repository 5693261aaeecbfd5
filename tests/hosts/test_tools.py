"""Tools over the operations: their definitions, their answers, their refusals."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from hosts import MODES, call, host, refusal
from remembrancer.errors import InvalidInput
from remembrancer.model.request import TASK_FIELDS
from remembrancer.operations.catalog import OPERATIONS
from remembrancer.operations.operation import Effect
from remembrancer.surfaces.tools.tool_table import LEFT_OUT, tools_of

if TYPE_CHECKING:
    from mcp import Client

    from remembrancer import TaskSchedulerService

SECONDS = 60


async def ended(client: Client, task_id: str) -> list[dict[str, Any]]:
    """Return the executions of a task once one has ended."""
    async with asyncio.timeout(SECONDS):
        while True:
            found = (await call(client, "history", task_id=task_id))["result"]
            if any(each["status"] != "running" for each in found):
                return found
            await asyncio.sleep(0.05)


async def test_round_from_schedule_to_history(started: TaskSchedulerService) -> None:
    async with host(started) as client:
        made = await call(client, "schedule", name="Tea", trigger_prompt="make tea", defer_until="in 0.2s")
        assert (made["disposition"], made["goal_description"], len(made["next_fires"])) == ("created", "Tea", 1)
        [execution] = await ended(client, made["task_id"])
        assert (execution["status"], execution["result"]) == ("completed", "did make tea")
        shown = await call(client, "task", task_id=made["task_id"])
        assert (shown["status"], shown["created_via"], shown["created_by"]) == ("COMPLETE", "mcp", "a-host")


async def test_agent_looks_after_its_task(started: TaskSchedulerService) -> None:
    async with host(started) as client:
        cron = {"schedule_cron": "0 9 * * 1-5", "timezone": "Europe/Berlin", "dedup_key": "report"}
        made = await call(client, "schedule", name="Report", trigger_prompt="report", **cron)
        again = await call(client, "schedule", name="Report", trigger_prompt="report", **cron)
        assert (again["disposition"], again["task_id"]) == ("existing", made["task_id"])
        which = {"task_id": made["task_id"]}
        assert {each["name"] for each in (await call(client, "agenda", end="in 8d"))["entries"]} == {"Report"}
        assert (await call(client, "update", **which, name="Daily report"))["changed"]["name"][
            "after"
        ] == "Daily report"
        assert (await call(client, "skip", **which, n=2))["skipped"]
        assert (await call(client, "pause", **which, reason="holiday"))["pause_reason"] == "holiday"
        assert "paused_at" not in await call(client, "resume", **which)
        assert (await call(client, "defer", **which, until="in 30d", reason="busy"))["deferral_count"] == 1
        assert [each["name"] for each in (await call(client, "tasks"))["tasks"]] == ["Daily report"]
        assert (await call(client, "run_now", **which))["execution_type"] == "manual_trigger"
        assert (await call(client, "cancel", **which, confirm=True))["ended"] is True
        changes = await started.audit_entries(made["task_id"])
        assert {(each.surface, each.actor) for each in changes} == {("mcp", "a-host")}


async def test_preview_shows_a_schedule_of_any_kind(quick: TaskSchedulerService) -> None:
    async with host(quick) as client:
        shown = await call(client, "preview", schedule={"kind": "every", "every": "90m"}, count=3)
    assert len(shown["fires"]) == 3


@pytest.mark.parametrize("mode", MODES)
async def test_answers_are_plain_and_short(quick: TaskSchedulerService, mode: str) -> None:
    async with host(quick, mode=mode) as client:
        answer = await client.call_tool(
            "schedule", {"name": "Tea", "trigger_prompt": "tea", "defer_until": "in 1h", "context": {"nothing": None}}
        )
        made: Any = answer.structured_content
        assert json.loads(answer.content[0].text) == made  # pyright: ignore[reportAttributeAccessIssue]
        assert None not in made.values()
        assert made["context"] == {"nothing": None}
        assert not {"misfire", "max_attempts", "fence", "next_run_ms", "additions"} & made.keys()
        assert made["next_fires"][0].endswith("Z")


async def test_refusals_teach(quick: TaskSchedulerService) -> None:
    async with host(quick) as client:
        said = await refusal(client, "schedule", name="a", trigger_prompt="b", defer_until="tomorow")
        assert "defer_until='tomorow' is not accepted. Allowed:" in said
        assert "trigger_prompt is meant" in await refusal(client, "schedule", name="a", triger_prompt="b")
        assert "trigger_prompt=None" in await refusal(client, "schedule", name="a")
        assert "fires=0" in await refusal(client, "schedule", name="a", trigger_prompt="b", fires=0)
        assert await refusal(client, "task", task_id="task_1.000_aaaaaa") == (
            "TaskNotFound: No task has the id 'task_1.000_aaaaaa'. List the ids with get_scheduled_tasks() or "
            "`remembrancer list --all`."
        )
        assert "schedule is meant" in await refusal(client, "shedule")
        assert await call(client, "tasks") == {"tasks": []}


async def test_list_is_as_long_as_asked_for(quick: TaskSchedulerService) -> None:
    async with host(quick) as client:
        for number in range(3):
            await call(client, "schedule", name=f"Task {number}", trigger_prompt="p", defer_until="in 1h")
        page = await call(client, "tasks", limit=2)
        assert len(page["tasks"]) == 2
        assert len((await call(client, "tasks", cursor=page["cursor"]))["tasks"]) == 1


async def test_a_fault_of_the_server_is_answered(quick: TaskSchedulerService, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(type(quick), "get_task", broken)
    async with host(quick) as client:
        said = await refusal(client, "task", task_id="task_1.000_aaaaaa")
        assert said.startswith("The tool task failed by a fault of the server (ZeroDivisionError)")
        assert "a secret" not in said


def test_every_operation_is_a_tool_or_left_out() -> None:
    tools = tools_of(["operator", "worker"])
    named = {each.name for each in tools.values()} | LEFT_OUT.keys()
    assert {each.name for each in OPERATIONS if not each.is_nested} == named
    assert len(tools_of(["agent"])) <= 20


@pytest.mark.parametrize("profiles", [[], ["agnt"]])
def test_unknown_profile_is_refused(profiles: list[str]) -> None:
    with pytest.raises(InvalidInput, match="agent, worker, operator"):
        tools_of(profiles)


async def test_definitions_follow_from_the_operations(quick: TaskSchedulerService) -> None:
    operations = tools_of(["operator"])
    async with host(quick, "operator") as client:
        tools = {each.name: each for each in (await client.list_tools()).tools}
    assert tools.keys() == operations.keys()
    for name, tool in tools.items():
        effect = operations[name].effect
        hints: Any = tool.annotations
        assert hints.read_only_hint is (effect is Effect.READS), name
        assert hints.destructive_hint is (effect is Effect.DESTROYS), name
        assert ("confirm" in tool.input_schema["properties"]) is (effect is Effect.DESTROYS), name
        assert tool.output_schema is not None
        assert "$ref" not in json.dumps([tool.input_schema, tool.output_schema]), name
        assert tool.description == operations[name].summary
    fields = tools["schedule"].input_schema["properties"]
    assert {name: fields[name]["examples"] for name in TASK_FIELDS} == {
        name: [json.loads(json.dumps(each.example))] for name, each in TASK_FIELDS.items()
    }
    assert tools["schedule"].input_schema["required"] == ["name", "trigger_prompt"]


async def test_every_parameter_says_what_it_is(quick: TaskSchedulerService) -> None:
    async with host(quick, "operator") as client:
        for tool in (await client.list_tools()).tools:
            for name, each in tool.input_schema["properties"].items():
                assert each.get("description"), (tool.name, name)


async def test_every_reading_tool_answers_as_it_says(quick: TaskSchedulerService) -> None:
    """The client checks each answer against the schema."""
    async with host(quick, "operator") as client:
        for name in ("Tea", "bad"):
            made = await call(client, "schedule", name=name, trigger_prompt=name, defer_until="in 0.1s")
            [execution] = await ended(client, made["task_id"])
        values = {"task_id": made["task_id"], "execution_id": execution["execution_id"]}
        own = {
            "run_query": {"name": "recent_executions"},
            "preview": {"schedule": {"kind": "cron", "expression": "0 9 * * *"}},
            "cypher": {"query": "MATCH (t:scheduled_task) RETURN t.name AS name"},
            "get_calendar": None,
            "get_template": None,
        }
        queries = (await call(client, "list_queries"))["result"]
        own["run_query"] = {"name": next(each["name"] for each in queries if not each.get("parameters"))}
        for tool in (await client.list_tools()).tools:
            assert tool.annotations is not None
            asked = own.get(tool.name, {name: values[name] for name in tool.input_schema["required"] if name in values})
            known = asked is not None and asked.keys() >= set(tool.input_schema["required"])
            if tool.annotations.read_only_hint and known:
                assert isinstance(await call(client, tool.name, **asked), dict), tool.name
