"""Tags, groups and edits of many tasks, as a person types them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Desk


@pytest.fixture
def full(desk: Desk) -> Desk:
    """A desk with three tasks in its graph."""
    cron = ("--cron", "0 9 1 1 *", "--prompt", "Do it")
    desk.json("schedule", "Tea", *cron, "--tag", "Home", "--tag", "errand", "--group", "kitchen")
    desk.json("schedule", "Report", *cron, "--tag", "errand", "--tag", "work")
    desk.json("schedule", "Mail", *cron, "--tag", "work")
    return desk


def listed(desk: Desk, *words: str) -> set[str]:
    return {task["name"] for task in desk.json("list", *words)}


def test_tasks_are_listed_by_what_they_match(full: Desk) -> None:
    assert listed(full, "--tag", "ERRAND") == {"Tea", "Report"}
    assert listed(full, "--tag", "errand", "--tag", "work") == {"Report"}
    assert listed(full, "--group", "kitchen") == listed(full, "--named", "Tea") == {"Tea"}
    assert listed(full, "--text", "mai") == {"Mail"}
    assert listed(full, "--tag", "nothing") == set()
    table = full("list").out
    assert "errand, home" in table
    assert "kitchen" in table


def test_many_tasks_are_edited_by_what_they_match(full: Desk) -> None:
    dry = full("pause", "--tag", "work", "--until", "+3d", "--dry-run")
    assert (dry.code, dry.out.splitlines()[-1]) == (0, "2 would be paused")
    assert all(task["paused_at"] is None for task in full.json("list"))
    assert full("pause", "--tag", "work", "--until", "+3d", "--reason", "Holidays").out.splitlines()[-1] == "2 paused"
    assert full("resume", "--all").out.splitlines()[-1] == "2 resumed"
    updated = full.json("update", "--tag", "work", "--timeout", "60", "--set-tag", "work", "--set-tag", "slow")
    assert updated["counts"] == {"changed": 2}
    assert listed(full, "--tag", "slow") == {"Report", "Mail"}
    task_id = full.json("list", "--named", "Mail")[0]["task_id"]
    assert full.json("update", task_id, "--set-tag", "")["tags"] == []
    assert full.json("cancel", "--tag", "errand", "--reason", "Over")["counts"] == {"changed": 1}
    assert full("cancel", "--group", "kitchen").out == "No task matches.\n"
    assert listed(full) == {"Report", "Mail"}


def test_a_task_that_the_change_does_not_fit_is_exit_code_1(full: Desk) -> None:
    full.json("schedule", "Once", "--in", "1h", "--prompt", "Do it", "--tag", "work")
    ran = full("update", "--tag", "work", "--cron", "5 8 * * *")
    assert (ran.code, ran.out.splitlines()[-1]) == (1, "1 refused, 2 updated")


def test_one_task_or_many_are_named_and_not_both(full: Desk) -> None:
    task_id = full.json("list")[0]["task_id"]
    for act in ("pause", "resume", "cancel"):
        for words in ([], [task_id, "--tag", "work"], [task_id, "--dry-run"], ["--all", "--tag", "work"]):
            assert full(act, *words).code == 2, (act, words)
    assert full("update", "--timeout", "5").code == 2
    assert full("update", "--all").code == 2
    assert len(listed(full)) == 3


def test_a_cancellation_of_many_asks_on_a_terminal(full: Desk) -> None:
    code, seen = full.typed(["cancel", "--tag", "work"], "n")
    assert (code, "2 would be cancelled" in seen, "Cancel 2 tasks?" in seen) == (1, True, True)
    assert len(listed(full)) == 3
    code, seen = full.typed(["cancel", "--tag", "work"], "y")
    assert (code, "2 cancelled" in seen) == (0, True)
    code, seen = full.typed(["cancel", "--all", "--yes"], "")
    assert (code, "Cancel" in seen) == (0, False)
    assert listed(full) == set()


def test_a_changed_schedule_is_shown_as_lists_show_it(full: Desk) -> None:
    first = full("update", "--tag", "work", "--every", "2w", "--time", "09:00", "--start", "2090-01-06")
    second = full("update", "--tag", "work", "--cron", "0 9 1 1 *", "--dry-run")

    assert "schedule: None → every 2w at 09:00, start 2090-01-06" in " ".join(first.out.split())
    assert "schedule: every 2w at 09:00, start 2090-01-06 → None" in " ".join(second.out.split())


def test_a_pause_of_all_is_said_where_it_is_not_expected(full: Desk) -> None:
    assert "open tasks are paused" not in full("status").out
    paused = full("pause", "--all", "--until", "+3d")
    assert paused.out.splitlines()[-2:] == [
        "3 paused",
        "warning: These tasks are paused, and not the scheduler: one that is scheduled later runs.",
    ]
    assert "All open tasks are paused; one that is scheduled now runs." in full("status").out
    later = full("schedule", "Later", "--in", "1h", "--prompt", "Do it")
    assert "warning: All other tasks are paused; this one is not." in later.out
    assert "open tasks are paused" not in full("status").out
    assert "paused" not in full("schedule", "Again", "--in", "2h", "--prompt", "Do it").out
