"""The telemetry port: the engine reports its work to instruments and traces. No call may fail, wait, or cost much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from remembrancer.model.execution import Execution
    from remembrancer.ports.handler import Firing
    from remembrancer.ports.writes import Settlement


class Trace(Protocol):
    """The span of one execution under way."""

    def end(self, settlement: Settlement) -> Settlement:
        """End with its outcome; return the outcome with the span's ids, which are stored with it."""
        ...

    def leave(self) -> None:
        """End without an outcome: another process will try the execution again."""
        ...


class Telemetry(Protocol):
    """Measurements and spans, a batch at a time, made in the loop of the scheduler."""

    def claimed(self, won: Sequence[Execution], reached_for: int) -> None:
        """Record that *reached_for* occurrences were claimed, and which of them were won."""
        ...

    def settled(self, settlements: Iterable[Settlement]) -> None:
        """Record outcomes that were written."""
        ...

    def recovered(self, lost: Sequence[Settlement]) -> None:
        """Record executions that were recovered from another replica."""
        ...

    def scheduling(self, tasks: int) -> AbstractContextManager[str | None]:
        """Open the span of a call that schedules this number of tasks; yields its W3C traceparent, None without one."""
        ...

    @property
    def traced(self) -> bool:
        """True if spans are recorded at present; asked once for a batch."""
        ...

    def begin(self, firing: Firing) -> Trace:
        """Open the span of an execution, current in this asyncio task from here on."""
        ...


class ObservedTelemetry(Telemetry, Protocol):
    """Telemetry whose instruments are read as well, at intervals."""

    @property
    def live(self) -> bool:
        """True if the instruments are read."""
        ...

    def watch(self, read: Callable[[], Mapping[str, float]], commits: deque[int]) -> None:
        """Call *read* at each collection, and measure the sizes of commits in *commits*, which it empties."""
        ...

    def forget(self, read: Callable[[], Mapping[str, float]]) -> None:
        """Stop calling *read*."""
        ...

    def drain(self) -> None:
        """Measure the commits made since the last time."""
        ...
