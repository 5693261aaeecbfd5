"""Cautions: what a careful friend would point out about a schedule, and silence about a plain one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from remembrancer import AnyOf, Bounded, Cron, Every, InvalidInput, Offset, Once, RRule, Workdays
from remembrancer.operations.ahead.preview import SchedulePreview, previewed

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def shown(value: Any, after: Any = None, count: int = 5) -> SchedulePreview:
    return previewed(value, after, count, NOW)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Cron("0 0 29 2 *"), "on 29 February only"),
        (RRule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", start="2024-02-29T09:00"), "on 29 February only"),
        (Cron("0 9 13 * 5"), "a day that suits either of them will do"),
        (Cron("0 9 */2 * 1"), "a day has to suit both of them"),
        (Cron("*/7 * * * *"), "use the kind `every`: 7m"),
        (Cron("*/45 * * * *"), "does not divide the hour"),
        (Cron("0 */5 * * *"), "does not divide the day"),
        (Cron("0 9 */2 * *"), "does not divide the month"),
        (Cron("*/20 * * * * *", seconds_field="first"), "20 s lie between two fires"),
        (Bounded(Every("1h"), jitter="2h"), "A delay of up to 2 hours is longer than the 1 hour between two"),
        (AnyOf([Bounded(Cron("0 9 * * *"), spread="2d")]), "A delay of up to 2 days is longer than the 1 day"),
        (Every("10s"), "It fires twice a minute or more"),
        (AnyOf([Every("1h"), Cron("*/7 * * * *")]), "does not divide the hour"),
        (Bounded(Offset(Cron("0 9 13 * 5"), days=1), end="2030-01-01"), "Both day fields"),
        (Once("2027-06-01T09:00:00Z"), "Its first fire is more than a year ahead"),
        (Bounded(Every("1d"), start="2027-06-01"), "more than a year ahead, at 2027-06-01T00:00:00Z"),
        (Bounded(Cron("0 9 * * *"), end="2026-03-01T13:00:00Z"), "its end, 2026-03-01T13:00:00Z, comes before"),
        (Once("2026-01-01T09:00:00Z"), "It never fires after 2026-03-01T12:30:00Z."),
    ],
)
def test_a_doubtful_schedule_is_pointed_out(value: Any, words: str) -> None:
    assert any(words in each for each in shown(value).warnings), shown(value).warnings


@pytest.mark.parametrize(
    "value",
    [
        Cron("*/15 * * * *"),
        Cron("0 */6 * * *"),
        Cron("0 9 13 * *"),
        Cron("0 9 * * 5"),
        Cron("@daily"),
        Cron("0 9 1-31/2 * *"),
        Every("7m"),
        Every("1m"),
        Workdays("17:00", nth=-1),
        Once("2026-06-01T09:00:00Z"),
    ],
)
def test_a_plain_schedule_is_not_doubted(value: Any) -> None:
    assert shown(value).warnings == []


def test_a_preview_answers_what_is_to_be_confirmed() -> None:
    found = shown({"kind": "every", "every": "90m", "anchor": "in 30m"}, count=2)

    assert found.schedule["anchor"] == "2026-03-01T13:00:00Z"
    assert found.description.startswith("Every 90 minutes")
    assert [fire.at for fire in found.fires] == [
        datetime(2026, 3, 1, 13, tzinfo=UTC),
        datetime(2026, 3, 1, 14, 30, tzinfo=UTC),
    ]
    assert shown(found.schedule, count=2) == found


def test_a_preview_of_one_time_is_in_its_zone() -> None:
    found = shown(Once("2026-10-25T02:30", timezone="Europe/Berlin"))

    assert found.schedule["at"] == "2026-10-25T00:30:00Z"
    assert "happens twice" in found.fires[0].note


def test_a_time_without_an_offset_is_in_the_zone_of_the_schedule() -> None:
    found = shown(Cron("0 9 * * *", timezone="Asia/Tokyo"), after="2026-06-01T00:00", count=1)

    assert found.fires[0].at == datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize("given", [None, "every day", {"kind": "sometimes"}, {"kind": "once", "at": "tomorrow"}, 5])
def test_words_are_no_schedule(given: Any) -> None:
    with pytest.raises(InvalidInput):
        shown(given)
