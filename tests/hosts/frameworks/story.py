"""One story for an agent of each framework: it errs, corrects itself, looks, and schedules a follow-up from a run."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from remembrancer import Firing, TaskSchedulerService
from remembrancer.tools import SchedulerTools

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Run = Callable[[SchedulerTools, "Script"], Awaitable[str]]

GUIDES = Path(__file__).resolve().parents[3] / "docs/guides"
SECONDS = 60
TEA = {"name": "Tea", "trigger_prompt": "Put the kettle on"}


@dataclass
class Script:
    """A model that follows a script: a call of a tool in each turn, then a text."""

    calls: list[tuple[str, dict[str, Any]]]
    tools: set[str] = field(default_factory=set)
    """The names of the tools that it was shown."""
    instructions: str = ""
    """The instructions that it was given."""
    read: list[str] = field(default_factory=list)
    """The texts of the answers of tools, as it reads them."""

    def turn(self, read: list[str]) -> tuple[str, dict[str, Any]] | None:
        """Return its next call, after it has *read* the answers so far; None: it is done."""
        self.read = read
        return self.calls[len(read)] if len(read) < len(self.calls) else None


def descriptions(schema: dict[str, Any]) -> dict[str, str]:
    """Return the descriptions of a tool's parameters."""
    return {name: about["description"] for name, about in schema["properties"].items()}


def program(title: str, guide: str = "agent-tools.md") -> dict[str, Any]:
    """Return what the program of this title in a guide defines."""
    block = rf'^```python title="{re.escape(title)}"\n(.*?)^```$'
    found = re.search(block, (GUIDES / guide).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None
    defined: dict[str, Any] = {}
    exec(found[1], defined)
    return defined


async def told(run: Run) -> None:
    """Run the story with an agent that *run* makes and asks."""
    async with TaskSchedulerService() as scheduler:
        tools = SchedulerTools(scheduler, "assistant")
        script = Script(
            [
                ("schedule", {**TEA, "defer_until": "soon"}),
                ("schedule", {**TEA, "defer_until": "in 1h", "context": {"cups": [1, None]}}),
                ("tasks", {"limit": 5}),
                (
                    "pause",
                    {"task_id": (await scheduler.schedule_task("Theirs", "g", "p", "thought_1", "in 1h")).task_id},
                ),
            ]
        )
        assert await run(tools, script) == "done"
        assert script.tools == {each.name for each in tools.definitions}
        assert "durable task scheduler" in script.instructions
        refused, made, listed, foreign = script.read
        assert "InvalidInput: defer_until='soon' is not accepted. Allowed:" in refused
        assert "is another's (service)" in foreign
        created = json.loads(made)
        assert (created["disposition"], created["context"]) == ("created", {"cups": [1, None]})
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", created["next_fires"][0])
        assert {each["name"] for each in json.loads(listed)["tasks"]} == {"Tea", "Theirs"}
        kept = await scheduler.get_task(created["task_id"])
        assert (kept.created_via, kept.created_by) == ("tools", "assistant")


async def followed_up(run: Run) -> None:
    """A handler runs the agent, which schedules a task: it belongs to the lineage of the run, without `during`."""
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def handle(firing: Firing) -> str:
        script = Script([("schedule", {**TEA, "defer_until": "in 1h"})])
        try:
            ended.set_result(await run(tools, script) and script.read[0])
        except Exception as failed:
            ended.set_exception(failed)
            raise
        return "done"

    async with TaskSchedulerService(handler=handle) as scheduler:
        tools = SchedulerTools(scheduler, "assistant")
        root = await scheduler.schedule_task("Root", "g", "p", "thought_1", "in 0.05s")
        made = json.loads(await asyncio.wait_for(ended, SECONDS))
        kept = await scheduler.get_task(made["task_id"])
        assert (kept.parent_id, kept.created_via) == (root.task_id, "handler")
