"""Which request is being answered: for the lines of the log that are written meanwhile."""

from __future__ import annotations

import logging
from contextvars import ContextVar

REQUEST_ID: ContextVar[str] = ContextVar("remembrancer_request_id", default="-")
"""The id of the request; `-` outside of any."""


class WithRequestId(logging.Filter):
    """Gives every record of the log the id of the request that it was written for, as `request_id`."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        record.request_id = REQUEST_ID.get()
        return True
