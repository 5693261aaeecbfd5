"""The name in which an agent calls, and what its calls get from there: no argument of a model names any of it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from remembrancer.context import CURRENT_ACTOR, Actor, executing

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from remembrancer.ports.handler import Firing

SURFACE: Final = "tools"
"""The surface of an agent's calls, in `created_via` and in the audit log."""


@dataclass(frozen=True, slots=True)
class CallingContext:
    """The caller of tools.

    Args:
        agent: The name of the agent.
        budget: The budget of each lineage that it begins; None: those of the settings.
        firing: The run in which it calls; None: the one that is under way where a call is made, if any is.
        thought: The thought that asks for its tasks; None: that of the run's task, or else its name.
    """

    agent: str
    budget: Mapping[str, object] | None = None
    firing: Firing | None = None
    thought: str | None = None

    @property
    def execution_id(self) -> str | None:
        """The execution within which the calls are made; None outside of handlers."""
        return executing() if self.firing is None else self.firing.execution.execution_id

    def filled(self) -> dict[str, object]:
        """Return the values of the parameters that come from here."""
        asked_by = self.firing.task.origin_thought_id if self.firing else self.agent
        values: dict[str, object] = {"origin_thought_id": self.thought or asked_by, "worker": self.agent}
        if self.thought is not None:
            values["thought_id"] = self.thought
        if self.budget is not None and self.execution_id is None:
            values["budget"] = dict(self.budget)
        return values

    @contextmanager
    def acting(self) -> Generator[None]:
        """Do what follows in this name: a task that is made within a run belongs to the lineage of the run."""
        execution_id = self.execution_id
        actor = Actor(SURFACE, self.agent) if execution_id is None else Actor("handler", execution_id)
        before = CURRENT_ACTOR.set(actor)
        try:
            yield
        finally:
            CURRENT_ACTOR.reset(before)
