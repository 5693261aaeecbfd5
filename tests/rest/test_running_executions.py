"""Executions under way over HTTP: the list of executions with the status `running`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx

from remembrancer import ScheduleRequest, TaskSchedulerService
from remembrancer.surfaces.rest.app import application

if TYPE_CHECKING:
    from remembrancer import Firing

EXECUTIONS = "/v1/scheduler/executions"


async def test_running_executions_are_a_page_of_executions() -> None:
    finish = asyncio.Event()

    async def handle(firing: Firing) -> None:
        firing.progress(0.5)
        await finish.wait()

    async with TaskSchedulerService(":memory:", handler=handle) as service:
        requests = [ScheduleRequest(f"t{n}", "g", "p", "t", schedule_cron="0 9 1 1 *") for n in range(3)]
        made = [task.task_id for task in await service.schedule_tasks(requests)]
        runs = [(await service.run_now(task_id)).execution_id for task_id in made]
        token = (await service.create_token("reader", "read")).token
        transport, head = httpx.ASGITransport(application(service)), {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=head) as client:

            async def page(path: str = EXECUTIONS, **asked: Any) -> dict[str, Any]:
                return (await client.get(path, params={"status": "running", **asked})).json()

            first = await page(limit=2)
            second = await page(limit=2, cursor=first["next_cursor"])
            of_one = await page(f"/v1/scheduler/tasks/{made[0]}/executions")
            finish.set()
            await service.idle()
            over = await page()

    found = [each["execution_id"] for each in (*first["executions"], *second["executions"])]
    assert found == sorted(runs, reverse=True)
    assert second["next_cursor"] is None
    assert [each["task_id"] for each in of_one["executions"]] == [made[0]]
    assert over == {"executions": [], "next_cursor": None}
