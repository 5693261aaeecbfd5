"""Observable instruments, read at each collection: one table of gauges and counters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from opentelemetry.metrics import CallbackOptions, Observation

from remembrancer.ports.health import WAITED_FOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opentelemetry.metrics import Meter


@dataclass(frozen=True, slots=True)
class Observable:
    """One instrument that is read; several schedulers of one process are one value."""

    name: str
    unit: str
    description: str
    of_many: Callable[[Iterable[float]], float] = sum


_FOR: Final = {**{kind: f"a {kind}" for kind in WAITED_FOR}, "overlap": "an execution in their way"}
GAUGES: Final = (
    Observable("scheduler.executions.running", "{execution}", "Running handlers"),
    Observable("scheduler.executions.limit", "{execution}", "The most handlers that may run at once"),
    Observable("scheduler.loop.running", "{loop}", "1 while the loop runs, 0 once it has stopped"),
    Observable("scheduler.tick.age", "s", "Time since the last successful tick", max),
    Observable("scheduler.check.interval", "s", "The longest time between two ticks", max),
    Observable("scheduler.tasks.open", "{task}", "Tasks that are PENDING or ACTIVE", max),
    Observable("scheduler.due.backlog", "{task}", "Tasks that are due and not claimed, up to 10,000", max),
    Observable("scheduler.due.age", "s", "The time for which the oldest of them has been due; 0 without any", max),
    Observable("scheduler.retries.waiting", "{attempt}", "Next attempts that wait for their time, up to 10,000", max),
    Observable("scheduler.dead_letters", "{letter}", "Dead letters that are not cleared, up to 10,000", max),
    Observable("scheduler.dead_letters.failures", "{execution}", "Failures that these dead letters count", max),
    *(
        Observable(f"scheduler.tasks.waiting.{kind}", "{task}", f"Tasks that wait for {_FOR[kind]}, up to 10,000", max)
        for kind in WAITED_FOR
    ),
    Observable("scheduler.tasks.waiting.longest", "s", "The time for which the first of them has waited", max),
    Observable("scheduler.leases.overdue", "{lease}", "Expired leases that are not recovered yet", max),
    Observable("scheduler.clock.offset", "s", "The lead of the graph's clock over this machine's", max),
    Observable("process.memory.usage", "By", "Memory that the process holds", max),
    Observable("scheduler.disk.free", "By", "Free space where the graph's folder is; an embedded graph only", min),
    Observable("scheduler.disk.size", "By", "All space there", min),
)
COUNTERS: Final = (
    Observable("scheduler.halted", "1", "1 while the scheduler is halted and nothing begins"),
    Observable("scheduler.ticks", "{tick}", "Ticks"),
    Observable("scheduler.ticks.failed", "{tick}", "Ticks that failed"),
    Observable("scheduler.ticks.missed", "{tick}", "Regular ticks that the process did not make"),
    Observable("scheduler.retries", "{attempt}", "Later attempts that began", max),
    Observable("scheduler.failures.final", "{execution}", "Failures that no attempt followed", max),
    Observable("scheduler.deferrals", "{deferral}", "Deferrals of tasks", max),
    Observable("scheduler.cron.refused", "{request}", "Requests refused because of their cron expression", max),
    Observable("scheduler.database.errors", "{error}", "Failed reads and writes of the graph", max),
)


def register_observables(meter: Meter, sources: Iterable[Callable[[], Mapping[str, float]]]) -> None:
    """Make the instruments of the tables; each collects from whatever *sources* holds by then."""
    for each in GAUGES:
        meter.create_observable_gauge(each.name, [_reader(each, sources)], each.unit, each.description)
    for each in COUNTERS:
        meter.create_observable_counter(each.name, [_reader(each, sources)], each.unit, each.description)


def _reader(
    what: Observable, sources: Iterable[Callable[[], Mapping[str, float]]]
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def read(_: CallbackOptions) -> Iterable[Observation]:
        values = [values[what.name] for values in (source() for source in tuple(sources)) if what.name in values]
        return [Observation(what.of_many(values))] if values else []

    return read
