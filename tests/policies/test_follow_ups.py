"""Follow-ups: what a missed occurrence makes, once, within the bounds of its lineage and of quotas."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import InvalidInput, ScheduledTask, SchedulerOptions, TaskSchedulerService, TaskStatus
from remembrancer.engine.queues.follow_up_bounds import with_bounds
from remembrancer.model.ids import new_id
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.decision import PLAIN, PlanContext
from remembrancer.policies.pipeline import plan_page
from remembrancer.ports.writes import Lease
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer import Firing
    from remembrancer.ports.writes import Claim
    from remembrancer.testing import VirtualClock

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EDGE = (
    "MATCH (t:scheduled_task)-[:SPAWNED_BY]->(e:task_execution)-[:EXECUTION_OF]->(p:scheduled_task)"
    " RETURN t.task_id AS task, e.execution_id AS of, p.task_id AS parent"
)


class Desk:
    """A scheduler driven by hand, and what its handler began."""

    def __init__(self, graph: str, clock: VirtualClock, **options: Any) -> None:
        self.clock = clock
        chosen = SchedulerOptions(**options)
        self.service = TaskSchedulerService(graph, clock, handler=self.handle, options=chosen)
        self.by_hand = ManualScheduler(self.service, clock)
        self.begun: list[str] = []

    async def handle(self, firing: Firing) -> None:
        self.begun.append(firing.task.name)

    async def schedule(self, name: str = "Report", follow_up: Any = "Say it.", **fields: Any) -> str:
        when = {} if "schedule_cron" in fields else {"in_": "1m"}
        given: dict[str, Any] = {"misfire": "skip", "follow_up": follow_up, **when, **fields}
        return (await self.service.schedule_task(name, "goal", "prompt", "thought", **given)).task_id

    async def missed(self, task_id: str) -> tuple[str, str | None, str]:
        runs = await self.service.history(task_id)
        return runs[-1].status.value, runs[-1].reason_code, runs[-1].reason or ""

    async def follow_ups(self) -> list[ScheduledTask]:
        every = await self.service.find_tasks(statuses=list(TaskStatus), limit=1000)
        return [each for each in every if each.follow_up_of is not None]

    async def claims(self, *task_ids: str) -> list[Claim]:
        store = self.service._graph()
        tasks = [await store.tasks.get(each) for each in task_ids]
        planned = await plan_page(tasks, PLAIN, PlanContext(to_ms(self.clock.now()), "replica_here"))
        return await with_bounds(planned.claims, store, SchedulerOptions())

    async def claim(self, claims: list[Claim]) -> int:
        lease = Lease(new_id("lease", to_ms(self.clock.now())), "replica_here", self.clock.now() + HOUR)
        return len(await self.service._graph().queue.claim(claims, lease))


@pytest.fixture
async def desk(graph: str, clock: VirtualClock) -> AsyncIterator[Desk]:
    made = Desk(graph, clock)
    async with made.by_hand:
        yield made


async def test_a_missed_occurrence_makes_a_follow_up(desk: Desk) -> None:
    wish = {"prompt": "Say that it is late.", "delay": "10m", "priority": 9}
    task_id = await desk.schedule(follow_up=wish, tags=["mail"], context={"of": "June"}, timezone="Europe/Berlin")
    await desk.by_hand.tick(HOUR)
    assert (await desk.missed(task_id))[:2] == ("missed", "misfire_skipped")
    (made,) = await desk.follow_ups()
    (run,) = await desk.service.history(task_id)
    assert (made.name, made.trigger_prompt, made.status) == ("Follow up: Report", wish["prompt"], "PENDING")
    assert made.defer_until == desk.clock.now() + 10 * MINUTE
    taken = (made.tags, made.context, made.timezone, made.priority, made.served_priority, made.misfire)
    assert taken == (("mail",), {"of": "June"}, "Europe/Berlin", 9, 9, "run_once")
    assert "missed" in made.goal_description
    assert (made.follow_up_of, made.created_by, made.created_via) == (run.execution_id, run.execution_id, "scheduler")
    assert (made.parent_id, made.lineage_id, made.generation) == (task_id, "thought", 1)
    assert made.origin_thought_id == "thought"
    edges = await desk.service.cypher(EDGE)
    assert [dict(each) for each in edges] == [{"task": made.task_id, "of": run.execution_id, "parent": task_id}]
    await desk.by_hand.tick(10 * MINUTE)
    assert desk.begun == ["Follow up: Report"]
    lineage = await desk.service.lineage(task_id)
    assert (lineage.spawned, len(lineage.tasks)) == (1, 2)


async def test_a_deadline_in_a_wait_makes_one_too(desk: Desk) -> None:
    await desk.service.set_limit("desk", 0)
    task_id = await desk.schedule(misfire="run_once", concurrency_key="desk", deadline_seconds=600, follow_up={})
    await desk.by_hand.tick(MINUTE)
    assert await desk.follow_ups() == []
    await desk.by_hand.tick(10 * MINUTE)
    assert (await desk.missed(task_id))[1] == "deadline_passed"
    (made,) = await desk.follow_ups()
    assert "Report was missed: It had not begun 600 s after" in made.trigger_prompt
    assert made.trigger_prompt.endswith("The task was: prompt")
    assert (made.deadline_seconds, made.follow_up) == (None, None)


async def test_a_long_outage_makes_one_follow_up(desk: Desk) -> None:
    task_id = await desk.schedule(schedule_cron="* * * * *", misfire="run_once")
    await desk.by_hand.tick(60 * DAY)
    (made,) = await desk.follow_ups()
    lost = (await desk.service.history(task_id))[-1]
    assert (lost.status, made.follow_up_of) == ("missed", lost.execution_id)
    assert lost.occurrences > 80_000
    assert desk.begun.count("Follow up: Report") == 1


async def test_a_follow_up_follows_up_only_as_it_was_told(desk: Desk) -> None:
    last = {"prompt": "Give up.", "delay": "10m", "deadline": "1m"}
    first = {"prompt": "Ask again.", "delay": "10m", "deadline": 60, "follow_up": last}
    task_id = await desk.schedule(follow_up=first)
    for _ in range(4):
        await desk.service.halt("Nothing runs.")
        desk.clock.advance(HOUR)
        await desk.service.release()
        await desk.service.tick()
    assert sorted(each.trigger_prompt for each in await desk.follow_ups()) == ["Ask again.", "Give up."]
    made = sorted(await desk.follow_ups(), key=lambda each: each.generation or 0)
    assert [each.parent_id for each in made] == [task_id, made[0].task_id]
    assert [(await desk.missed(each.task_id))[1] for each in made] == ["deadline_passed", "deadline_passed"]
    assert desk.begun == []


async def test_a_repeated_claim_makes_nothing_twice(desk: Desk) -> None:
    task_id = await desk.schedule()
    desk.clock.advance(HOUR)
    claims = await desk.claims(task_id)
    assert [await desk.claim(claims), await desk.claim(claims)] == [1, 0]
    assert len(await desk.follow_ups()) == 1
    assert "No follow-up" not in (await desk.missed(task_id))[2]


@pytest.mark.parametrize(("key", "named"), [("open", "open"), ("open:origin", "open:origin:thought")])
async def test_a_quota_without_room_is_said_in_the_reason(desk: Desk, key: str, named: str) -> None:
    ids = [await desk.schedule(f"Report {number}", schedule_cron="0 0 * * *") for number in range(4)]
    await desk.service.set_limit(key, 6)
    await desk.by_hand.tick(DAY + HOUR)
    outcomes = [await desk.missed(each) for each in ids]
    assert [each[:2] for each in outcomes] == [("missed", "misfire_skipped")] * 4
    refused = [reason for *_, reason in outcomes if f"No follow-up was made: the quota {named} of open" in reason]
    assert (len(await desk.follow_ups()), len(refused)) == (2, 2)
    await desk.service.set_limit(key, 0)
    await desk.by_hand.tick(DAY)
    outcomes = [(await desk.service.history(each))[0] for each in ids]
    assert [f"the quota {named} lets no task be open" in (each.reason or "") for each in outcomes] == [True] * 4
    assert [each.status for each in outcomes] == ["missed"] * 4


@pytest.mark.parametrize("bound", ["max_open_tasks", "max_depth", "max_fan_out"])
async def test_a_bound_of_the_lineage_is_said_in_the_reason(desk: Desk, bound: str) -> None:
    most = 1 if bound == "max_open_tasks" else 0
    ids = [await desk.schedule(f"Report {number}") for number in range(3)]
    await desk.service.set_budget("thought", {bound: most, "runs": 100})
    await desk.by_hand.tick(HOUR)
    reasons = [(await desk.missed(each))[2] for each in ids]
    assert sum("No follow-up was made: a bound of the lineage thought" in each for each in reasons) == 3 - most
    made = await desk.follow_ups()
    assert [each.budget_id for each in made] == ["thought"] * most


async def test_bounds_of_the_settings_hold_too(graph: str, clock: VirtualClock) -> None:
    desk = Desk(graph, clock, max_open_tasks=1, lineage_max_depth=5)
    async with desk.by_hand:
        task_id = await desk.schedule(schedule_cron="0 * * * *")
        await desk.by_hand.tick(HOUR + 10 * MINUTE)
        assert "the quota open of open tasks has no room" in (await desk.missed(task_id))[2]
        assert await desk.follow_ups() == []


async def test_a_task_without_a_follow_up_pays_nothing(clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(":memory:", clock)
    async with desk.by_hand:
        task_id = await desk.schedule(follow_up=None)
        desk.clock.advance(HOUR)
        store: Any = desk.service._graph()
        reads: list[str] = []

        async def read(text: str, _parameters: object) -> list[Any]:
            reads.append(text)
            return []

        claims = await desk.claims(task_id)
        monkeypatch.setattr(store._connection, "read", read)
        assert await with_bounds(claims, store, SchedulerOptions(max_open_tasks=1)) is claims
        assert reads == []


async def test_what_runs_late_is_no_miss(desk: Desk) -> None:
    await desk.schedule(misfire="run_once")
    cancelled = await desk.schedule("Another")
    desk.clock.advance(HOUR)
    await desk.service.cancel_task(cancelled)
    await desk.service.tick()
    assert (desk.begun, await desk.follow_ups()) == (["Report"], [])


@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        ({"promt": "Say it."}, "follow_up.promt"),
        ({"prompt": ""}, "follow_up.prompt"),
        ({"delay": -1}, "follow_up.delay"),
        ({"deadline": 0}, "follow_up.deadline"),
        ({"priority": True}, "follow_up.priority"),
        ({"queue": "no queue"}, "follow_up.queue"),
        ({"follow_up": {"follow_up": {"follow_up": {}}}}, "follow_up.follow_up.follow_up.follow_up"),
        ({"follow_up": [1]}, "follow_up.follow_up"),
        ("{", "follow_up"),
        ("", "follow_up.prompt"),
    ],
)
async def test_a_follow_up_that_is_none_is_refused(clock: VirtualClock, wrong: Any, part: str) -> None:
    desk = Desk(":memory:", clock)
    async with desk.by_hand:
        with pytest.raises(InvalidInput) as refused:
            await desk.schedule(follow_up=wrong)
        assert refused.value.field == part


async def test_a_follow_up_is_kept_and_changed_as_other_fields_are(desk: Desk) -> None:
    task_id = await desk.schedule()
    assert (await desk.service.get_task(task_id)).follow_up == {"prompt": "Say it."}
    changed = await desk.service.update_task(task_id, follow_up='{"delay": "1h", "follow_up": "Then this."}')
    assert changed.follow_up == {"delay": 3600.0, "follow_up": {"prompt": "Then this."}}
    assert (await desk.service.update_task(task_id, follow_up=None)).follow_up is None
