"""Metrics and traces with the real SDK, its exporters in memory, on real graphs."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from remembrancer import Defer, Done, Failed, TaskSchedulerService, Thought
from remembrancer.model.execution import ExecutionStatus, ExecutionType, Reason
from remembrancer.model.timestamps import from_ms, to_iso, to_ms
from remembrancer.policies.decision import PlanContext
from remembrancer.surfaces.otel.metrics import OpenTelemetry
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from remembrancer import Firing

HOUR = timedelta(hours=1)


class Kept:
    """Everything that one process measures and traces."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.exporter = InMemorySpanExporter()
        self._meters = MeterProvider([self.reader])
        self._tracers = TracerProvider()
        self._tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.instruments = OpenTelemetry(self._meters, self._tracers)

    def metrics(self) -> dict[str, Any]:
        told = self.reader.get_metrics_data()
        assert told is not None
        return {each.name: each for of in told.resource_metrics for scope in of.scope_metrics for each in scope.metrics}

    def values(self, name: str) -> dict[tuple[Any, ...], float]:
        """What a counter has counted, by the values of its labels, in the order of their names."""
        points = self.metrics()[name].data.data_points
        told = {tuple(value for _, value in sorted(each.attributes.items())): each.value for each in points}
        return {labels: value for labels, value in told.items() if value}

    def spans(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    def shutdown(self) -> None:
        self._meters.shutdown()
        self._tracers.shutdown()


@pytest.fixture
def kept() -> Iterator[Kept]:
    made = Kept()
    yield made
    made.shutdown()


async def answer(firing: Firing) -> object:
    match firing.task.name:
        case "bad":
            return Failed("No")
        case "later":
            return Defer(firing.execution.triggered_at + HOUR, "Not now")
        case "raises":
            raise ValueError(firing.task.goal_description)
        case "thinks":
            return Done(thought=Thought("", firing.task.goal_description))
        case _:
            return "done"


def service_on(graph: str | Path, clock: VirtualClock, kept: Kept) -> TaskSchedulerService:
    return TaskSchedulerService(graph, clock, handler=answer, instruments=kept.instruments)


async def test_executions_are_counted_by_outcome_and_delays_measured(clock: VirtualClock, kept: Kept) -> None:
    service = service_on(":memory:", clock, kept)
    async with ManualScheduler(service, clock) as checker:
        for name in ("good", "good", "bad", "later"):
            await service.schedule_task(name, "g", "p", "thought", clock.now() + HOUR)
        await service.schedule_task("hourly", "g", "p", "thought", schedule_cron="0 * * * *", misfire="skip")
        await checker.tick(HOUR + timedelta(seconds=2))
        await checker.tick(timedelta(hours=3))

        executions = kept.values("scheduler.executions")
        metrics = kept.metrics()

    assert executions == {
        ("one_time_trigger", "completed"): 2,
        ("handler_failed", "one_time_trigger", "failed"): 1,
        ("one_time_trigger", "deferred"): 1,
        ("deferred_trigger", "deferred"): 1,
        ("cron_trigger", "completed"): 2,
        ("cron_trigger", "missed"): 2,
    }
    delays = {
        each.attributes["scheduler.execution.type"]: each
        for each in metrics["scheduler.trigger.delay"].data.data_points
    }
    assert (delays["one_time_trigger"].count, delays["one_time_trigger"].min) == (4, 2.0)
    assert sum(each.count for each in metrics["scheduler.handler.duration"].data.data_points) == 7
    assert sum(each.sum for each in metrics["scheduler.commit.batch_size"].data.data_points) > 10
    assert metrics["scheduler.trigger.delay"].unit == "s"


async def test_no_instrument_has_a_label_whose_values_have_no_end(
    tmp_path: Path, clock: VirtualClock, kept: Kept
) -> None:
    service = service_on(tmp_path / "graph", clock, kept)
    async with ManualScheduler(service, clock) as checker:
        await service.schedule_task("hourly", "g", "p", "thought", schedule_cron="0 * * * *", misfire="skip")
        for number in range(40):
            name = ("good", "bad", "later", "raises", "thinks")[number % 5]
            await service.schedule_task(name, f"goal {number}", f"p {number}", f"thought_{number}", clock.now() + HOUR)
        await checker.tick(HOUR)
        await checker.tick(3 * HOUR)
        await service.gauges.refresh()
        told = kept.metrics()

    closed = {
        "scheduler.outcome": set(ExecutionStatus),
        "scheduler.execution.type": set(ExecutionType),
        "error.type": set(Reason),
    }
    seen = {
        (key, value) for each in told.values() for at in each.data.data_points for key, value in at.attributes.items()
    }
    assert {key for key, _ in seen} == set(closed)
    assert [(key, value) for key, value in seen if value not in closed[key]] == []
    page = (Path(__file__).parents[2] / "docs" / "reference" / "metrics.md").read_text("utf-8")
    table = page.partition("## Instruments")[2].partition("The labels are")[0]
    named = [word for line in table.splitlines() for word in re.findall(r"`([a-z_.]+)`", line.partition(" | ")[0])]
    first = {word: named[at - 1] for at, word in enumerate(named) if word.startswith(".")}
    documented = {first[word].rpartition(".")[0] + word if word in first else word for word in named}
    assert documented == set(told) | {"scheduler.clock.offset"}


async def test_what_is_lost_and_taken_over_is_counted(tmp_path: Path, clock: VirtualClock, kept: Kept) -> None:
    first = service_on(tmp_path / "graph", clock, kept)
    await first.open()
    task = await first.schedule_task("good", "g", "p", "thought", clock.now() + HOUR)
    clock.advance(HOUR)
    store: Any = first._process.store
    scheduler: Any = first._process.scheduler
    due, now_ms = await store.queue.due(clock.now(), 10), int(clock.now().timestamp() * 1000)
    claims = await scheduler._claims._plan(due, PlanContext(now_ms, scheduler.replica_id))
    won = await store.queue.claim(claims, scheduler._lease())
    await store.close()
    assert [each.task_id for each in won] == [task.task_id]
    second = service_on(tmp_path / "graph", clock, kept)
    async with ManualScheduler(second, clock):
        pass

    assert kept.values("scheduler.lease.recoveries") == {(): 1}
    assert kept.values("scheduler.executions") == {("lease_expired", "one_time_trigger", "failed"): 1}


async def test_a_lost_claim_is_counted(clock: VirtualClock, kept: Kept) -> None:
    service = service_on(":memory:", clock, kept)
    async with ManualScheduler(service, clock):
        await service.schedule_task("good", "g", "p", "thought", clock.now() + HOUR)
        clock.advance(HOUR)
        scheduler: Any = service._process.scheduler
        due = await service._process.store.queue.due(clock.now(), 10)
        claims, dispatch, now_ms = scheduler._claims, scheduler._executor, int(clock.now().timestamp() * 1000)
        plans = [await claims._plan(due, PlanContext(now_ms, scheduler.replica_id)) for _ in range(2)]
        won = [await claims._claim(due, plan, scheduler._lease(), dispatch.reserve(1)) for plan in plans]
        assert won == [1, 0]
        await service.idle()

    assert (kept.values("scheduler.claims"), kept.values("scheduler.claims.lost")) == ({(): 2}, {(): 1})


async def test_gauges_tell_of_the_process_and_of_the_graph(tmp_path: Path, clock: VirtualClock, kept: Kept) -> None:
    service = service_on(tmp_path / "graph", clock, kept)
    async with ManualScheduler(service, clock):
        await service.schedule_task("good", "g", "p", "thought", clock.now() + HOUR)
        clock.advance(HOUR + timedelta(seconds=30))
        await service.gauges.refresh()
        told = {name: each.data.data_points[0].value for name, each in kept.metrics().items() if name in GAUGES}

    assert told["scheduler.due.backlog"] == 1
    assert told["scheduler.due.age"] == 30
    assert told["scheduler.tasks.open"] == 1
    assert told["scheduler.executions.limit"] == 2000
    assert 0 < told["scheduler.disk.free"] <= told["scheduler.disk.size"]
    assert told["process.memory.usage"] > 1_000_000
    assert "scheduler.tasks.open" not in kept.metrics()


GAUGES = {
    "scheduler.due.backlog",
    "scheduler.due.age",
    "scheduler.tasks.open",
    "scheduler.executions.limit",
    "scheduler.disk.free",
    "scheduler.disk.size",
    "process.memory.usage",
}


async def test_an_execution_links_to_the_span_of_another_process(tmp_path: Path, clock: VirtualClock) -> None:
    first, second = Kept(), Kept()
    author = service_on(tmp_path / "graph", clock, first)
    async with ManualScheduler(author, clock):
        with trace.get_tracer("agent", tracer_provider=first._tracers).start_as_current_span("thinking") as thinking:
            task = await author.schedule_task("bad", "g", "p", "thought", clock.now() + HOUR)
    runner = service_on(tmp_path / "graph", clock, second)
    async with ManualScheduler(runner, clock) as checker:
        await checker.tick(HOUR + timedelta(seconds=3))
        (execution,) = await runner.history()
    (scheduled,) = first.spans("schedule scheduled_task")
    (processed,) = second.spans("process scheduled_task")
    first.shutdown()
    second.shutdown()

    assert scheduled.parent is not None
    assert scheduled.parent.span_id == thinking.get_span_context().span_id
    assert (task.traceparent or "").rpartition("-")[
        0
    ] == f"00-{scheduled.context.trace_id:032x}-{scheduled.context.span_id:016x}"
    assert [(link.context.trace_id, link.context.span_id) for link in processed.links] == [
        (scheduled.context.trace_id, scheduled.context.span_id)
    ]
    assert processed.parent is None
    assert processed.context.trace_id != scheduled.context.trace_id
    assert (execution.trace_id, execution.span_id) == (
        f"{processed.context.trace_id:032x}",
        f"{processed.context.span_id:016x}",
    )
    told = dict(processed.attributes or {})
    assert (told["scheduler.nominal_time"], told["scheduler.lateness"]) == ("2026-03-02T10:00:00Z", 3.0)
    assert (told["scheduler.outcome"], told["error.type"]) == ("failed", "handler_failed")
    assert told["messaging.message.id"] == execution.execution_id
    assert (processed.kind, scheduled.kind) == (trace.SpanKind.CONSUMER, trace.SpanKind.PRODUCER)
    assert processed.status.status_code is trace.StatusCode.ERROR


SCHEDULES = """
import asyncio, os, sys
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from remembrancer import TaskSchedulerService
from remembrancer.model.timestamps import from_ms, to_iso, to_ms
from remembrancer.surfaces.otel.metrics import OpenTelemetry
tracers, kept = TracerProvider(), InMemorySpanExporter()
tracers.add_span_processor(SimpleSpanProcessor(kept))
async def main():
    service = TaskSchedulerService(sys.argv[1], instruments=OpenTelemetry(None, tracers))
    await service.start()
    for name, on_lost in (("good", "retry"), ("later", "fail")):
        await service.schedule_task(name, "g", "p", "thought", sys.argv[2], on_lost=on_lost)
    for span in kept.get_finished_spans():
        print(f"{span.context.trace_id:032x} {span.context.span_id:016x}", flush=True)
    os._exit(9)
asyncio.run(main())
"""


async def test_the_link_outlives_a_killed_process_and_a_restart(tmp_path: Path, kept: Kept) -> None:
    due = datetime.now(UTC) + timedelta(days=1)
    command = [sys.executable, "-c", SCHEDULES, str(tmp_path / "graph"), due.isoformat()]
    ended = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 9, ended.stderr
    clock = VirtualClock(due)
    for late in (timedelta(seconds=3), HOUR + timedelta(seconds=4)):
        clock.set(due + late)
        async with ManualScheduler(service_on(tmp_path / "graph", clock, kept), clock) as checker:
            await checker.tick()

    *both, again = kept.spans("process scheduled_task")
    good, later = sorted(both, key=lambda span: str((span.attributes or {})["scheduler.task.name"]))
    scheduled = [
        f"{link.context.trace_id:032x} {link.context.span_id:016x}" for span in (good, later) for link in span.links
    ]
    assert scheduled == ended.stdout.splitlines()
    assert [link.context for link in again.links] == [link.context for link in later.links]
    told = [dict(span.attributes or {}) for span in (good, later, again)]
    assert [each["scheduler.lateness"] for each in told] == pytest.approx([3, 3, 1], abs=0.01)
    assert told[0]["scheduler.nominal_time"] == to_iso(from_ms(to_ms(due)))
    assert told[0]["messaging.client.id"] != told[2]["messaging.client.id"]
    assert len({span.context.trace_id for span in (good, later, again)}) == 3


async def test_what_a_handler_does_belongs_to_its_execution(clock: VirtualClock, kept: Kept) -> None:
    async def schedules(firing: Firing) -> None:
        if firing.task.name == "first":
            await service.schedule_task("second", "g", "p", "thought", clock.now() + HOUR)

    service = TaskSchedulerService(":memory:", clock, handler=schedules, instruments=kept.instruments)
    async with ManualScheduler(service, clock) as checker:
        await service.schedule_task("first", "g", "p", "thought", clock.now() + HOUR)
        await checker.tick(HOUR)
        await checker.tick(HOUR)
    outer, inner = kept.spans("schedule scheduled_task")
    first, second = kept.spans("process scheduled_task")

    assert outer.parent is None
    assert inner.parent is not None
    assert inner.parent.span_id == first.context.span_id
    assert second.links[0].context.span_id == inner.context.span_id


async def test_a_plain_handler_on_a_thread_sees_its_span(clock: VirtualClock, kept: Kept) -> None:
    seen: list[int] = []

    def on_thread(_: Firing) -> None:
        seen.append(trace.get_current_span().get_span_context().span_id)

    service = TaskSchedulerService(":memory:", clock, handler=on_thread, instruments=kept.instruments)
    async with ManualScheduler(service, clock) as checker:
        await service.schedule_task("plain", "g", "p", "thought", clock.now() + HOUR)
        await checker.tick(HOUR)

    assert seen == [span.context.span_id for span in kept.spans("process scheduled_task")]


async def test_without_an_sdk_nothing_is_traced_kept_or_measured(clock: VirtualClock) -> None:
    service = TaskSchedulerService(":memory:", clock, handler=answer)
    async with ManualScheduler(service, clock) as checker:
        task = await service.schedule_task("good", "g", "p", "thought", clock.now() + HOUR)
        await checker.tick(HOUR)
        (execution,) = await service.history()
        assert not service._instruments.live

    assert (task.traceparent, execution.trace_id, execution.status) == (None, None, "completed")


async def test_a_traceparent_that_cannot_be_read_links_nothing(clock: VirtualClock, kept: Kept) -> None:
    service = service_on(":memory:", clock, kept)
    async with ManualScheduler(service, clock) as checker:
        await service.schedule_task("good", "g", "p", "thought", clock.now() + HOUR)
        session: Any = service._process.store._connection
        session._database.command("opencypher", "MATCH (t:scheduled_task) SET t.traceparent = 'nonsense'")
        await checker.tick(HOUR)

    assert [list(span.links) for span in kept.spans("process scheduled_task")] == [[]]
