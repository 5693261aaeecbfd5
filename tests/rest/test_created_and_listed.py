"""Answers about tasks: the status and the place of one that is new, and the fields of those in a list."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin

if TYPE_CHECKING:
    import httpx

TASKS = "/v1/scheduler/tasks"
BACK = {"thought_id": "t_1", "task_id": "theirs", "defer_until": "2090-01-01T00:00:00Z", "reason": "Not ready"}


async def test_a_new_return_of_a_task_answers_201_and_a_moved_one_200(writer: httpx.AsyncClient) -> None:
    answers = [await writer.post(f"{TASKS}/deferred", json=BACK) for _ in range(2)]
    made = answers[0].json()["task_id"]
    moved = await writer.post(f"{TASKS}/deferred", json={**BACK, "task_id": made})

    assert [each.status_code for each in [*answers, moved]] == [201, 200, 200]
    assert [each.json()["disposition"] for each in answers] == ["created", "merged"]
    at = urljoin(str(answers[0].url), answers[0].headers["Location"])
    assert (await writer.get(at)).json()["task_id"] == made


async def test_a_repeated_return_under_its_key_answers_200(writer: httpx.AsyncClient) -> None:
    head = {"Idempotency-Key": "once"}
    answers = [await writer.post(f"{TASKS}/deferred", json=BACK, headers=head) for _ in range(2)]

    assert [each.status_code for each in answers] == [201, 200]
    assert answers[1].json()["disposition"] == "existing"


async def test_a_list_leaves_the_deferral_history_out(writer: httpx.AsyncClient) -> None:
    made = (await writer.post(f"{TASKS}/deferred", json=BACK)).json()["task_id"]
    (listed,) = (await writer.get(TASKS)).json()["tasks"]
    shown = (await writer.get(f"{TASKS}/{made}")).json()

    assert (listed["deferral_count"], len(shown["deferral_history"])) == (1, 1)
    assert shown.keys() - listed.keys() == {"deferral_history"}
    assert listed.keys() <= shown.keys()
