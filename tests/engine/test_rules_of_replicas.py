"""Replicas of one graph with different rules of a time zone: nothing fires twice, is lost, or moves to and fro."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pytest
from test_pinned_meaning import ALIKE, NINE_BY, SUMMER, WINTER
from zoned_lives import MONDAY, at, rules, under
from zoned_replicas import replica, step

if TYPE_CHECKING:
    from pathlib import Path

    from neo4j_server import Server

pytestmark = [pytest.mark.neo4j, pytest.mark.slow]

TASKS: Final = list(ALIKE.values())
ONCE_A_DAY: Final = [each for name, each in ALIKE.items() if name not in {"held", "bounded", "counted", "except"}]
BOTH: Final = pytest.mark.parametrize(
    ("former", "latter"), [(SUMMER, WINTER), (WINTER, SUMMER)], ids=["forward", "back"]
)
BEGIN: Final = "2027-06-29T12:00"


def count_of(told: dict[str, Any]) -> Counter[str]:
    """Count the runs of each task."""
    return Counter(task_id for task_id, *_ in told["runs"])


@BOTH
async def test_all_follow_a_replica_with_a_later_release(
    neo4j_server: Server, tmp_path: Path, former: str, latter: str
) -> None:
    graph = neo4j_server.graph
    old, new = under(tmp_path / "old", rules(former), "2026a"), under(tmp_path / "new", rules(latter), "2027a")
    async with replica(old, graph, BEGIN) as one:
        await one.do("schedule", TASKS)
        async with replica(new, graph, BEGIN) as two:
            for day in ("2027-06-30", "2027-07-01", "2027-07-02"):
                await step(f"{day}T12:00", one, two)
            moved = await one.do("tell")
            assert [await each.do("recheck") for each in (one, two, one)] == [[], [], []]
            for hour in range(6, 13):
                await step(f"{MONDAY}T{hour:02}:00", one, two)
            told = await two.do("tell")

    assert (moved["armed"], moved["moves"]) == ([at(NINE_BY[latter])] * len(TASKS), len(TASKS))
    assert [run[1:] for run in told["runs"]] == [[f"{NINE_BY[latter]}:00+00:00", "completed"]] * len(TASKS)
    assert set(count_of(told).values()) == {1}
    assert told["moves"] == len(TASKS)


@BOTH
async def test_a_replica_with_an_earlier_release_follows_the_graph(
    neo4j_server: Server, tmp_path: Path, former: str, latter: str
) -> None:
    graph = neo4j_server.graph
    old, new = under(tmp_path / "old", rules(former), "2026a"), under(tmp_path / "new", rules(latter), "2027a")
    async with replica(new, graph, BEGIN) as two:
        await two.do("schedule", TASKS)
        for moment in (BEGIN, "2027-06-30T12:00"):  # it starts twice
            await two.do("beat", f"{moment}+00:00")
            async with replica(old, graph, moment) as one:
                await one.do("schedule", TASKS)
                await step("2027-06-30T12:00", two, one)
        told = await two.do("tell")
    async with replica(old, graph, "2027-06-30T13:00") as one:  # the other has left: it is alone
        alone = await one.do("tell")

    assert (told["armed"], told["moves"]) == ([at(NINE_BY[latter])] * 3 * len(TASKS), 0)
    assert alone["armed"] == [at(NINE_BY[former])] * 3 * len(TASKS)


@BOTH
async def test_what_one_has_fired_none_fires_by_other_rules(
    neo4j_server: Server, tmp_path: Path, former: str, latter: str
) -> None:
    """At 07:30 UTC, nine has passed by the summer's rules, and is ahead by the winter's."""
    graph = neo4j_server.graph
    old, new = under(tmp_path / "old", rules(former), "2026a"), under(tmp_path / "new", rules(latter), "2027a")
    async with replica(old, graph, BEGIN) as one:
        await one.do("schedule", ONCE_A_DAY)
        await step(f"{MONDAY}T07:00", one)
        async with replica(new, graph, f"{MONDAY}T07:30") as two:
            for hour in ("07:30", "08:00", "08:30", "12:00"):
                await step(f"{MONDAY}T{hour}", one, two)
            told = await two.do("tell")

    assert set(count_of(told).values()) == {1}
    assert len(told["runs"]) == len(ONCE_A_DAY)


@BOTH
async def test_a_replica_that_claims_while_rules_change_loses_nothing(
    neo4j_server: Server, tmp_path: Path, former: str, latter: str
) -> None:
    """The replica with the former rules claims and arms tasks by these, while the other moves them."""
    graph, weekly = neo4j_server.graph, [ALIKE["weekly"], ALIKE["every"], ALIKE["workdays"]] * 20
    old, new = under(tmp_path / "old", rules(former), "2026a"), under(tmp_path / "new", rules(latter), "2027a")
    due = NINE_BY[former]
    async with replica(old, graph, BEGIN) as one:
        await one.do("schedule", weekly)
        await one.do("beat", f"{due}+00:00")
        claims = asyncio.create_task(one.do("claim"))
        async with replica(new, graph, due) as two:
            await claims
            for moment in (due, f"{MONDAY}T12:00", f"{MONDAY}T18:00"):
                await step(moment, one, two)
            told = await two.do("tell")
            next_week = f"{NINE_BY[latter]}".replace(MONDAY, "2027-07-12")
            assert told["armed"] == [at(next_week)] * len(weekly)
            await step(next_week, one, two)
            again = await one.do("tell")

    assert set(count_of(told).values()) == {1}
    assert len(told["runs"]) == len(weekly)
    assert set(count_of(again).values()) == {2}
