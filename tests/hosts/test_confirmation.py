"""Calls that destroy: a person is asked first, and sees what the call would end or remove."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from mcp_types import ElicitResult

from hosts import MODES, NO, YES, Human, call, host, refusal

if TYPE_CHECKING:
    from remembrancer import TaskSchedulerService

LATER = {"trigger_prompt": "p", "schedule_cron": "0 9 * * *", "timezone": "Europe/Berlin"}
pytestmark = pytest.mark.parametrize("mode", MODES)


async def test_yes_cancels(quick: TaskSchedulerService, mode: str) -> None:
    human = Human(YES)
    async with host(quick, mode=mode, human=human) as client:
        made = await call(client, "schedule", name="Tea", **LATER)
        assert await call(client, "cancel", task_id=made["task_id"]) == {"ended": True}
    question = f"Cancel the task “Tea” ({made['task_id']}, PENDING)? It will not fire again; its record is kept."
    assert human.questions == [f"{question} Its schedule is 0 9 * * * (Europe/Berlin)."]


@pytest.mark.parametrize("answer", [NO, ElicitResult(action="cancel"), ElicitResult(action="accept", content={})])
async def test_anything_but_yes_cancels_nothing(quick: TaskSchedulerService, mode: str, answer: ElicitResult) -> None:
    human = Human(answer)
    async with host(quick, mode=mode, human=human) as client:
        made = await call(client, "schedule", name="Tea", **LATER)
        said = await refusal(client, "cancel", task_id=made["task_id"], confirm=True)  # a model cannot answer for them
        assert said.startswith("NotConfirmed: The user did not agree")
        assert (await call(client, "task", task_id=made["task_id"]))["status"] == "PENDING"
    assert len(human.questions) == 1


async def test_host_that_cannot_ask_confirms_by_argument(quick: TaskSchedulerService, mode: str) -> None:
    async with host(quick, mode=mode) as client:
        made = await call(client, "schedule", name="Tea", **LATER)
        said = await refusal(client, "cancel", task_id=made["task_id"])
        assert "Cancel the task “Tea”" in said
        assert said.endswith("call again with confirm=true.")
        assert (await call(client, "task", task_id=made["task_id"]))["status"] == "PENDING"
        assert await call(client, "cancel", task_id=made["task_id"], confirm=True) == {"ended": True}


async def test_many_tasks_are_counted_in_the_question(quick: TaskSchedulerService, mode: str) -> None:
    human = Human(YES)
    async with host(quick, "operator", mode=mode, human=human) as client:
        for number in range(7):
            await call(client, "schedule", name=f"Task {number}", group="garden", **LATER)
        await call(client, "cancel_tasks", group="garden", dry_run=True)
        assert human.questions == []
        done = await call(client, "cancel_tasks", group="garden")
    assert done["counts"] == {"changed": 7}
    [question] = human.questions
    assert "Tasks: 7 (“Task " in question
    assert "and 2 more" in question


async def test_retention_says_what_it_removes(quick: TaskSchedulerService, mode: str) -> None:
    human = Human(NO)
    async with host(quick, "operator", mode=mode, human=human) as client:
        await refusal(client, "prune", keep_days=30)
    assert '"executions": 0' in human.questions[0]


async def test_what_has_ended_needs_no_question(quick: TaskSchedulerService, mode: str) -> None:
    human = Human(YES)
    async with host(quick, mode=mode, human=human) as client:
        made = await call(client, "schedule", name="Tea", **LATER)
        await quick.cancel_task(made["task_id"])
        assert await call(client, "cancel", task_id=made["task_id"]) == {"ended": False}
    assert human.questions == []


async def test_refused_call_is_refused_before_the_question(quick: TaskSchedulerService, mode: str) -> None:
    human = Human(YES)
    async with host(quick, "operator", mode=mode, human=human) as client:
        assert "TaskNotFound" in await refusal(client, "cancel", task_id="task_1.000_aaaaaa")
        assert "keep_days" in await refusal(client, "prune", keep_days=-1)
    assert human.questions == []


async def test_agreement_to_one_question_is_none_to_another(quick: TaskSchedulerService, mode: str) -> None:
    """What the question is about changes while the person reads it: the new one is asked too."""
    if mode == "legacy":
        pytest.skip("there the call waits for the answer, and its question stays")
    made: dict[str, Any] = {}

    class Slow(Human):
        async def __call__(self, _: object, asked: Any) -> ElicitResult:
            await super().__call__(_, asked)
            if len(self.questions) == 1:
                await quick.update_task(made["task_id"], name="Coffee")
            return YES

    human = Slow(YES)
    async with host(quick, mode=mode, human=human) as client:
        made |= await call(client, "schedule", name="Tea", **LATER)
        assert await call(client, "cancel", task_id=made["task_id"]) == {"ended": True}
    assert ["Tea" in human.questions[0], "Coffee" in human.questions[1]] == [True, True]
