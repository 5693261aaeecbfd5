"""The limits of a graph: their slots, who holds them, and the correction of slots whose executions have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from remembrancer.model.limit import WAIT, ConcurrencyLimit, Rate, SlotHolder
from remembrancer.model.timestamps import from_ms
from remembrancer.ports.limits import LimitState
from remembrancer.stores.commits.statement import Statement
from remembrancer.stores.rows import node_rows
from remembrancer.stores.rows.audit_rows import change_row
from remembrancer.stores.rows.wait_keys import begin_of
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from remembrancer.ports.writes import Change
    from remembrancer.stores.commits.row_types.executions import LimitKey, ReleasedSlotsRow
    from remembrancer.stores.commits.row_types.tasks import LimitRow
    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.graph.parts import GraphParts

_PAGE: Final = 1000
_SHOWN: Final = 100
_PRUNED_EVERY: Final = 100
"""So often are limits read again before unused ones are deleted."""


class GraphLimits:
    """The contract and its laws: `remembrancer.ports.limits.ConcurrencyLimits`.

    Args:
        parts: Of the open graph.
    """

    def __init__(self, parts: GraphParts) -> None:
        self._connection = parts.connection
        self.known: Collection[str] = frozenset()
        self._refreshed = 0
        self.refused = parts.slots.refused
        self.on_freed = parts.slots.on_freed

    async def set(self, key: str, slots: int | None, rate: Rate | None, change: Change) -> None:
        """Set the slots and the rate of a limit."""
        text, permit_us, burst = rate or (None, None, None)
        limit = {"limit_key": key, "slots": slots, "rate": text, "permit_us": permit_us, "burst": burst}
        row = cast("LimitRow", {**change_row(None, change), **limit})
        await self._connection.write([Statement("set_limits", [row])])
        self.known = frozenset({*self.known, key})
        for listener in self.on_freed:
            listener([key])

    async def refresh(self) -> None:
        """Read which limits there are, and correct slots whose executions have ended, or that were not written."""
        nodes = await self._nodes()
        self.known = frozenset(node["limit_key"] for node in nodes if node.get("is_set"))
        holders: dict[str, set[str]] = {node["limit_key"]: set(node.get("holders") or ()) for node in nodes}
        if not holders:
            return
        self._refreshed += 1
        if self._refreshed % _PRUNED_EVERY == 0:
            await self._prune(nodes)
        running = await self._running()
        rows: list[ReleasedSlotsRow] = []
        ended = await self._ended({each for held in holders.values() for each in held if each not in running})
        for key, held in holders.items():
            lost = [each for each, keys in running.items() if key in keys and each not in held]
            if gone := sorted(held & ended):
                rows.append({"limit_key": key, "ended": dict.fromkeys([*gone, *lost], True), "begun": lost})
            elif lost:
                rows.append({"limit_key": key, "ended": dict.fromkeys(lost, True), "begun": lost})
        if rows:
            await self._connection.write([Statement("release_slots", rows)])
            for listener in self.on_freed:
                listener([row["limit_key"] for row in rows])

    async def stray(self) -> Mapping[str, Sequence[str]]:
        """Return by limit the executions that hold a slot of it, and do not run."""
        before = {node["limit_key"]: set(node.get("holders") or ()) for node in await self._nodes()}
        ended = await self._ended({each for held in before.values() for each in held})
        if not ended:
            return {}
        again = await self._nodes()  # one that ended meanwhile has freed its slot in the same commit
        found = {node["limit_key"]: sorted(ended.intersection(node.get("holders") or ())) for node in again}
        return {key: held for key, held in found.items() if held}

    async def _ended(self, execution_ids: set[str]) -> set[str]:
        """Return those that do not run. They were read before: what runs by now is left alone."""
        if not execution_ids:
            return execution_ids
        found = await self._connection.read(query("still_running"), {"execution_ids": sorted(execution_ids)})
        return execution_ids - {row["e"]["execution_id"] for row in found}

    async def _prune(self, nodes: Sequence[Row]) -> None:
        """Delete the limits that were never set, without holders and tasks that wait: a claim makes them again."""
        unused: list[str] = [n["limit_key"] for n in nodes if not n.get("is_set") and not n.get("holders")]
        rows: list[LimitKey] = [{"limit_key": key} for key in unused if not await self._waiting(key)]
        if rows:
            await self._connection.write([Statement("prune_limits", rows)])

    async def _waiting(self, key: str) -> int:
        """Return how many tasks wait for a slot of a limit."""
        begin = begin_of(WAIT + key)
        between: Row = {"above": begin, "below": node_rows.after_all(begin)}
        (counted,) = await self._connection.read(query("count_waits"), between)
        return counted["waits"]

    async def of(self, keys: Collection[str]) -> Sequence[LimitState]:
        """Return those of these limits that there are."""
        found = await self._connection.read(query("limits_by_key"), {"keys": sorted(keys)})
        return [_state(row["l"]) for row in found]

    async def all(self, limit: int, now_ms: int) -> Sequence[ConcurrencyLimit]:
        """Return the limits by key, with who holds their slots and how many wait."""
        states = [_state(node) for node in (await self._nodes())[:limit]]
        asked = [each for state in states for each in state.holders[:_SHOWN]]
        rows = await self._connection.read(query("slot_holders"), {"execution_ids": asked}) if asked else []
        tasks = {row["execution_id"]: (row["task_id"], row["task"]) for row in rows}
        found: list[ConcurrencyLimit] = []
        for state in states:
            holders = [SlotHolder.model_validate(_holder(each, tasks.get(each))) for each in state.holders[:_SHOWN]]
            found.append(
                ConcurrencyLimit(
                    key=state.key,
                    slots=state.slots,
                    rate=state.rate.text if state.rate else None,
                    burst=state.rate.burst if state.rate else None,
                    next_at=None if (at_ms := state.permit_ms(now_ms)) <= now_ms else from_ms(at_ms),
                    taken=len(state.holders),
                    waiting=await self._waiting(state.key),
                    holders=holders,
                )
            )
        return found

    async def tasks_of(self, execution_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the tasks of executions, by execution."""
        rows = await self._connection.read(query("slot_holders"), {"execution_ids": list(execution_ids)})
        return {row["execution_id"]: row["task_id"] for row in rows}

    async def _nodes(self) -> list[Row]:
        found: list[Row] = []
        while True:
            asked: Row = {"after": found[-1]["limit_key"] if found else "", "limit": _PAGE}
            page = [row["l"] for row in await self._connection.read(query("limits"), asked)]
            found += page
            if len(page) < _PAGE:
                return found

    async def _running(self) -> dict[str, Sequence[str]]:
        """Return the running executions under limits, with these."""
        leases = await self._connection.read(query("leases_held"), {"limit": _PAGE * 10})
        ids = [each for lease in leases for each in lease["execution_ids"]]
        if not ids:
            return {}
        found = await self._connection.read(query("still_running"), {"execution_ids": ids})
        return {row["e"]["execution_id"]: row["e"]["limit_keys"] for row in found if row["e"].get("limit_keys")}


def _state(node: Row) -> LimitState:
    text, permit_us, burst = node.get("rate"), node.get("permit_us"), node.get("burst")
    rate = None if text is None or not permit_us or not burst else Rate(text, permit_us, burst)
    key, slots, spent_us = node["limit_key"], node.get("slots"), node.get("spent_us") or 0
    return LimitState(key, slots, node.get("holders") or [], rate, spent_us)


def _holder(execution_id: str, task: tuple[str, str] | None) -> Row:
    task_id, name = task or (None, None)
    return {"execution_id": execution_id, "task_id": task_id, "task": name}
