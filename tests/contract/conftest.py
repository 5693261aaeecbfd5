"""Values that the contract's tests write: as the engine makes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest

from remembrancer.engine.planning import plan
from remembrancer.model.moment import to_ms
from remembrancer.model.task import ScheduledTask
from remembrancer.ports.task_store import Change, Lease

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from remembrancer.model.execution import Execution
    from remembrancer.ports.task_store import TaskStore

_NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return _NOW


@pytest.fixture
def a_task() -> Callable[..., ScheduledTask]:
    """Make a one-time task due at `now`, or whatever is said instead."""
    numbers = count(1)

    def make(**choices: object) -> ScheduledTask:
        number = next(numbers)
        fields: dict[str, object] = {
            "task_id": f"task_{number:03}",
            "name": f"Task {number}",
            "goal_description": "See that it is kept",
            "trigger_prompt": "Now",
            "origin_thought_id": "thought_origin",
            "created_at": _NOW - timedelta(hours=1),
            "next_run_ms": to_ms(_NOW),
            **choices,
        }
        fields.setdefault("nominal_ms", fields["next_run_ms"])
        return ScheduledTask.model_validate(fields)

    return make


@pytest.fixture
def a_lease() -> Callable[..., Lease]:
    """Make a lease of a replica; each has an id of its own."""
    numbers = count(1)

    def make(replica_id: str = "replica_a", until: datetime = _NOW + timedelta(minutes=1)) -> Lease:
        return Lease(f"lease_{next(numbers):03}", replica_id, until)

    return make


@pytest.fixture
def a_change() -> Callable[..., Change]:
    def make(action: str, reason: str | None = None) -> Change:
        return Change(action, _NOW, "tests", reason)

    return make


@pytest.fixture
def claimed(store: TaskStore, a_lease: Callable[..., Lease]) -> Callable[..., object]:
    """Claim what is due of some tasks, as a checker does."""

    async def claim(*tasks: ScheduledTask, lease: Lease | None = None, at: datetime = _NOW) -> Sequence[Execution]:
        lease = lease or a_lease()
        return await store.claim([plan(task, to_ms(at), lease.replica_id) for task in tasks], lease)

    return claim
