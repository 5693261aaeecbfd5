"""A bar on stderr that shows people how far a long command is; machines get nothing but its result."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


class Step(Protocol):
    """How far a command is: *done* of *total* of one part."""

    @property
    def part(self) -> str:
        """The part."""
        ...

    @property
    def done(self) -> int:
        """How much of it is done."""
        ...

    @property
    def total(self) -> int:
        """How much there is."""
        ...


@contextmanager
def step_bar(phase: str = "", *, as_json: bool) -> Generator[Callable[[Step], None]]:
    """Give what shows a step: under its own phase, if it has one, or else under *phase*."""
    from remembrancer.cli.output import progress

    if as_json:
        yield lambda _: None
        return
    with progress() as show:
        yield lambda step: show(f"{getattr(step, 'phase', phase)} {step.part}", step.done, step.total)
