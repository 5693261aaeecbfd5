"""Closing a graph ends, whatever it was asked before; and so does the process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from remembrancer import TaskSchedulerService
from remembrancer.bootstrap import open_bolt, open_service, open_store
from remembrancer.errors import GraphUnavailable, OutcomeUnknown
from remembrancer.stores.embedded import connection

if TYPE_CHECKING:
    from pathlib import Path

    from remembrancer.model.task import ScheduledTask

pytestmark = pytest.mark.slow
PATIENCE_SECONDS = 120
FOR_EVER = "UNWIND range(1, 1000000) AS a UNWIND range(1, 1000000) AS b WITH a, b WHERE a + b < 0 RETURN count(*) AS n"
OVER_NODES = """
MATCH (a:scheduled_task), (b:scheduled_task), (c:scheduled_task), (d:scheduled_task), (e:scheduled_task)
WHERE a.nominal_ms + b.nominal_ms + c.nominal_ms + d.nominal_ms + e.nominal_ms < 0 RETURN count(*) AS n
"""
ASK = """
import asyncio, os, sys
from remembrancer import TaskSchedulerService
async def main(graph, query, end):
    service = TaskSchedulerService(graph)
    await service.open()
    for number in range(60):
        await service.schedule_task(f"Task {number}", "g", "p", "t", schedule_cron="0 9 * * *")
    asking = [asyncio.create_task(service.cypher(query)) for _ in range(3)]
    await asyncio.sleep(1)
    print("asking", flush=True)
    if end == "close":
        await service.close()
        done, _ = await asyncio.wait(asking, timeout=60)
        print(sorted({type(each.exception()).__name__ for each in done}), flush=True)
    elif end == "raise":
        raise SystemExit(3)
asyncio.run(main(*sys.argv[1:]))
print("over", flush=True)
"""


@pytest.mark.parametrize("query", [FOR_EVER, OVER_NODES], ids=["of numbers", "of nodes"])
@pytest.mark.parametrize(("end", "code"), [("close", 0), ("return", 0), ("raise", 3)])
def test_a_process_ends_with_a_query_under_way(tmp_path: Path, query: str, end: str, code: int) -> None:
    command = [sys.executable, "-c", ASK, str(tmp_path / "graph"), query, end]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)

    assert (ran.returncode, "Fatal" in ran.stderr + ran.stdout) == (code, False), ran.stderr[-2000:]
    assert ran.stdout.startswith("asking")
    assert ("GraphUnavailable" in ran.stdout) == (end == "close")
    assert "Traceback" not in ran.stderr


async def test_a_query_over_nodes_ends_when_the_graph_is_closed(tmp_path: Path) -> None:
    service = TaskSchedulerService(tmp_path / "graph")
    await service.open()
    for number in range(60):
        await service.schedule_task(f"Task {number}", "g", "p", "t", schedule_cron="0 9 * * *")
    asking = asyncio.create_task(service.cypher(OVER_NODES))
    await asyncio.sleep(0.5)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await service.close()
        with pytest.raises(GraphUnavailable):
            await asking

    async with TaskSchedulerService(tmp_path / "graph") as again:
        assert len(await again.get_scheduled_tasks()) == 60


async def test_a_served_graph_closes_with_a_query_under_way(tmp_path: Path) -> None:
    bolt = open_bolt(tmp_path / "graph")
    bolt.start()
    service = open_service(tmp_path / "graph", opened=bolt.open_folder)
    await service.open()
    asking = [asyncio.create_task(service.cypher(FOR_EVER)) for _ in range(3)]
    await asyncio.sleep(0.5)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await service.close()
        await bolt.close()
    for each in asking:
        each.cancel()

    async with TaskSchedulerService(tmp_path / "graph") as again:
        assert await again.get_scheduled_tasks() == []


async def test_writes_that_wait_are_answered_when_the_disk_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, a_task: object, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connection, "_FINISH_SECONDS", 0.2)
    monkeypatch.setattr(connection, "_CLOSE_SECONDS", 1.0)
    store = await open_store(tmp_path / "graph")
    database = store._connection._database  # pyright: ignore[reportAttributeAccessIssue]
    begun, go_on = threading.Event(), threading.Event()
    commit, close = database.commit, database.close
    monkeypatch.setattr(database, "commit", lambda: (begun.set(), go_on.wait(PATIENCE_SECONDS), commit())[2])
    monkeypatch.setattr(database, "close", lambda: (go_on.wait(PATIENCE_SECONDS), close())[1])
    under_way = asyncio.create_task(store.tasks.create([a_task()]))  # pyright: ignore[reportCallIssue]
    assert await asyncio.to_thread(begun.wait, PATIENCE_SECONDS)
    waiting = asyncio.create_task(store.tasks.create([a_task()]))  # pyright: ignore[reportCallIssue]
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await store.close()
        with pytest.raises(OutcomeUnknown):
            await under_way
        with pytest.raises(GraphUnavailable):
            await waiting

    assert "stays locked until this process ends" in caplog.text
    go_on.set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                again = await open_store(tmp_path / "graph")
            except GraphUnavailable:
                await asyncio.sleep(0.05)
            else:
                break
    await again.close()


async def test_a_close_waits_for_no_thread_of_the_application(tmp_path: Path) -> None:
    release = threading.Event()
    loop = asyncio.get_running_loop()
    hung = [loop.run_in_executor(None, release.wait, 2 * PATIENCE_SECONDS) for _ in range(40)]
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            store = await open_store(tmp_path / "graph")
            await store.close()
    finally:
        release.set()
        await asyncio.gather(*hung)


async def test_many_closes_under_load_keep_what_was_acknowledged(tmp_path: Path, a_task: object) -> None:
    kept: set[str] = set()

    async def write(store: object, task: ScheduledTask) -> None:
        try:
            await store.tasks.create([task])  # pyright: ignore[reportAttributeAccessIssue]
        except GraphUnavailable:
            return
        kept.add(task.task_id)

    for _ in range(10):
        store = await open_store(tmp_path / "graph")
        writing = [asyncio.create_task(write(store, a_task())) for _ in range(200)]  # pyright: ignore[reportCallIssue]
        asking = [asyncio.create_task(store.query(OVER_NODES)) for _ in range(2)]
        await asyncio.sleep(0.02)
        await store.close()
        await asyncio.gather(*writing, *asking, return_exceptions=True)

    store = await open_store(tmp_path / "graph")
    found = await store.query("MATCH (t:scheduled_task) RETURN t.task_id AS task_id")
    await store.close()
    assert {row["task_id"] for row in found} >= kept
    assert kept
