"""A request that is sent again is acted on once, and of writers who read the same, one writes."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer.engine.execution.handler_routes import HandlerRoute

if TYPE_CHECKING:
    import httpx

    from remembrancer import TaskSchedulerService

TASKS = "/v1/scheduler/tasks"
DEFERRED = "/v1/scheduler/tasks/deferred"
LATER = {"until": "2090-01-01T00:00:00Z", "reason": "Not ready"}
BACK = {"thought_id": "thought_1", "defer_until": "2090-01-01T00:00:00Z", "reason": "Not ready"}


def asked(name: str = "Tea", **choices: Any) -> dict[str, Any]:
    about = {"goal_description": "goal", "trigger_prompt": "prompt", "origin_thought_id": "thought"}
    return {"name": name, **about, "schedule_cron": "0 9 1 1 *", **choices}


REQUESTS: dict[str, tuple[str, Any, Any]] = {
    "create": (TASKS, asked(), asked(timezone="Asia/Tokyo")),
    "batch": (f"{TASKS}/batch", {"requests": [asked(), asked("Two")]}, {"requests": [asked()]}),
    "cancel": (f"{TASKS}/ID/cancel", {"reason": "Over"}, {"reason": "Enough"}),
    "defer": (f"{TASKS}/ID/defer", LATER, {**LATER, "reason": "Other"}),
    "run": (f"{TASKS}/ID/run", None, {}),
    "deferred, ours": (DEFERRED, {**BACK, "task_id": "ID"}, {**BACK, "task_id": "ID", "reason": "Other"}),
    "deferred, theirs": (DEFERRED, {**BACK, "task_id": "theirs"}, {**BACK, "task_id": "other"}),
    "pause many": (f"{TASKS}/pause", {"all": True}, {"all": True, "reason": "Other"}),
    "update many": (
        f"{TASKS}/update",
        {"text": "standing", "changes": {"misfire": "skip"}},
        {"text": "standing", "changes": {"misfire": "run_all"}},
    ),
    "resume many": (f"{TASKS}/resume", {"all": True}, {"all": True, "reason": "Other"}),
    "cancel many": (f"{TASKS}/cancel", {"name": "Standing"}, {"name": "Tea"}),
}
"""What is sent, and what is sent under the same key and is another request."""


@pytest.fixture
async def task_id(writer: httpx.AsyncClient) -> str:
    return (await writer.post(TASKS, json=asked("Standing"))).json()["task_id"]


async def world(service: TaskSchedulerService) -> list[dict[str, object]]:
    """Return how much was ever done."""
    return await service.cypher(
        "MATCH (n) WHERE n:scheduled_task OR n:task_change OR n:task_execution OR n:task_deferral "
        "RETURN labels(n)[0] AS kind, count(n) AS nodes ORDER BY kind"
    )


async def test_a_request_that_is_sent_again_is_acted_on_once(
    writer: httpx.AsyncClient, started: TaskSchedulerService
) -> None:
    for key, request in REQUESTS.items():
        standing = (await writer.post(TASKS, json=asked("Standing"))).json()["task_id"]
        path, *bodies = json.loads(json.dumps(request).replace("ID", standing))

        async def send(body: Any, key: str = key, path: str = path) -> httpx.Response:
            return await writer.post(path, json=body, headers={"Idempotency-Key": key})

        at_once = await asyncio.gather(*(send(bodies[0]) for _ in range(4)))
        done = await world(started)
        later = await send(bodies[0])
        refused = await send(bodies[1])

        assert (key, {answer.status_code for answer in [*at_once, later]} <= {200, 201}) == (key, True)
        assert len({identity(answer) for answer in [*at_once, later]}) == 1
        assert await world(started) == done
        assert (refused.status_code, refused.json()["type"]) == (422, "urn:remembrancer:idempotency-key")
        assert (refused.json()["field"], refused.json()["value"]) == ("Idempotency-Key", key)


def identity(answer: httpx.Response) -> str:
    """Return what an answer is about: which tasks, which execution, with how many deferrals, and if it did it."""
    told = answer.json() if isinstance(answer.json(), list) else [answer.json()]
    names = ("task_id", "execution_id", "deferral_count", "cancelled")
    return str([[each.get(name) for name in names] for each in told])


async def test_a_key_is_its_senders_own(clients: dict[str, httpx.AsyncClient]) -> None:
    head = {"Idempotency-Key": "k1"}
    made = [await clients[scope].post(TASKS, json=asked(), headers=head) for scope in ("write", "admin")]

    assert [answer.status_code for answer in made] == [201, 201]
    assert made[0].json()["task_id"] != made[1].json()["task_id"]


async def test_a_repeated_request_is_answered_though_its_task_changed(task_id: str, writer: httpx.AsyncClient) -> None:
    mark = (await writer.get(f"{TASKS}/{task_id}")).headers["etag"]
    head = {"Idempotency-Key": "k1", "If-Match": mark}
    answers = [await writer.post(f"{TASKS}/{task_id}/cancel", headers=head) for _ in range(2)]
    without = await writer.post(f"{TASKS}/{task_id}/cancel", headers={"If-Match": mark})

    assert [answer.json()["cancelled"] for answer in answers] == [True, True]
    assert without.status_code == 412


async def test_of_writers_who_read_the_same_one_writes(task_id: str, writer: httpx.AsyncClient) -> None:
    one = f"{TASKS}/{task_id}"
    for act, body in (("defer", LATER), ("run", None), ("cancel", None)):
        head = {"If-Match": f'W/"9-ACTIVE", {(await writer.get(one)).headers["etag"]}'}
        answers = await asyncio.gather(*(writer.post(f"{one}/{act}", json=body, headers=head) for _ in range(8)))
        refused = next(answer.json() for answer in answers if answer.status_code == 412)

        assert sorted(answer.status_code for answer in answers) == [200, *[412] * 7]
        assert refused["field"] == "If-Match"
        assert refused["example"] == (await writer.get(one)).headers["etag"]


async def test_a_handler_does_not_act_as_the_request_that_started_it(
    task_id: str, writer: httpx.AsyncClient, started: TaskSchedulerService
) -> None:
    """Or it would find its own request acted on already, and schedule nothing."""

    async def schedule(_: object) -> None:
        await started.schedule_task("By a handler", "goal", "prompt", "thought", schedule_cron="0 9 1 1 *")

    started._process.running_scheduler()._executor._routes._routes[None] = HandlerRoute(schedule, None)
    for _ in range(2):
        await writer.post(f"{TASKS}/{task_id}/run", headers={"Idempotency-Key": "k1"})
    await started.idle()

    made = await started.cypher(
        "MATCH (t:scheduled_task {name: 'By a handler'}) RETURN t.created_via AS through, t.dedup_key AS key"
    )
    assert made == [{"through": "handler", "key": None}]
