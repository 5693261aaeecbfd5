"""The named queries for people: the catalogue's family `insight`."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from remembrancer.model.named_query import NamedQuery
from remembrancer_schema.catalog import queries

if TYPE_CHECKING:
    from collections.abc import Mapping

_FAMILY: Final = "insight"
_PARAMETER: Final = re.compile(r"\$(\w+)")


@cache
def named_queries() -> Mapping[str, NamedQuery]:
    """Return the queries for people by name."""
    return {
        each.name: NamedQuery(each.name, each.summary, tuple(dict.fromkeys(_PARAMETER.findall(each.text))), each.text)
        for each in queries().values()
        if each.family == _FAMILY
    }
