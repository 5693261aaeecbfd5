"""Instruments that record an event when it happens. No label is the name of a task or a person."""

from __future__ import annotations

from collections import Counter
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from opentelemetry import metrics

from remembrancer.model.execution import ExecutionStatus, ExecutionType
from remembrancer.model.handler_result import THOUGHT_REFUSED
from remembrancer.ports.statistics import DELAY_BOUNDS_MS
from remembrancer.surfaces.otel.observables import register_observables
from remembrancer.surfaces.otel.tracing import SCOPE, Spans

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from opentelemetry.metrics import Meter, MeterProvider
    from opentelemetry.trace import TracerProvider
    from opentelemetry.util.types import AttributeValue

    from remembrancer.model.execution import Execution
    from remembrancer.ports.handler import Firing
    from remembrancer.ports.writes import Settlement
    from remembrancer.surfaces.otel.tracing import ExecutionSpan

_OUTCOME: Final = "scheduler.outcome"
_TYPE: Final = "scheduler.execution.type"
_ERROR: Final = "error.type"
_DELAYS: Final = [bound_ms / 1000 if bound_ms % 1000 else bound_ms // 1000 for bound_ms in DELAY_BOUNDS_MS]
_DURATIONS: Final = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 3600]
_API: Final = "opentelemetry.metrics"
_SIZES: Final = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500]

Kind = tuple[str, str, str | None]
"""Outcome, type, and for a failure its code: all from closed lists."""


class OpenTelemetry:
    """Measures and traces through the OpenTelemetry API.

    Args:
        meter_provider: Where measurements go; None is the process's own, once it has one.
        tracer_provider: The same for spans.
    """

    def __init__(
        self, meter_provider: MeterProvider | None = None, tracer_provider: TracerProvider | None = None
    ) -> None:
        self._provider = meter_provider
        self._sources: dict[Callable[[], Mapping[str, float]], deque[int]] = {}
        self._spans = Spans(tracer_provider)
        meter = metrics.get_meter(SCOPE, version("remembrancer"), meter_provider)
        self._measures(meter)
        register_observables(meter, self._sources)

    def _measures(self, meter: Meter) -> None:
        self._delay = meter.create_histogram(
            "scheduler.trigger.delay",
            "s",
            "How much later than its task was armed for a run began",
            explicit_bucket_boundaries_advisory=_DELAYS,
        )
        self._duration = meter.create_histogram(
            "scheduler.handler.duration",
            "s",
            "How long a handler took, from claim to outcome",
            explicit_bucket_boundaries_advisory=_DURATIONS,
        )
        self._batch = meter.create_histogram(
            "scheduler.commit.batch_size",
            "{row}",
            "Rows written in one commit",
            explicit_bucket_boundaries_advisory=_SIZES,
        )
        self._executions = meter.create_counter("scheduler.executions", "{occurrence}", "Occurrences accounted for")
        self._claims = meter.create_counter("scheduler.claims", "{occurrence}", "Occurrences that this replica wanted")
        self._lost = meter.create_counter("scheduler.claims.lost", "{occurrence}", "Claims that another replica won")
        self._recoveries = meter.create_counter(
            "scheduler.lease.recoveries", "{execution}", "Executions recovered from a replica that died"
        )
        self._refused = meter.create_counter(
            "scheduler.thoughts.refused", "{execution}", "Executions whose thought could not be stored"
        )

    @property
    def live(self) -> bool:
        """True if the instruments are read: without an SDK there is only the API's own provider, of nothing."""
        return not type(self._provider or metrics.get_meter_provider()).__module__.startswith(_API)

    def watch(self, read: Callable[[], Mapping[str, float]], commits: deque[int]) -> None:
        """Let *read* be asked when somebody collects, and measure what *commits* gathers."""
        self._sources[read] = commits
        if self.live:
            self._begin_at_nothing()

    def forget(self, read: Callable[[], Mapping[str, float]]) -> None:
        """Ask *read* no more."""
        self.drain()
        self._sources.pop(read, None)

    def drain(self) -> None:
        """Measure the commits that were made since."""
        for commits in self._sources.values():
            while commits:
                self._batch.record(commits.popleft())

    def claimed(self, won: Sequence[Execution], reached_for: int) -> None:
        """So many occurrences were reached for, and these were won."""
        if not self.live:
            return
        self._claims.add(reached_for)
        if reached_for > len(won):
            self._lost.add(reached_for - len(won))
        dropped: Counter[Kind] = Counter()
        for execution in won:
            if execution.trigger_delay_ms is not None:
                self._delay.record(execution.trigger_delay_ms / 1000, _of_type(execution.execution_type))
            elif execution.completed_at is not None:
                dropped[execution.status, execution.execution_type, None] += execution.occurrences
        self._count(dropped)

    def settled(self, settlements: Iterable[Settlement]) -> None:
        """These outcomes were written."""
        if not self.live:
            return
        ended: Counter[Kind] = Counter()
        for each in settlements:
            kind = _kind(each)
            ended[kind] += 1
            self._duration.record(each.duration_seconds, _labels(kind))
            if each.reason is not None and each.reason.startswith(THOUGHT_REFUSED):
                self._refused.add(1)
        self._count(ended)
        self.drain()

    def recovered(self, lost: Sequence[Settlement]) -> None:
        """These executions were taken over from a replica that went away."""
        if lost:
            self._recoveries.add(len(lost))
            self._count(Counter(_kind(each) for each in lost))

    def scheduling(self, tasks: int) -> AbstractContextManager[str | None]:
        """Open the span of a call that schedules so many tasks."""
        return self._spans.scheduling(tasks)

    @property
    def traced(self) -> bool:
        """True if spans are exported."""
        return self._spans.live

    def begin(self, firing: Firing) -> ExecutionSpan:
        """Open the span of an execution."""
        return self._spans.begin(firing)

    def _begin_at_nothing(self) -> None:
        """Show those counters before their first case that an alarm hangs on: what begins at 1 has not increased."""
        for counter in (self._claims, self._lost, self._recoveries, self._refused):
            counter.add(0)
        for execution_type in ExecutionType:
            self._executions.add(0, _labels((ExecutionStatus.MISSED, execution_type, None)))

    def _count(self, kinds: Counter[Kind]) -> None:
        for kind, occurrences in kinds.items():
            self._executions.add(occurrences, _labels(kind))


@cache
def of_process() -> OpenTelemetry:
    """Return the instruments on the process's own providers: one for all its schedulers."""
    return OpenTelemetry()


@cache
def _labels(kind: Kind) -> dict[str, AttributeValue]:
    outcome, execution_type, error = kind
    labels: dict[str, AttributeValue] = {_OUTCOME: str(outcome), _TYPE: str(execution_type)}
    return labels if error is None else {**labels, _ERROR: str(error)}


@cache
def _of_type(execution_type: str) -> dict[str, AttributeValue]:
    return {_TYPE: str(execution_type)}


def _kind(settlement: Settlement) -> Kind:
    failed = settlement.status is ExecutionStatus.FAILED
    error = settlement.reason_code or "failed" if failed else None
    return settlement.status, settlement.execution.execution_type, error
