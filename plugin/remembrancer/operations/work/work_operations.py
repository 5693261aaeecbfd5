"""The entries of the table of operations that workers of queues call, and their parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, StrictBool, StrictFloat, StrictInt

from remembrancer.model.constraints import LONGEST_NAME, LONGEST_WORD
from remembrancer.model.execution import Execution
from remembrancer.model.token import Scope
from remembrancer.model.worker_calls import (
    LEASE_SECONDS,
    LEAST_LEASE,
    LONGEST_LEASE,
    LONGEST_WAIT,
    MOST_QUEUES,
    MOST_WORK,
    WaitingWork,
    WorkItem,
    WorkReceipt,
)
from remembrancer.operations.operation import Effect, Http, Operation, Params
from remembrancer.operations.parameters import Limit, OneExecution
from remembrancer.operations.questions.question_parameters import QuestionFields

if TYPE_CHECKING:
    from remembrancer.operations.operation import AnyOperation

_WORK: Final = "/scheduler/work"
_EXECUTION: Final = f"{_WORK}/{{execution_id}}"
_Worker = Annotated[str, Field(description="The name of the worker, its own.", max_length=LONGEST_NAME)]
_Tokens = Annotated[StrictInt, Field(description="The tokens that it used.", ge=0)]
_Money = Annotated[str, Field(description="The money that it used: text with up to six decimals, such as 0.05.")]
_Queue = Annotated[str, Field(max_length=LONGEST_WORD)]


class WaitingWorkOf(Params):
    """The queue."""

    queue: Annotated[str, Field(description="The queue.", max_length=LONGEST_WORD)]
    limit: Limit = 100


class ClaimWork(Params):
    """The queues that are asked, and the worker that asks."""

    queues: Annotated[
        list[_Queue], Field(description="The queues, the most urgent one first.", min_length=1, max_length=MOST_QUEUES)
    ]
    worker: _Worker
    limit: Annotated[StrictInt, Field(description="The most executions.", ge=1, le=MOST_WORK)] = 1
    wait_seconds: Annotated[
        StrictFloat, Field(description="Seconds to wait for the first one.", ge=0, le=LONGEST_WAIT)
    ] = 0.0
    lease_seconds: Annotated[
        StrictFloat,
        Field(
            description="Seconds within which each report, or the outcome, comes; else the work comes back.",
            ge=LEAST_LEASE,
            le=LONGEST_LEASE,
        ),
    ] = LEASE_SECONDS


class HeldWork(OneExecution):
    """An execution, and the worker that holds it."""

    worker: _Worker


class ReportWork(HeldWork):
    """The progress of a worker."""

    fraction: Annotated[
        StrictFloat | None, Field(description="The share of the work that is done, 0 to 1.", ge=0, le=1)
    ] = None
    text: Annotated[str | None, Field(description="The work under way, for people.")] = None


class CompleteWork(HeldWork):
    """The result of work that is done."""

    result: Annotated[str | None, Field(description="The result, as text.")] = None
    thought: Annotated[str | None, Field(description="The text of a thought that the work made.")] = None
    thought_id: Annotated[str | None, Field(description="The id of that thought; one is made unless given.")] = None
    next_check: Annotated[
        str | None, Field(description="The next run of a task of kind `paced`: a length of time, or a moment.")
    ] = None
    tokens: _Tokens = 0
    money: _Money = "0"


class FailWork(HeldWork):
    """The failure of work."""

    reason: Annotated[str, Field(description="The reason, for people.")]
    permanent: Annotated[StrictBool, Field(description="True if another attempt would fail too.")] = False
    retry: Annotated[StrictBool, Field(description="True if another attempt is to follow.")] = False
    retry_after: Annotated[
        StrictFloat | None, Field(description="Seconds until another attempt, which is to follow.", ge=0)
    ] = None
    exceptions: Annotated[
        list[str] | None, Field(description="The names of the class that was raised, and of its bases.")
    ] = None
    tokens: _Tokens = 0
    money: _Money = "0"


class DeferWork(HeldWork):
    """The deferral of work."""

    until: Annotated[str, Field(description="The time: ISO-8601, or from now, such as in 2h.")]
    reason: Annotated[str, Field(description="The reason, for people.")]


class AskWork(QuestionFields, HeldWork):
    """A question that work waits for."""


def _end(name: str, summary: str, params: type[HeldWork]) -> AnyOperation:
    """Return an operation that ends work."""
    path = f"{_EXECUTION}/{name.removesuffix('_work')}"
    return Operation(
        name=name,
        summary=summary,
        scope=Scope.WRITE,
        effect=Effect.ADDS,
        params=params,
        result=Execution,
        http=(Http(verb="POST", path=path),),
    )


WORK: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="waiting_work",
        summary="Return what waits for workers of a queue, in the order in which it is handed out.",
        params=WaitingWorkOf,
        result=list[WaitingWork],
        http=(Http(verb="GET", path=_WORK),),
    ),
    Operation(
        name="claim_work",
        summary="Hand executions of queues to a worker, which holds each until its outcome, or the end of its lease.",
        scope=Scope.WRITE,
        effect=Effect.ADDS,
        params=ClaimWork,
        result=list[WorkItem],
        http=(Http(verb="POST", path=f"{_WORK}/claim"),),
    ),
    Operation(
        name="report_work",
        summary="Say that a worker still holds an execution, and how far it is; answers whether it is to stop.",
        scope=Scope.WRITE,
        effect=Effect.ADDS,
        params=ReportWork,
        result=WorkReceipt,
        http=(Http(verb="POST", path=f"{_EXECUTION}/report"),),
    ),
    _end("complete_work", "End an execution that a worker holds: its work is done.", CompleteWork),
    _end("fail_work", "End an execution that a worker holds: its work failed.", FailWork),
    _end("defer_work", "End an execution that a worker holds: its run is deferred.", DeferWork),
    _end("ask_work", "End an execution that a worker holds: its run waits for an answer of people.", AskWork),
)
"""Work of queues."""
