"""What a reader may ask of the API has bounds, is worked out beside the event loop, and ends with its reader."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from remembrancer import SchedulerOptions, TaskSchedulerService
from remembrancer.model.event import Event
from remembrancer.operations.ahead import preview
from remembrancer.surfaces.rest import pages
from remembrancer.surfaces.rest.app import application
from remembrancer.surfaces.rest.server import RestServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TASKS = "/v1/scheduler/tasks"
CYPHER = "/v1/scheduler/cypher"
EVENTS = "/v1/scheduler/events"
PATIENCE = 120.0
ENDLESS = "UNWIND range(1,1000000) AS x UNWIND range(1,1000000) AS y WITH x, y WHERE x*y=-1 RETURN count(*) AS n"


@pytest.fixture
def started_with() -> SchedulerOptions:
    return SchedulerOptions(query_rows=1000, query_seconds=60)


@pytest.fixture
async def started(started_with: SchedulerOptions) -> AsyncIterator[TaskSchedulerService]:
    async with TaskSchedulerService(":memory:", options=started_with) as service:
        yield service


def asked(name: str, **more: Any) -> dict[str, Any]:
    head = {"name": name, "goal_description": "goal", "trigger_prompt": "prompt", "origin_thought_id": "thought"}
    return {**head, "schedule_cron": "0 9 1 1 *", **more}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("LOAD CSV FROM 'file:///etc/hostname' AS l RETURN l", "LOAD CSV"),
        ("CALL apoc.util.sleep(40000)", "apoc.util.sleep"),
        ("MATCH (t:scheduled_task RETURN t", "line 1:24"),
        ("RETURN 1/0", "by zero"),
        ("RETURN $missing", "missing"),
        ("UNWIND range(1,3000000) AS x RETURN x, toString(x)", "1,000 rows"),
        ("MATCH (t) DETACH DELETE t", "DETACH"),
    ],
)
async def test_a_query_at_fault_is_a_problem_of_its_caller(
    clients: dict[str, httpx.AsyncClient], query: str, said: str
) -> None:
    answer = await clients["admin"].post(CYPHER, json={"query": query})
    problem = answer.json()
    again = await clients["admin"].post(CYPHER, json={"query": problem["example"]})

    assert (answer.status_code, problem["field"]) == (422, "query")
    assert said in problem["detail"]
    assert (again.status_code, again.json()) == (200, [])


async def test_a_query_ends_with_its_caller(
    clients: dict[str, httpx.AsyncClient], started: TaskSchedulerService, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "remembrancer.rest")
    with pytest.raises(httpx.ReadTimeout):
        await clients["admin"].post(CYPHER, json={"query": ENDLESS}, timeout=httpx.Timeout(60, read=2))
    async with asyncio.timeout(PATIENCE):  # and not the hour that the query may take
        while not any(f"POST {CYPHER} 499" in each.getMessage() for each in caplog.records):  # noqa: ASYNC110 (a log)
            await asyncio.sleep(0.05)

    assert await started.is_healthy()


async def test_a_preview_is_worked_out_beside_the_loop(
    reader: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, threads = preview.preview, set[str]()

    def seen(*arguments: Any) -> Any:
        threads.add(threading.current_thread().name)
        return found(*arguments)

    monkeypatch.setattr(preview, "preview", seen)
    answer = await reader.get("/v1/scheduler/preview", params={"expression": "0 0 29 2 1", "count": 40})

    assert (answer.status_code, len(answer.json())) == (200, 40)
    assert threading.current_thread().name not in threads
    assert len(threads) == 1


async def test_a_preview_that_takes_too_long_is_refused(
    reader: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "PREVIEW_SECONDS", -1.0)
    answer = await reader.get("/v1/scheduler/preview", params={"expression": "0 0 29 2 1", "count": 1000})

    assert (answer.status_code, answer.json()["field"]) == (422, "count")
    assert "in the time that a preview may take" in answer.json()["detail"]


async def test_a_page_is_no_larger_than_it_may_be(
    writer: httpx.AsyncClient, reader: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE_BYTES", 400_000)
    for first in range(0, 60, 20):
        batch = [asked(f"task {number}", context={"text": "x" * 20_000}) for number in range(first, first + 20)]
        assert (await writer.post(f"{TASKS}/batch", json={"requests": batch})).status_code == 201
    names: list[str] = []
    sizes: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await reader.get(TASKS, params={"limit": 1000, **cursor})
        sizes.append(len(answer.content))
        names += [task["name"] for task in answer.json()["tasks"]]
        if answer.json()["next_cursor"] is None:
            break
        cursor = {"cursor": answer.json()["next_cursor"]}

    assert sorted(names) == sorted(f"task {number}" for number in range(60))
    assert len(sizes) > 2
    assert max(sizes) < 2 * 400_000


async def test_a_page_of_small_tasks_is_as_long_as_asked(writer: httpx.AsyncClient, reader: httpx.AsyncClient) -> None:
    batch = [asked(f"task {number}") for number in range(50)]
    await writer.post(f"{TASKS}/batch", json={"requests": batch})
    answer = (await reader.get(TASKS, params={"limit": 45})).json()
    rest = (await reader.get(TASKS, params={"cursor": answer["next_cursor"]})).json()

    assert (len(answer["tasks"]), len(rest["tasks"]), rest["next_cursor"]) == (45, 5, None)


async def test_an_event_is_read_and_written_once_for_all_streams(
    started: TaskSchedulerService, reader: httpx.AsyncClient, writer: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    followers, tasks = 20, 50
    written: list[str] = []
    encode = Event.model_dump_json

    def counted(event: Event, **how: Any) -> str:
        written.append(event.cursor)
        return encode(event, **how)

    monkeypatch.setattr(Event, "model_dump_json", counted)
    began = asyncio.Semaphore(0)

    async def follow() -> list[str]:
        names: list[str] = []
        async with reader.stream("GET", EVENTS, params={"kinds": "task_created"}) as answer:
            began.release()
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    names.append(json.loads(line[6:])["name"])
                if len(names) == tasks:
                    return names
        raise AssertionError("the stream has ended")

    following = [asyncio.create_task(follow()) for _ in range(followers)]
    async with asyncio.timeout(PATIENCE):
        for _ in range(followers):
            await began.acquire()
        for number in range(tasks):
            await writer.post(TASKS, json=asked(f"task {number}"))
        told = await asyncio.gather(*following)

    assert told == [[f"task {number}" for number in range(tasks)]] * followers
    assert len(written) < followers * tasks / 2, "not each by each"
    assert await started.is_healthy()


async def test_a_wrong_path_or_method_has_no_document_made(started: TaskSchedulerService) -> None:
    app = application(started)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        missing = await client.get("/v1/nothing")
        wrong = await client.put(TASKS)
        assert app.openapi_schema is None
        document = (await client.get("/v1/openapi.json")).json()

    assert (missing.status_code, wrong.status_code) == (404, 405)
    assert wrong.headers["Allow"] == "GET, POST"
    assert document["paths"][TASKS].keys() == {"get", "post"}
    assert "TaskPage" in str(document["paths"][TASKS]["get"]["responses"]["200"])


async def test_a_server_stops_beside_a_query_without_end(started: TaskSchedulerService) -> None:
    server = RestServer(started)
    head = {"Authorization": f"Bearer {(await started.create_token('op', 'admin')).token}"}
    async with httpx.AsyncClient(
        timeout=60, base_url=f"http://127.0.0.1:{(await server.start()).port}", headers=head
    ) as client:
        asking = asyncio.create_task(client.post(CYPHER, json={"query": ENDLESS}, timeout=None))
        await asyncio.sleep(1)
        async with asyncio.timeout(PATIENCE):
            await server.stop()
            await started.stop()
            await asyncio.gather(asking, return_exceptions=True)

    assert asking.done()
