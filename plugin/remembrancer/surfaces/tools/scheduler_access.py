"""The way to the scheduler, and the errors on it as answers."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, cast

from remembrancer.errors import RemembrancerError
from remembrancer.surfaces.control.client import RemoteScheduler

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from contextlib import AbstractAsyncContextManager

    from remembrancer.operations.operation import AnyOperation, Operation, Params
    from remembrancer.service.service import SchedulerService

_LOG: Final = logging.getLogger("remembrancer")


@dataclass(frozen=True, slots=True)
class Reached:
    """A scheduler for one call."""

    scheduler: SchedulerService
    """A service, or the client of one."""
    fires: bool
    """True if tasks of the graph fire: some scheduler runs."""

    async def call(self, operation: AnyOperation, params: Params) -> object:
        """Call an operation. Raises RemembrancerError."""
        scheduler: object = self.scheduler
        if isinstance(scheduler, RemoteScheduler):
            return await scheduler.call(cast("Operation[Params, object]", operation), params)
        return await operation.answer(scheduler, {name: getattr(params, name) for name in params.model_fields_set})


class SchedulerAccess(Protocol):
    """The way to the scheduler."""

    def reach(self, *, reading: bool) -> AbstractAsyncContextManager[Reached]:
        """Return a connection for one call; *reading*: it only reads. Raises RemembrancerError."""
        ...


class OneService:
    """The way to a service of this process, which is started elsewhere.

    Args:
        service: The service.
    """

    def __init__(self, service: SchedulerService) -> None:
        self._service = service

    @asynccontextmanager
    async def reach(self, *, reading: bool) -> AsyncGenerator[Reached]:
        """Return the service, whether the call reads or writes."""
        del reading
        status = self._service.get_status()
        yield Reached(self._service, status.performance.task_running or bool(status.replication.replicas))


def said_of(error: Exception, what: str) -> str:
    """Return an error as a model reads it; one that is no refusal is logged with its traceback."""
    if isinstance(error, RemembrancerError):
        return f"{type(error).__name__}: {error}"
    _LOG.error("%s failed", what, exc_info=error)
    return f"{what} failed by a fault of the server ({type(error).__name__}); its log on stderr has the details."
