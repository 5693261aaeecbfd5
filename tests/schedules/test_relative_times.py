"""Times relative to now are read by one grammar; words that need a guess are refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from remembrancer import AnyOf, Bounded, Cron, Every, RRule
from remembrancer.errors import InvalidInput
from remembrancer.model.timestamps import from_now
from remembrancer.schedules.parsing import after, read_moment
from remembrancer.schedules.relative.settled import settled
from remembrancer.schedules.relative.times import read_relative

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
UNITS = {"s": 1, "sec": 1, "minutes": 60, "m": 60, "hours": 3600, "h": 3600, "d": 86_400, "weeks": 604_800}


@pytest.mark.parametrize(
    ("text", "ahead"),
    [
        ("now", timedelta()),
        (" Now ", timedelta()),
        ("in 2h", timedelta(hours=2)),
        ("2h", timedelta(hours=2)),
        ("+90m", timedelta(minutes=90)),
        ("1h30m", timedelta(minutes=90)),
        ("1.5h", timedelta(minutes=90)),
        ("in 2 hours and 5 minutes", timedelta(hours=2, minutes=5)),
        ("1 day, 2 hours", timedelta(hours=26)),
        ("1w", timedelta(weeks=1)),
        ("-1d", timedelta(days=-1)),
        ("2h ago", timedelta(hours=-2)),
    ],
)
def test_a_time_from_now_is_that_far_from_now(text: str, ahead: timedelta) -> None:
    assert read_moment(text, "at", now=NOW) == NOW + ahead
    assert read_moment(text, "at", now=NOW, timezone="Europe/Berlin") == NOW + ahead


@pytest.mark.parametrize(
    "text",
    [
        *("tomorrow", "next Tuesday", "noon", "tonight at 8", "in a while", "in two hours", "soon", "in"),
        *("1 month", "in 1mo", "2y", "5", "in 5", "2h later", "in 2h ago", "--2h", "2 h m", "1e3s", "\u0662h"),
        *("2h" * 100, "9" * 12 + "w", "in 200w and 99999999w"),
    ],
)
def test_words_that_need_a_guess_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_moment(text, "until", now=NOW)

    assert refused.value.field == "until"
    assert read_moment(str(refused.value.example), "until", now=NOW) > NOW


def test_a_refused_word_is_answered_with_the_forms_that_are_read() -> None:
    with pytest.raises(InvalidInput, match="such as in 2h; words are not guessed"):
        read_moment("tomorrow", "until", now=NOW)


@given(parts=st.lists(st.tuples(st.integers(0, 400), st.sampled_from(sorted(UNITS))), min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_lengths_in_a_row_add_up(parts: list[tuple[int, str]]) -> None:
    expected = timedelta(seconds=sum(number * UNITS[unit] for number, unit in parts))

    assert read_relative(", ".join(f"{number} {unit}" for number, unit in parts)) == expected
    assert read_relative("+" + " ".join(f"{number}{unit}" for number, unit in parts)) == expected


@given(ahead=st.timedeltas(timedelta(-3000), timedelta(3000)))
@settings(max_examples=300, deadline=None)
def test_a_timedelta_survives_its_text(ahead: timedelta) -> None:
    assert read_relative(from_now(ahead)) == ahead
    assert read_moment(ahead, "at", now=NOW) == read_moment(from_now(ahead), "at", now=NOW)


@pytest.mark.parametrize(
    "wait", ["tomorrow", "-2h", "2h ago", "in 2h", "now", "", 5, True, timedelta(-1), "9" * 12 + "w"]
)
def test_a_wait_is_a_length_of_time_ahead(wait: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^in_="):
        after(wait, None)


def test_a_wait_beside_a_time_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not both"):
        after("2h", "2027-01-01T09:00:00Z")


def test_times_inside_a_schedule_are_made_exact() -> None:
    inner = Bounded(Every("15m", anchor="now"), start="in 2h", end="2026-12-01")
    made = settled(AnyOf([inner, RRule("FREQ=DAILY", start="+1d")]), NOW)

    exact = Bounded(Every("15m", anchor="2026-03-01T12:30:00Z"), start="2026-03-01T14:30:00Z", end="2026-12-01")
    assert made == AnyOf([exact, RRule("FREQ=DAILY", start="2026-03-02T12:30:00Z")])


def test_a_schedule_of_exact_times_is_kept_as_it_is() -> None:
    value = AnyOf([Bounded(Cron("0 9 * * *"), start="2026-04-01"), Every("2h")])

    assert settled(value, NOW) is value


@pytest.mark.parametrize("is_inside", [False, True])
def test_a_count_without_a_start_is_counted_from_now(*, is_inside: bool) -> None:
    def made(start: str | None) -> Any:
        value = Bounded(Cron("0 9 * * *"), start=start, count=10)
        return AnyOf((value,)) if is_inside else value

    assert settled(made(None), NOW) == settled(made("now"), NOW)
    assert settled(made("2026-04-01"), NOW) == made("2026-04-01")
