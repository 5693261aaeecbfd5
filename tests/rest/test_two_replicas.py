"""Two replicas that serve the API over one graph: what is asked of the one is true of both."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from remembrancer import Defer, Failed, TaskSchedulerService
from remembrancer.surfaces.rest.server import RestServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from neo4j_server import Server

    from remembrancer import Firing

pytestmark = pytest.mark.neo4j

TASKS = "/v1/scheduler/tasks"
REPORTS = "/v1/telemetry/task-scheduler"
OF_THE_PROCESS = {"uptime_seconds", "execution_metrics", "performance", "check_frequency", "resource_usage", "healthy"}
PATIENCE = 120.0


async def handle(firing: Firing) -> Any:
    if firing.task.name == "late":
        return Defer("2090-01-01T00:00:00Z", "High system load")
    return Failed("No paper") if firing.task.name == "bad" else None


@asynccontextmanager
async def served(graph: str, token: str | None = None) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """Start a replica; yield a client of its API, and the token that it shows."""
    async with TaskSchedulerService(graph, handler=handle) as service:
        server = RestServer(service)
        address = f"http://127.0.0.1:{(await server.start()).port}"
        token = token or (await service.create_token("ada", "admin")).token
        async with httpx.AsyncClient(
            timeout=60, base_url=address, headers={"Authorization": f"Bearer {token}"}
        ) as client:
            yield client, token
        await server.stop()


async def events(client: httpx.AsyncClient, count: int, after: str) -> list[dict[str, Any]]:
    """Return the next events that a stream tells."""
    found: list[dict[str, Any]] = []
    async with (
        asyncio.timeout(PATIENCE),
        client.stream("GET", "/v1/scheduler/events", params={"after": after}) as answer,
    ):
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                found.append(json.loads(line.removeprefix("data: ")))
            if len(found) == count:
                break
    return found


def common(report: Any) -> Any:
    """Return what a report tells of the graph."""
    if not isinstance(report, dict):
        return report
    return {name: common(value) for name, value in report.items() if name not in OF_THE_PROCESS}


def by_task(told: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return what was told of each task, in order; where a reader stood meanwhile is its own."""
    found: dict[str, list[dict[str, Any]]] = {}
    for event in told:
        found.setdefault(event["task_id"], []).append({**event, "cursor": ""})
    return found


def asked(name: str, **choices: Any) -> dict[str, Any]:
    about = {"goal_description": "goal", "trigger_prompt": "prompt", "origin_thought_id": "thought"}
    return {"name": name, **about, **(choices or {"defer_until": datetime.now(UTC).isoformat()})}


async def test_what_is_done_through_one_is_told_by_both(neo4j_server: Server) -> None:
    async with AsyncExitStack() as stack:
        one, token = await stack.enter_async_context(served(neo4j_server.graph))
        async with served(neo4j_server.graph, token) as (other, _):
            cron = (await other.post(TASKS, json=asked("daily", schedule_cron="0 9 * * *"))).json()
            twice = [
                await each.post(f"{TASKS}/{cron['task_id']}/cancel", headers={"Idempotency-Key": "k1"})
                for each in (one, other)
            ]
            await other.post(TASKS, json=asked("wrong", schedule_cron="61 * * * *"))
            for client, name in ((one, "good"), (other, "bad"), (one, "late")):
                await client.post(TASKS, json=asked(name))
            told = [await events(client, 15, "0") for client in (one, other)]
            names = ("status", "tasks", "analytics", "cron", "performance", "task-statistics", "cron-analytics")
            reports = [
                {name: common((await client.get(f"{REPORTS}/{name}")).json()) for name in names}
                for client in (other, one)
            ]
        await one.post(TASKS, json=asked("while it was away"))
        async with served(neo4j_server.graph, token) as (again, _):
            missed = await events(again, 4, told[1][-1]["cursor"])
        everything = await events(one, 19, "0")

    assert [answer.json()["cancelled"] for answer in twice] == [True, True]
    assert by_task(told[0]) == by_task(told[1])
    assert by_task(everything) == by_task(told[1] + missed)
    assert [event["kind"] for event in missed] == [
        "task_created",
        "execution_started",
        "execution_completed",
        "task_ended",
    ]
    assert reports[0] == reports[1]
    assert reports[0]["analytics"]["execution_summary"]["failed_executions"] == 1
    assert reports[0]["cron"]["validation_stats"] == {
        "valid_expressions": 1,
        "invalid_attempts": 1,
        "success_rate": 0.5,
    }
    assert reports[0]["tasks"]["summary"] == {"pending": 0, "active": 1, "one_time": 1, "recurring": 0}
