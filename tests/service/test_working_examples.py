"""Examples in refusals: one that is there works in place of the refused value."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from remembrancer import Cron, InvalidInput, TaskSchedulerService
from remembrancer.operations.templates.places import MOST_FILLED, filled
from remembrancer.testing import VirtualClock

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TASK = ("Tea", "goal", "prompt", "thought")


@pytest.mark.parametrize(
    ("made", "fields"),
    [
        ({"schedule": Cron("0 9 * * *")}, {"defer_until": "in 2h", "schedule": None, "schedule_cron": None}),
        ({"schedule": Cron("0 9 * * *")}, {"schedule": {"kind": "once", "at": "2026-04-01T09:00:00Z"}}),
        ({"defer_until": "in 2h"}, {"schedule": {"kind": "every", "every": "1h"}}),
        ({"defer_until": "in 2h"}, {"schedule_cron": "0 9 * * *"}),
    ],
)
async def test_an_example_keeps_the_type_of_the_task(made: dict[str, Any], fields: dict[str, Any]) -> None:
    async with TaskSchedulerService(":memory:", VirtualClock(START)) as service:
        task = await service.schedule_task(*TASK, **made)
        with pytest.raises(InvalidInput) as refused:
            await service.update_task(task.task_id, **fields)
        if refused.value.example is not None:
            changes: Any = {refused.value.field: refused.value.example}
            await service.update_task(task.task_id, **changes)

    assert "schedule another task" in refused.value.allowed


async def test_an_object_for_a_length_of_time_has_an_example() -> None:
    async with TaskSchedulerService(":memory:", VirtualClock(START)) as service:
        with pytest.raises(InvalidInput) as refused:
            await service.schedule_task(*TASK, schedule={"kind": "every", "every": {}})
        await service.schedule_task(*TASK, schedule={"kind": "every", "every": refused.value.example})


def test_values_that_are_too_long_have_a_shorter_example() -> None:
    values: Any = {"topic": "x" * (MOST_FILLED + 1)}
    with pytest.raises(InvalidInput) as refused:
        filled("{{topic}} {topic}", values)

    example: Any = refused.value.example
    assert filled("{topic}", example) == "x" * 20
