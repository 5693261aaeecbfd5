"""A scheduler within a FastAPI application: its routes, and one of the application's own.

It needs the extra: `pip install 'remembrancer[rest]'`.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from fastapi import FastAPI

from remembrancer import Firing, TaskSchedulerService
from remembrancer.fastapi import router

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def handle(firing: Firing) -> str:
    """Do what a task asks for."""
    return f"Done: {firing.trigger_prompt}"


scheduler = TaskSchedulerService("agent-memory", handler=handle)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Run the scheduler while the application runs."""
    async with scheduler:
        yield


app = FastAPI(lifespan=lifespan)
app.include_router(router(scheduler))  # /v1/scheduler/… and /v1/telemetry/…, each request with a token


@app.post("/remind")
async def remind(what: str, in_seconds: float) -> dict[str, str]:
    """Schedule a reminder, as the application's own route."""
    due = datetime.now(UTC) + timedelta(seconds=in_seconds)
    task = await scheduler.schedule_task(what, what, what, "thought_remind", defer_until=due)
    return {"task_id": task.task_id, "due": due.isoformat()}


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app, host="127.0.0.1", port=8000)
