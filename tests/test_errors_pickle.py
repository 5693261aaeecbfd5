"""Errors go from process to process, as a process pool or a queue sends them, and stay what they are."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pytest

from remembrancer import errors
from remembrancer.errors import InvalidInput, OutcomeUnknown, RemembrancerError, TaskNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

ARGUMENTS: dict[str, tuple[object, ...]] = {
    "InvalidInput": ("defer_until", "tomörrow" * 40, "a moment in ISO-8601", "2026-12-01T09:00:00Z"),
    "IdempotencyKeyReused": ("key-1",),
    "DeferralsExhausted": ("until", "2026-12-01T09:00:00Z", "no time: max_deferrals is 1", None),
    "TimerRefused": ("defer", "task_1", "Report", "A person has to approve it first."),
    "TaskNotFound": ("task_1",),
    "ExecutionNotFound": ("execution_1",),
    "TaskUnreadable": ("task_1", "status: not one of ours"),
    "ExecutionUnreadable": ("exec_1", "status: not one of ours"),
    "TaskChanged": ("task_1", 4, "ACTIVE", 3),
    "TaskEnded": ("task_1", "CANCELLED", "deferred"),
    "TaskContended": ("task_1", "cancelled", 20),
    "SchedulerBusy": (8, 5.0),
    "LineageLimitReached": ("max_depth", "thought_1", 3, 4, "task_1"),
    "QuotaReached": ("open:recurring", 100, 100, 1, ["task_1 (Report)"]),
    "WorkNotHeld": ("exec_1", "mailer-1"),
    "SchedulerHalted": ("The mail server is being moved.",),
    "LimitReached": ("key:database", 2, ["task_1", "task_2"]),
    "WrongThread": (),
    "DuplicateTask": ("key-1, key-2",),
    "CopyTargetNotEmpty": ("./target", "three tasks"),
    "CopyMismatch": ("./source", "./target", ["scheduled_task", "EXECUTION_OF"]),
    "OutcomeUnknown": ("The connection was lost.", ["task_1", "task_2"]),
}
"""What a class takes; all others take a message."""


def tree(root: type[RemembrancerError] = RemembrancerError) -> Iterator[type[RemembrancerError]]:
    yield root
    for below in root.__subclasses__():
        yield from tree(below)


def made(kind: type[RemembrancerError]) -> RemembrancerError:
    error = kind(*ARGUMENTS.get(kind.__name__, ("It happened.",)))
    error.add_note("seen in a test")
    return error


NOT_FOUND = "from remembrancer.errors import TaskNotFound; raise TaskNotFound('task_7')"
REFUSED = """
import threading
from remembrancer.errors import InvalidInput
raise InvalidInput("handler", threading.Lock(), "a function", "my_agent:handle")
"""
KINDS = sorted(tree(), key=lambda kind: kind.__name__)
WAYS = {
    **{f"pickle {number}": number for number in range(pickle.HIGHEST_PROTOCOL + 1)},
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


def test_the_tree_is_whole() -> None:
    ours = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)}

    assert ours == set(KINDS)
    assert ARGUMENTS.keys() <= {kind.__name__ for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("way", WAYS)
def test_an_error_survives_pickling_and_copying(kind: type[RemembrancerError], way: str) -> None:
    error, how = made(kind), WAYS[way]

    again = how(error) if callable(how) else pickle.loads(pickle.dumps(error, how))

    assert (type(again), str(again), again.args, vars(again)) == (kind, str(error), error.args, vars(error))


def test_an_error_crosses_a_process_pool() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        with pytest.raises(TaskNotFound, match="task_7") as unknown:
            pool.submit(exec, NOT_FOUND).result(timeout=60)
        with pytest.raises(InvalidInput, match="handler=") as refused:
            pool.submit(exec, REFUSED).result(timeout=60)

    assert unknown.value.task_id == "task_7"
    assert "lock" in str(refused.value.value)


def test_a_copied_error_is_independent_of_the_first() -> None:
    error = OutcomeUnknown("Lost.", ["task_1"])

    copy.deepcopy(error).task_ids.append("task_2")

    assert error.task_ids == ["task_1"]
