"""The answer of a host's own function that opens a gate, or leaves it closed: it fails closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.completion import answer_within

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_LONGEST: Final = 1000
"""Characters of a reason of the host that are kept."""


async def closed_because(
    ask: Callable[[], Awaitable[object]], seconds: float, what: str, *, opens: bool, closed: str
) -> str | None:
    """Return the reason for which a gate is closed; None if the host has opened it.

    Args:
        ask: The host's function.
        seconds: The time that it has to answer.
        what: The question, as in "whether it is halted".
        opens: The answer that opens the gate, True or False; the other one closes it.
        closed: The reason that the other one stands for. A text is a reason too.
    """
    try:
        answer = await answer_within(ask(), seconds)
    except TimeoutError:
        return f"The host did not say within {seconds:g} s {what}."
    except Exception as fault:  # noqa: BLE001 (a host may raise anything, and none of it opens the gate)
        return f"The host could not say {what}: {fault_words(fault)}"[:_LONGEST]
    if answer is True or answer is False:
        return None if answer is opens else closed
    if isinstance(answer, str) and answer.strip():
        return answer[:_LONGEST]
    return f"The host answered {answer!r:.100}, which is neither True, False, nor a reason."


def fault_words(fault: BaseException) -> str:
    """Return what a host has raised, in words."""
    try:
        return f"{type(fault).__name__}: {fault}"
    except Exception:  # noqa: BLE001 (its text may raise anything)
        return type(fault).__name__
