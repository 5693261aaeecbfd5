"""The queries that ship are asked on every kind of graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from remembrancer import TaskSchedulerService
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer.testing import VirtualClock


@pytest.fixture
async def service(graph: str, clock: VirtualClock) -> AsyncIterator[TaskSchedulerService]:
    """A service over a graph of each kind in turn, open but not checking."""
    made = TaskSchedulerService(graph, time_service=clock)
    async with ManualScheduler(made, clock):
        yield made
