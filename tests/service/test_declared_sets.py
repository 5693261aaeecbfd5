"""Declared sets of tasks: the graph holds what the last declaration says."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from remembrancer import InvalidInput, SetAction, TaskSchedulerService, TaskStatus

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from pathlib import Path

    from remembrancer import ScheduledTask

TEA = {"trigger_prompt": "Make tea", "every": "90m"}
REPORT = {"trigger_prompt": "Write the report", "cron": "0 9 * * 1-5"}
NEW_YEAR = {"trigger_prompt": "Greet", "at": f"{datetime.now(UTC).year + 2}-01-01T09:00:00Z"}


@pytest.fixture
async def service(tmp_path: Path) -> AsyncGenerator[TaskSchedulerService]:
    made = TaskSchedulerService(tmp_path / "graph")
    await made.open()
    yield made
    await made.close()


async def actions(service: TaskSchedulerService, tasks: Mapping[str, Any], **how: Any) -> dict[str, SetAction]:
    applied = await service.apply_set("house", tasks, **how)
    return {each.key: each.action for each in applied.tasks}


async def opened(service: TaskSchedulerService) -> dict[str, ScheduledTask]:
    found = await service.find_tasks(statuses=[TaskStatus.PENDING, TaskStatus.ACTIVE])
    assert len({each.name for each in found}) == len(found)
    return {each.name: each for each in found}


async def test_a_set_applied_nine_times_makes_each_task_once(tmp_path: Path) -> None:
    for again in range(9):
        async with TaskSchedulerService(tmp_path / "graph") as service:
            wanted = SetAction.UNCHANGED if again else SetAction.CREATED
            assert await actions(service, {"tea": TEA, "report": REPORT}) == dict.fromkeys(("tea", "report"), wanted)
            assert len(await service.find_tasks()) == 2


async def test_two_applications_at_once_make_each_task_once(service: TaskSchedulerService) -> None:
    declared = {f"task-{number}": TEA for number in range(20)}
    await asyncio.gather(*(actions(service, declared) for _ in range(4)))
    assert len(await service.find_tasks()) == 20


async def test_an_unchanged_set_writes_nothing(service: TaskSchedulerService) -> None:
    declared = {"tea": TEA, "report": REPORT, "greeting": NEW_YEAR}
    await actions(service, declared)
    before = [each.model_dump() for each in await service.find_tasks()], await service.audit_entries()
    await actions(service, declared)
    assert before == ([each.model_dump() for each in await service.find_tasks()], await service.audit_entries())


async def test_a_dry_run_shows_fires_and_writes_nothing(service: TaskSchedulerService) -> None:
    await actions(service, {"tea": TEA})
    before = await opened(service)
    shown = await service.apply_set("house", {"tea": {**TEA, "every": "2h"}, "report": REPORT}, dry_run=True)
    tea, report = shown.tasks
    assert (tea.action, report.action, report.task_id) == (SetAction.CHANGED, SetAction.CREATED, None)
    assert tea.fires_before[1] - tea.fires_before[0] == timedelta(minutes=90)
    assert tea.fires_after[1] - tea.fires_after[0] == timedelta(hours=2)
    assert await opened(service) == before


async def test_a_task_that_is_declared_no_more_goes_on(service: TaskSchedulerService) -> None:
    await actions(service, {"tea": TEA, "report": REPORT})
    assert await actions(service, {"tea": TEA}) == {"tea": SetAction.UNCHANGED, "report": SetAction.KEPT}
    assert set(await opened(service)) == {"tea", "report"}


async def test_pruning_cancels_what_is_declared_no_more(service: TaskSchedulerService) -> None:
    await actions(service, {"tea": TEA, "report": REPORT})
    other = await service.schedule_task("Other", "A task", "of no set", "thought", schedule_cron="0 9 * * *")
    assert (await actions(service, {"tea": TEA}, prune=True))["report"] is SetAction.REMOVED
    assert set(await opened(service)) == {"tea", other.name}
    assert (await actions(service, {"tea": TEA, "report": REPORT}))["report"] is SetAction.CREATED


async def test_a_task_of_another_type_is_replaced(service: TaskSchedulerService) -> None:
    await actions(service, {"tea": TEA})
    assert await actions(service, {"tea": NEW_YEAR}) == {"tea": SetAction.REPLACED}
    assert (await opened(service))["tea"].schedule_spec is None
    assert await actions(service, {"tea": NEW_YEAR}) == {"tea": SetAction.UNCHANGED}


async def test_a_hand_made_change_is_undone(service: TaskSchedulerService) -> None:
    await actions(service, {"tea": TEA})
    (task,) = await service.find_tasks()
    await service.update_task(task.task_id, trigger_prompt="Make coffee")
    changed = await service.apply_set("house", {"tea": TEA})
    assert changed.tasks[0].changed["trigger_prompt"].after == "Make tea"


async def test_a_deferral_is_no_change_of_a_set(service: TaskSchedulerService) -> None:
    await actions(service, {"report": REPORT, "greeting": NEW_YEAR})
    for task in await service.find_tasks():
        assert task.next_run_ms is not None
        later = datetime.fromtimestamp(task.next_run_ms / 1000 + 3600, UTC)
        await service.defer_task(task.task_id, later, "Later")
    assert set((await actions(service, {"report": REPORT, "greeting": NEW_YEAR})).values()) == {SetAction.UNCHANGED}


async def test_a_task_that_has_run_is_not_made_again(service: TaskSchedulerService) -> None:
    past = {"trigger_prompt": "Once", "at": (datetime.now(UTC) - timedelta(seconds=5)).isoformat()}
    await actions(service, {"once": past})
    await service.tick()
    assert (await service.find_tasks())[0].status is TaskStatus.COMPLETE
    assert await actions(service, {"once": past}) == {"once": SetAction.ENDED}
    assert await actions(service, {"once": NEW_YEAR}) == {"once": SetAction.CREATED}


async def test_a_renewed_calendar_is_no_change_of_a_set(service: TaskSchedulerService) -> None:
    year = datetime.now(UTC).year + 1
    await service.define_calendar("closed", dates=[f"{year}-12-24"])
    declared = {"greeting": {"trigger_prompt": "Greet", "calendar": "closed"}}
    await actions(service, declared)
    await service.renew_calendar("closed", dates=[f"{year}-12-24", f"{year}-12-31"])
    assert await actions(service, declared) == {"greeting": SetAction.UNCHANGED}


async def test_a_refused_set_names_each_wrong_field(service: TaskSchedulerService) -> None:
    wrong: dict[str, Any] = {
        "good": TEA,
        "misspelt": {"trigger_prompt": "x", "evry": "2h"},
        "length": {"trigger_prompt": "x", "every": "9x"},
        "later": {"trigger_prompt": "x", "at": "in 2h"},
        "nothing": {},
        "calendar": {"trigger_prompt": "x", "calendar": "nowhere"},
    }
    with pytest.raises(InvalidInput) as refused:
        await service.apply_set("house", wrong)
    said = str(refused.value)
    for place in ("misspelt.evry", "length.every", "later.defer_until", "nothing.trigger_prompt", "calendar.calendar"):
        assert f"tasks.{place}" in said
    assert await service.find_tasks() == []


async def test_keys_of_sets_are_refused_elsewhere(service: TaskSchedulerService) -> None:
    with pytest.raises(InvalidInput, match="declared sets"):
        await service.schedule_task("a", "b", "c", "d", schedule_cron="0 9 * * *", dedup_key="set:house/tea")


_TASK = st.builds(
    lambda prompt, when: {"trigger_prompt": prompt, **when},
    st.sampled_from(["one", "two"]),
    st.sampled_from([{"every": "90m"}, {"every": "2h"}, {"cron": "0 9 * * 1-5"}, {"at": NEW_YEAR["at"]}]),
)
_DECLARATION = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), _TASK)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(_DECLARATION, st.booleans()), min_size=1, max_size=4), st.integers(1, 6))
def test_the_graph_holds_the_last_declaration(
    tmp_path: Path, applied: list[tuple[dict[str, Any], bool]], stop_after: int
) -> None:
    async def run() -> None:
        for declared, is_interrupted in applied:
            if is_interrupted:  # with its service, which writes what had begun
                async with TaskSchedulerService(tmp_path / "graph") as service:
                    work = asyncio.create_task(service.apply_set("house", declared, prune=True))
                    for _ in range(stop_after * 10):
                        await asyncio.sleep(0)
                    work.cancel()
                    await asyncio.gather(work, return_exceptions=True)
        async with TaskSchedulerService(tmp_path / "graph") as service:
            last = applied[-1][0]
            await service.apply_set("house", last, prune=True)
            held = await opened(service)
            assert {name: task.trigger_prompt for name, task in held.items()} == {
                key: each["trigger_prompt"] for key, each in last.items()
            }
            again = await service.apply_set("house", last, prune=True)
            assert [each for each in again.tasks if each.action is not SetAction.UNCHANGED] == []

    asyncio.run(run())
