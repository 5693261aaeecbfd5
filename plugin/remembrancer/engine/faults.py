"""Faults in a scheduler's own work: survived, logged once, and stored as its last error."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final, TypeVar

from remembrancer.errors import GraphUnavailable, RemembrancerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_LOG: Final = logging.getLogger("remembrancer")
_T = TypeVar("_T")
_MOST_TEXTS: Final = 100
_FIRST_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 30.0
_WELL_SECONDS: Final = 60.0
"""Work that has run for this time after a fault counts as successful."""


class Faults:
    """The faults of one scheduler, by the name of the work that failed.

    A fault is logged once, with its traceback if it is no error of this package, and once more when it comes back
    after the work succeeded.
    """

    def __init__(self) -> None:
        self.last_error: str | None = None
        self._failing: dict[str, str] = {}
        self._logged: dict[str, set[str]] = {}
        self._of_the_graph: set[str] = set()

    @property
    def trouble(self) -> str | None:
        """The fault of work that has not succeeded since; None if there is none."""
        return next(iter(self._failing.values()), None)

    def is_failing(self, what: str) -> bool:
        """True until this work succeeds after its last fault."""
        return what in self._failing

    def is_the_graph(self, what: str) -> bool:
        """True if the work failed because the graph could not be read or written."""
        return what in self._of_the_graph

    def report(self, what: str, text: str, error: BaseException | None = None) -> None:
        """Store *text* as the last error, and log it if this work has not reported it yet."""
        self.last_error = text
        logged = self._logged.setdefault(what, set())
        if text in logged:
            _LOG.debug("%s", text)
            return
        if len(logged) >= _MOST_TEXTS:
            logged.clear()
        logged.add(text)
        foreign = error is not None and not isinstance(error, RemembrancerError)
        _LOG.error("%s", text, exc_info=error if foreign else None)

    def resolve(self, what: str) -> None:
        """Record a success: a fault that comes back is logged again."""
        self._failing.pop(what, None)
        self._of_the_graph.discard(what)
        self._logged.pop(what, None)

    async def survive(self, what: str, work: Callable[[], Awaitable[_T]]) -> _T | None:
        """Do *work*; return None if it failed, whatever it raised. Only the cancellation of this task is raised."""
        try:
            done = await work()
        except asyncio.CancelledError as error:
            if (task := asyncio.current_task()) is None or task.cancelling():
                raise
            self._fail(what, error)  # something within was cancelled, and not this task
        except Exception as error:  # noqa: BLE001 (a fault of any kind must end nothing but this one try)
            self._fail(what, error)
        else:
            self.resolve(what)
            return done
        return None

    async def survive_all_but_the_graph(self, what: str, work: Callable[[], Awaitable[_T]]) -> _T | None:
        """Do *work* as `survive` does, but raise GraphUnavailable."""
        unavailable: list[GraphUnavailable] = []

        async def watched() -> _T | None:
            try:
                return await work()
            except GraphUnavailable as error:
                unavailable.append(error)
                return None

        done = await self.survive(what, watched)
        if unavailable:
            raise unavailable[0]
        return done

    async def run_forever(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do endless *work*; begin it again whenever it fails, after a pause that grows."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            began = time.monotonic()
            well = asyncio.get_running_loop().call_later(_WELL_SECONDS, self.resolve, what)
            try:
                await self.survive(what, work)
            finally:
                well.cancel()
            if not self.is_failing(what):
                return
            lasted = time.monotonic() - began
            pause = _FIRST_PAUSE_SECONDS if lasted > _WELL_SECONDS else min(2 * pause, _LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause)

    def _fail(self, what: str, error: BaseException) -> None:
        said = str(error) if isinstance(error, RemembrancerError) else f"{type(error).__name__}: {error}"
        text = f"{what} failed and is tried again: {said}"
        self._failing[what] = text
        (self._of_the_graph.add if isinstance(error, GraphUnavailable) else self._of_the_graph.discard)(what)
        self.report(what, text, error)
