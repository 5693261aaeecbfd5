"""One open memory graph: its ports, and what concerns it as a whole."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from remembrancer.model.named_query import NamedQuery
    from remembrancer.ports.armed_times import ArmedTimes
    from remembrancer.ports.audit_log import AuditLog
    from remembrancer.ports.calendars import CalendarStore
    from remembrancer.ports.dead_letters import DeadLetters
    from remembrancer.ports.dependencies import Dependencies
    from remembrancer.ports.event_log import EventLog
    from remembrancer.ports.halts import HaltStore
    from remembrancer.ports.health import HealthProbe
    from remembrancer.ports.idempotency import IdempotencyStore
    from remembrancer.ports.limits import ConcurrencyLimits
    from remembrancer.ports.lineages import LineageStore
    from remembrancer.ports.priorities import Priorities
    from remembrancer.ports.questions import QuestionStore
    from remembrancer.ports.replicas import ReplicaRegistry
    from remembrancer.ports.retention import ExecutionRetention
    from remembrancer.ports.retries import Retries
    from remembrancer.ports.statistics import Statistics
    from remembrancer.ports.task_store import TaskStore
    from remembrancer.ports.templates import TemplateStore
    from remembrancer.ports.tokens import TokenStore
    from remembrancer.ports.waits import Waits
    from remembrancer.ports.watches import Watches
    from remembrancer.ports.work_queue import WorkQueue


class Graph(ABC):
    """An open memory graph.

    A store implements each port, and returns them in one subclass of this class. Laws of all ports: a time is an
    argument, and no store reads a clock. A method that returns has made its change durable. A method that raises has
    written nothing, except where it raises OutcomeUnknown. A row that another replica has changed since it
    was read is no error: the write leaves it out of its answer.
    """

    exclusive: bool
    """True if no other replica can open this graph: leases of a former process are then expired at once."""
    tasks: TaskStore
    queue: WorkQueue
    retries: Retries
    armed_times: ArmedTimes
    events: EventLog
    audit: AuditLog
    statistics: Statistics
    tokens: TokenStore
    calendars: CalendarStore
    templates: TemplateStore
    dead_letters: DeadLetters
    lineages: LineageStore
    idempotency: IdempotencyStore
    retention: ExecutionRetention
    replicas: ReplicaRegistry
    health: HealthProbe
    watches: Watches
    questions: QuestionStore
    dependencies: Dependencies
    waits: Waits
    limits: ConcurrencyLimits
    halts: HaltStore
    priorities: Priorities
    named_queries: Mapping[str, NamedQuery]
    """The questions that come with the package, by name."""

    @abstractmethod
    async def query(self, cypher: str, parameters: dict[str, object] | None = None) -> Sequence[dict[str, object]]:
        """Answer a reading query that a user wrote. Raises InvalidInput."""

    @abstractmethod
    async def idle_work(self, limit: int) -> int:
        """Do work that can wait until nothing is due, for at most *limit* tasks; return for how many it was done.

        It writes what only readers of the graph use: the SCHEDULED_FOR edges of tasks that moved on, and counts that
        no commit has taken yet.
        """

    @abstractmethod
    async def close(self) -> None:
        """Finish the writes under way and release the graph, even one that does not answer."""
