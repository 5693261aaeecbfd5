"""The request to schedule a task: the one definition of each task field.

Validation, `schedule_task`, the options of `schedule`, the REST schema, `show`, the graph and the reference page follow
from the annotations of `ScheduleRequest`. `docs/development/add-a-field.md` adds a field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: TC003 (pydantic reads the annotations at run time)
from dataclasses import MISSING, dataclass, fields
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Final, Self, TypedDict

from pydantic import BeforeValidator, ConfigDict, StrictFloat, StrictInt

from remembrancer.errors import InvalidInput
from remembrancer.model.budget import Budget, BudgetField, EstimateField
from remembrancer.model.constraints import LONGEST_ID, LONGEST_NAME, LONGEST_TEXT
from remembrancer.model.dependency import Dependency, DependsOn, TriggerRule
from remembrancer.model.dependency_field import DependencyList
from remembrancer.model.field_definition import (
    Choice,
    CronText,
    FieldGroup,
    JsonObject,
    Label,
    Labels,
    ScheduleObject,
    Seconds,
    Text,
    Timestamp,
    WholeNumber,
    ZoneName,
    definitions_of,
)
from remembrancer.model.follow_up import FollowUpArgument, FollowUpField
from remembrancer.model.overlap_template import KeyTemplate
from remembrancer.model.policy import DedupReuse, Fold, Gap, Misfire, OnLost, Overlap, SecondsField, Session
from remembrancer.model.priority import PriorityNumber
from remembrancer.model.retry_policy import RetryArgument, RetryRule
from remembrancer.model.schedule import ScheduleArgument  # noqa: TC001 (pydantic reads the annotations at run time)
from remembrancer.model.suggestions import nearest, unknown

_DAY_SECONDS: Final = 86_400


def _no_number(value: object) -> object:
    """Refuse a number for a date and time: its unit and its epoch are not known."""
    if value is None or isinstance(value, str | datetime | timedelta):
        return value
    raise ValueError("a time is text: an ISO-8601 date and time with Z or an offset such as +02:00, or in 2h")


@dataclass(frozen=True, slots=True)
class ScheduleRequest:
    """One task to schedule. The scheduler checks the values, and refuses a wrong one with `InvalidInput`.

    Raises InvalidInput: another argument was given; the message names the one that was meant.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    name: Annotated[str, Text("The name of the task, for people.", "Daily report", longest=LONGEST_NAME, one_line=True)]
    goal_description: Annotated[str, Text("The purpose of the task.", "Send the metrics", longest=LONGEST_TEXT)]
    trigger_prompt: Annotated[
        str, Text("The text that the handler gets when the task fires.", "Write today's report", longest=LONGEST_TEXT)
    ]
    origin_thought_id: Annotated[
        str, Text("The thought that asks for it.", "thought_12345", longest=LONGEST_ID, one_line=True)
    ]
    defer_until: Annotated[
        str | datetime | timedelta | None,
        BeforeValidator(_no_number),
        Timestamp(
            "The time at which the task runs, or its cron schedule begins: ISO-8601, or from now, such as `in 2h`.",
            "2027-01-01T09:00:00Z",
            group=FieldGroup.WHEN,
        ),
    ] = None
    schedule_cron: Annotated[
        str | None,
        CronText("The cron expression of a recurring task.", "0 9 * * 1-5", group=FieldGroup.WHEN),
    ] = None
    schedule: Annotated[
        ScheduleArgument,
        ScheduleObject(
            "A schedule of any kind, in place of a time or a cron expression: an object with its `kind`.",
            {"kind": "cron", "expression": "0 9 * * 1-5"},
            group=FieldGroup.WHEN,
        ),
    ] = None
    timezone: Annotated[
        str | None,
        ZoneName(
            "The IANA zone in which the schedule's times are read; UTC unless given.",
            "Europe/Berlin",
            group=FieldGroup.WHEN,
        ),
    ] = None
    gap: Annotated[
        Gap | str | None,
        Choice(
            "The treatment of a time of day that a clock change leaves out; unless given, a single time is refused.",
            "run_after",
            words=Gap,
            group=FieldGroup.WHEN,
        ),
    ] = None
    fold: Annotated[
        Fold | str,
        Choice(
            "The treatment of a time of day that a clock change repeats.", "first", words=Fold, group=FieldGroup.WHEN
        ),
    ] = Fold.FIRST
    seconds_field: Annotated[
        SecondsField | str | None,
        Choice(
            "The place of the seconds in a cron expression of six fields; needed with six fields only.",
            "first",
            words=SecondsField,
            group=FieldGroup.WHEN,
        ),
    ] = None
    misfire: Annotated[
        Misfire | str,
        Choice(
            "The treatment of occurrences that are found later than the grace.",
            "run_once",
            words=Misfire,
            group=FieldGroup.FAULTS,
        ),
    ] = Misfire.RUN_ONCE
    misfire_limit: Annotated[
        StrictInt,
        WholeNumber("The most late occurrences that `run_all` runs.", 100, least=1, most=1000, group=FieldGroup.FAULTS),
    ] = 100
    misfire_grace_seconds: Annotated[
        StrictFloat,
        Seconds(
            "Seconds after its time at which an occurrence still counts as on time.",
            60,
            least=0.0,
            most=366.0 * _DAY_SECONDS,
            group=FieldGroup.FAULTS,
        ),
    ] = 60.0
    on_lost: Annotated[
        OnLost | str,
        Choice(
            "The treatment of an occurrence whose scheduler died while it ran.",
            "fail",
            words=OnLost,
            group=FieldGroup.FAULTS,
        ),
    ] = OnLost.FAIL
    max_attempts: Annotated[
        StrictInt,
        WholeNumber("The most attempts at an occurrence.", 3, least=1, most=100, group=FieldGroup.FAULTS),
    ] = 3
    timeout_seconds: Annotated[
        StrictFloat | None,
        Seconds(
            "Seconds that the handler may take; the scheduler's own limit unless given.",
            300,
            least=0.001,
            most=_DAY_SECONDS,
            group=FieldGroup.FAULTS,
        ),
    ] = None
    dedup_key: Annotated[
        str | None,
        Text(
            "Scheduling again under the same key returns the task that is there.",
            "daily-report",
            longest=LONGEST_ID,
            one_line=True,
        ),
    ] = None
    context: Annotated[
        dict[str, Any] | None,
        JsonObject("Any JSON object for the handler.", {"api": "weather_service", "retry_count": 2}),
    ] = None
    tags: Annotated[
        Sequence[str], Labels("Words that the task is found by, in small letters.", ("errand", "home"))
    ] = ()
    group: Annotated[str | None, Label("The group that the task belongs to, a word in small letters.", "garden")] = None
    concurrency_key: Annotated[
        str | None,
        Label(
            "A word; tasks with the same one run one at a time, or as many as its limit says.",
            "database",
            group=FieldGroup.BUSY,
        ),
    ] = None
    dedup_reuse: Annotated[
        DedupReuse | str,
        Choice("The treatment of the `dedup_key` once the task has ended.", "never", words=DedupReuse),
    ] = DedupReuse.NEVER
    retry: Annotated[
        RetryArgument,
        RetryRule(
            "The waits between the attempts at an occurrence that failed; none follows unless given.",
            {"backoff": "exponential", "delay": 30, "give_up_on": ["PermissionError"]},
            group=FieldGroup.FAULTS,
        ),
    ] = None
    max_deferrals: Annotated[
        StrictInt | None,
        WholeNumber(
            "The most deferrals in a row of one run; the scheduler's own limit unless given.",
            5,
            least=0,
            most=1_000_000,
            group=FieldGroup.FAULTS,
        ),
    ] = None
    max_deferral_seconds: Annotated[
        StrictFloat | None,
        Seconds(
            "Seconds for which deferrals in a row may hold one run; the scheduler's own limit unless given.",
            86_400,
            least=1.0,
            most=3660.0 * _DAY_SECONDS,
            group=FieldGroup.FAULTS,
        ),
    ] = None
    depends_on: Annotated[
        DependsOn,
        DependencyList(
            "The tasks whose outcomes it waits for, by id or dedup_key.",
            ["task_1723644600.123_9f3k2a", {"task": "daily-import", "on_failure": "ignore"}],
            group=FieldGroup.WAITS,
        ),
    ] = ()
    trigger_rule: Annotated[
        TriggerRule | str | None,
        Choice(
            "The outcomes of these tasks that let it run; `all_succeeded` unless given.",
            "all_done",
            words=TriggerRule,
            group=FieldGroup.WAITS,
        ),
    ] = None

    misfire_age_seconds: Annotated[
        StrictFloat | None,
        Seconds(
            "Seconds after its time from which on a late occurrence is missed, not caught up with; none unless given.",
            86_400,
            least=1.0,
            most=3660.0 * _DAY_SECONDS,
            group=FieldGroup.FAULTS,
        ),
    ] = None
    deadline_seconds: Annotated[
        StrictFloat | None,
        Seconds(
            "Seconds after its time by which an occurrence must begin, or it is missed, even while it waits.",
            3600,
            least=1.0,
            most=3660.0 * _DAY_SECONDS,
            group=FieldGroup.FAULTS,
        ),
    ] = None
    pause_on_failure: Annotated[
        StrictInt | None,
        WholeNumber(
            "The failures for good in a row after which a recurring task is paused; never unless given.",
            5,
            least=1,
            most=1000,
            group=FieldGroup.FAULTS,
        ),
    ] = None
    budget: Annotated[
        Budget | str | None,
        BudgetField(
            "The bounds of the lineage that the task begins: what its runs may use, and how far it may grow.",
            {"runs": 100, "max_depth": 3},
            group=FieldGroup.LINEAGE,
        ),
    ] = None
    estimate: Annotated[
        Budget | str | None,
        EstimateField(
            "The tokens and the money that one run is expected to use: reserved from the budget while it runs.",
            {"tokens": 2000, "money": "0.05"},
            group=FieldGroup.LINEAGE,
        ),
    ] = None
    queue: Annotated[
        str | None,
        Label("The queue whose handler or workers do its work; the scheduler's own handler unless given.", "mail"),
    ] = None
    priority: Annotated[
        StrictInt | None,
        PriorityNumber(
            "The urgency among tasks that wait together: 9 is served first; 5 unless given.",
            9,
            group=FieldGroup.BUSY,
        ),
    ] = None
    session: Annotated[
        Session | str | None,
        Choice(
            "The conversation that its occurrences get in `firing.session`: a fresh one each unless given.",
            "same",
            words=Session,
        ),
    ] = None

    overlap: Annotated[
        Overlap | str | None,
        Choice(
            "The treatment of an occurrence that comes while another one runs; `allow_all` unless given.",
            "skip",
            words=Overlap,
            group=FieldGroup.BUSY,
        ),
    ] = None
    overlap_key: Annotated[
        str | None,
        KeyTemplate(
            "A template over the task: runs with the same text are in each other's way; its own unless given.",
            "report-{name}",
            group=FieldGroup.BUSY,
        ),
    ] = None
    circuit_key: Annotated[
        str | None,
        KeyTemplate(
            "The service that it shares, as a template over the task: failures in a row stop all that use it.",
            "github",
            group=FieldGroup.FAULTS,
        ),
    ] = None

    follow_up: Annotated[
        FollowUpArgument,
        FollowUpField(
            "The task that is made when occurrences were missed, or its prompt; none unless given.",
            {"prompt": "Say that the report was missed.", "delay": 600.0},
            group=FieldGroup.FAULTS,
        ),
    ] = None

    def __new__(cls, *_: object, **given: object) -> Self:
        """Reject an unknown field before the others are read."""
        for name, value in given.items():
            if name not in cls.__dataclass_fields__:
                known = [each.name for each in fields(cls)]
                raise InvalidInput(name, value, unknown(name, known), nearest(name, known) or known[0])
        return object.__new__(cls)


class TaskFields(TypedDict, total=False):
    """The fields of `ScheduleRequest` from `schedule` on."""

    schedule: ScheduleArgument
    timezone: str | None
    gap: Gap | str | None
    fold: Fold | str
    seconds_field: SecondsField | str | None
    misfire: Misfire | str
    misfire_limit: int
    misfire_grace_seconds: float
    on_lost: OnLost | str
    max_attempts: int
    timeout_seconds: float | None
    dedup_key: str | None
    context: dict[str, Any] | None
    tags: Sequence[str]
    group: str | None
    queue: str | None
    concurrency_key: str | None
    dedup_reuse: DedupReuse | str
    depends_on: Sequence[Dependency | Mapping[str, object] | str]
    trigger_rule: TriggerRule | str | None
    retry: RetryArgument
    budget: Budget | str | None
    estimate: Budget | str | None
    max_deferrals: int | None
    max_deferral_seconds: float | None
    overlap: Overlap | str | None
    overlap_key: str | None
    circuit_key: str | None
    misfire_age_seconds: float | None
    deadline_seconds: float | None
    pause_on_failure: int | None
    priority: int | None
    follow_up: FollowUpArgument
    session: Session | str | None


class NewTaskFields(TaskFields, total=False):
    """The keyword arguments of `schedule_task`: those fields, and two of its own.

    `in_` is a wait, in place of `defer_until`; `fires` is the number of next fires in the answer, five unless given.
    """

    in_: str | timedelta | None
    fires: int


class TaskChanges(TaskFields, total=False):
    """The keyword arguments of `update_task`: the fields of `ScheduleRequest` but its origin."""

    name: str
    goal_description: str
    trigger_prompt: str
    defer_until: str | datetime | timedelta | None
    schedule_cron: str | None


TASK_FIELDS: Final = definitions_of(ScheduleRequest)
"""The definition of each field, in order."""
DEFAULTS: Final = {each.name: each.default for each in fields(ScheduleRequest) if each.default is not MISSING}
"""The value of each field that need not be given."""
WHEN_FIELDS: Final = tuple(name for name, each in TASK_FIELDS.items() if each.group is FieldGroup.WHEN)
"""The fields that say when a task runs: they are read together."""
UPDATABLE: Final = tuple(name for name in TASK_FIELDS if name != "origin_thought_id")
"""The fields that an update may change: the thought that asked for a task stays the one that did."""
EXAMPLE: Final = {
    name: each.example for name, each in TASK_FIELDS.items() if name not in DEFAULTS or name == "schedule_cron"
}
"""A request that is accepted, as short as it may be."""
