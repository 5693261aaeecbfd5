"""Running schedulers for the hosts of `hosts`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hosts import handle
from remembrancer import TaskSchedulerService

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def started(graph: str) -> AsyncIterator[TaskSchedulerService]:
    """A running scheduler over a graph of each kind."""
    async with TaskSchedulerService(graph, handler=handle) as service:
        yield service


@pytest.fixture
async def quick() -> AsyncIterator[TaskSchedulerService]:
    """A running scheduler over a graph in memory."""
    async with TaskSchedulerService(handler=handle) as service:
        yield service
