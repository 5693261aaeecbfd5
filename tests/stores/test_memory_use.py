"""What was written is let go: a store that lives for months keeps nothing of the writes behind it."""

from __future__ import annotations

import gc
import tracemalloc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.graph import Graph

WRITES = 40
BYTES_EACH = 50_000


async def test_a_write_leaves_no_memory_behind(store: Graph, a_task: Callable[..., ScheduledTask]) -> None:
    async def write(times: int) -> None:
        for _ in range(times):
            task = a_task()
            await store.tasks.create([task.model_copy(update={"trigger_prompt": task.task_id + "." * BYTES_EACH})])

    await write(2)  # whatever is loaded once is loaded now
    gc.collect()
    tracemalloc.start()
    try:
        await write(WRITES)
        gc.collect()
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert left < WRITES * BYTES_EACH / 4
