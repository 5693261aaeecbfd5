"""Quotas: limits of how many tasks may be open at once, of all of them, of one origin or of one agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from remembrancer.errors import InvalidInput
from remembrancer.model.constraints import LONGEST_ID
from remembrancer.model.task_status import TaskType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from remembrancer.model.task import ScheduledTask

OPEN: Final = "open"
"""The key of the quota of all open tasks."""
RECURRING: Final = "open:recurring"
"""The key of the quota of open recurring tasks."""
ORIGIN: Final = "open:origin"
"""The key of the quota of each origin; with a colon and a thought, of this one."""
AGENT: Final = "open:agent"
"""The key of the quota of each agent; with a colon and a name, of this one."""
_WHOLE: Final = (OPEN, RECURRING, ORIGIN, AGENT)
_SINGLE: Final = (f"{ORIGIN}:", f"{AGENT}:")
_ALLOWED: Final = "`open`, `open:recurring`, `open:origin`, `open:agent`, `open:origin:THOUGHT` or `open:agent:NAME`"


class Quota(NamedTuple):
    """A quota that new tasks need room in."""

    key: str
    """The key of the limit."""
    most: int | None = None
    """The most open tasks by the settings; what the limit itself says goes before it."""
    recurring: bool = False
    """True if it counts recurring tasks only."""
    origin: str | None = None
    """The thought of whose lineage it counts the tasks; None: of all."""
    agent: str | None = None
    """The actor of whom it counts the tasks; None: of all."""

    @property
    def limit_key(self) -> str:
        """The key of the limit for what it counts alone."""
        single = self.origin or self.agent
        begin = ORIGIN if self.origin is not None else AGENT
        return self.key if single is None else f"{begin}:{single}"

    def counts(self, task: ScheduledTask) -> bool:
        """Return whether it counts a task while that is open."""
        if self.recurring:
            return task.task_type is TaskType.RECURRING
        if self.agent is not None:
            return agent_of(task) == self.agent
        return self.origin is None or origin_of(task) == self.origin


def is_quota(key: str) -> bool:
    """Return whether a limit is one of open tasks."""
    return key == OPEN or key.startswith(f"{OPEN}:")


def read_quota_key(key: str) -> str:
    """Return the key of a quota. Raises InvalidInput."""
    if key.lower() in _WHOLE:
        return key.lower()
    for begin in _SINGLE:
        if key.lower().startswith(begin) and begin != key.lower() and len(key) <= len(begin) + LONGEST_ID:
            return begin + key[len(begin) :]
    raise InvalidInput("key", key, _ALLOWED, RECURRING)


def quota_of_key(key: str) -> Quota:
    """Return the quota of a key that is one of a single origin, of a single agent, or of all tasks."""
    of_origin, of_agent = _SINGLE
    if key.startswith(of_origin):
        return Quota(key, origin=key.removeprefix(of_origin))
    if key.startswith(of_agent):
        return Quota(key, agent=key.removeprefix(of_agent))
    return Quota(key, recurring=key == RECURRING)


def origin_of(task: ScheduledTask) -> str:
    """Return the thought that started the lineage of a task."""
    return task.lineage_id or task.origin_thought_id


def agent_of(task: ScheduledTask) -> str | None:
    """Return the actor that scheduled a task; None for a task of a handler, a follow-up, or no known name."""
    return None if task.created_via == "handler" or task.follow_up_of is not None else task.created_by


def quotas_of(
    tasks: Iterable[ScheduledTask], known: Mapping[str, int | None], settings: Mapping[str, int]
) -> list[Quota]:
    """Return the quotas that new tasks need room in, each once: those *known* in the graph, and those of settings."""
    if not known and not settings:
        return []
    found: dict[str, Quota] = {}
    for task in tasks:
        for quota, whole in _wanted(task):
            key = quota.key if quota.key in known else whole
            if key in known or key in settings:
                # Each origin and each agent has a count of its own, under one key.
                found.setdefault(quota.key, quota._replace(key=key, most=settings.get(whole)))
    return [found[key] for key in sorted(found)]


def _wanted(task: ScheduledTask) -> Iterator[tuple[Quota, str]]:
    """Yield each quota that may bound a task, and the key of the one that bounds all such."""
    yield Quota(OPEN), OPEN
    if task.task_type is TaskType.RECURRING:
        yield Quota(RECURRING, recurring=True), RECURRING
    origin, agent = origin_of(task), agent_of(task)
    yield Quota(f"{ORIGIN}:{origin}", origin=origin), ORIGIN
    if agent is not None:
        yield Quota(f"{AGENT}:{agent}", agent=agent), AGENT
