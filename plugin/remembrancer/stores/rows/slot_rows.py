"""Statements that take slots of limits for executions, and free them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from remembrancer.model.circuit import CIRCUIT, OPEN_SECONDS
from remembrancer.model.limit import OVERLAP, first_slots
from remembrancer.model.timestamps import to_ms
from remembrancer.ports.limits import Refusal
from remembrancer.stores.commits.statement import Statement
from remembrancer.stores.rows import node_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from remembrancer.model.execution import Execution
    from remembrancer.ports.writes import Claim
    from remembrancer.stores.commits.row_types.circuits import CircuitPassRow
    from remembrancer.stores.commits.row_types.executions import (
        LimitedClaimRow,
        ReleasedSlotsRow,
        SlotPlace,
        SlotReturnRow,
        TakenSlotsRow,
    )
    from remembrancer.stores.commits.statement import Row

_TAKING: Final = frozenset({"pass_circuits", "take_slots"})
"""The statements that say how many executions begin under limits."""


def limited_claims(claims: Sequence[Claim], element_ids: Sequence[str | None]) -> list[Statement]:
    """Return the statements of claims under limits: take slots, claim with them, and return those left over."""
    wanted = _wanted([claim.execution for claim in claims])
    rows: list[LimitedClaimRow] = []
    places = {key: {each: place for place, each in enumerate(ids)} for key, ids in wanted.items()}
    for claim, element_id in zip(claims, element_ids, strict=True):
        keys = claim.execution.limit_keys or ()
        at: list[SlotPlace] = [{"limit_key": key, "place": places[key][claim.execution.execution_id]} for key in keys]
        row: LimitedClaimRow = {**node_rows.claim_row(claim), "limit_keys": list(keys), "places": at}
        row["element_id"] = element_id
        rows.append(row)
    taken = taking(wanted, to_ms(claims[0].execution.triggered_at))
    return [*taken, Statement("claim_limited", rows), _returning(taken)]


def taking(wanted: dict[str, list[str]], at_ms: int, *, force: bool = False) -> list[Statement]:
    """Return the statements that take slots of limits for executions, by key; with *force*, beyond the limit too."""
    rows: list[TakenSlotsRow] = []
    passes: list[CircuitPassRow] = []
    for key, ids in sorted(wanted.items()):
        if key.startswith(CIRCUIT):
            open_ms = round(OPEN_SECONDS * 1000)
            passes.append({"limit_key": key, "wanted": list(ids), "force": force, "at_ms": at_ms, "open_ms": open_ms})
        else:
            slots, at_us = first_slots(key), at_ms * 1000
            rows.append({"limit_key": key, "slots": slots, "wanted": list(ids), "force": force, "at_us": at_us})
    taken = {"pass_circuits": passes, "take_slots": rows}
    return [Statement(name, asked) for name, asked in taken.items() if asked]


def releasing(ended: Iterable[Execution], begun: Iterable[Execution] = ()) -> list[Statement]:
    """Return the statement that frees the slots of executions, and gives some to others; none without any."""
    out, goes_on = _wanted(ended), _wanted(begun)
    rows: list[ReleasedSlotsRow] = [
        {"limit_key": key, "ended": dict.fromkeys(out.get(key, ()), True), "begun": goes_on.get(key, [])}
        for key in sorted({*out, *goes_on}, key=_in_order)
    ]
    return [Statement("release_slots", rows)] if rows else []


def returning(executions: Iterable[Execution]) -> list[Statement]:
    """Return the statement that takes slots back from those of *executions* that did not begin; none without any."""
    wanted = _wanted(executions)
    return [_returning(taking(wanted, 0))] if wanted else []


def note_refusals(refused: dict[str, Refusal], statements: Sequence[Statement], answers: Sequence[list[Row]]) -> None:
    """Note which executions got no slot, by the statements of a commit that were to take them, and their answers."""
    for statement, answer in zip(statements, answers, strict=True):
        for row in answer if statement.name in _TAKING else ():
            asked = cast("TakenSlotsRow", statement.rows[row["row"]])
            refusal = _refusal(asked["limit_key"], row)
            for execution_id in asked["wanted"][max(0, row["free"]) :]:
                if refusal.limit_key.startswith(OVERLAP):  # whatever else is full: what is in the way decides
                    refused[execution_id] = refusal
                else:
                    refused.setdefault(execution_id, refusal)


def _refusal(limit_key: str, row: Row) -> Refusal:
    permit_ms = None if row["next_us"] is None else -(-row["next_us"] // 1000)
    rate = None if permit_ms is None else row["rate"]
    refusal = Refusal(limit_key, row["slots"] or 0, row["holders"], rate, permit_ms)
    if not limit_key.startswith(CIRCUIT):
        return refusal
    return refusal._replace(open_since_ms=row["open_since_ms"], failures=row["failures"] or 0, fault=row["fault"])


def wanted_slots(executions: Sequence[Execution]) -> tuple[dict[str, list[str]], dict[str, dict[str, int]]]:
    """Return the executions under each limit, and of each execution its places among them, by the limits."""
    wanted = _wanted(executions)
    places: dict[str, dict[str, int]] = {}
    for key, ids in wanted.items():
        for place, each in enumerate(ids):
            places.setdefault(each, {})[key] = place
    return wanted, places


def without_overlap(executions: Iterable[Execution]) -> list[Execution]:
    """Return the executions with those of their limits that are no overlap keys."""
    return [_under(each, [key for key in each.limit_keys or () if not key.startswith(OVERLAP)]) for each in executions]


def only_overlap(executions: Iterable[Execution]) -> list[Execution]:
    """Return the executions with those of their limits that are overlap keys."""
    return [_under(each, [key for key in each.limit_keys or () if key.startswith(OVERLAP)]) for each in executions]


def taken_over(pairs: Sequence[tuple[Execution, Execution]]) -> tuple[list[Statement], list[Statement]]:
    """Return the statements by which attempts take over the overlap keys of those before them.

    The second ones, at the end of the commit, give those back whose attempts did not begin. None without any.
    """
    rows: list[SlotReturnRow] = [
        {"limit_key": key, "former": former.execution_id, "begun": begun.execution_id}
        for former, begun in pairs
        for key in former.limit_keys or ()
        if key.startswith(OVERLAP)
    ]
    if not rows:
        return [], []
    former, begun = (only_overlap(each) for each in zip(*pairs, strict=True))
    return releasing(former, begun), [Statement("take_slots_back", rows)]


def freed_keys(statements: Sequence[Statement], answers: Sequence[list[Row]]) -> set[str]:
    """Return the limits of which slots became free that somebody may wait for."""
    freed: set[str] = set()
    for statement, answer in zip(statements, answers, strict=True):
        if statement.name == "release_slots":
            for row in answer:
                released = cast("ReleasedSlotsRow", statement.rows[row["row"]])
                if row["is_wanted"] or not released["limit_key"].startswith(OVERLAP):
                    freed.add(released["limit_key"])
    return freed


def _returning(taken: Sequence[Statement]) -> Statement:
    """Return the statement that takes back what others took for executions which did not begin."""
    return Statement("return_slots", [row for each in taken for row in each.rows])


def _in_order(limit_key: str) -> tuple[bool, str]:
    """Return the place of a limit in the order in which all writes lock them: circuits first."""
    return not limit_key.startswith(CIRCUIT), limit_key


def _under(execution: Execution, keys: Sequence[str]) -> Execution:
    return execution if not execution.limit_keys else execution.model_copy(update={"limit_keys": tuple(keys)})


def _wanted(executions: Iterable[Execution]) -> dict[str, list[str]]:
    """Return the executions under each limit."""
    found: dict[str, list[str]] = {}
    for execution in executions:
        for key in execution.limit_keys or ():
            found.setdefault(key, []).append(execution.execution_id)
    return found
