"""The scheduler as tools of one agent in this process: its own tasks, its calling context, its functions."""

from __future__ import annotations

import asyncio
import inspect
import json
import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

import pytest
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from remembrancer import Firing, TaskSchedulerService
from remembrancer.errors import InvalidInput, TaskNotFound
from remembrancer.surfaces.tools.tool_table import tools_of
from remembrancer.tools import SchedulerTools, langchain_tools, openai_tools, pydantic_ai_capability

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 60
LATER = {"name": "Tea", "trigger_prompt": "make tea", "defer_until": "in 1h"}
DAILY = {"name": "Report", "trigger_prompt": "report", "schedule_cron": "0 9 * * *", "timezone": "Europe/Berlin"}


def tools_for(service: TaskSchedulerService, agent: str = "assistant", **options: Any) -> SchedulerTools:
    return SchedulerTools(service, agent, **options)


async def foreign(service: TaskSchedulerService) -> str:
    """Return the id of a task that a program made."""
    return (await service.schedule_task("Theirs", "g", "p", "thought_1", "in 1h")).task_id


async def once(found: Callable[[], Any]) -> Any:
    async with asyncio.timeout(SECONDS):
        while not (value := found()):  # noqa: ASYNC110 (what is found may be in the graph)
            await asyncio.sleep(0.02)
        return value


async def test_round_of_an_agent(started: TaskSchedulerService) -> None:
    tools = tools_for(started)
    made = await tools.call("schedule", {**DAILY, "dedup_key": "report"})
    assert (made["disposition"], len(made["next_fires"])) == ("created", 5)
    assert all(isinstance(each, str) for each in made["next_fires"])
    assert (await tools.call("schedule", {**DAILY, "dedup_key": "report"}))["disposition"] == "existing"
    which = {"task_id": made["task_id"]}
    assert [each["name"] for each in (await tools.call("agenda", {"end": "in 2d"}))["entries"]] == ["Report"] * 2
    assert (await tools.call("update", {**which, "name": "Daily"}))["changed"]["name"]["after"] == "Daily"
    assert (await tools.call("skip", which))["skipped"]
    assert (await tools.call("defer", {**which, "until": "in 3d", "reason": "busy"}))["disposition"] == "merged"
    assert (await tools.call("pause", {**which, "reason": "holiday"}))["pause_reason"] == "holiday"
    await tools.call("resume", which)
    execution = await tools.call("run_now", which)
    assert execution["execution_type"] == "manual_trigger"
    assert (await tools.call("execution", {"execution_id": execution["execution_id"]}))["task_id"] == made["task_id"]
    assert (await tools.call("cancel", {**which, "confirm": True}))["ended"] is True
    assert json.loads(json.dumps(await tools.call("task", which)))["status"] == "CANCELLED"
    changes = await started.audit_entries(made["task_id"])
    assert {(each.surface, each.actor) for each in changes} == {("tools", "assistant")}
    kept = await started.get_task(made["task_id"])
    assert (kept.created_via, kept.created_by, kept.origin_thought_id) == ("tools", "assistant", "assistant")


CHANGES = {
    "update": {"name": "Mine now"},
    "defer": {"until": "in 2h", "reason": "r"},
    "pause": {},
    "resume": {},
    "skip": {},
    "reschedule": {"occurrence": "in 1h", "to": "in 2h"},
    "cancel": {"confirm": True},
    "run_now": {},
}


async def test_every_change_needs_a_task_of_its_own(quick: TaskSchedulerService) -> None:
    tools, theirs = tools_for(quick), await foreign(quick)
    changing = {each.name for each in tools.definitions if not each.reads} - {"schedule"}
    assert changing == CHANGES.keys()
    before = await quick.get_task(theirs)
    for name, arguments in CHANGES.items():
        with pytest.raises(InvalidInput, match=r"a task that assistant made.*“Theirs”, is another's \(service\)"):
            await tools.call(name, {"task_id": theirs, **arguments})
    assert await quick.get_task(theirs) == before
    assert (await tools.call("task", {"task_id": theirs}))["name"] == "Theirs"  # to see is free
    with pytest.raises(TaskNotFound):
        await tools.call("pause", {"task_id": "task_1.000_aaaaaa"})


async def test_agents_do_not_change_each_others_tasks(quick: TaskSchedulerService) -> None:
    one, two = tools_for(quick, "one"), tools_for(quick, "two")
    which = {"task_id": (await one.call("schedule", LATER))["task_id"]}
    with pytest.raises(InvalidInput, match=r"tools: one"):
        await two.call("pause", which)
    await tools_for(quick, "two", manages_all=True).call("pause", which)
    await tools_for(quick, "one").call("resume", which)  # after a restart it is the same agent


@pytest.mark.parametrize("name", ["origin_thought_id", "budget", "thought_id", "worker", "force", "fence"])
async def test_context_is_no_argument(quick: TaskSchedulerService, name: str) -> None:
    tools = tools_for(quick)
    assert [each.name for each in tools.definitions if name in each.parameters["properties"]] == []  # type: ignore[operator]
    which = {"task_id": (await tools.call("schedule", LATER))["task_id"]}
    forged: dict[str, Any] = {"budget": {"runs": 1}, "force": True, "fence": 1}
    calls = {"schedule": LATER, "update": which, "defer": {**which, "until": "in 2h", "reason": "r"}, "run_now": which}
    for tool, arguments in calls.items():
        said = await tools.answer(tool, {**arguments, name: forged.get(name, "thought_of_another")})
        assert "error" in said or name == "fence"


async def test_budget_and_thought_come_from_the_context(quick: TaskSchedulerService) -> None:
    tools = tools_for(quick, budget={"runs": 3}).during(thought="thought_7")
    made = await tools.call("schedule", LATER)
    kept = await quick.get_task(made["task_id"])
    assert (kept.budget, kept.origin_thought_id) == ({"runs": 3}, "thought_7")
    await tools.call("defer", {"task_id": kept.task_id, "until": "in 2h", "reason": "r"})
    assert await quick.cypher("MATCH (d:task_deferral) RETURN d.requested_by AS by") == [{"by": "thought_7"}]


@pytest.mark.parametrize("bound", [True, False])
async def test_tasks_of_a_run_belong_to_its_lineage(bound: bool) -> None:  # noqa: FBT001 (a case)
    made: list[dict[str, Any]] = []
    firings: list[Firing] = []

    async def handle(firing: Firing) -> str:
        firings.append(firing)
        own = tools.during(firing) if bound else tools
        if firing.task.name == "Root":
            made.append(await own.call("schedule", {**DAILY, "name": "Child"}))
            await own.call("pause", {"task_id": made[0]["task_id"]})
            await own.call("update", {"task_id": firing.task.task_id, "goal_description": "own run"})
        return "done"

    async with TaskSchedulerService(handler=handle) as service:
        tools = tools_for(service, budget={"runs": 3})
        root = await service.schedule_task("Root", "g", "p", "thought_1", "in 0.05s", budget={"max_depth": 1})
        [child] = await once(lambda: made)
        kept = await service.get_task(child["task_id"])
        assert (kept.parent_id, kept.generation, kept.budget) == (root.task_id, 1, None)
        assert kept.origin_thought_id == ("thought_1" if bound else "assistant")
        await once(lambda: firings)
        with pytest.raises(InvalidInput, match="is another's"):
            await tools.call("resume", {"task_id": kept.task_id})  # outside of the run, a program's root is not its own


async def test_runs_of_own_tasks_make_own_tasks() -> None:
    made: list[str] = []

    async def handle(firing: Firing) -> str:
        if firing.task.name == "Root":
            child = await tools.during(firing).call("schedule", {**DAILY, "name": "Child"})
            made.append(child["task_id"])
        return "done"

    async with TaskSchedulerService(handler=handle) as service:
        tools = tools_for(service)
        await tools.call("schedule", {**LATER, "name": "Root", "defer_until": "in 0.05s"})
        [child] = await once(lambda: made)
        await tools.call("pause", {"task_id": child, "reason": "later"})
        assert (await service.get_task(child)).pause_reason == "later"


async def test_person_is_asked_before_what_destroys(quick: TaskSchedulerService) -> None:
    asked: list[str] = []
    says = False

    async def confirm(question: str) -> bool:
        asked.append(question)
        return says

    tools = tools_for(quick, confirm=confirm)
    [cancel] = [each for each in tools.definitions if each.destroys]
    assert set(cancel.parameters["properties"]) == {"task_id", "reason"}  # type: ignore[call-overload]
    which = {"task_id": (await tools.call("schedule", LATER))["task_id"]}
    assert "was not given" in (await tools.answer("cancel", which))["error"]
    assert "Cancel the task “Tea”" in asked[0]
    says = True
    assert await tools.call("cancel", which) == {"ended": True}


async def test_refusal_has_the_question_where_no_one_asks(quick: TaskSchedulerService) -> None:
    tools = tools_for(quick)
    which = {"task_id": (await tools.call("schedule", LATER))["task_id"]}
    said = (await tools.answer("cancel", which))["error"]
    assert "true, once the user has agreed to this: Cancel the task “Tea”" in said
    assert (await tools.call("task", which))["status"] == "PENDING"


async def test_errors_teach_as_answers_of_functions(quick: TaskSchedulerService) -> None:
    functions = {each.__name__: each for each in tools_for(quick).functions()}
    said = await functions["schedule"](name="a", trigger_prompt="b", defer_until="tomorow")
    assert said["error"].startswith("InvalidInput: defer_until='tomorow' is not accepted. Allowed:")
    assert "is meant" in (await tools_for(quick).answer("shedule", {}))["error"]
    made = await functions["schedule"](**LATER, schedule_cron=None)
    assert made["disposition"] == "created"


@pytest.mark.parametrize("profile", ["agent", "worker", "operator"])
async def test_functions_have_real_signatures(quick: TaskSchedulerService, profile: str) -> None:
    tools = tools_for(quick, profiles=[profile], manages_all=True)
    functions = tools.functions()
    assert [each.__name__ for each in functions] == [each.name for each in tools.definitions] == [*tools_of([profile])]
    for function, definition in zip(functions, tools.definitions, strict=True):
        assert (inspect.getdoc(function), inspect.iscoroutinefunction(function)) == (definition.description, True)
        parameters = inspect.signature(function).parameters
        properties: Any = definition.parameters["properties"]
        assert parameters.keys() == properties.keys()
        hints = get_type_hints(function, include_extras=True)
        assert hints.pop("return") == dict[str, Any]
        for name, hint in hints.items():
            assert hint == parameters[name].annotation
            assert get_origin(hint) is Annotated
            [about] = [each for each in get_args(hint) if isinstance(each, FieldInfo)]
            assert about.description == properties[name]["description"], (function.__name__, name)
            is_required = parameters[name].default is inspect.Parameter.empty
            assert is_required is (name in definition.parameters["required"])  # type: ignore[operator]
            assert "date-time" not in json.dumps(TypeAdapter(hint).json_schema())


async def test_calls_from_another_thread(quick: TaskSchedulerService) -> None:
    tools = tools_for(quick)
    answers: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: answers.append(asyncio.run(tools.call("schedule", LATER))))
    thread.start()
    [made] = await once(lambda: answers)
    thread.join()
    assert (await quick.get_task(made["task_id"])).created_by == "assistant"


async def test_graph_that_nothing_runs_on_is_said(tmp_path: Any) -> None:
    service = TaskSchedulerService(tmp_path / "graph")
    await service.open()
    try:
        made = await tools_for(service).call("schedule", LATER)
    finally:
        await service.close()
    assert made["warnings"][-1].endswith("`remembrancer serve`, or this one by `await scheduler.start()`.")


async def test_worker_is_the_agent(quick: TaskSchedulerService) -> None:
    one, two = (tools_for(quick, name, profiles=["worker"]) for name in ("one", "two"))
    await quick.schedule_task("Letter", "g", "p", "thought_1", "in 0.05s", queue="mail")
    claimed = await one.call("claim_work", {"queues": ["mail"], "wait_seconds": 25.0})
    [item] = claimed["result"]
    which = {"execution_id": item["execution_id"]}
    assert "WorkNotHeld" in (await two.answer("complete_work", which))["error"]
    assert "calling context" in (await two.answer("complete_work", {**which, "worker": "one"}))["error"]
    await one.call("complete_work", {**which, "result": "sent"})
    assert (await quick.get_execution(which["execution_id"])).result == "sent"


async def test_operators_manage_all(quick: TaskSchedulerService) -> None:
    with pytest.raises(InvalidInput, match="manages_all"):
        tools_for(quick, profiles=["operator"])
    tools = tools_for(quick, profiles=["operator"], manages_all=True)
    await foreign(quick)
    trial = await tools.call("cancel_tasks", {"text": "Theirs", "dry_run": True})
    assert trial["counts"] == {"changed": 1}
    assert "Theirs" in (await tools.answer("cancel_tasks", {"text": "Theirs"}))["error"]


@pytest.mark.parametrize(
    ("form", "package", "extra"),
    [
        (langchain_tools, "langchain_core", "langchain"),
        (openai_tools, "agents", "openai-agents"),
        (pydantic_ai_capability, "pydantic_ai", "pydantic-ai"),
    ],
)
async def test_missing_framework_names_its_extra(
    quick: TaskSchedulerService, form: Any, package: str, extra: str
) -> None:
    tools = tools_for(quick)
    if find_spec(package):
        pytest.skip(f"{package} IS INSTALLED HERE")
    with pytest.raises(InvalidInput, match=rf"pip install 'remembrancer\[{extra}\]'"):
        form(tools)


@pytest.mark.parametrize("agent", ["", "a\nb", 7])
async def test_agents_name_is_checked(quick: TaskSchedulerService, agent: Any) -> None:
    with pytest.raises(InvalidInput, match="agent"):
        tools_for(quick, agent)
