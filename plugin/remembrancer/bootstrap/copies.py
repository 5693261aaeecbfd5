"""Copy of a graph to another place or engine."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from remembrancer.bootstrap.engines import same_place
from remembrancer.engine.clock import clock_from
from remembrancer.errors import InvalidInput
from remembrancer.operations.graph_copy import CopyResult, CopyStep, copy
from remembrancer.stores.migrations import OpenMode
from remembrancer.stores.records.graph_copy import GraphCopyEndpoint


async def copy_graph(
    source: str | Path,
    target: str | Path,
    *,
    watch: Callable[[CopyStep], None] = lambda _: None,
    name: str | None = None,
) -> CopyResult:
    """Copy all that Remembrancer keeps from *source* to *target*, each a folder or a URI, and compare the two.

    Broken off anywhere and called again, it goes on where it was. The source is not changed. No scheduler may have
    either of them open meanwhile.

    Args:
        source: The graph to copy.
        target: An empty graph, or none yet; or what an earlier copy from the same source was broken off in.
        watch: Called after every page with how far it is.
        name: What the target calls its source, if not by its place.

    Raises:
        CopyTargetNotEmpty: The target holds something else.
        GraphDamaged: The source lacks what its own books count.
        CopyMismatch: The two are not equal in the end: one of them was written to meanwhile.
        InvalidInput: One of them cannot be copied, or they are the same.
        GraphUnavailable: In one of its forms; GraphLocked if a process holds one of them, or a scheduler serves it.
    """
    places = same_place(source, "source"), same_place(target, "target")
    if str(places[0]) == str(places[1]):
        raise InvalidInput("target", str(places[1]), "another graph than the source", "neo4j://graph.example/memory")
    async with AsyncExitStack() as stack:
        here = GraphCopyEndpoint(await places[0].open(OpenMode.COPY_SOURCE), name or str(places[0]))
        stack.push_async_callback(here.close)
        await here.refuse_loss()
        there = GraphCopyEndpoint(await places[1].open(OpenMode.COPY_TARGET), str(places[1]))
        stack.push_async_callback(there.close)
        return await copy(here, there, watch, clock_from(None))
