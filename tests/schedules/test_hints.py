"""What a refusal suggests is accepted, and fires as the refused text was meant; or nothing is suggested."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from typing import Any
from zoneinfo import available_timezones

import pytest
from hypothesis import given, settings, strategies as st

from remembrancer import TaskSchedulerService
from remembrancer.errors import InvalidInput
from remembrancer.model.policy import Fold, Gap, SecondsField
from remembrancer.model.timestamps import to_ms
from remembrancer.schedules.cron.expression import parse_cron
from remembrancer.schedules.cron.fields import PLACES, WEEKDAY, FieldSpec, WrongField, read_field
from remembrancer.schedules.cron.schedule import CronSchedule
from remembrancer.schedules.parsing import read_moment, read_zone
from remembrancer.schedules.preview import preview, read_expression

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
GENERAL = {None: "0 9 * * 1-5", SecondsField.FIRST: "0 0 9 * * 1-5", SecondsField.LAST: "0 9 * * 1-5 0"}
NAMES = ("JAN", "DEC", "SUN", "MON", "FRI", "SAT")

numbers = st.integers(0, 62).map(str)
words = st.one_of(numbers, st.sampled_from(["*", "?", "L", "H", "R", "15W", "5L", "2#1", *NAMES]))
ranges = st.tuples(words, words).map("-".join)
items = st.one_of(words, ranges, st.tuples(st.one_of(words, ranges), numbers).map("/".join))
fields = st.lists(items, min_size=1, max_size=3).map(",".join)
zones = st.sampled_from(["CRON_TZ=Asia/Tokyo", "TZ=UTC", "CRON_TZ=Mars", "Europe/Berlin", "2030", "*", "@every", "5m"])
expressions = st.lists(st.one_of(fields, fields, fields, zones), min_size=1, max_size=8).map(" ".join)
wrapped = st.one_of(expressions, expressions.map(lambda inner: f"cron({inner})"), st.text(max_size=40))


@given(expression=wrapped, seconds=st.sampled_from([None, *SecondsField]))
@settings(max_examples=1500, deadline=None)
def test_every_example_is_taken_in_place_of_the_refused_value(expression: str, seconds: SecondsField | None) -> None:
    try:
        parse_cron(expression, seconds_field=seconds)
    except InvalidInput as refused:
        parse_cron(str(refused.example), seconds_field=seconds)


def around(place: FieldSpec, low: int, high: int, step: int) -> set[int]:
    """Return the values of a stepped range that runs over the end of its field, counted one by one."""
    every = list(range(place.low, min(place.high, 6) + 1 if place is WEEKDAY else place.high + 1))
    low, high = (each % 7 if place is WEEKDAY else each for each in (low, high))
    walked = [every[(every.index(low) + ahead) % len(every)] for ahead in range(len(every))]
    return set(walked[: walked.index(high) + 1 : step])


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_a_range_over_the_end_is_mended_with_its_own_values(place: FieldSpec) -> None:
    mended = 0
    for low, high, step in product(range(place.low, place.high + 1), range(place.low, place.high), (1, 2, 3, 5)):
        item = f"{low}-{high}" + (f"/{step}" if step > 1 else "")
        wrong = refused(place, item) if high < low else None
        if wrong and wrong.instead:
            mended += 1
            assert set(read_field(place, wrong.instead, None).values) == around(place, low, high, step), item
            assert f"write {wrong.instead} for {item}" in str(wrong)

    assert mended > 10


def refused(place: FieldSpec, item: str) -> WrongField | None:
    try:
        read_field(place, item, None)
    except WrongField as wrong:
        return wrong
    return None


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_a_step_without_a_range_goes_on_to_the_end(place: FieldSpec) -> None:
    top = 6 if place is WEEKDAY else place.high
    for low in range(place.low, top + 1):
        for step in (1, 2, 3, 7, 15, 59):
            with pytest.raises(WrongField) as refused:
                read_field(place, f"{low}/{step}", None)
            instead = refused.value.instead
            assert instead is not None
            assert read_field(place, instead, None).values == tuple(range(low, top + 1, step))


@pytest.mark.parametrize(
    ("expression", "example"),
    [
        ("0 20-4/4 * * *", "0 20,0,4 * * *"),
        ("0 0 1 10-3/2 *", "0 0 1 10,12,2 *"),
        ("45-0 6 * * *", "45-59,0 6 * * *"),
        ("0 21-3 * * *", "0 21-23,0-3 * * *"),
        ("0 7 * * TUE/3", "0 7 * * 2-6/3"),
        ("0 7 * * FRI-MON/2", "0 7 * * 5,0"),
        ("0 7 * * SUN-SUN", "0 7 * * 0"),
        ("58/10 3,5-5 * * *", "58 3,5 * * *"),
        ("0 0 30-2 * *", "0 0 30-31,1-2 * *"),
        ("0 0 30-4/2 * *", GENERAL[None]),
        ("0 0 */31 * 2", GENERAL[None]),
        ("61/5 * * * *", GENERAL[None]),
        ("CRON_TZ=America/Lima 15 5 * * *", "15 5 * * *"),
        ("TZ=America/Lima @daily", "@daily"),
        ("15 5 * * * America/Lima", "15 5 * * *"),
        ("15 8 ? * MON-WED *", "15 8 * * MON-WED"),
        ("15 8 ? * 3,5-7 *", "15 8 * * TUE,THU-SAT"),
        ("15 8 1 * ? *", "15 8 1 * *"),
        ("15 8 ? * 2#2 *", "15 8 * * MON#2"),
        ("15 8 ? * 3L *", "15 8 * * LTUE"),
        ("15 8 ? * MON 2031", GENERAL[None]),
        ("0 15 8 ? * MON-WED", "15 8 * * MON-WED"),
        ("30 15 8 ? * MON-WED", GENERAL[None]),
        ("0 0/10 8 1/1 * ? *", "0-59/10 8 * * *"),
        ("0 15 8 ? * MON 2031", GENERAL[None]),
        ("cron(15 8 ? * MON-WED *)", "15 8 * * MON-WED"),
        ("cron(15 8 * * MON-WED)", "15 8 * * MON-WED"),
        ("rate(15 minutes)", "*/15 * * * *"),
        ("rate(1 hour)", "0 * * * *"),
        ("rate(35 minutes)", GENERAL[None]),
        ("@every 10m", "*/10 * * * *"),
        ("@every 6h", "0 */6 * * *"),
        ("@every 90m", GENERAL[None]),
        ("@every 30s", GENERAL[None]),
    ],
)
def test_a_suggestion_keeps_the_meaning_or_is_the_general_one(expression: str, example: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_cron(expression)

    assert refused.value.example == example


@pytest.mark.parametrize(
    "expression", ["CRON_TZ=Asia/Tokyo 5 4 * * *", "5 4 * * * Asia/Tokyo", "TZ=Asia/Tokyo 5 4 * * *"]
)
def test_a_zone_in_the_expression_belongs_into_timezone(expression: str) -> None:
    for seconds in (None, *SecondsField):
        with pytest.raises(InvalidInput) as refused:
            parse_cron(expression, seconds_field=seconds)

        assert "timezone='Asia/Tokyo'" in refused.value.allowed
        assert "second" not in refused.value.allowed


@pytest.mark.parametrize(
    "expression", ["5 18 ? * TUE *", "5 18 1 * ? *", "5 18 * * TUE *", "5 18 * * 2 2029", "5 18 ? * * 2029-2031"]
)
def test_a_year_is_asked_about_and_not_taken_for_seconds(expression: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_cron(expression)

    assert "a year?" in refused.value.allowed
    assert "second" not in refused.value.allowed


def test_five_fields_are_completed_where_seconds_were_promised() -> None:
    for seconds, example in ((SecondsField.FIRST, "0 5 4 * * *"), (SecondsField.LAST, "5 4 * * * 0")):
        with pytest.raises(InvalidInput) as refused:
            parse_cron("5 4 * * *", seconds_field=seconds)
        assert refused.value.example == example


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("utc", "UTC"),
        ("z", "UTC"),
        ("Zulu Time", "UTC"),
        ("etc/gmt-3", "Etc/GMT-3"),
        ("Asia/Bangalore", "Asia/Kolkata"),
        ("Asia/Beijing", "Asia/Shanghai"),
        ("America/Seattle", "America/Los_Angeles"),
        ("America/Boston", "America/New_York"),
        ("Europe/Munich", "Europe/Berlin"),
        ("Europe/Milan", "Europe/Rome"),
        ("UTC-4", "Etc/GMT+4"),
        ("GMT+09:00", "Etc/GMT-9"),
        ("+5:30", "UTC"),
        ("UTC+15", "UTC"),
        ("KST", "Asia/Seoul"),
        ("IST", "UTC"),
        ("BST", "UTC"),
        ("CST", "UTC"),
        ("AEST", "UTC"),
        ("tokyo", "Asia/Tokyo"),
        ("Asia/Melbourne", "Australia/Melbourne"),
        ("America/Athens", "UTC"),
        ("America/Monterey", "America/Los_Angeles"),
        ("Asia/Deli", "UTC"),
        ("Europe/Lisbonn", "Europe/Lisbon"),
        ("Eastern", "UTC"),
        ("Atlantis/Poseidonis", "UTC"),
    ],
)
def test_a_zone_is_answered_with_the_place_meant_or_with_none(name: str, meant: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_zone(name)

    assert refused.value.example == meant
    assert ("Etc/GMT-3 is three hours ahead" in refused.value.allowed) == (
        name[-1].isdigit() and not name.startswith("etc")
    )


def test_a_zone_in_other_letters_is_answered_with_itself() -> None:
    for key in available_timezones():
        if "/" in key and not key.startswith(("posix", "right")):
            with pytest.raises(InvalidInput) as refused:
                read_zone(key.swapcase())
            assert refused.value.example in {key, "UTC"}
            assert key.startswith("Etc/") or refused.value.example == key


@given(name=st.one_of(st.text(max_size=20), st.from_regex(r"[A-Za-z]{2,9}(/[A-Za-z_]{2,12}){0,2}", fullmatch=True)))
@settings(max_examples=500, deadline=None)
def test_an_example_of_a_zone_is_always_one(name: str) -> None:
    try:
        read_zone(name)
    except InvalidInput as refused:
        read_zone(str(refused.example))


@given(text=st.text(alphabet="0123456789TZWzt:+-. ,", max_size=30), zone=st.sampled_from([None, "Europe/Berlin"]))
@settings(max_examples=500, deadline=None)
def test_an_example_of_a_moment_is_always_one(text: str, zone: str | None) -> None:
    try:
        read_moment(text, "at", now=NOW, timezone=zone)
    except InvalidInput as refused:
        read_moment(str(refused.example), "at", now=NOW, timezone=zone)


def test_a_preview_past_the_calendar_answers_what_there_is() -> None:
    start = to_ms(datetime(2380, 1, 1, tzinfo=UTC))
    fires = preview(CronSchedule(parse_cron("0 0 29 2 *", timezone="Europe/Berlin")), start, 50)

    assert [fire.local.year for fire in fires] == [2380, 2384, 2388, 2392, 2396]
    assert [bool(fire.note) for fire in fires] == [False] * 4 + [True]
    assert "the last fire before the year 2400" in fires[-1].note
    assert preview(CronSchedule(parse_cron("0 0 29 2 *")), to_ms(datetime(2397, 1, 1, tzinfo=UTC)), 5) == []


def test_the_end_of_the_calendar_names_the_expression() -> None:
    with pytest.raises(InvalidInput, match="2400") as refused:
        parse_cron("0 0 29 2 *").next_ms(to_ms(datetime(2397, 1, 1, tzinfo=UTC)))

    assert (refused.value.field, refused.value.value) == ("schedule_cron", "0 0 29 2 *")


def test_a_preview_names_its_own_field() -> None:
    asked: dict[str, Any] = {"timezone": "UTC", "gap": Gap.SKIP, "fold": Fold.LAST, "seconds_field": None}
    with pytest.raises(InvalidInput) as refused:
        read_expression("0 25 * * *", **asked)
    with pytest.raises(InvalidInput) as misplaced:
        read_expression("0 9 * * *", **{**asked, "timezone": "Nowhere"})

    assert (refused.value.field, misplaced.value.field) == ("expression", "timezone")


LIMITED: dict[str, Any] = {
    "history": lambda service, limit: service.history(None, limit),
    "summaries": lambda service, limit: service.summaries(None, limit),
    "running_executions": lambda service, limit: service.running_executions(limit),
    "audit_entries": lambda service, limit: service.audit_entries(limit=limit),
    "find_tasks": lambda service, limit: service.find_tasks(limit=limit),
    "page_of_tasks": lambda service, limit: service.page_of_tasks(limit=limit),
    "read_events": lambda service, limit: service.read_events(limit=limit),
}


@pytest.mark.parametrize("name", LIMITED)
async def test_a_limit_is_refused_by_its_own_name(name: str) -> None:
    async with TaskSchedulerService(":memory:") as service:
        for limit in (-1, 10**20, "5", None, True):
            with pytest.raises(InvalidInput) as refused:
                await LIMITED[name](service, limit)

            assert (refused.value.field, refused.value.value) == ("limit", limit)
        await LIMITED[name](service, refused.value.example)
