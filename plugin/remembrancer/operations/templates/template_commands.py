"""The commands on templates, of the current actor: define, schedule from, remove."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from remembrancer.context import current_actor
from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import read_integer
from remembrancer.model.suggestions import nearest, unknown
from remembrancer.model.task_template import TaskTemplate, TemplateSource
from remembrancer.model.timestamps import from_ms, to_ms
from remembrancer.operations.declared_request import KNOWN, mapping_of, merged, request_of
from remembrancer.operations.open_tasks import ROUNDS
from remembrancer.operations.templates.definitions import TemplateSpec, read_spec
from remembrancer.operations.templates.template_use import fields_from, template_named
from remembrancer.operations.templates.trial import tried
from remembrancer.ports.writes import Change

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from remembrancer.model.request import ScheduleRequest
    from remembrancer.model.task import ScheduleResult
    from remembrancer.operations.task_creation import TaskCreation
    from remembrancer.ports.clock import Clock
    from remembrancer.ports.graph import Graph

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_LAST_VERSION: Final = 2**53


class TemplateCommands:
    """The templates of one graph.

    Args:
        store: The graph.
        clock: The time.
        creation: Makes tasks.
    """

    def __init__(self, store: Graph, clock: Clock, creation: TaskCreation) -> None:
        self._store = store
        self._clock = clock
        self._creation = creation

    async def define(
        self, name: str, task: object, parameters: object, description: str | None, version: int | None
    ) -> TaskTemplate:
        """Define a template, or replace it, if it has *version*; an equal one is not written. Raises InvalidInput."""
        if not isinstance(name, str) or not _NAME.fullmatch(name):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidInput("name", name, "1 to 100 letters, digits and . _ -, a letter or digit first", "report")
        if version is not None:
            read_integer("version", version, 0, _LAST_VERSION, 1)
        spec = read_spec(task, parameters, description)
        for _ in range(ROUNDS):
            before = (await self._store.templates.named([name])).get(name)
            _check_version(before, version)
            if before is not None and _spec_of(before) == spec:
                return before
            now = self._clock.now()
            await tried(self._store, name, spec, now)
            after = _defined(name, spec, before, now)
            change = self._change("define_template", now)
            if before is None:
                is_written = await self._store.templates.add(after, change)
            else:
                is_written = await self._store.templates.replace(before, after, change)
            if is_written:
                return after
        raise InvalidInput("name", name, "a template that is not defined by others all the time", name)

    async def get(self, name: str) -> TaskTemplate:
        """Return a template. Raises InvalidInput: there is none of this name."""
        return await template_named(self._store, name, "name")

    async def all(self) -> Sequence[TaskTemplate]:
        """Return every template, by name."""
        return await self._store.templates.all()

    async def remove(self, name: str) -> bool:
        """Remove a template; the tasks that were made from it stay. Raises InvalidInput: there is none."""
        template = await self.get(name)
        return await self._store.templates.remove(template, self._change("remove_template", self._clock.now()))

    async def schedule(self, name: str, values: object, overrides: object, fires: int) -> ScheduleResult:
        """Schedule the task that a template makes of *values*, with the fields *overrides* in place of its own."""
        template = await self.get(name)
        request = _request(template, values, overrides)
        (reply,) = await self._creation.schedule([request], fires, TemplateSource(template.name, template.version))
        return reply

    def _change(self, action: str, now: datetime) -> Change:
        author = current_actor()
        return Change(action, now, author.surface, author.actor)


def _request(template: TaskTemplate, values: object, overrides: object) -> ScheduleRequest:
    """Return the request of one use of a template. Raises InvalidInput."""
    own = mapping_of({} if overrides is None else overrides, "overrides", {"timezone": "Europe/Berlin"})
    for field in own:
        if field not in KNOWN:
            near = nearest(field, KNOWN) or KNOWN[0]
            raise InvalidInput(f"overrides.{field}", own[field], unknown(field, KNOWN), near)
    return request_of(merged(fields_from(template, values), own), template.name, f"template_{template.name}")


def _spec_of(template: TaskTemplate) -> TemplateSpec:
    return TemplateSpec(template.description, template.parameters, template.task)


def _check_version(before: TaskTemplate | None, version: int | None) -> None:
    """Refuse a definition in place of a version that is not there. Raises InvalidInput."""
    there = 0 if before is None else before.version
    if version is not None and version != there:
        allowed = f"the version that the template has, which is {there}; 0 where there is none"
        raise InvalidInput("version", version, allowed, there)


def _defined(name: str, spec: TemplateSpec, before: TaskTemplate | None, now: datetime) -> TaskTemplate:
    """Return the template that a definition makes."""
    at, actor = from_ms(to_ms(now)), current_actor().actor
    return TaskTemplate(
        name=name,
        description=spec.description,
        parameters=spec.parameters,
        task=spec.task,
        version=1 if before is None else before.version + 1,
        created_at=at if before is None else before.created_at,
        created_by=actor if before is None else before.created_by,
        changed_at=at,
        changed_by=actor,
    )
