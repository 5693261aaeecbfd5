"""Types of rows that write lineages."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from remembrancer.stores.commits.row_types.tasks import TaskRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class LineageKey(TypedDict):
    """A lineage."""

    lineage_id: str


class LineageRow(LineageKey):
    """The bounds of a lineage, those that are given."""

    at_ms: int
    limits: Mapping[str, object]


class AdmissionRow(LineageKey):
    """Tasks that a handler schedules, and the bounds that hold where their lineage has none."""

    admission: str
    execution_id: str
    generation: int
    tasks: int
    counted_id: str | None
    max_depth: int | None
    max_fan_out: int | None
    max_open_tasks: int | None
    at_ms: int


class SpawnedRow(TaskRow, total=False):
    """A new task, and the admission that it needs."""

    lineage_id: str
    admission: str


class SpawnLinkRow(TypedDict):
    """A task, and the execution whose handler scheduled it."""

    task_id: str
    execution_id: str


class ExhaustedRow(LineageKey):
    """A lineage whose budget has too little left, the task that found it so, and the amount in words."""

    task_id: str
    reason: str
    at_ms: int


class BudgetChangeRow(LineageRow):
    """Other bounds of a lineage, and who sets them."""

    change_id: str
    action: str
    surface: str
    actor: str | None
    reason: str | None
    after: str | None


class DrawnRow(TypedDict):
    """The sums of what runs reserve in one lineage, up to that of one task or former execution."""

    task_id: str
    former_execution_id: str | None
    runs: int
    tokens: int
    money: int


class DrawsRow(LineageKey):
    """The reservations of runs in one lineage, one after the other."""

    draws: Sequence[DrawnRow]


class ReservationRow(LineageKey):
    """The reservation of an execution."""

    execution_id: str
    tokens: int
    money: int


class ChargeRow(TypedDict):
    """The usage of an execution; null is what it had reserved."""

    execution_id: str
    runs: int
    tokens: int | None
    money: int | None


class KeyRange(TypedDict):
    """A range of index keys, without its ends."""

    above: str
    below: str


class QuotaRow(TypedDict):
    """A quota that new tasks need room in."""

    limit_key: str
    most: int | None
    task_id: str
    """One of them."""
    origin: str | None
    agent: str | None
    ranges: list[KeyRange]


class MissedRow(TypedDict):
    """An execution that was recorded as missed in the same commit."""

    execution_id: str
    missed_fence: int
    replica_id: str | None


class FollowUpAdmissionRow(MissedRow, LineageKey):
    """The admission of a follow-up, and the bounds that hold where its lineage has none."""

    generation: int
    place: int
    """Its place among those of its lineage in this commit."""
    max_depth: int | None
    max_fan_out: int | None
    max_open_tasks: int | None
    at_ms: int


class AskedRow(MissedRow):
    """A follow-up that needs room in a quota."""

    place: int


class FollowUpQuotaRow(TypedDict):
    """A quota, and the follow-ups that need room in it."""

    limit_key: str
    most: int | None
    origin: str | None
    ranges: list[KeyRange]
    refusal: str
    asked: list[AskedRow]


class FollowUpRow(TaskRow, MissedRow, LineageKey):
    """A follow-up, and the execution that it follows up."""


class FollowUpRefusalRow(MissedRow):
    """The words for a follow-up that was not made."""

    refusal: str
