"""Rows of follow-ups: their admission to the lineages of the tasks that were missed, and to quotas of open tasks."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from remembrancer.model.timestamps import to_ms
from remembrancer.stores.commits.statement import Statement
from remembrancer.stores.rows.node_rows import task_row
from remembrancer.stores.rows.quota_rows import ranges_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remembrancer.ports.writes import Claim
    from remembrancer.stores.commits.row_types.lineages import (
        FollowUpAdmissionRow,
        FollowUpQuotaRow,
        MissedRow,
    )
    from remembrancer.stores.commits.statement import Row

_NO_ROOM = " No follow-up was made: {}."


def following_up(claims: Sequence[Claim]) -> list[Statement]:
    """Return the statements that make the follow-ups of claims, which come after their outcomes; none without any.

    What finds no room is not made, and the reason of the outcome says so.
    """
    wanted = [claim for claim in claims if claim.follow_up is not None]
    if not wanted:
        return []
    admitted = [_admission_rows(wanted), _quota_rows(wanted, of_origins=False), _quota_rows(wanted, of_origins=True)]
    names = ("admit_follow_ups", "refuse_follow_ups", "refuse_follow_ups_of_origins")
    statements = [Statement(name, rows) for name, rows in zip(names, admitted, strict=True) if rows]
    if rows := _task_rows(wanted):
        lineages = sorted({str(row["lineage_id"]) for row in rows})
        statements += [
            Statement("create_follow_ups", rows),
            Statement("link_lineages", [{"lineage_id": each} for each in lineages]),
        ]
    return [*statements, Statement("note_follow_ups", _refused_rows(wanted))]


def _missed_row(claim: Claim) -> MissedRow:
    execution = claim.execution
    return {
        "execution_id": execution.execution_id,
        "missed_fence": execution.fence,
        "replica_id": execution.replica_id,
    }


def _admission_rows(wanted: Sequence[Claim]) -> list[FollowUpAdmissionRow]:
    places: Counter[str] = Counter()
    rows: list[FollowUpAdmissionRow] = []
    for claim in wanted:
        assert claim.follow_up is not None  # noqa: S101 (the caller has looked)
        task, limits = claim.follow_up.task, claim.follow_up.limits
        if claim.follow_up.refusal is not None:
            continue
        assert task.lineage_id is not None  # noqa: S101 (a follow-up belongs to one)
        places[task.lineage_id] += 1
        rows.append(
            {
                **_missed_row(claim),
                "lineage_id": task.lineage_id,
                "generation": task.generation or 1,
                "place": places[task.lineage_id],
                "max_depth": limits.get("max_depth"),
                "max_fan_out": limits.get("max_fan_out"),
                "max_open_tasks": limits.get("max_open_tasks"),
                "at_ms": to_ms(task.created_at),
            }
        )
    return rows


def _quota_rows(wanted: Sequence[Claim], *, of_origins: bool) -> list[FollowUpQuotaRow]:
    found: dict[str, FollowUpQuotaRow] = {}
    for claim in wanted:
        assert claim.follow_up is not None  # noqa: S101 (the caller has looked)
        for quota in claim.follow_up.quotas if claim.follow_up.refusal is None else ():
            if (quota.origin is not None) is not of_origins:
                continue
            row = found.setdefault(
                quota.limit_key,
                {
                    "limit_key": quota.key,
                    "most": quota.most,
                    "origin": quota.origin,
                    "ranges": ranges_of(quota),
                    "refusal": _NO_ROOM.format(f"the quota {quota.limit_key} of open tasks has no room"),
                    "asked": [],
                },
            )
            row["asked"].append({**_missed_row(claim), "place": len(row["asked"]) + 1})
    return [found[key] for key in sorted(found)]


def _task_rows(wanted: Sequence[Claim]) -> list[Row]:
    return [
        {**task_row(claim.follow_up.task), **_missed_row(claim), "lineage_id": claim.follow_up.task.lineage_id}
        for claim in wanted
        if claim.follow_up is not None and claim.follow_up.refusal is None
    ]


def _refused_rows(wanted: Sequence[Claim]) -> list[Row]:
    rows: list[Row] = []
    for claim in wanted:
        assert claim.follow_up is not None  # noqa: S101 (the caller has looked)
        because = claim.follow_up.refusal or f"a bound of the lineage {claim.follow_up.task.lineage_id} refuses it"
        rows.append({**_missed_row(claim), "refusal": _NO_ROOM.format(because)})
    return rows
