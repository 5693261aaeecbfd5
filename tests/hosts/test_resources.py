"""Resources and prompts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from mcp.shared.exceptions import MCPError

from hosts import MODES, call, host

if TYPE_CHECKING:
    from mcp import Client

    from remembrancer import TaskSchedulerService

pytestmark = pytest.mark.parametrize("mode", MODES)


async def content(client: Client, uri: str) -> Any:
    [found] = (await client.read_resource(uri)).contents
    assert found.mime_type == "application/json"
    return json.loads(found.text)  # pyright: ignore[reportAttributeAccessIssue]


async def test_agenda_task_and_execution_are_resources(quick: TaskSchedulerService, mode: str) -> None:
    async with host(quick, mode=mode) as client:
        made = await call(client, "schedule", name="Tea", trigger_prompt="p", defer_until="in 1h")
        ran = await call(client, "run_now", task_id=made["task_id"])
        assert [each["name"] for each in (await content(client, "scheduler://agenda"))["entries"]] == ["Tea"]
        assert (await content(client, f"scheduler://task/{made['task_id']}"))["name"] == "Tea"
        assert await content(client, f"scheduler://task/{made['task_id']}/timeline")
        execution = await content(client, f"scheduler://execution/{ran['execution_id']}")
        assert execution["task_id"] == made["task_id"]
        listed = [str(each.uri) for each in (await client.list_resources()).resources]
        assert listed == ["scheduler://agenda", "scheduler://status"]
        assert len((await client.list_resource_templates()).resource_templates) == 3


@pytest.mark.parametrize("uri", ["scheduler://task/task_1.000_aaaaaa", "scheduler://nothing", "scheduler://task/"])
async def test_resource_that_is_not_there_is_refused(quick: TaskSchedulerService, mode: str, uri: str) -> None:
    async with host(quick, mode=mode) as client:
        with pytest.raises(MCPError, match=r"TaskNotFound|one of scheduler://agenda"):
            await client.read_resource(uri)


async def test_prompts_have_their_arguments(quick: TaskSchedulerService, mode: str) -> None:
    async with host(quick, mode=mode) as client:
        prompts = (await client.list_prompts()).prompts
        assert {each.name for each in prompts} == {"follow_up", "review", "explain"}
        made = await client.get_prompt("follow_up", {"about": "the {odd} invoice", "when": "tomorrow"})
        assert "the {odd} invoice" in made.messages[0].content.text  # pyright: ignore[reportAttributeAccessIssue]
        with pytest.raises(MCPError, match="required"):
            await client.get_prompt("follow_up", {"about": "the invoice"})
        with pytest.raises(MCPError, match="follow_up, review, explain"):
            await client.get_prompt("folow_up", {})
