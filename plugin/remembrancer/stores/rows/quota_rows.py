"""Statements that refuse new tasks beyond a quota: they count under the lock of the quota, in the commit of the tasks.

Nothing is kept that would have to be freed: an open task counts as long as it is open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.task_status import OPEN_STATUSES, TaskType
from remembrancer.stores.commits.statement import Statement
from remembrancer.stores.rows.node_rows import after_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.model.quota import Quota
    from remembrancer.model.task import ScheduledTask
    from remembrancer.stores.commits.row_types.lineages import KeyRange, QuotaRow


def refusing(quotas: Sequence[Quota], tasks: Sequence[ScheduledTask]) -> list[Statement]:
    """Return the statements that end the commit of new tasks if one of the quotas has no room; none without any."""
    if not quotas:
        return []
    of_all: list[QuotaRow] = []
    of_origins: list[QuotaRow] = []
    for quota in quotas:
        row: QuotaRow = {
            "limit_key": quota.key,
            "most": quota.most,
            "task_id": tasks[0].task_id,
            "origin": quota.origin,
            "agent": quota.agent,
            "ranges": ranges_of(quota),
        }
        (of_all if quota.origin is None else of_origins).append(row)
    found = {"refuse_beyond_quotas": of_all, "refuse_beyond_origins": of_origins}
    return [Statement(name, rows) for name, rows in found.items() if rows]


def ranges_of(quota: Quota) -> list[KeyRange]:
    """Return the ranges of status index keys in which the tasks lie that a quota counts."""
    begins = [
        f"{status}|{TaskType.RECURRING}|" if quota.recurring else f"{status}|" for status in sorted(OPEN_STATUSES)
    ]
    return [{"above": begin, "below": after_all(begin)} for begin in begins]
