"""Spans: one for each call that schedules, one for each execution, and a link from the second to the first.

The names are those of the semantic conventions for messaging: to schedule is to send, to execute is to process.
The link outlives processes, since the task keeps the first span's W3C traceparent.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from opentelemetry import context, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from remembrancer.context import TRACEPARENT
from remembrancer.model.execution import ExecutionStatus
from remembrancer.model.timestamps import to_iso

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from opentelemetry.trace import Span, SpanContext, TracerProvider
    from opentelemetry.util.types import AttributeValue

    from remembrancer.ports.handler import Firing
    from remembrancer.ports.writes import Settlement

SCOPE: Final = "remembrancer"
_W3C: Final = TraceContextTextMapPropagator()
_OURS: Final[Mapping[str, AttributeValue]] = {
    "messaging.system": "remembrancer",
    "messaging.destination.name": "scheduled_task",
}
_IDLE: Final = (trace.ProxyTracerProvider, trace.NoOpTracerProvider)


class Spans:
    """Opens spans.

    Args:
        provider: Whose; None is the process's own, once it has one.
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._provider = provider
        self._tracer = trace.get_tracer(SCOPE, version("remembrancer"), provider)

    @property
    def live(self) -> bool:
        """True if spans are exported."""
        return not isinstance(self._provider or trace.get_tracer_provider(), _IDLE)

    @contextmanager
    def scheduling(self, tasks: int) -> Generator[str | None]:
        """Open the span of a call that schedules so many tasks; without anybody who takes it, the caller's counts."""
        if not self.live:
            yield from _kept(traceparent(trace.get_current_span().get_span_context()))
            return
        attributes: dict[str, AttributeValue] = {
            **_OURS,
            "messaging.operation.name": "schedule",
            "messaging.operation.type": "send",
            "messaging.batch.message_count": tasks,
        }
        with self._tracer.start_as_current_span(
            "schedule scheduled_task", kind=trace.SpanKind.PRODUCER, attributes=attributes
        ) as span:
            yield from _kept(traceparent(span.get_span_context()))

    def begin(self, firing: Firing) -> ExecutionSpan:
        """Open the span of an execution and make it current."""
        origin = _context_of(firing.task.traceparent)
        span = self._tracer.start_span(
            "process scheduled_task",
            context=context.Context(),  # a trace of its own: what scheduled it is linked, and may be long over
            kind=trace.SpanKind.CONSUMER,
            attributes=_of(firing),
            links=[trace.Link(origin)] if origin else None,
        )
        return ExecutionSpan(span)


class ExecutionSpan:
    """One execution under way, current in the asyncio task that made it.

    Args:
        span: Just begun.
    """

    def __init__(self, span: Span) -> None:
        self._span = span
        self._token = context.attach(trace.set_span_in_context(span))

    def end(self, settlement: Settlement) -> Settlement:
        """End with its outcome; return the outcome with the span's ids."""
        self._span.set_attribute("scheduler.outcome", str(settlement.status))
        if settlement.status is ExecutionStatus.FAILED:
            self._span.set_attribute("error.type", str(settlement.reason_code or "failed"))
            self._span.set_status(trace.StatusCode.ERROR, settlement.reason)
        self._close()
        known = self._span.get_span_context()
        return replace(settlement, trace_id=f"{known.trace_id:032x}", span_id=f"{known.span_id:016x}")

    def leave(self) -> None:
        """End without an outcome: another process will try the execution again."""
        self._span.set_status(trace.StatusCode.ERROR, "The scheduler stopped; another attempt follows.")
        self._close()

    def _close(self) -> None:
        self._span.end()
        context.detach(self._token)


def traceparent(known: SpanContext) -> str | None:
    """Return a span in W3C form; None for one that is none."""
    if not known.is_valid:
        return None
    return f"00-{known.trace_id:032x}-{known.span_id:016x}-{known.trace_flags:02x}"


def _context_of(kept: str | None) -> SpanContext | None:
    """Return the span that a W3C traceparent names; None where there is none, or none that can be read."""
    if kept is None:
        return None
    found = trace.get_current_span(_W3C.extract({"traceparent": kept}, context.Context())).get_span_context()
    return found if found.is_valid else None


def _kept(now: str | None) -> Generator[str | None]:
    """Let what is scheduled meanwhile be kept with *now*."""
    token = TRACEPARENT.set(now)
    try:
        yield now
    finally:
        TRACEPARENT.reset(token)


def _of(firing: Firing) -> dict[str, AttributeValue]:
    execution = firing.execution
    late = (execution.triggered_at - execution.nominal_at).total_seconds()
    return {
        **_OURS,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.message.id": execution.execution_id,
        "messaging.client.id": execution.replica_id or "",
        "scheduler.task.id": execution.task_id,
        "scheduler.task.name": firing.task.name,
        "scheduler.execution.type": str(execution.execution_type),
        "scheduler.attempt": execution.attempt,
        "scheduler.nominal_time": to_iso(execution.nominal_at),
        "scheduler.lateness": max(0.0, late),
    }
