"""No name, key or id holds a control character; longer texts may, and arrive unchanged."""

from __future__ import annotations

from typing import Any

import pytest

from remembrancer import InvalidInput, TaskSchedulerService
from remembrancer.model.control_characters import visible, visible_json

TASK: dict[str, Any] = {
    "name": "Tea",
    "goal_description": "goal",
    "trigger_prompt": "prompt",
    "origin_thought_id": "thought",
    "schedule_cron": "0 9 * * *",
}
CONTROLS = [
    "\x1b]0;title\x07",
    "\x1b]52;c;aGk=\x07",
    "\x1b]8;;http://example.org\x1b\\link",
    "\x1b[2J",
    "a\x9b2J",
    "a\x85b",
    "two\nlines",
    "a\rb",
    "a\tb",
    "a\x7f",
    "evil\u202etxt.exe",
    "a\u2066b\u2069",
    "a\u2028b",
    "\ufeffa",
]


@pytest.mark.parametrize("field", ["name", "dedup_key", "origin_thought_id"])
@pytest.mark.parametrize("text", CONTROLS, ids=ascii)
async def test_a_name_key_or_id_with_controls_is_refused(field: str, text: str) -> None:
    async with TaskSchedulerService(":memory:") as service:
        with pytest.raises(InvalidInput, match="control characters") as refused:
            await service.schedule_task(**{**TASK, field: text})

        assert refused.value.field == field
        assert not any(sign in str(refused.value) for sign in "\x1b\x9b\x85\n\u202e\u2066\u2028")
        assert await service.get_scheduled_tasks() == []


async def test_ids_of_other_acts_with_controls_are_refused() -> None:
    async with TaskSchedulerService(":memory:") as service:
        task = await service.schedule_task(**TASK)
        for act in (
            service.schedule_deferred_task("thought\n2", "mine", "2090-01-01T00:00:00Z", "later"),
            service.schedule_deferred_task("thought", "mine\x1b[2J", "2090-01-01T00:00:00Z", "later"),
            service.defer_task(task.task_id, "2090-01-01T00:00:00Z", "later", "thought\x9b"),
            service.cancel_task("task\u202e"),
        ):
            with pytest.raises(InvalidInput, match="control characters"):
                await act


async def test_a_longer_text_arrives_as_it_was_written() -> None:
    prompt = "First line\n\tsecond \x1b[1mbold\x1b[0m"
    async with TaskSchedulerService(":memory:") as service:
        task = await service.schedule_task(**{**TASK, "name": "Schicht für אבא 👨‍👩‍👧", "trigger_prompt": prompt})

        assert (await service.get_task(task.task_id)).trigger_prompt == prompt


def test_a_control_character_is_shown_by_its_number() -> None:
    assert visible("a\x1b[2J\x9b\u202e\n\tz\x00") == r"a\x1b[2J\x9b\u202e\n\tz\x00"
    assert visible("a\n\tb\x1b", lines=True) == "a\n\tb\\x1b"
    assert visible_json('"\x9b\u202e\x7f"') == r'"\u009b\u202e\u007f"'
