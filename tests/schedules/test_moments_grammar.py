"""A moment's text is read exactly or refused, alike on every Python; of two passes, the one that was meant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st

from remembrancer import TaskSchedulerService
from remembrancer.errors import InvalidInput
from remembrancer.model.policy import Fold
from remembrancer.schedules.parsing import read_moment
from remembrancer.testing import VirtualClock

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
FIRST, SECOND = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
TASK: dict[str, Any] = {
    "name": "Tea",
    "goal_description": "goal",
    "trigger_prompt": "prompt",
    "origin_thought_id": "thought",
}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027-03-05T07:08:09Z", datetime(2027, 3, 5, 7, 8, 9, tzinfo=UTC)),
        ("2027-03-05T07:08Z", datetime(2027, 3, 5, 7, 8, tzinfo=UTC)),
        ("2027-03-05T07Z", datetime(2027, 3, 5, 7, tzinfo=UTC)),
        ("20270305T0708Z", datetime(2027, 3, 5, 7, 8, tzinfo=UTC)),
        ("20270305T070809.25-0330", datetime(2027, 3, 5, 10, 38, 9, 250_000, tzinfo=UTC)),
        ("2027-03-05 07:08:09,5+02", datetime(2027, 3, 5, 5, 8, 9, 500_000, tzinfo=UTC)),
        ("2027-03-05T07:08:09+0200", datetime(2027, 3, 5, 5, 8, 9, tzinfo=UTC)),
        ("2027-W09-5T07:08Z", datetime(2027, 3, 5, 7, 8, tzinfo=UTC)),
        ("2027W095T0708Z", datetime(2027, 3, 5, 7, 8, tzinfo=UTC)),
        ("2027-03-05t07:08:09.123456789z", datetime(2027, 3, 5, 7, 8, 9, 123_000, tzinfo=UTC)),
    ],
)
def test_a_text_of_the_grammar_is_one_moment(text: str, moment: datetime) -> None:
    assert read_moment(text, "at", now=NOW) == moment


@pytest.mark.parametrize(
    "text",
    [
        "2027-03-05T1Z",
        "2027-03-05T123Z",
        "2027-03-05T12345Z",
        "2027-03-05T1234567Z",
        "2027-03-05T07:08.5Z",
        "2027-03-05T07.5Z",
        "20270305T0708.5Z",
        "2027-03-05T7:08Z",
        "2027-03-05T07:8Z",
        "2027-03-05T07:08:09.Z",
        "2027-03-05T07:08:09.1234567890Z",
        "2027-03-05T07:0809Z",
        "2027-03-05T0708Z",
        "20270305T07:08Z",
        "2027-0305T07:08Z",
        "2027-03-05T24:00Z",
        "2027-03-05T07:60Z",
        "2027-03-05T07:08:60Z",
        "2027-03-05T07:08:09+00000000",
        "2027-03-05T07:08:09+02:00:30",
        "2027-03-05T07:08:09+2",
        "2027-03-05T07:08:09+02:60",
        "2027-03-05T07:08:09+24:00",
        "2027-03-05T07:08:09ZZ",
        "2027-03-05T07:08:09 Z",
        "2027-03-05T07:08:09Z[UTC]",
        "2027-03-05TT07:08Z",
        "2027-03-05  07:08Z",
        "2027-064T07:08Z",
        "2027-W54-1T07:08Z",
        "2027-W09-8T07:08Z",
        "2027-W09T07:08Z",
        "+2027-03-05T07:08Z",
        "27-03-05T07:08Z",
        "1900000000",
        "1900000000.5",
        "1.9e9",
    ],
)
def test_a_text_beside_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_moment(text, "at", now=NOW)


@given(moment=st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)), minutes=st.integers(-720, 840))  # noqa: DTZ001
@settings(max_examples=300, deadline=None)
def test_a_moment_written_by_python_is_read_back(moment: datetime, minutes: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    read = read_moment(aware.isoformat(), "at", now=NOW)

    assert read == aware.astimezone(UTC).replace(microsecond=aware.microsecond // 1000 * 1000)


@given(text=st.text(alphabet="0123456789TZW:+-.", min_size=10, max_size=26))
@settings(max_examples=1000, deadline=None)
def test_a_text_that_is_read_says_all_its_digits(text: str) -> None:
    try:
        read = read_moment(text, "at", now=NOW)
    except InvalidInput:
        return
    digits = "".join(letter for letter in text.partition("T")[2] if letter.isdigit())
    assert len(digits) % 2 == 0 or "." in text
    assert read.tzinfo is UTC


async def test_the_second_pass_is_taken_where_fold_asks_for_it() -> None:
    async with TaskSchedulerService(":memory:", VirtualClock(NOW)) as service:
        zoned: dict[str, Any] = {**TASK, "timezone": "Europe/Berlin"}
        for fold, moment, word in (
            (Fold.FIRST, FIRST, "first"),
            (Fold.LAST, SECOND, "second"),
            (Fold.BOTH, FIRST, "first"),
        ):
            reply = await service.schedule_task(**zoned, defer_until="2026-10-25T02:30", fold=fold)
            assert reply.next_fires == [moment]
            assert any(
                f"02:30 happens twice on 2026-10-25 in Europe/Berlin; the {word}" in note for note in reply.warnings
            )


async def test_the_fold_of_a_datetime_is_honoured_and_said() -> None:
    second = datetime(2026, 10, 25, 2, 30, fold=1)  # noqa: DTZ001 (naive on purpose)
    async with TaskSchedulerService(":memory:", VirtualClock(NOW)) as service:
        naive = await service.schedule_task(**TASK, timezone="Europe/Berlin", defer_until=second)
        aware = await service.schedule_task(**TASK, defer_until=second.replace(tzinfo=BERLIN))

    for reply in (naive, aware):
        assert reply.next_fires == [SECOND]
        assert any("the second is taken" in note for note in reply.warnings)


async def test_a_moment_that_comes_once_has_no_note_of_a_fold() -> None:
    async with TaskSchedulerService(":memory:", VirtualClock(NOW)) as service:
        for text in ("2026-10-25T03:30", "2026-10-25T01:59:59", "2026-03-29T03:00"):
            reply = await service.schedule_task(**TASK, timezone="Europe/Berlin", defer_until=text)
            assert not [note for note in reply.warnings if "twice" in note]


def test_an_aware_datetime_in_a_gap_is_refused_as_its_text_is() -> None:
    with pytest.raises(InvalidInput, match="jump over") as refused:
        read_moment(datetime(2026, 3, 29, 2, 30, tzinfo=BERLIN), "at", now=NOW)

    assert refused.value.example == "2026-03-29T03:30:00+02:00"
