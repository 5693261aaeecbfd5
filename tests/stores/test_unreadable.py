"""One row that makes no sense never hides the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.stores.rows.node_rows import task_from
from remembrancer.stores.rows.readable_records import ReadableRecords

if TYPE_CHECKING:
    import pytest


def test_an_unreadable_task_is_left_out_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    sound = {
        "task_id": "task_1",
        "name": "Report",
        "goal_description": "Keep Ada informed",
        "trigger_prompt": "Write it",
        "origin_thought_id": "thought_1",
        "created_at": "2026-03-02T09:00:00Z",
    }
    found = ReadableRecords().read("task_id", task_from, [{**sound, "task_id": "task_0", "status": "LOST"}, sound])

    assert [task.task_id for task in found] == ["task_1"]
    assert "task_0" in caplog.text
