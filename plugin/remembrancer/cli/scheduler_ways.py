"""The ways of a command that lives long to a scheduler: opened for each call, kept open, or run by this process."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from remembrancer.cli.connect import connect, folder_of
from remembrancer.errors import GraphLocked, GraphUnreachable, RemembrancerError
from remembrancer.surfaces.tools.scheduler_access import Reached

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from remembrancer.cli.connect import Connection
    from remembrancer.service.service import SchedulerService

    Opening = Callable[[AsyncExitStack], Awaitable[SchedulerService]]

_LOG: Final = logging.getLogger("remembrancer")
_FIRST_SECONDS: Final = 45.0
"""The longest wait of a call for the first start of the scheduler: many hosts give a call 60 seconds."""
_AGAIN_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 2.0


class EachCall:
    """The way to a folder that this process holds for no longer than a call: through its scheduler, or by opening it.

    Args:
        graph: The folder.
    """

    def __init__(self, graph: str) -> None:
        self._graph = graph
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def reach(self, *, reading: bool) -> AsyncGenerator[Reached]:
        """Connect for one call; the others wait. Raises GraphUnavailable."""
        folder = folder_of(self._graph)
        is_there = folder is not None and folder.exists()
        async with self._turn, connect(self._graph, make=True, reading=reading and is_there) as reached:
            yield Reached(reached.scheduler, reached.fires)


class KeptOpen:
    """The way to a graph on a server: a connection that is opened by the first call, and kept.

    Args:
        graph: The URI.
        stack: Closes it.
    """

    def __init__(self, graph: str, stack: AsyncExitStack) -> None:
        self._graph = graph
        self._stack = stack
        self._turn = asyncio.Lock()
        self._opened: Connection | None = None

    @asynccontextmanager
    async def reach(self, *, reading: bool) -> AsyncGenerator[Reached]:
        """Return the connection, whether the call reads or writes. Raises GraphUnavailable."""
        del reading
        async with self._turn:
            self._opened = self._opened or await self._stack.enter_async_context(connect(self._graph, make=True))
        service = self._opened.scheduler
        yield Reached(service, bool(service.get_status().replication.replicas))


class OwnScheduler:
    """The way to the scheduler that this process runs; while another holds the folder, to that one.

    When that one ends, this process runs it: of many servers over one folder, there is always one that does.

    Args:
        graph: The graph.
        opening: Starts the scheduler and what others reach it by; the stack stops it.
    """

    def __init__(self, graph: str, opening: Opening) -> None:
        self._opening = opening
        self._beside = EachCall(graph)
        self._service: SchedulerService | None = None
        self._trouble: RemembrancerError | None = None
        self._tried = asyncio.Event()

    @asynccontextmanager
    async def reach(self, *, reading: bool) -> AsyncGenerator[Reached]:
        """Return the scheduler. Raises GraphUnavailable: it cannot be started, or is not yet."""
        try:
            async with asyncio.timeout(_FIRST_SECONDS):
                await self._tried.wait()
        except TimeoutError:
            raise GraphUnreachable("The scheduler of this server has not started yet; try again in a while.") from None
        if self._trouble is not None:
            raise self._trouble
        if self._service is not None:
            yield Reached(self._service, fires=True)
        else:
            async with self._beside.reach(reading=reading) as reached:
                yield reached

    @asynccontextmanager
    async def kept(self) -> AsyncGenerator[None]:
        """Run the scheduler while the block runs; where it cannot be started, try again and again."""
        keeping = asyncio.ensure_future(self._keep())
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])

    async def _keep(self) -> None:
        while True:
            try:
                async with AsyncExitStack() as stack:
                    service = await self._opening(stack)
                    self._tell(service)
                    await _until_it_dies(service)
            except GraphLocked:
                self._tell()  # another process holds it: that one is asked, until it ends
            except RemembrancerError as error:
                if str(error) != str(self._trouble):
                    _LOG.error("The scheduler cannot be started: %s", error)
                self._tell(trouble=error)
            finally:
                self._service = None
            await asyncio.sleep(_AGAIN_SECONDS)

    def _tell(self, service: SchedulerService | None = None, trouble: RemembrancerError | None = None) -> None:
        self._service, self._trouble = service, trouble
        self._tried.set()


async def _until_it_dies(service: SchedulerService) -> None:
    while service.get_status().performance.task_running:  # noqa: ASYNC110 (a loop that dies has no event for it)
        await asyncio.sleep(_LOOK_SECONDS)
