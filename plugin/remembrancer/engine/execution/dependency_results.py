"""The results of dependencies, handed to the handler of a task that waited for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from remembrancer.engine.execution.outcome_writer import retry_unavailable
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.dependencies.facts import outcomes_for

if TYPE_CHECKING:
    from remembrancer.ports.graph import Graph
    from remembrancer.ports.handler import Firing


async def with_dependencies(store: Graph, firing: Firing) -> Firing:
    """Return a firing with the outcomes that it depends on, as they are when its handler is called."""
    execution, task = firing.execution, firing.task
    found = await retry_unavailable(
        lambda: outcomes_for(store.dependencies, task, to_ms(execution.nominal_at)), execution.execution_id
    )
    return replace(firing, dependencies=found)
