"""Every error this package raises on purpose.

RemembrancerError
├── InvalidInput (ValueError)       an argument is invalid; nothing was written
│   ├── IdempotencyKeyReused        a different request was sent with the same idempotency key
│   ├── QuotaReached                more tasks would be open than a quota allows
│   ├── LineageLimitReached         a bound of a lineage refuses tasks of a handler, or a run
│   ├── TimerRefused                the host does not let something be put on a timer
│   └── DeferralsExhausted          the run was deferred as often, or for as long, as its task allows
├── TaskNotFound (LookupError)      no task has this id
├── ExecutionNotFound (LookupError) no execution has this id, or it was pruned into a summary
├── TaskUnreadable                  the properties of a task's node are invalid
├── ExecutionUnreadable             the properties of an execution's node are invalid
├── TaskChanged                     the task changed after the caller read it
├── TaskEnded                       the task is complete, cancelled or failed, and can no longer change
├── TaskContended                   the task kept changing during the request
├── DuplicateTask                   another task was scheduled with the same dedup_key at the same time
├── NotRunning                      the scheduler is not running
├── SchedulerBusy                   every handler slot is taken
├── SchedulerHalted                 the scheduler is halted, and nothing begins
├── WrongThread                     a blocking call was made on the scheduler's own thread
├── CopyTargetNotEmpty              the target of a copy holds other data
├── CopyMismatch                    a copy and its source differ
└── GraphUnavailable                the graph cannot be opened, read or written
    ├── GraphLocked                 another process holds the folder
    ├── GraphNotFound               the folder does not exist, or is not writable
    ├── NotAGraph                   the folder holds something else
    ├── GraphTooNew                 a newer version of this package wrote it
    ├── GraphTooOld                 an older version wrote it, and this call must not change it
    ├── CopyIncomplete              a copy into it was interrupted
    ├── GraphReplaced               the folder was deleted, moved or replaced while it was open
    ├── GraphDamaged                the engine could not recover it: acknowledged work may be missing
    ├── GraphReadOnly               it was opened read-only
    ├── DiskFull                    the disk is full
    ├── GraphUnreachable            the server does not respond
    ├── GraphAccessDenied           the server rejects this user, or this action
    ├── GraphBusy                   other writes hold the locks that this one needs
    ├── QueryFailed                 a query of this package failed on the data in the graph
    ├── ForeignConstraint           a constraint that this package did not declare rejects a write
    ├── ServerTooOld                the server lacks features that the queries need
    ├── OutcomeUnknown              the connection was lost during a commit, which may have succeeded
    └── DriverNotInstalled          the engine or driver is not installed, or has no build for this platform
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from shlex import quote


class RemembrancerError(Exception):
    """The base class of every error of this package; its message and fields survive pickling and copying.

    A message may quote the caller's input: its length is bounded, and control characters are escaped.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*(_legible(each) if isinstance(each, str) else each for each in args))

    def __reduce__(self) -> tuple[object, ...]:
        """Return how to rebuild it: from its fields, since the constructors take other arguments than a message."""
        fields = {name: _portable(value) for name, value in vars(self).items()}
        return _remake, (type(self), self.args, fields)


class InvalidInput(RemembrancerError, ValueError):
    """One field of a request is invalid; the message says how to correct it.

    Args:
        field: The argument's name, as the caller wrote it.
        value: The rejected value; the message shows its beginning, with control characters escaped.
        allowed: The accepted values, in words.
        example: A value that works, ready to copy; None where no value would.
    """

    def __init__(self, field: str, value: object, allowed: str, example: object) -> None:
        self.field, self.value = field, value
        self.allowed = allowed = _legible(allowed)
        self.example = example
        shown = _shortened(_written(value), _SHOWN)
        named = _shortened(_spelled(field), _SHOWN)
        ready = "" if example is None else f" Example: {named}={example!r}"
        super().__init__(f"{named}={shown} is not accepted. Allowed: {allowed}.{ready}")

    @property
    def quoted(self) -> object:
        """The value as responses quote it: unchanged, or shortened if it is long."""
        written = _written(self.value)
        return self.value if len(written) <= _SHOWN else _shortened(written, _SHOWN)


class IdempotencyKeyReused(InvalidInput):
    """A different request was sent with the same idempotency key before; this one had no effect."""

    def __init__(self, key: str) -> None:
        allowed = "a key that no other request has used; repeat a key only with the same request"
        super().__init__("Idempotency-Key", key, allowed, "8f14e45f-cancel-1")


class LineageLimitReached(InvalidInput):
    """A bound of a lineage refuses tasks that a handler schedules, or a run by hand; nothing was written.

    Args:
        limit: The bound: max_depth, max_fan_out, max_open_tasks, runs, tokens or money.
        lineage_id: The thought that started the lineage.
        most: The value of the bound.
        asked: The value that the request would have made.
        holder: The task or the execution that has used it up, or words for what has.
    """

    def __init__(
        self, limit: str, lineage_id: str, most: int | str | None, asked: int | str | None, holder: str
    ) -> None:
        self.limit, self.lineage_id, self.most, self.holder = limit, lineage_id, most, holder
        raised = f"`remembrancer budget set {quote(lineage_id)} --budget {limit}={asked}` raises it"
        allowed = f"at most {most} in the lineage of {lineage_id}, used up by {holder}; outside of a handler, {raised}"
        super().__init__(limit, asked, allowed, None)


class QuotaReached(InvalidInput):
    """More tasks would be open than a quota allows; nothing was written.

    Args:
        limit: The key of the quota, such as `open:recurring`.
        most: The most open tasks that it allows.
        taken: The tasks that are open.
        asked: The tasks that were to be added.
        holders: Some of the open tasks, the oldest first.
    """

    def __init__(self, limit: str, most: int, taken: int, asked: int, holders: list[str]) -> None:
        self.limit, self.most, self.taken, self.asked, self.holders = limit, most, taken, asked, holders
        held = f"{taken} are open" + (f", such as {', '.join(holders)}" if holders else "")
        raised = f"`remembrancer limit {quote(limit)} {taken + asked}`"
        allowed = f"at most {most} open tasks; {held}. Cancel some, wait until they end, or raise the quota: {raised}"
        super().__init__(limit, taken + asked, allowed, None)


class TimerRefused(InvalidInput):
    """The host does not let something be put on a timer, or cannot say that it does; nothing was written.

    Args:
        action: The request: schedule, update, defer or ask.
        task_id: The task, which a new one has only once it is written.
        name: The name of the task.
        reason: The word of the host, or why there is none.
    """

    def __init__(self, action: str, task_id: str, name: str, reason: str) -> None:
        self.action, self.task_id, self.reason = action, task_id, reason
        field, value = ("name", name) if action == "schedule" else ("task_id", task_id)
        super().__init__(field, value, f"what the host lets be put on a timer ({action}). {reason}".rstrip("."), None)


class DeferralsExhausted(InvalidInput):
    """The run was deferred as often, or for as long, as the limits of its task allow."""


class TaskNotFound(RemembrancerError, LookupError):
    """No task has this id."""

    def __init__(self, task_id: str, *, or_thought: bool = False) -> None:
        self.task_id = task_id
        none = f"No task has the id {task_id!r}{', and no thought with this id has tasks' if or_thought else ''}."
        super().__init__(f"{none} List the ids with get_scheduled_tasks() or `remembrancer list --all`.")


class TaskUnreadable(RemembrancerError):
    """The properties of a task's node are invalid: another program has written them."""

    def __init__(self, task_id: str, fault: str) -> None:
        self.task_id = task_id
        super().__init__(
            f"Task {task_id!r} cannot be read: {fault}. The scheduler quarantines it when it falls due; cancel it, or "
            "correct its node."
        )


class ExecutionUnreadable(RemembrancerError):
    """The properties of an execution's node are invalid: another program has written them."""

    def __init__(self, execution_id: str, fault: str) -> None:
        self.execution_id = execution_id
        super().__init__(
            f"Execution {execution_id!r} cannot be read: {fault}. Lists omit it; `remembrancer check` finds all "
            "unreadable records, and `check --repair` moves them out of the graph."
        )


class ExecutionNotFound(RemembrancerError, LookupError):
    """No execution has this id, or it was pruned into a summary."""

    def __init__(self, execution_id: str) -> None:
        self.execution_id = execution_id
        super().__init__(f"No execution has the id {execution_id!r}, or it was pruned into a summary.")


class TaskChanged(RemembrancerError):
    """The task was claimed, rescheduled or ended after the caller read it; nothing was written."""

    def __init__(self, task_id: str, fence: int, status: str, wanted: int) -> None:
        self.task_id, self.fence, self.status, self.wanted = task_id, fence, status, wanted
        super().__init__(
            f"Task {task_id!r} has changed since it was read: its fence is {fence}, not {wanted}, and it is {status}. "
            "Nothing was written; read it again before you decide."
        )


class TaskEnded(RemembrancerError):
    """The task ended before this request; its record is unchanged."""

    def __init__(self, task_id: str, status: str, act: str) -> None:
        self.task_id = task_id
        self.status = status
        letters = " `remembrancer dead-letter list` shows whether its failure can be run again."
        again = letters if status == "FAILED" else ""
        super().__init__(
            f"Task {task_id!r} is {status}: only a PENDING or ACTIVE task can be {act}. "
            f"Schedule a new one instead.{again}"
        )


class TaskContended(RemembrancerError):
    """The task changed between every read and write of the request; nothing was written."""

    def __init__(self, task_id: str, act: str, times: int) -> None:
        self.task_id = task_id
        self.times = times
        super().__init__(
            f"Task {task_id!r} changed {times} times while it was to be {act}; nothing was written. Find out what "
            "keeps changing it (`remembrancer history`, `remembrancer audit`), and try again."
        )


class DuplicateTask(RemembrancerError):
    """Another task was scheduled with the same dedup_key at the same time; nothing was written."""

    def __init__(self, keys: str) -> None:
        self.keys = keys
        super().__init__(
            f"A task with this dedup_key exists already ({keys}). Nothing was written; schedule again to get it."
        )


class NotRunning(RemembrancerError):
    """The scheduler is not running: call start() first."""


class SchedulerBusy(RemembrancerError):
    """Every handler slot is taken; nothing was written."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        super().__init__(
            f"All {limit} handler slots are taken, and none became free within {seconds:g} s; nothing was started. "
            "Try again later, or raise max_concurrent_handlers."
        )


class LimitReached(RemembrancerError):
    """A limit has no free slot for a run that was asked for by hand, or its rate no permit; nothing was written.

    Also if a circuit is open, which is a limit too.
    """

    def __init__(
        self, limit_key: str, slots: int, holders: list[str], rate: str | None = None, circuit: str | None = None
    ) -> None:
        self.limit_key, self.slots, self.holders = limit_key, slots, holders
        self.rate = rate
        if circuit is not None:
            super().__init__(f"{circuit} Nothing was started. Wait, reset the circuit, or force the run.")
            return
        by = f" by {', '.join(holders)}" if holders else ""
        taken = "The only slot" if slots == 1 else "No slot" if slots == 0 else f"All {slots} slots"
        verb = "is there" if slots == 0 and not holders else "is taken" if slots == 1 else "are taken"
        full = f"{taken} of the limit {limit_key} {verb}{by}; nothing was started. Wait for one to end"
        spent = f"The limit {limit_key} lets {rate} begin, and those have; nothing was started. Wait a little"
        super().__init__(f"{full if rate is None else spent}, raise the limit, or force the run.")


class WorkNotHeld(RemembrancerError):
    """The worker does not hold this execution, or holds it no longer; nothing was written."""

    def __init__(self, execution_id: str, worker: str) -> None:
        self.execution_id = execution_id
        self.worker = worker
        super().__init__(
            f"The worker {worker!r} does not hold the execution {execution_id!r} on this scheduler: it has an outcome, "
            "its task was cancelled, the scheduler was halted, its deadline passed, or its lease ended without a "
            "report. Nothing was written; drop the work, and claim other work. get_execution() tells what became of it."
        )


class SchedulerHalted(RemembrancerError):
    """The scheduler is halted, and the call would begin an execution; nothing was written."""

    def __init__(self, reason: str, *, by_host: bool = False) -> None:
        self.reason = reason
        self.by_host = by_host
        way = (
            "The host alone can end that"
            if by_host
            else "`remembrancer release` ends that; an operator may force one run"
        )
        super().__init__(f"The scheduler is halted, and nothing begins: {reason} Nothing was started. {way}.")


class WrongThread(RemembrancerError):
    """A blocking call was made on the thread of the scheduler's event loop; it had no effect."""

    def __init__(self) -> None:
        super().__init__(
            "This blocking call was made on the thread of the scheduler's event loop, and would never return. "
            "Within that loop, as in an async handler, await the service's method of the same name."
        )


class CopyTargetNotEmpty(RemembrancerError):
    """The target of a copy holds data that does not come from its source; nothing was written."""

    def __init__(self, target: str, held: str) -> None:
        self.target = target
        self.held = held
        super().__init__(
            f"The graph {target} holds {held} already; the target of a copy must be empty, or an interrupted copy of "
            "the same source. Nothing was written; name another target."
        )


class CopyMismatch(RemembrancerError):
    """A copy and its source differ: one of them was written to after the copy."""

    def __init__(self, source: str, target: str, parts: list[str]) -> None:
        self.parts = parts
        super().__init__(
            f"The graphs {source} and {target} differ in {', '.join(parts)}: one of them was written to during or "
            "after the copy. Stop every scheduler of both, and copy again into an empty graph."
        )


class GraphUnavailable(RemembrancerError):
    """The graph cannot be opened, read or written at present."""


class GraphLocked(GraphUnavailable):
    """Another process holds the graph's folder."""


class GraphNotFound(GraphUnavailable):
    """The graph's folder does not exist, or is not writable."""


class NotAGraph(GraphUnavailable):
    """The folder holds something other than a graph of this package."""


class GraphTooNew(GraphUnavailable):
    """A newer version of this package has upgraded the graph."""


class GraphTooOld(GraphUnavailable):
    """An older version of this package wrote the graph, and this call must not upgrade it, or no version can."""


class CopyIncomplete(GraphUnavailable):
    """A copy into the graph was interrupted: a part is missing, and no scheduler may work on it."""


class GraphReplaced(GraphUnavailable):
    """The graph's folder was deleted, moved or replaced while it was open: later writes are refused."""


class GraphDamaged(GraphUnavailable):
    """The engine could not recover its whole log after a crash: acknowledged work may be missing."""


class GraphReadOnly(GraphUnavailable):
    """The graph was opened read-only: no task fires, and nothing is written."""


class DiskFull(GraphUnavailable):
    """The disk is full: nothing of the write was kept."""


class GraphUnreachable(GraphUnavailable):
    """The graph's server does not respond."""


class GraphAccessDenied(GraphUnavailable):
    """The graph's server rejects this user, or denies it this action."""


class GraphBusy(GraphUnavailable):
    """Other writes hold the locks that this one needs; nothing of it was written."""


class QueryFailed(GraphUnavailable):
    """A query of this package failed on the data in the graph, such as a record that another program wrote."""


class ForeignConstraint(GraphUnavailable):
    """A constraint that this package did not declare rejects a write; nothing of it was written."""


class ServerTooOld(GraphUnavailable):
    """The version of the graph's server lacks features that the queries need; nothing was written."""


class OutcomeUnknown(GraphUnavailable):
    """The connection was lost during a commit, and the graph has not yet confirmed whether the write was kept.

    Args:
        message: The write whose response was lost, as a sentence.
        task_ids: Of the tasks that the write creates: if it was kept, each of them exists.
    """

    def __init__(self, message: str, task_ids: Sequence[str] = ()) -> None:
        self.task_ids = list(task_ids)
        named = f" If it was kept, get_task() finds {', '.join(self.task_ids[:_NAMED])}." if task_ids else ""
        super().__init__(message + named)


class DriverNotInstalled(GraphUnavailable):
    """The engine or driver for such a graph is not installed, or has no build for this platform."""


def _written(value: object) -> str:
    """Return the repr of a value; its type if the repr fails, such as for one nested too deep."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 (a caller's own value may raise anything when it is written)
        return f"<{type(value).__name__}>"


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"


def _legible(message: str) -> str:
    """Shorten a long message in its middle, since the remedy is at its end."""
    left_out = len(message) - _LONGEST
    if left_out > 0:
        message = f"{message[: _LONGEST // 2]}… ({left_out:,} characters left out) …{message[-_LONGEST // 2 :]}"
    return message if message.isprintable() else "\n".join(map(_spelled, message.split("\n")))


def _spelled(text: str) -> str:
    r"""Return text with an escape such as `\x1b` for each character that is not printable."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def _remake(kind: type[RemembrancerError], args: tuple[object, ...], fields: dict[str, object]) -> RemembrancerError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(fields)
    return error


def _portable(value: object) -> object:
    """Return *value* if it can be pickled, else its repr: a rejected input may be anything."""
    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001 (a value of the caller's own may raise anything)
        return repr(value)
    return value


_SHOWN = 120
_LONGEST = 4000
_NAMED = 3
