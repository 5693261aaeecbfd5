"""What the guard in front of cron lets through, and what it says to what it does not."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from remembrancer.errors import InvalidInput
from remembrancer.model.policy import Fold, Gap, SecondsField
from remembrancer.model.timestamps import to_ms
from remembrancer.schedules.cron.expression import CronExpression, parse_cron

NEW_YEAR = to_ms(datetime(2026, 1, 1, tzinfo=UTC))


def fires(cron: CronExpression, count: int, after_ms: int = NEW_YEAR) -> list[str]:
    found: list[str] = []
    for _ in range(count):
        after_ms = cron.next_ms(after_ms)
        found.append(datetime.fromtimestamp(after_ms / 1000, UTC).strftime("%a %Y-%m-%d %H:%M:%S"))
    return found


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("60 * * * *", "the minute field takes 0 to 59"),
        ("0 24 * * *", "the hour field takes 0 to 23"),
        ("0 0 0 * *", "the day-of-month field takes 1 to 31"),
        ("0 0 32 * *", "the day-of-month field takes 1 to 31"),
        ("0 0 * 13 *", "the month field takes 1 to 12 or JAN to DEC"),
        ("0 0 * * 8", "the day-of-week field takes 0 to 7"),
        ("-1 * * * *", "not -1"),
        ("1.5 * * * *", "not 1.5"),
        ("0 0 * * MONDAY", "not MONDAY"),
        ("0 0 * FEBR *", "not FEBR"),
        ("0 0 * * FEB", "not FEB"),
        ("1,,2 * * * *", "an empty list item"),
        ("*,5 * * * *", "already means every value"),
        ("5-5 * * * *", "write 5 for 5-5"),
        ("0 0 * * FRI-FRI", "write 5 for FRI-FRI"),
        ("0 0 * JAN-JAN *", "write 1 for JAN-JAN"),
        ("0 22-2 * * *", "write 22-23,0-2 for 22-2"),
        ("5/15 * * * *", "write 5-59/15 for 5/15"),
        ("*/0 * * * *", "must be 1 to 59"),
        ("*/61 * * * *", "must be 1 to 59; write 0"),
        ("*/60 * * * *", "must be 1 to 59; write 0"),
        ("0 0 1-31/40 * *", "must be 1 to 30"),
        ("R * * * *", "not R"),
        ("? * * * *", "not ?"),
        ("0 0 1? * *", "not 1?"),
        ("0 0 * * 5L", "L5"),
        ("0 0 * * L", "not L"),
        ("0 0 * * 1#6", "not 1#6"),
        ("0 0 * * 1#0", "not 1#0"),
        ("0 0 * * 1#1,3", "not a mixture"),
        ("0 0 15W,20 * *", "stands alone"),
        ("0 0 32W * *", "the day-of-month field takes 1 to 31"),
        ("H * * * *", "only for a task with an id"),
        ("0 0 31 2 *", "never fire"),
        ("0 0 30,31 FEB *", "never fire"),
        ("0 0 31 4,6,9,11 *", "never fire"),
        ("* * * *", "here are 4"),
        ("", "here are 0"),
        ("0 9 * * 1-5 *", "seconds_field='first' or seconds_field='last'"),
        ("0 0 1 1 * 0 2030", "no field for the year"),
        ("0 9 ? * MON-FRI 2027", "--start 2027-01-01 --until 2027-12-31"),
        ("cron(0 9 ? * MON-FRI 2027)", "Bounded(Cron(…), start='2027-01-01', end='2027-12-31')"),
        ("0 0 9 ? * MON-FRI 2027-2029", "--start 2027-01-01 --until 2029-12-31"),
        ("0 0 9 ? * MON-FRI *", "for the year: leave it out"),
        ("0 9 ? * MON-FRI 2027/2", "for each run of years"),
        ("0 9 * * 1 5", "Bounded(Cron(…), start=…, end=…)"),
        ("rate(5 minutes)", "--every 5m"),
        ("@every 7m", "the kind `every`"),
        ("@reboot", "one-time task"),
        ("@every 5m", "interval schedule"),
        ("@every_minute", "interval schedule"),
        ("@fortnightly", "@hourly, @daily"),
        ("0 9 * * \u0661", "ASCII"),
        ("0\u00a09 * * 1", "ASCII"),
        ("0 9\n* * 1", "one line"),
        ("0 9 * * 1\x00", "one line"),
        ("0," * 200 + "0 * * * *", "at most 256"),
    ],
)
def test_a_wrong_expression_is_told_what_would_be_right(expression: str, told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_cron(expression)
    assert told in refused.value.allowed
    assert refused.value.field == "schedule_cron"
    parse_cron(str(refused.value.example))


@pytest.mark.parametrize("year", ["2027", "2027-2028", "*", "2027,2029"])
def test_a_year_after_the_seconds_is_told_what_works(year: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_cron(f"0 0 9 * * 1-5 {year}", seconds_field=SecondsField.FIRST)
    assert "no field for the year: leave it out" in refused.value.allowed
    assert ("--until" in refused.value.allowed) is (year != "*")


@pytest.mark.parametrize("odd", [None, 5, True, ["0", "9"], {"cron": "0 9 * * *"}, b"0 9 * * *", object()])
def test_what_is_no_text_is_refused_and_never_crashes(odd: Any) -> None:
    with pytest.raises(InvalidInput, match="schedule_cron"):
        parse_cron(odd)


@pytest.mark.parametrize(
    ("choice", "field"),
    [
        ({"gap": "jump"}, "gap"),
        ({"fold": []}, "fold"),
        ({"seconds_field": "middle"}, "seconds_field"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": ["UTC"]}, "timezone"),
    ],
)
def test_a_wrong_choice_names_its_field(choice: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_cron("0 9 * * *", **choice)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("expression", "normal"),
    [
        ("0 9 * * 1-5", "0 9 * * 1-5"),
        ("  0\t9  * * mon-FRI\n", "0 9 * * 1-5"),
        ("0 9 * jan,Dec sun", "0 9 * 1,12 0"),
        ("0 9 * * 7", "0 9 * * 0"),
        ("0 9 * * SAT-SUN", "0 9 * * 0,6"),
        ("0 9 * * 5-7", "0 9 * * 0,5,6"),
        ("0-59 */1 ? * ?", "* * * * *"),
        ("10-50/10 * * * *", "10-50/10 * * * *"),
        ("0 0 w15 * *", "0 0 15W * *"),
        ("0 0 l * *", "0 0 L * *"),
        ("0 0 * * LFRI", "0 0 * * L5"),
        ("0 0 * * 7#2", "0 0 * * 0#2"),
        ("@hourly", "0 * * * *"),
        ("@Daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
    ],
)
def test_spellings_of_one_meaning_have_one_normal_form(expression: str, normal: str) -> None:
    cron = parse_cron(expression)
    assert cron.normalized == normal
    assert cron.expression == expression
    assert parse_cron(normal).normalized == normal
    assert fires(parse_cron(normal), 3) == fires(cron, 3)


def test_seconds_stand_where_the_caller_says() -> None:
    first = parse_cron("15 0 9 * * *", seconds_field=SecondsField.FIRST)
    last = parse_cron("0 9 * * * 15", seconds_field=SecondsField.LAST)
    assert first.normalized == last.normalized == "0 9 * * * 15"
    assert fires(first, 2) == fires(last, 2) == ["Thu 2026-01-01 09:00:15", "Fri 2026-01-02 09:00:15"]


def test_every_second_can_be_asked_for() -> None:
    cron = parse_cron("* * * * * *", seconds_field=SecondsField.FIRST)
    assert cron.next_ms(NEW_YEAR) == NEW_YEAR + 1000
    assert cron.next_ms(NEW_YEAR + 1) == NEW_YEAR + 1000
    assert cron.next_ms(NEW_YEAR + 999) == NEW_YEAR + 1000


def test_six_fields_are_asked_for_once_seconds_are() -> None:
    with pytest.raises(InvalidInput, match="exactly six fields"):
        parse_cron("0 9 * * *", seconds_field=SecondsField.LAST)
    assert parse_cron("@daily", seconds_field=SecondsField.LAST).normalized == "0 0 * * * 0"


def test_hashed_fields_depend_on_the_task_and_on_nothing_else() -> None:
    mine = parse_cron("H H(8-17) * * *", hash_id="water-the-plants")
    assert mine.normalized == parse_cron("H H(8-17) * * *", hash_id="water-the-plants").normalized
    spread = {parse_cron("H H(8-17) * * *", hash_id=f"task-{n}").normalized for n in range(50)}
    assert len(spread) > 30
    assert all(8 <= int(normal.split()[1]) <= 17 for normal in spread)
    stepped = parse_cron("H/15 * * * *", hash_id="water-the-plants")
    assert len({fire[-5:-3] for fire in fires(stepped, 8)}) == 4
    assert parse_cron(stepped.normalized).normalized == stepped.normalized


@pytest.mark.parametrize("wrong", ["H(5-5) * * * *", "H(9-3) * * * *", "H(0-99) * * * *", "H/90 * * * *", "HH * * * *"])
def test_a_wrong_hash_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidInput, match="minute"):
        parse_cron(wrong, hash_id="a")


def test_a_hashed_day_is_one_that_every_month_has() -> None:
    days = {int(parse_cron("0 0 H * *", hash_id=f"task-{n}").normalized.split()[2]) for n in range(300)}
    assert days == set(range(1, 29))


def test_an_id_changes_nothing_where_no_hash_is_asked_for() -> None:
    plain = parse_cron("@daily")
    assert parse_cron("@daily", hash_id="some-task") is plain
    assert parse_cron("0 9 * MAR THU", hash_id="some-task") is parse_cron("0 9 * MAR THU")


def test_the_same_arguments_are_read_once() -> None:
    assert parse_cron("1 2 3 4 *", gap=Gap.SKIP) is parse_cron("1 2 3 4 *", gap=Gap.SKIP)
    assert parse_cron("1 2 3 4 *", fold=Fold.LAST) != parse_cron("1 2 3 4 *", fold=Fold.FIRST)


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("0 0 13 * FRI", ["Fri 2026-01-02", "Fri 2026-01-09", "Tue 2026-01-13"]),
        ("0 0 */10 * FRI", ["Fri 2026-05-01", "Fri 2026-07-31", "Fri 2026-08-21"]),
        ("0 0 31 2 MON", ["Mon 2026-02-02", "Mon 2026-02-09", "Mon 2026-02-16"]),
        ("0 0 L * *", ["Sat 2026-01-31", "Sat 2026-02-28", "Tue 2026-03-31"]),
        ("0 0 15,L * *", ["Thu 2026-01-15", "Sat 2026-01-31", "Sun 2026-02-15"]),
        ("0 0 1W * *", ["Mon 2026-02-02", "Mon 2026-03-02", "Wed 2026-04-01"]),
        ("0 0 31W * *", ["Fri 2026-01-30", "Fri 2026-02-27", "Tue 2026-03-31"]),
        ("0 0 * * L5", ["Fri 2026-01-30", "Fri 2026-02-27", "Fri 2026-03-27"]),
        ("0 0 * * 2#2", ["Tue 2026-01-13", "Tue 2026-02-10", "Tue 2026-03-10"]),
        ("0 0 1 * 2#2", ["Tue 2026-01-13", "Sun 2026-02-01", "Tue 2026-02-10"]),
        ("0 0 15W * 1", ["Mon 2026-01-05", "Mon 2026-01-12", "Thu 2026-01-15"]),
        ("0 0 29 2 *", ["Tue 2028-02-29", "Sun 2032-02-29", "Fri 2036-02-29"]),
        ("0 0 * 2 1#5", ["Mon 2044-02-29", "Mon 2072-02-29", "Mon 2112-02-29"]),
    ],
)
def test_the_days_an_expression_names(expression: str, days: list[str]) -> None:
    assert [fire[:14] for fire in fires(parse_cron(expression), 3)] == days


def test_a_range_of_fires_is_closed_at_both_ends_and_capped() -> None:
    cron = parse_cron("*/10 * * * *")
    hour = [NEW_YEAR + minutes * 60_000 for minutes in (0, 10, 20, 30, 40, 50, 60)]
    assert cron.between(NEW_YEAR, NEW_YEAR + 3_600_000, 100) == hour
    assert cron.between(NEW_YEAR, NEW_YEAR + 3_600_000, 3) == hour[:3]
    assert cron.between(NEW_YEAR + 1, NEW_YEAR + 3_599_999, 100) == hour[1:-1]
    assert cron.between(NEW_YEAR, NEW_YEAR + 3_600_000, 0) == []
    assert cron.between(NEW_YEAR + 1, NEW_YEAR, 5) == []


def test_beyond_the_year_2400_there_is_an_answer_in_words() -> None:
    with pytest.raises(InvalidInput, match="2400"):
        parse_cron("0 0 1 1 *", timezone="Europe/Berlin").next_ms(10**15)


def test_a_cron_is_a_value() -> None:
    cron = parse_cron("0 9 * * *")
    with pytest.raises(AttributeError):
        cron.timezone = "Europe/Berlin"  # pyright: ignore[reportAttributeAccessIssue]
    assert hash(cron) == hash(parse_cron("0 9 * * *"))


def test_threads_share_one_expression_without_harm() -> None:
    cron = parse_cron("7 3 * * 1#2", timezone="Europe/Lisbon")
    alone = [cron.next_ms(NEW_YEAR + day * 86_400_000) for day in range(200)]
    shared = parse_cron("7 3 * * MON#2", timezone="Europe/Lisbon")
    answers: list[list[int]] = []

    def ask(backwards: bool) -> None:  # noqa: FBT001
        days = range(199, -1, -1) if backwards else range(200)
        found = {day: shared.next_ms(NEW_YEAR + day * 86_400_000) for day in days}
        answers.append([found[day] for day in range(200)])

    threads = [threading.Thread(target=ask, args=(n % 2 == 0,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [alone] * 4
