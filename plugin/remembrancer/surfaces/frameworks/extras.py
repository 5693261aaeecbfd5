"""Frameworks that are not installed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from remembrancer.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Generator


@contextmanager
def extra(name: str, module: str) -> Generator[None]:
    """Import *module* within; one that is missing is refused with the extra that has it. Raises InvalidInput."""
    try:
        yield
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != module:
            raise
        allowed = "nothing, while the extra is not installed"
        raise InvalidInput(name, str(missing), allowed, f"pip install 'remembrancer[{name}]'") from missing
