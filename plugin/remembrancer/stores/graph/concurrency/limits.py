"""The limits of a graph: their slots, who holds them, and the correction of slots whose executions have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from remembrancer.model.circuit import CIRCUIT, OPEN_SECONDS, OPENS_AFTER, Circuit
from remembrancer.model.limit import OVERLAP, ConcurrencyLimit, Rate, SlotHolder, wait_key_of
from remembrancer.model.quota import AGENT, ORIGIN, is_quota, quota_of_key
from remembrancer.model.timestamps import from_ms
from remembrancer.ports.limits import LimitState
from remembrancer.stores.commits.statement import Statement
from remembrancer.stores.graph.concurrency.quotas import open_under
from remembrancer.stores.rows import node_rows
from remembrancer.stores.rows.audit_rows import change_row
from remembrancer.stores.rows.wait_keys import begin_of
from remembrancer_schema.catalog import query

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from remembrancer.model.execution import Execution
    from remembrancer.ports.writes import Change
    from remembrancer.stores.commits.row_types.circuits import CircuitRow
    from remembrancer.stores.commits.row_types.executions import LimitKey, ReleasedSlotsRow, StopRow
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
        self._records = parts.records
        self._overlaps_after = OVERLAP
        self.known: Collection[str] = frozenset()
        self._quotas: dict[str, int | None] | None = None
        self._refreshed = 0
        self.refused = parts.slots.refused
        self.on_freed = parts.slots.on_freed

    async def set(self, key: str, slots: int | None, rate: Rate | None, change: Change) -> None:
        """Set the slots and the rate of a limit."""
        text, permit_us, burst = rate or (None, None, None)
        limit = {"limit_key": key, "slots": slots, "rate": text, "permit_us": permit_us, "burst": burst}
        after = node_rows.to_json({"limit": key, "slots": slots, "rate": text})
        row = cast("LimitRow", {**change_row(None, change), **limit, "after": after})
        await self._connection.write([Statement("set_limits", [row])])
        if is_quota(key):
            self._quotas = {**(self._quotas or {}), key: slots} if self._quotas is not None else None
            return
        self.known = frozenset({*self.known, key})
        for listener in self.on_freed:
            listener([key])

    async def set_circuit(self, key: str, opens_after: int, open_ms: int, change: Change) -> None:
        """Set after how many failures in a row a circuit opens, and for how long."""
        await self._write_circuit("set_circuits", key, change, opens_after, open_ms)

    async def reset_circuit(self, key: str, change: Change) -> bool:
        """Close a circuit, and forget its failures; return False if there is none with this key."""
        is_there = await self._write_circuit("reset_circuits", key, change)
        for listener in self.on_freed if is_there else ():
            listener([key])
        return is_there

    async def _write_circuit(
        self, query_name: str, key: str, change: Change, opens_after: int | None = None, open_ms: int | None = None
    ) -> bool:
        values = {"opens_after": opens_after, "open_seconds": None if open_ms is None else open_ms / 1000}
        after = node_rows.to_json({"circuit": key, **{name: value for name, value in values.items() if value}})
        settings = {"limit_key": key, "opens_after": opens_after, "open_ms": open_ms, "after": after}
        row = cast("CircuitRow", {**change_row(None, change), **settings})
        (written,) = await self._connection.write([Statement(query_name, [row])])
        return bool(written)

    async def learn(self) -> None:
        """Read which limits there are, if this process has not done so yet."""
        if self._quotas is None:
            self._note(await self._nodes())

    async def refresh(self) -> None:
        """Read which limits there are, and correct slots whose executions have ended, or that were not written."""
        nodes = [*self._note(await self._nodes()), *await self._next_overlaps()]
        holders: dict[str, set[str]] = {node["limit_key"]: set(node.get("holders") or ()) for node in nodes}
        if not holders:
            return
        self._refreshed += 1
        if self._refreshed % _PRUNED_EVERY == 0:
            await self._prune()
        running = await self._running()
        rows: list[ReleasedSlotsRow] = []
        ended = await self._ended({each for held in holders.values() for each in held if each not in running})
        keepers = {each for key in holders if key > OVERLAP for each in holders[key] & ended}
        waiting = await self._between_attempts(keepers)
        for key, held in holders.items():
            lost = [each for each, keys in running.items() if key in keys and each not in held]
            if gone := sorted((held & ended) - waiting):
                rows.append({"limit_key": key, "ended": dict.fromkeys([*gone, *lost], True), "begun": lost})
            elif lost:
                rows.append({"limit_key": key, "ended": dict.fromkeys(lost, True), "begun": lost})
        if rows:
            await self._connection.write([Statement("release_slots", rows)])
            for listener in self.on_freed:
                listener([row["limit_key"] for row in rows])

    async def quotas(self) -> Mapping[str, int | None]:
        """Return the quotas that are set, by key, as this process last read them."""
        await self.learn()
        return self._quotas or {}

    def _note(self, nodes: Sequence[Row]) -> list[Row]:
        """Note the limits and the quotas that are set; return the limits."""
        set_by = {node["limit_key"]: node.get("slots") for node in nodes if node.get("is_set")}
        self.known = frozenset(key for key in set_by if not is_quota(key) and not key.startswith(CIRCUIT))
        self._quotas = {key: slots for key, slots in set_by.items() if is_quota(key)}
        return [node for node in nodes if not is_quota(node["limit_key"])]

    async def stray(self) -> Mapping[str, Sequence[str]]:
        """Return by limit the executions that hold a slot of it, and do not run."""
        before = {node["limit_key"]: set(node.get("holders") or ()) for node in await self._held()}
        ended = await self._ended({each for held in before.values() for each in held})
        if not ended:
            return {}
        again = await self._held()  # one that ended meanwhile has freed its slot in the same commit
        keeps = await self._between_attempts({each for key in before if key > OVERLAP for each in before[key] & ended})
        found: dict[str, list[str]] = {}
        for node in again:
            stray = ended.intersection(node.get("holders") or ())
            if held := sorted(stray - keeps if node["limit_key"] > OVERLAP else stray):
                found[node["limit_key"]] = held
        return found

    async def _held(self) -> list[Row]:
        """Return the limits, of overlap keys a thousand of those in use."""
        used = await self._connection.read(query("overlaps_in_use"), {"limit": _PAGE})
        return [*await self._nodes(), *(row["l"] for row in used)]

    async def _ended(self, execution_ids: set[str]) -> set[str]:
        """Return those that do not run. They were read before: what runs by now is left alone."""
        if not execution_ids:
            return execution_ids
        found = await self._connection.read(query("still_running"), {"execution_ids": sorted(execution_ids)})
        return execution_ids - {row["e"]["execution_id"] for row in found}

    async def _prune(self) -> None:
        """Delete the limits that were never set, without holders and tasks that wait: a claim makes them again."""
        after = ""
        while page := [row["l"] for row in await self._connection.read(query("limits"), self._page(after))]:
            unused: list[str] = [
                n["limit_key"] for n in page if not n.get("is_set") and not n.get("holders") and not n.get("failures")
            ]
            waits = await self._waits(unused)
            rows: list[LimitKey] = [{"limit_key": key} for key in unused if key not in waits]
            if rows:
                await self._connection.write([Statement("prune_limits", rows)])
            after = page[-1]["limit_key"]

    async def _waits(self, keys: Sequence[str]) -> Mapping[str, int]:
        """Return how many tasks wait for slots of limits, by limit, of those that any waits for."""
        begins = {begin_of(wait_key_of(key)): key for key in keys if not is_quota(key)}
        if not begins:
            return {}
        ranges: list[Row] = [{"above": begin, "below": node_rows.after_all(begin)} for begin in begins]
        rows = await self._connection.read(query("waits_in_ranges"), {"ranges": ranges})
        return {begins[row["above"]]: row["waits"] for row in rows}

    @staticmethod
    def _page(after: str) -> Row:
        return {"after": after, "limit": _PAGE}

    async def of(self, keys: Collection[str]) -> Sequence[LimitState]:
        """Return those of these limits that there are."""
        return [_state(node) for node in await self._with_keys(keys)]

    async def _with_keys(self, keys: Collection[str]) -> list[Row]:
        found = await self._connection.read(query("limits_by_key"), {"keys": sorted(keys)})
        return [row["l"] for row in found]

    async def all(self, limit: int, now_ms: int, key: str | None = None) -> Sequence[ConcurrencyLimit]:
        """Return the limits by key, or one, with who holds their slots and how many wait."""
        nodes = await self._shown(limit) if key is None else await self._with_keys([key])
        circuits = {node["limit_key"]: _circuit(node) for node in nodes if node["limit_key"].startswith(CIRCUIT)}
        states = [_state(node) for node in nodes]
        waits = await self._waits([state.key for state in states])
        asked = [each for state in states for each in state.holders[:_SHOWN]]
        rows = await self._connection.read(query("slot_holders"), {"execution_ids": asked}) if asked else []
        tasks = {row["execution_id"]: (row["task_id"], row["task"]) for row in rows}
        found: list[ConcurrencyLimit] = []
        for state in states:
            if is_quota(state.key):
                held = (
                    0
                    if state.key in {ORIGIN, AGENT}
                    else len(await open_under(self._connection, quota_of_key(state.key)))
                )
                found.append(ConcurrencyLimit(key=state.key, slots=state.slots, taken=held))
                continue
            holders = [SlotHolder.model_validate(_holder(each, tasks.get(each))) for each in state.holders[:_SHOWN]]
            found.append(
                ConcurrencyLimit(
                    key=state.key,
                    slots=state.slots,
                    rate=state.rate.text if state.rate else None,
                    burst=state.rate.burst if state.rate else None,
                    next_at=None if (at_ms := state.permit_ms(now_ms)) <= now_ms else from_ms(at_ms),
                    taken=len(state.holders),
                    waiting=waits.get(state.key, 0),
                    holders=holders,
                    circuit=circuits.get(state.key),
                )
            )
        return found

    async def _shown(self, limit: int) -> Sequence[Row]:
        """Return the limits by key, of overlap keys those in use, at most *limit*."""
        used = await self._connection.read(query("overlaps_in_use"), {"limit": limit})
        return [*await self._nodes(), *(row["l"] for row in used)][:limit]

    async def executions(self, execution_ids: Sequence[str]) -> Sequence[Execution]:
        """Return those of these executions that there are."""
        rows = await self._connection.read(query("executions_of_ids"), {"execution_ids": list(execution_ids)})
        return self._records.read("execution_id", node_rows.execution_from, [row["e"] for row in rows])

    async def ask_to_stop(self, execution: Execution, reason: str) -> None:
        """Ask the scheduler that runs an execution to stop it."""
        row: StopRow = {"execution_id": execution.execution_id, "fence": execution.fence, "reason": reason}
        await self._connection.write([Statement("ask_to_stop", [row])])

    async def stopped(self, execution_ids: Sequence[str]) -> Mapping[str, str]:
        """Return those of these executions that were asked to stop, or have an outcome, with the reason."""
        rows = await self._connection.read(query("stopped_executions"), {"execution_ids": list(execution_ids)})
        return {row["execution_id"]: row["reason"] or "" for row in rows}

    async def settle_wanted(self, keys: Sequence[str]) -> None:
        """Note that no task waits for these limits."""
        await self._connection.write([Statement("settle_wanted", [{"limit_key": key} for key in keys])])

    async def tasks_of(self, execution_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the tasks of executions, by execution."""
        rows = await self._connection.read(query("slot_holders"), {"execution_ids": list(execution_ids)})
        return {row["execution_id"]: row["task_id"] for row in rows}

    async def _nodes(self) -> list[Row]:
        """Return the limits but for overlap keys, which there may be as many of as there are tasks."""
        found: list[Row] = []
        while True:
            asked = self._page(found[-1]["limit_key"] if found else "")
            page = [row["l"] for row in await self._connection.read(query("limits"), asked)]
            found += [node for node in page if node["limit_key"] < OVERLAP]
            if len(page) < _PAGE or page[-1]["limit_key"] >= OVERLAP:
                return found

    async def _next_overlaps(self) -> list[Row]:
        """Return the next thousand of the overlap keys, from the first on again after the last."""
        asked = self._page(self._overlaps_after)
        page = [row["l"] for row in await self._connection.read(query("limits"), asked)]
        self._overlaps_after = OVERLAP if len(page) < _PAGE else page[-1]["limit_key"]
        return page

    async def _between_attempts(self, execution_ids: Collection[str]) -> set[str]:
        """Return those of these executions, which have ended, that wait for their next attempt."""
        if not execution_ids:
            return set()
        asked: Row = {"execution_ids": sorted(execution_ids)}
        rows = await self._connection.read(query("executions_of_ids"), asked)
        return {row["e"]["execution_id"] for row in rows if row["e"].get("retry_task_id") is not None}

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
    holders: list[str] = node.get("holders") or []
    state = LimitState(key, slots, holders, rate, spent_us, bool(node.get("is_wanted")))
    if node.get("trial_ms") is None:
        return state
    is_tried = not set(holders) <= set(node.get("former") or ())
    return state._replace(trial_ms=node["trial_ms"], open_ms=_open_ms(node), is_tried=is_tried)


def _open_ms(node: Row) -> int:
    return node.get("open_ms") or round(OPEN_SECONDS * 1000)


def _circuit(node: Row) -> Circuit:
    since_ms, trial_ms = node.get("open_since_ms"), node.get("trial_ms")
    return Circuit(
        opens_after=node.get("opens_after") or OPENS_AFTER,
        open_seconds=_open_ms(node) / 1000,
        failures=node.get("failures") or 0,
        last_failure=node.get("fault"),
        open_since=None if since_ms is None else from_ms(since_ms),
        trial_at=None if trial_ms is None else from_ms(trial_ms),
    )


def _holder(execution_id: str, task: tuple[str, str] | None) -> Row:
    task_id, name = task or (None, None)
    return {"execution_id": execution_id, "task_id": task_id, "task": name}
