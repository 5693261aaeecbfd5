"""Every error this package raises on purpose.

RemembrancerError
├── InvalidInput (ValueError)       refused at the door; nothing was written
│   └── IdempotencyKeyReused             another request was sent under this key
├── TaskNotFound (LookupError)      no task has this id
├── ExecutionNotFound (LookupError) no execution has this id, or it was rolled up
├── TaskUnreadable                  a task's node holds what no task can be made of
├── ExecutionUnreadable             an execution's node holds what no execution can be made of
├── TaskChanged                     the task does not stand as it was read any more
├── TaskEnded                       the task is complete, cancelled or failed: it cannot change any more
├── TaskContended                   a task kept changing while it was to be changed
├── DuplicateTask                   another task was scheduled under the key at the same moment
├── NotRunning                  the scheduler is not running
├── SchedulerBusy                   every handler slot is taken
├── WrongThread                     a call that waits was made where it would wait for itself
├── CopyTargetNotEmpty                      a copy's target holds something else
├── CopyMismatch                     a copy and what it was made from are not equal
└── GraphUnavailable                the graph cannot be opened, read or written
    ├── GraphLocked                 another process holds the folder
    ├── GraphNotFound                the folder is not there, or may not be written
    ├── NotAGraph                   the folder holds something else
    ├── GraphTooNew                 a newer version of this package wrote it
    ├── GraphTooOld                 an older version wrote it, and it may not be changed
    ├── CopyIncomplete             a copy into it was broken off
    ├── GraphReplaced               the folder was deleted, moved or replaced while it was open
    ├── GraphDamaged                the engine's recovery gave up: acknowledged work may be missing
    ├── GraphReadOnly               it was opened to be read only
    ├── DiskFull                   the disk is full
    ├── GraphUnreachable            the server does not answer
    ├── GraphAccessDenied              the server does not let this user in, or not do this
    ├── GraphBusy                   others hold the locks that a write needs
    ├── ForeignConstraint           a constraint that is not ours is against a write
    ├── ServerTooOld                the server lacks what our queries need
    ├── OutcomeUnknown              the connection was lost in a commit: it may have been kept
    └── DriverNotInstalled               what opens such a graph is not installed, or has no build for this platform
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence


class RemembrancerError(Exception):
    """What every error of this package can be caught as; pickled or copied, it keeps its message and its fields."""

    def __reduce__(self) -> tuple[object, ...]:
        """Return how to make it again: from what it carries, since a constructor takes other things than a message."""
        fields = {name: _portable(value) for name, value in vars(self).items()}
        return _remake, (type(self), self.args, fields)


class InvalidInput(RemembrancerError, ValueError):
    """One field of a request is wrong; the message is enough to correct it by.

    Args:
        field: The argument's name, as the caller wrote it.
        value: What was given; long values are shortened in the message.
        allowed: What would have been accepted, in words.
        example: A value that works, ready to copy.
    """

    def __init__(self, field: str, value: object, allowed: str, example: object) -> None:
        self.field = field
        self.value = value
        self.allowed = allowed
        self.example = example
        shown = _written(value)
        if len(shown) > _SHOWN:
            shown = f"{shown[:_SHOWN]}… ({len(shown)} characters)"
        super().__init__(f"{field}={shown} is not accepted. Allowed: {allowed}. Example: {field}={example!r}")


class IdempotencyKeyReused(InvalidInput):
    """Another request was sent under the same key before: this one was not acted on."""

    def __init__(self, key: str) -> None:
        allowed = "a key that no other request was sent under; the same request may be sent again under its own"
        super().__init__("Idempotency-Key", key, allowed, "8f14e45f-cancel-1")


class TaskNotFound(RemembrancerError, LookupError):
    """No task has this id."""

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id
        super().__init__(
            f"No task has the id {task_id!r}. List the ids with get_scheduled_tasks() or `remembrancer list --all`."
        )


class TaskUnreadable(RemembrancerError):
    """The node of a task holds what nothing of ours has written, and no task can be made of it."""

    def __init__(self, task_id: str, fault: str) -> None:
        self.task_id = task_id
        super().__init__(
            f"Task {task_id!r} cannot be read: {fault}. The checker sets it aside when it falls due; cancel it, or "
            "mend its node."
        )


class ExecutionUnreadable(RemembrancerError):
    """The node of an execution holds what nothing of ours has written, and no execution can be made of it."""

    def __init__(self, execution_id: str, fault: str) -> None:
        self.execution_id = execution_id
        super().__init__(
            f"Execution {execution_id!r} cannot be read: {fault}. Lists leave it out; `remembrancer check` says what "
            "else cannot be read, and `check --repair` keeps it apart."
        )


class ExecutionNotFound(RemembrancerError, LookupError):
    """No execution has this id, or it was rolled up into a summary since."""

    def __init__(self, execution_id: str) -> None:
        self.execution_id = execution_id
        super().__init__(f"No execution has the id {execution_id!r}, or it is long over and was rolled up.")


class TaskChanged(RemembrancerError):
    """The task was claimed, moved or ended since it was read; nothing was written."""

    def __init__(self, task_id: str, fence: int, status: str, wanted: int) -> None:
        self.task_id = task_id
        self.fence = fence
        self.status = status
        self.wanted = wanted
        super().__init__(
            f"Task {task_id!r} has changed since it was read: its fence is {fence}, not {wanted}, and it is {status}. "
            "Nothing was written; read it again and decide anew."
        )


class TaskEnded(RemembrancerError):
    """The task came to its end before this request; its record stays, unchanged."""

    def __init__(self, task_id: str, status: str, act: str) -> None:
        self.task_id = task_id
        self.status = status
        super().__init__(
            f"Task {task_id!r} is {status}: only a PENDING or ACTIVE task can be {act}. Schedule a new one instead."
        )


class TaskContended(RemembrancerError):
    """The task changed each time between being read and being written; nothing was written."""

    def __init__(self, task_id: str, act: str, times: int) -> None:
        self.task_id = task_id
        self.times = times
        super().__init__(
            f"Task {task_id!r} changed {times} times while it was to be {act}; nothing was written. Look at what keeps "
            "changing it (`remembrancer history`, `remembrancer audit`), and try again."
        )


class DuplicateTask(RemembrancerError):
    """Another task was scheduled under the same dedup_key at the same moment; nothing was written."""

    def __init__(self, keys: str) -> None:
        self.keys = keys
        super().__init__(
            f"A task is kept under the dedup_key already ({keys}). Nothing was written; schedule again to get it."
        )


class NotRunning(RemembrancerError):
    """The scheduler is not running: call start() first."""


class SchedulerBusy(RemembrancerError):
    """Every handler slot is taken; nothing was written."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        super().__init__(
            f"All {limit} handler slots are taken, and none became free within {seconds:g} s; nothing was started. Try "
            "again later, or raise max_concurrent_handlers."
        )


class WrongThread(RemembrancerError):
    """A call that waits for the scheduler was made on the thread that the scheduler lives on; nothing was done."""

    def __init__(self) -> None:
        super().__init__(
            "This call waits for the scheduler's event loop, and was made on its thread: it would wait for ever. "
            "Within that loop, as in an async handler, await the service's own method of this name."
        )


class CopyTargetNotEmpty(RemembrancerError):
    """The target of a copy holds something that is not from its source; nothing was written."""

    def __init__(self, target: str, held: str) -> None:
        self.target = target
        self.held = held
        super().__init__(
            f"The graph {target} holds {held} already, and a copy is made into an empty graph or goes on with itself. "
            "Nothing was written; name another target."
        )


class CopyMismatch(RemembrancerError):
    """A copy and its source are not equal: one of them was written to after it was copied."""

    def __init__(self, source: str, target: str, parts: list[str]) -> None:
        self.parts = parts
        super().__init__(
            f"The graphs {source} and {target} differ in {', '.join(parts)}: one of them has been written to since it "
            "was copied. Stop every scheduler of both, and copy again into an empty graph."
        )


class GraphUnavailable(RemembrancerError):
    """The graph cannot be opened, read or written just now."""


class GraphLocked(GraphUnavailable):
    """Another process holds the graph's folder."""


class GraphNotFound(GraphUnavailable):
    """The graph's folder is not there, or may not be written."""


class NotAGraph(GraphUnavailable):
    """The folder holds something that is no graph of ours."""


class GraphTooNew(GraphUnavailable):
    """A newer version of this package has upgraded the graph."""


class GraphTooOld(GraphUnavailable):
    """An older version of this package wrote the graph, and what was asked for may not change it."""


class CopyIncomplete(GraphUnavailable):
    """A copy into the graph was broken off: a part of it is missing, and nothing may be done by it."""


class GraphReplaced(GraphUnavailable):
    """The graph's folder was deleted, moved or replaced while it was open: nothing is kept from then on."""


class GraphDamaged(GraphUnavailable):
    """The engine could not recover all of its log after an unclean end: acknowledged work may be missing."""


class GraphReadOnly(GraphUnavailable):
    """The graph was opened to be read only: nothing fires, and nothing is written."""


class DiskFull(GraphUnavailable):
    """The disk is full: the write was refused whole."""


class GraphUnreachable(GraphUnavailable):
    """The graph's server does not answer."""


class GraphAccessDenied(GraphUnavailable):
    """The graph's server does not let this user in, or does not let it do this."""


class GraphBusy(GraphUnavailable):
    """Other writes hold the locks that this one needs; nothing of it was written."""


class ForeignConstraint(GraphUnavailable):
    """A constraint that somebody else has declared is against a write; nothing of it was written."""


class ServerTooOld(GraphUnavailable):
    """The graph's server is of a version that lacks what our queries need; nothing was written."""


class OutcomeUnknown(GraphUnavailable):
    """The connection was lost while a write was being committed, and the graph has not said since if it was kept.

    Args:
        message: Whose answer was lost.
        task_ids: Of tasks that this would have made: if it was kept, each of them is there.
    """

    def __init__(self, message: str, task_ids: Sequence[str] = ()) -> None:
        self.task_ids = list(task_ids)
        named = f" If it was kept, get_task() finds {', '.join(self.task_ids[:_NAMED])}." if task_ids else ""
        super().__init__(message + named)


class DriverNotInstalled(GraphUnavailable):
    """What opens such a graph is not installed, or has no build for this platform."""


def _written(value: object) -> str:
    """Return a value as Python writes it; its type where it is nested too deep for that, or is no plain value."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 (a caller's own value may raise anything when it is written)
        return f"<{type(value).__name__}>"


def _remake(kind: type[RemembrancerError], args: tuple[object, ...], fields: dict[str, object]) -> RemembrancerError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(fields)
    return error


def _portable(value: object) -> object:
    """Return *value* if it can be pickled, else how it is written: whatever was refused at the door may be in there."""
    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001 (a value of the caller's own may raise anything)
        return repr(value)
    return value


_SHOWN = 120
_NAMED = 3
