"""Lists of the command line beside a task whose context cannot be read: it is named, and the others are there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from remembrancer import TaskSchedulerService

if TYPE_CHECKING:
    from collections.abc import Callable


def deep(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


async def spoil(graph: str, task_id: str) -> None:
    """Write a context that is nested too deep, as an older version has let in."""
    service = TaskSchedulerService(graph)
    await service.open()
    database: Any = service._process.store._connection._database  # pyright: ignore[reportPrivateUsage]
    with database.transaction():
        database.command(
            "opencypher",
            "MATCH (t:scheduled_task {task_id: $id}) SET t.context = $context",
            {"id": task_id, "context": deep(300)},
        )
    await service.close()


def test_an_unreadable_context_is_named_and_hides_no_row(desk: Callable[..., Any]) -> None:
    odd, sound = (
        desk.json("schedule", name, "--prompt", "p", "--cron", "0 9 * * *", "--context", '{"a": 1}')["task_id"]
        for name in ("Odd", "Sound")
    )
    asyncio.run(spoil(str(desk.graph), odd))
    listed = {task["task_id"]: task for task in desk.json("list")}
    table, fact = desk("list"), desk("show", odd)

    assert (listed[sound]["context"], listed[sound]["unreadable"]) == ({"a": 1}, None)
    assert (listed[odd]["context"], "context" in listed[odd]["unreadable"]) == (None, True)
    assert (table.code, fact.code) == (0, 0)
    assert "unreadable" in table.out
    assert "unreadable" in fact.out
    for command in (("history",), ("status",)):
        assert desk(*command).code == 0


def test_a_context_that_is_nested_too_deep_is_refused(desk: Callable[..., Any]) -> None:
    for levels in (33, 300, 5000):
        refused = desk("schedule", "n", "--prompt", "p", "--cron", "0 9 * * *", "--context", deep(levels))

        assert refused.code == 2
        assert "context" in refused.err
        assert "Traceback" not in refused.err
    assert desk.json("list") == []
