"""Log context: the id of the current request."""

from __future__ import annotations

import logging
from contextvars import ContextVar

REQUEST_ID: ContextVar[str] = ContextVar("remembrancer_request_id", default="-")
"""The id of the current request; `-` outside of a request."""


class WithRequestId(logging.Filter):
    """Adds the id of the current request to every log record, as `request_id`."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the id; keep every record."""
        record.request_id = REQUEST_ID.get()
        return True
