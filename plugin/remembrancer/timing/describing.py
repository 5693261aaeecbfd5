"""A cron expression in words, for people."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from cron_descriptor import (  # pyright: ignore[reportMissingTypeStubs]
    FormatError,
    MissingFieldError,
    Options,
    WrongArgumentError,
    get_description,
)

from remembrancer.model.policy import Seconds
from remembrancer.timing.dialects import ALIASES

_OWN: Final = re.compile(r"\bH\b")


@lru_cache(4096)
def describe(expression: str, seconds: Seconds | None = None) -> str:
    """Return what *expression* means in English, such as "At 09:00, Monday through Friday".

    *seconds* says where one of six fields keeps its seconds; without, it is taken to be the first.
    """
    if _OWN.search(expression.upper()):
        return f"By {expression}, where H is a moment of each task's own"
    options = Options()
    options.use_24hour_time_format = True
    text = ALIASES.get(expression.strip().lower(), expression)
    if seconds is Seconds.LAST:
        *minutes_on, last = text.split()
        text = " ".join([last, *minutes_on])
    try:
        return get_description(text, options)
    except (FormatError, MissingFieldError, WrongArgumentError, ValueError, IndexError):
        return f"By {expression}"
