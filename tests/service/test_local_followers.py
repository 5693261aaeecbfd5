"""Schedules that name tasks of the same call, or of the same set: these need not be made before."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import After, Done, InvalidInput, Offset, ScheduleRequest, TaskSchedulerService, TaskTimes
from remembrancer.testing import ManualScheduler

if TYPE_CHECKING:
    from remembrancer.testing import VirtualClock

MINUTE = timedelta(minutes=1)


def request(name: str, defer_until: str | None = None, **fields: Any) -> ScheduleRequest:
    return ScheduleRequest(name, "goal", "prompt", "thought", defer_until, **fields)


async def test_tasks_of_one_call_follow_each_other_by_name(graph: str, clock: VirtualClock) -> None:
    begun: list[str] = []

    async def work(firing: Any) -> Done:
        begun.append(firing.task.name)
        return Done()

    async with ManualScheduler(TaskSchedulerService(graph, clock, handler=work), clock) as scheduler:
        service = scheduler.service
        made = await service.schedule_tasks(
            [
                request("Report", schedule=After("load-key")),
                request("Reminder", schedule=Offset(TaskTimes("Load it all"), by="-5m")),
                request("Mail", schedule={"kind": "after", "task_id": "Report"}, depends_on=["Reminder"]),
                request("Load it all", "in 10m", dedup_key="load-key"),
            ]
        )
        report, reminder, mail, load = [each.task_id for each in made]
        assert (await service.get_task(report)).runs_after_id == load
        assert (await service.get_task(mail)).runs_after_id == report
        assert reminder in [each.task for each in (await service.get_task(mail)).depends_on]
        await scheduler.tick(6 * MINUTE)
        assert begun == ["Reminder"]
        for _ in range(3):
            await scheduler.tick(5 * MINUTE)
        assert begun == ["Reminder", "Load it all", "Report", "Mail"]


async def test_a_task_that_stands_already_is_followed_in_its_place(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        wanted = [request("Load", "in 1h", dedup_key="load"), request("Report", schedule=After("load"))]
        (stands,) = await service.schedule_tasks(wanted[:1])
        load, report = await service.schedule_tasks(wanted)
        assert load.task_id == stands.task_id
        assert (await service.get_task(report.task_id)).runs_after_id == stands.task_id


async def test_tasks_of_one_call_that_wait_for_each_other_are_refused(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        for wrong, told in (
            ([request("A", schedule=After("B")), request("B", schedule=After("A"))], "A -> B"),
            ([request("A", schedule=After("B")), request("B", "in 1h", depends_on=["A"])], "A .* -> B"),
            ([request("A", schedule=After("A")), request("B", "in 1h")], "A -> A"),
            ([request("A", schedule=After("B")), request("B", "in 1h"), request("B", "in 2h")], "several"),
            ([request("A", schedule=After("C")), request("B", "in 1h")], "id of a task"),
        ):
            with pytest.raises(InvalidInput, match=told):
                await service.schedule_tasks(wrong)
        assert await service.find_tasks() == []


async def test_tasks_of_a_set_follow_each_other_by_key(graph: str, clock: VirtualClock) -> None:
    async with ManualScheduler(TaskSchedulerService(graph, clock), clock) as scheduler:
        service = scheduler.service
        tasks: dict[str, Any] = {
            "report": {"trigger_prompt": "Write it.", "after": {"task_id": "load"}},
            "reminder": {
                "trigger_prompt": "Look.",
                "schedule": {"kind": "offset", "schedule": {"kind": "task_times", "task_id": "load"}, "by": "-5m"},
            },
            "load": {"trigger_prompt": "Load it.", "cron": "0 4 * * *"},
        }
        planned = await service.apply_set("nightly", tasks, dry_run=True)
        assert [str(each.action) for each in planned.tasks] == ["created"] * 3
        made: dict[str, Any] = {each.key: each for each in (await service.apply_set("nightly", tasks)).tasks}
        load = made["load"].task_id
        assert (await service.get_task(made["report"].task_id)).runs_after_id == load
        assert made["reminder"].fires_after[0].hour == 3
        again = await service.apply_set("nightly", tasks)
        assert [str(each.action) for each in again.tasks] == ["unchanged"] * 3

        tasks["load"] = {"trigger_prompt": "Load it.", "cron": "0 5 * * *"}
        tasks["mail"] = {"trigger_prompt": "Send it.", "after": {"task_id": "report"}}
        changed = {each.key: str(each.action) for each in (await service.apply_set("nightly", tasks)).tasks}
        assert changed == {"report": "unchanged", "reminder": "unchanged", "load": "changed", "mail": "created"}
        fires = (await service.get_task(made["reminder"].task_id)).next_fires
        assert fires is not None
        assert fires[0].hour == 4
        assert [str(each.action) for each in (await service.apply_set("nightly", tasks)).tasks] == ["unchanged"] * 4

        tasks["load"] = {"trigger_prompt": "Load it.", "after": {"task_id": "mail"}}
        with pytest.raises(InvalidInput, match="follow"):
            await service.apply_set("nightly", tasks)
