"""Named queries: on the command line, over HTTP and in Python, with their parameters completed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from remembrancer import InvalidInput, ScheduleRequest, TaskSchedulerService
from remembrancer.surfaces.rest.app import application

if TYPE_CHECKING:
    from conftest import Desk

FAR = ["--cron", "0 0 1 1 *", "--prompt", "p"]


def test_a_named_query_is_answered_by_its_name(desk: Desk) -> None:
    desk("schedule", "Yearly", *FAR)
    rows = desk.json("query", "upcoming", "-P", "limit=5")
    table = desk("query", "upcoming")

    assert [row["task"] for row in rows] == ["Yearly"]
    assert "Yearly" in table.out


def test_a_query_may_be_text_and_cypher_is_its_alias(desk: Desk) -> None:
    desk("schedule", "Yearly", *FAR)
    asked = "MATCH (t:scheduled_task) RETURN t.name AS name"

    assert desk.json("query", asked) == desk.json("cypher", asked) == [{"name": "Yearly"}]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["why"], "why_not"),
        (["upcoming", "-P", "most=1"], "limit"),
        (["upcoming", "-P", "limit=x"], "a whole number"),
        (["outcomes", "-P", "x=1"], ""),
        (["chain_of_deferral"], '{"deferral_id": '),
    ],
)
def test_a_wrong_name_or_parameter_is_refused(desk: Desk, words: list[str], meant: str) -> None:
    desk("schedule", "Yearly", *FAR)
    refused = desk("query", *words)

    assert (refused.code, refused.out) == (2, "")
    assert meant in refused.err


async def test_the_help_names_every_named_query(desk: Desk) -> None:
    told = desk("query", "--help").out
    async with TaskSchedulerService(":memory:") as service:
        names = [each.name for each in await service.list_queries()]
    assert [name for name in names if name not in told] == []


async def test_named_queries_are_listed_and_answered_over_http() -> None:
    async with TaskSchedulerService(":memory:") as service:
        await service.schedule_tasks([ScheduleRequest("Tea", "g", "p", "t", schedule_cron="0 9 1 1 *")] * 3)
        token = (await service.create_token("reader", "read")).token
        transport, head = httpx.ASGITransport(application(service)), {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=head) as client:
            listed = {each["name"]: each for each in (await client.get("/v1/scheduler/queries")).json()}
            rows = (await client.get("/v1/scheduler/queries/upcoming", params={"limit": 2})).json()
            unknown = await client.get("/v1/scheduler/queries/everything")
        with pytest.raises(InvalidInput):
            await service.run_query("upcoming", {"limit": 1, "other": 2})
        in_python = await service.run_query("upcoming", {"limit": 1})

    assert {"why_not", "upcoming", "outcomes"} <= listed.keys()
    assert sorted(listed["upcoming"]["parameters"]) == ["limit", "now_ms"]
    assert [row["task"] for row in rows] == ["Tea", "Tea"]
    assert (unknown.status_code, unknown.json()["field"], len(in_python)) == (422, "name", 1)
