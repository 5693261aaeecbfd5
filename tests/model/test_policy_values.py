"""Values of policies that no policy can have: each is refused as itself, with an example that is accepted."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from math import inf, nan
from typing import Any

import pytest

from remembrancer.errors import InvalidInput
from remembrancer.model.handler_result import Ask
from remembrancer.model.limit import read_key_limit
from remembrancer.model.request import ScheduleRequest
from remembrancer.operations.validation import validate
from remembrancer.operations.work.work_requests import read_progress
from remembrancer.policies.unanswered.questions import wish_of

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
HUGE = 10**400
LONGER = 10**5000
DEEP = '{"a":' * 5000
WRONG: list[tuple[str, object, str]] = [
    ("retry", {"delay": HUGE}, "retry.delay"),
    ("retry", {"cap": LONGER}, "retry.cap"),
    ("retry", {"within": HUGE}, "retry.within"),
    ("retry", DEEP, "retry"),
    ("retry", '{"delay": NaN}', "retry"),
    ("retry", '{"delay": 1, "delay": 2}', "retry"),
    ("budget", {"money": LONGER}, "budget.money"),
    ("budget", {"runs": LONGER}, "budget.runs"),
    ("budget", DEEP, "budget"),
    ("budget", '{"runs": 1, "runs": 2}', "budget"),
    ("budget", {"rums": 3}, "budget.rums"),
    ("budget", {1: 2}, "budget.1"),
    ("estimate", {"money": LONGER}, "estimate.money"),
    ("estimate", {"runs": -1}, "estimate.runs"),
    ("estimate", {"on_exhausted": []}, "estimate.on_exhausted"),
    ("estimate", "tokens=none", "estimate.tokens"),
    ("follow_up", {"delay": HUGE}, "follow_up.delay"),
    ("follow_up", {"priority": HUGE}, "follow_up.priority"),
    ("follow_up", DEEP, "follow_up"),
    ("follow_up", '{"delay": NaN}', "follow_up"),
    ("follow_up", {1: 2}, "follow_up.1"),
    ("follow_up", {"prompt": "\ud800"}, "follow_up.prompt"),
    ("follow_up", {"follow_up": {"name": "two\nlines"}}, "follow_up.follow_up.name"),
    ("depends_on", {1: 2}, "depends_on[0].1"),
    ("depends_on", [{"task": "daily-import", "window": {}}], "depends_on[0].window"),
    ("depends_on", [{"task": "daily-import", "delay": 5}], "depends_on[0].delay"),
]


def refused(field: str, value: object) -> InvalidInput:
    """Return the refusal of a request with this value."""
    with pytest.raises(InvalidInput) as raised:
        _admit(field, value)
    return raised.value


def _admit(field: str, value: object) -> None:
    choices: dict[str, Any] = {field: value}
    request = ScheduleRequest("Task", "goal", "prompt", "thought", defer_until="in 1h", **choices)
    validate(request, NOW, 60.0, {})


@pytest.mark.parametrize(("field", "value", "part"), WRONG)
def test_a_value_that_no_policy_has_is_refused(field: str, value: object, part: str) -> None:
    refusal = refused(field, value)
    assert refusal.field == part
    assert str(refusal)
    place = re.fullmatch(r"(?:.*\.)?(\w+)", part)
    assert place
    # The example of a part is one of it, or of the whole.
    example: Any = refusal.example
    whole: dict[str, Any] = {"task": "daily-import", place[1]: example} if "[" in part else {place[1]: example}
    wanted: Any = example if part == field or hasattr(example, "keys") else whole
    _admit(field, [wanted] if field == "depends_on" else wanted)


@pytest.mark.parametrize(("within", "usual"), [("2d", "give_up"), (None, "wait")])
@pytest.mark.parametrize("word", ["perhaps", pytest.param(LONGER, id="5,000 digits"), [], True])
def test_an_unknown_word_for_no_answer_is_refused(word: Any, within: str | None, usual: str) -> None:
    with pytest.raises(InvalidInput, match="on_no_answer") as raised:
        wish_of(Ask("Now?", within=within, on_no_answer=word))
    assert raised.value.example == usual
    wish_of(Ask("Now?", within=within, on_no_answer=usual))


@pytest.mark.parametrize(
    "value", [{}, "", "tokens", [], 5, {"runs": 1}, {"tokens": None}, {"tokens": -1}, {"tokens": 0.5}, {"money": 0.5}]
)
def test_a_refused_estimate_names_parts_of_an_estimate(value: object) -> None:
    refusal = refused("estimate", value)
    for word in ("max_depth", "on_exhausted", "null", "runs="):
        assert word not in refusal.allowed


@pytest.mark.parametrize("fraction", [nan, inf, -0.1, 1.5, True, "half", HUGE])
def test_a_fraction_of_work_is_no_number_of_seconds(fraction: object) -> None:
    with pytest.raises(InvalidInput, match=r"fraction.*a number from 0 to 1") as raised:
        read_progress(fraction, None)
    assert "seconds" not in str(raised.value)
    assert read_progress(1, None).fraction == 1.0


def test_a_limit_of_very_many_digits_is_refused() -> None:
    with pytest.raises(InvalidInput, match="KEY=N"):
        read_key_limit("database=" + "9" * 5000)
