"""Crontabs that were exported and are imported: the same tasks in the same graph, each once in another."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st

from remembrancer import Cron, Every, ScheduleRequest, TaskSchedulerService
from remembrancer.cli.connect import set_actor
from remembrancer.cli.views.imports import Known, schedule
from remembrancer.schedules.importers.crontab import judged
from remembrancer.schedules.importers.crontab_jobs import crontab_entries
from remembrancer.testing import VirtualClock

Made = tuple[Any, dict[str, Any]]
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=12)
SCHEDULES = st.one_of(
    st.builds(Cron, st.sampled_from(("0 9 * * 1-5", "*/15 * * * *", "@daily", "5 4 1,15 * sun")),
              st.sampled_from(("UTC", "Europe/Berlin", "Asia/Tokyo"))),
    st.builds(Every, st.sampled_from(("15m", "6h")), anchor=st.just("2026-01-01T00:03:00Z")),
)  # fmt: skip
CONTEXTS = st.fixed_dictionaries(
    {"command": st.one_of(st.sampled_from(("true", "echo 100% of it")), WORDS), "shell": st.just(value=True)},
    optional={
        "stdin": WORDS,
        "cwd": st.sampled_from(("~", "/srv/my data")),
        "environment": st.dictionaries(st.sampled_from(("A", "MAILTO", "HOME")), WORDS, max_size=2),
    },
)
LINES = st.sampled_from(("7 4 * * * true", "7 4 * * * echo 100\\% of it", "CRON_TZ=Asia/Tokyo\n7 4 * * * true"))


def memory() -> TaskSchedulerService:
    return TaskSchedulerService(":memory:", VirtualClock(datetime(2027, 3, 1, 12, 7, tzinfo=UTC)))


async def imported(service: TaskSchedulerService, text: str, *, system: bool = False) -> Known:
    """Import a crontab, as the command does."""
    set_actor("import")
    return await schedule(service, crontab_entries(text, judged(text, system=system), "America/Lima"))


def new(known: Known) -> int:
    return sum(is_new for _, is_new in known.values())


async def fires(service: TaskSchedulerService) -> list[Any]:
    """The command, input and next fires of each task that cron can do; a folder is part of the command there."""
    entries = crontab_entries(text := await service.export_crontab(), judged(text, system=False), "UTC")
    known = {each.task_id for each in entries if each.task_id}
    tasks = [each for each in await service.find_tasks(next_fires=2) if each.task_id in known]
    return sorted((str(each.next_fires), str((each.context or {}).get("stdin") or "")) for each in tasks)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(SCHEDULES, CONTEXTS), max_size=6), st.lists(LINES, max_size=2), st.booleans())
def test_an_export_is_imported_once(made: list[Made], lines: list[str], doubled: bool) -> None:  # noqa: FBT001
    asyncio.run(round_trip(made * (2 if doubled else 1), lines))


async def round_trip(made: list[Made], lines: list[str]) -> None:
    async with memory() as here, memory() as there:
        for line in lines:
            await imported(here, f"{line}\n")
        requests = [
            ScheduleRequest(f"n (remembrancer: task_{place} {'0' * 32})", "g", "p", "t", schedule=when, context=context)
            for place, (when, context) in enumerate(made)
        ]
        if requests:
            await here.schedule_tasks(requests)
        text, before = await here.export_crontab(), await here.find_tasks()
        jobs = int(text.split()[4])
        assert jobs == sum(
            each.request is not None for each in crontab_entries(text, judged(text, system=False), "UTC")
        )

        for _ in range(2):
            assert new(await imported(here, text)) == 0
        assert await here.find_tasks() == before
        assert await here.export_crontab() == text
        known = await imported(there, text)
        assert (len(known), new(known)) == (jobs, jobs)
        assert new(await imported(there, text)) == 0
        again = await there.export_crontab()
        assert new(await imported(there, again)) == 0
        assert len(await there.find_tasks()) == jobs
        assert await fires(there) == await fires(here)


async def test_a_line_that_was_edited_is_another_job() -> None:
    async with memory() as service:
        await imported(service, "0 9 * * * true\n")
        text = await service.export_crontab()
        edited = text.replace("0 9 * * * true", "0 10 * * * true")
        (entry,) = [each for each in crontab_entries(edited, judged(edited, system=False), "UTC") if each.request]

        assert "it has changed since it was exported" in entry.notes[-1]
        assert new(await imported(service, edited)) == 1
        assert new(await imported(service, edited)) == 0
        assert len(await service.find_tasks()) == 2


async def test_a_cancelled_task_is_not_imported_again() -> None:
    async with memory() as service:
        context = {"command": ["true"], "user": "ada"}
        task = await service.schedule_task("Hers", "g", "p", "t", schedule=Cron("0 9 * * *"), context=context)
        text = await service.export_crontab(system=True)
        await service.cancel_task(task.task_id)

        assert list((await imported(service, text, system=True)).values()) == [(task.task_id, False)]
        assert len(await service.find_tasks()) == 1


async def test_equal_tasks_of_an_export_stay_apart() -> None:
    async with memory() as here, memory() as there:
        for _ in range(2):
            await here.schedule_task("Tea", "g", "p", "t", schedule=Cron("0 9 * * *"), context={"command": ["true"]})
        assert new(await imported(there, await here.export_crontab())) == 2
