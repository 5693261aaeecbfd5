"""Observable instruments, read at each collection: one table of gauges and counters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from opentelemetry.metrics import CallbackOptions, Observation

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


GAUGES: Final = (
    Observable("scheduler.executions.running", "{execution}", "Handlers under way"),
    Observable("scheduler.executions.limit", "{execution}", "How many handlers may be under way"),
    Observable("scheduler.checker.running", "{checker}", "1 while the checker runs, 0 when it has stopped or died"),
    Observable("scheduler.pass.age", "s", "Time since the last good look at the graph", max),
    Observable("scheduler.check.interval", "s", "The longest time that may lie between two looks", max),
    Observable("scheduler.tasks.open", "{task}", "Tasks that are PENDING or ACTIVE", max),
    Observable("scheduler.due.backlog", "{task}", "Tasks that are due and not claimed, up to 10,000", max),
    Observable("scheduler.due.age", "s", "How long the oldest of them has been due; 0 without any", max),
    Observable("scheduler.leases.overdue", "{lease}", "Leases that have run out and were not taken over", max),
    Observable("scheduler.clock.offset", "s", "How far the graph's clock is ahead of this machine's", max),
    Observable("process.memory.usage", "By", "Memory that the process holds", max),
    Observable("scheduler.disk.free", "By", "Free space where the graph's folder is; an embedded graph only", min),
    Observable("scheduler.disk.size", "By", "All space there", min),
)
COUNTERS: Final = (
    Observable("scheduler.passes", "{pass}", "Looks at the graph"),
    Observable("scheduler.passes.failed", "{pass}", "Looks that the graph did not answer"),
    Observable("scheduler.checks.missed", "{check}", "Regular looks that the process did not get round to"),
    Observable("scheduler.deferrals", "{deferral}", "Deferrals of tasks", max),
    Observable("scheduler.cron.refused", "{request}", "Requests refused because of their cron expression", max),
    Observable("scheduler.database.errors", "{error}", "Times that the graph could not be read or written", max),
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
