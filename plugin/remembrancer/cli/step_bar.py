"""Progress of long commands: a bar on stderr for people, and none for machines."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


class Step(Protocol):
    """Progress of a command: *done* of *total* of one part."""

    @property
    def part(self) -> str:
        """The part."""
        ...

    @property
    def done(self) -> int:
        """The amount done."""
        ...

    @property
    def total(self) -> int:
        """The total amount."""
        ...


@contextmanager
def step_bar(phase: str = "", *, as_json: bool) -> Generator[Callable[[Step], None]]:
    """Yield a function that shows a step, under its own phase or else under *phase*."""
    from remembrancer.cli.output import progress

    if as_json:
        yield lambda _: None
        return
    with progress() as show:
        yield lambda step: show(f"{getattr(step, 'phase', phase)} {step.part}", step.done, step.total)
