"""The template store port: templates of tasks. The laws of `ports.graph` hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from remembrancer.model.task_template import TaskTemplate
    from remembrancer.ports.writes import Change


class TemplateStore(Protocol):
    """The templates of one graph."""

    async def add(self, template: TaskTemplate, change: Change, /) -> bool:
        """Store a template; return False, and write nothing, if its name is taken."""
        ...

    async def replace(self, before: TaskTemplate, after: TaskTemplate, change: Change) -> bool:
        """Give a template other content, if it has the version of *before*; return whether it had."""
        ...

    async def remove(self, template: TaskTemplate, change: Change, /) -> bool:
        """Remove a template; return whether this call did it. The tasks that were made from it stay."""
        ...

    async def all(self) -> Sequence[TaskTemplate]:
        """Return every template, by name."""
        ...

    async def named(self, names: Sequence[str]) -> Mapping[str, TaskTemplate]:
        """Return those of the templates *names* that there are."""
        ...
