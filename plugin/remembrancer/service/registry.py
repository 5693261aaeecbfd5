"""Registry of the services that are running in this process."""

from __future__ import annotations

from typing import Protocol

from remembrancer.service.calls import Calls


class Registered(Protocol):
    """A service that can be found."""

    @property
    def calls(self) -> Calls:
        """Its calls, which know the process and the loop it lives in."""
        ...


_started: list[Registered] = []


def register(service: Registered) -> None:
    """Let *service* be found: once, even if its loop is started a second time."""
    unregister(service)
    _started.append(service)


def unregister(service: Registered) -> None:
    """Let *service* be found no longer."""
    if service in _started:
        _started.remove(service)


def running() -> list[Registered]:
    """Return the services of this process that can be called, in the order they were started."""
    return [service for service in _started if not (service.calls.is_forked or service.calls.is_homeless)]
