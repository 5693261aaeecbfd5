"""The disposition of a request: whether its task is new, was there already, or was there and is deferred now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from remembrancer import ScheduleRequest, TaskSchedulerService
from remembrancer.cli.commands.schedule import print_reply
from remembrancer.context import IDEMPOTENCY_KEY
from remembrancer.model.idempotency import IdempotencyKey
from remembrancer.model.task import Disposition
from remembrancer.surfaces.jsonable import to_jsonable

if TYPE_CHECKING:
    import pytest

DAILY = ("Report", "Send it", "Write it", "thought_1", None, "0 9 * * *")
LATER = "2090-01-01T00:00:00Z"


async def test_a_new_task_is_created(service: TaskSchedulerService) -> None:
    made = await service.schedule_task(*DAILY)

    assert (made.disposition, made.warnings) == (Disposition.CREATED, [])


async def test_a_taken_dedup_key_is_existing(service: TaskSchedulerService) -> None:
    first = await service.schedule_task(*DAILY, dedup_key="daily")
    again = await service.schedule_task(*DAILY, dedup_key="daily")
    asked = [ScheduleRequest(*DAILY, dedup_key=key) for key in ("daily", "twin", "twin", None)]

    assert (again.task_id, again.disposition, again.warnings) == (first.task_id, Disposition.EXISTING, [])
    assert [each.disposition for each in await service.schedule_tasks(asked)] == [
        *("existing", "created", "existing", "created")
    ]


async def test_a_repeated_request_is_existing(service: TaskSchedulerService) -> None:
    token = IDEMPOTENCY_KEY.set(IdempotencyKey("owner", "key", "digest"))
    created, repeated = [await service.schedule_task(*DAILY) for _ in range(2)]
    IDEMPOTENCY_KEY.reset(token)
    token = IDEMPOTENCY_KEY.set(IdempotencyKey("owner", "another", "digest"))
    deferred, again = [await service.defer_task(created.task_id, LATER, "Busy") for _ in range(2)]
    IDEMPOTENCY_KEY.reset(token)

    assert [created.disposition, repeated.disposition] == ["created", "existing"]
    assert [deferred.disposition, again.disposition] == ["merged", "existing"]


async def test_a_deferral_of_a_task_that_is_there_is_merged(service: TaskSchedulerService) -> None:
    ours = await service.schedule_task(*DAILY)
    asked = [("theirs", LATER), ("theirs", "2091-01-01T00:00:00Z"), (ours.task_id, LATER)]
    answers = [await service.schedule_deferred_task("thought_2", *each, "Busy") for each in asked]

    assert [each.disposition for each in answers] == ["created", "merged", "merged"]
    assert answers[0].task_id == answers[1].task_id != answers[2].task_id == ours.task_id


async def test_the_answer_has_the_disposition_as_a_word(service: TaskSchedulerService) -> None:
    answer: Any = to_jsonable(await service.schedule_task(*DAILY))

    assert (answer["disposition"], answer["warnings"]) == ("created", [])
    assert "notes" not in answer


async def test_a_person_reads_that_a_task_is_existing(
    service: TaskSchedulerService, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []
    for _ in range(2):
        print_reply(await service.schedule_task(*DAILY, dedup_key="daily"), fires=True)
        told.append(capsys.readouterr().out)

    assert ["existing: the task was there already" in each for each in told] == [False, True]
