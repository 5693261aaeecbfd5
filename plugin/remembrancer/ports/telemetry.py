"""What is told of the engine's work to whoever measures it. Nothing of it may fail, wait, or cost much."""

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
        """End with its outcome; return the outcome with the span's ids, to be kept beside it."""
        ...

    def leave(self) -> None:
        """End without an outcome: another process will try the execution again."""
        ...


class Telemetry(Protocol):
    """What is measured: a batch at a time, in the loop of the scheduler."""

    def claimed(self, won: Sequence[Execution], reached_for: int) -> None:
        """So many occurrences were reached for, and these were won."""
        ...

    def settled(self, settlements: Iterable[Settlement]) -> None:
        """These outcomes were written."""
        ...

    def reclaimed(self, lost: Sequence[Settlement]) -> None:
        """These executions were taken over from a replica that went away."""
        ...

    def scheduling(self, tasks: int) -> AbstractContextManager[str | None]:
        """Open the span of a call that schedules so many tasks; gives its W3C traceparent, None without one."""
        ...

    @property
    def traced(self) -> bool:
        """Whether anybody takes spans just now; asked once for a batch."""
        ...

    def begin(self, firing: Firing) -> Trace:
        """Open the span of an execution, current in this asyncio task from here on."""
        ...


class ObservedTelemetry(Telemetry, Protocol):
    """Instruments that are read now and then as well."""

    @property
    def live(self) -> bool:
        """Whether anybody reads the instruments."""
        ...

    def watch(self, read: Callable[[], Mapping[str, float]], commits: deque[int]) -> None:
        """Let *read* be asked at each collection, and measure the sizes of commits that *commits* gathers."""
        ...

    def forget(self, read: Callable[[], Mapping[str, float]]) -> None:
        """Ask *read* no more."""
        ...

    def drain(self) -> None:
        """Measure the commits made since the last time."""
        ...
