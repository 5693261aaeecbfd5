"""Whatever is wrong with a request: the example in its refusal is accepted in place of the value."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings, strategies as st

from remembrancer.errors import InvalidInput
from remembrancer.model.request import TASK_FIELDS, ScheduleRequest
from remembrancer.operations.validation import validate

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
RIGHT: dict[str, Any] = {
    "name": "Tea",
    "goal_description": "goal",
    "trigger_prompt": "prompt",
    "origin_thought_id": "thought",
    "schedule_cron": "0 9 * * *",
}
FIELDS = [each.name for each in fields(ScheduleRequest)]

words = st.sampled_from(
    [
        "",
        "first",
        "both",
        "skip",
        "LAST",
        "utc",
        "Asia/Mumbai",
        "JST",
        "2026-03-29T02:30",
        "2026-08-15T09:00Z",
        "\x1b[2J",
    ]
)
crons = st.sampled_from(
    ["22-4/2 * * * *", "0 9 * * MON/2", "0 18 ? * 2-6 *", "CRON_TZ=UTC 5 4 * * *", "5/15 9-9 * * *"]
)
plain = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30), words, crons)
odd = st.one_of(plain, st.lists(plain, max_size=2), st.dictionaries(st.text(max_size=3), plain, max_size=2))


def refusal(asked: dict[str, Any]) -> InvalidInput | None:
    try:
        validate(ScheduleRequest(**asked), NOW, 60.0, {})
    except InvalidInput as refused:
        return refused
    return None


@given(wrong=st.dictionaries(st.sampled_from(FIELDS), odd, min_size=1, max_size=3))
@settings(max_examples=1000, deadline=None)
def test_an_example_is_accepted_in_place_of_the_value(wrong: dict[str, Any]) -> None:
    asked, mended = {**RIGHT, **wrong}, set[str]()
    for _ in range(2 * len(FIELDS)):
        refused = refusal(asked)
        if refused is None:
            return
        # An expression is read last: what makes it wrong may be where its seconds are.
        assert refused.field == "schedule_cron" or refused.field not in mended, refused
        mended.add(refused.field)
        whole = re.split(r"[.\[]", refused.field, maxsplit=1)[0]  # of a part of a value, the example of the whole
        asked[whole] = refused.example if whole == refused.field else TASK_FIELDS[whole].example
    raise AssertionError(asked)
