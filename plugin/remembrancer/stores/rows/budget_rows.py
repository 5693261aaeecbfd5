"""Rows of budgets: what runs reserve in the commit that begins them, and what they have used when they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.policies.budget import draw_of
from remembrancer.stores.commits.statement import Statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from remembrancer.model.execution import Execution
    from remembrancer.ports.writes import Charge, Claim, Draw, Recovery, Settlement, WaitingRetry
    from remembrancer.stores.commits.row_types.lineages import ChargeRow, DrawnRow, ReservationRow


def reserving(claims: Sequence[Claim], statements: Sequence[Statement]) -> list[Statement]:
    """Return the *statements* of claims, within those that reserve what they draw; as they are where none draws."""
    drawn = [(claim.draw, claim.execution, None) for claim in claims if claim.draw is not None]
    return _within("admit_runs", drawn, statements) if drawn else [*statements]


def reserving_one(draw: Draw | None, execution: Execution, statements: Sequence[Statement]) -> list[Statement]:
    """Return the *statements* that begin one execution, within those that reserve what it draws."""
    return [*statements] if draw is None else _within("admit_runs", [(draw, execution, None)], statements)


def reserving_retries(lost: Sequence[Recovery], statements: Sequence[Statement]) -> list[Statement]:
    """Return the *statements* that recover executions, within those that reserve what further attempts draw."""
    drawn = [
        (each.draw, each.retry, each.settlement.execution.execution_id)
        for each in lost
        if each.draw is not None and each.retry is not None
    ]
    return _within("admit_retries", drawn, statements) if drawn else [*statements]


def reserving_attempts(
    started: Sequence[tuple[WaitingRetry, Execution]], statements: Sequence[Statement]
) -> list[Statement]:
    """Return the *statements* that start attempts after failures, within those that reserve what these draw."""
    drawn = [
        (draw, begun, waiting.execution.execution_id)
        for waiting, begun in started
        if waiting.task is not None and (draw := draw_of(waiting.task)) is not None
    ]
    return _within("admit_attempts", drawn, statements) if drawn else [*statements]


def charging(settlements: Iterable[Settlement]) -> list[Statement]:
    """Return the statement that charges what executions have used; none where no budget bounds them."""
    rows = [_charge_row(each.execution.execution_id, each.charge) for each in settlements if each.charge is not None]
    return [Statement("charge_runs", rows)] if rows else []


def _within(
    name: str, drawn: Sequence[tuple[Draw, Execution, str | None]], statements: Sequence[Statement]
) -> list[Statement]:
    sums: dict[str, list[DrawnRow]] = {}
    rows: list[ReservationRow] = []
    for draw, execution, former_id in drawn:
        before = sums.setdefault(draw.lineage_id, [])
        runs, tokens, money = (before[-1]["runs"], before[-1]["tokens"], before[-1]["money"]) if before else (0, 0, 0)
        # One that expects to use nothing still needs something to be left.
        before.append(
            {
                "task_id": execution.task_id,
                "former_execution_id": former_id,
                "runs": runs + 1,
                "tokens": max(1, tokens + draw.tokens),
                "money": max(1, money + draw.money),
            }
        )
        rows.append(
            {
                "lineage_id": draw.lineage_id,
                "execution_id": execution.execution_id,
                "tokens": draw.tokens,
                "money": draw.money,
            }
        )
    admitted = Statement(name, [{"lineage_id": lineage_id, "draws": draws} for lineage_id, draws in sums.items()])
    return [admitted, *statements, Statement("reserve_runs", rows)]


def _charge_row(execution_id: str, charge: Charge) -> ChargeRow:
    return {"execution_id": execution_id, "runs": charge.runs, "tokens": charge.tokens, "money": charge.money}
