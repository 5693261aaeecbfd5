"""A clock that goes by a server's: neither a wrong clock here nor a stray answer there leads it astray."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from remembrancer.engine import clock as clocks
from remembrancer.engine.clock import SystemTime

if TYPE_CHECKING:
    from collections.abc import Iterator

TRUE = datetime(2026, 3, 2, 9, tzinfo=UTC)
WRONG = timedelta(minutes=5)


class Bench:
    """A clock whose system and monotonic clocks are set by hand, and a server that is right."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 1000.0
        self.system = TRUE + WRONG
        monkeypatch.setattr(clocks.time, "monotonic", lambda: self.seconds)
        self.clock = SystemTime(lambda: self.system)

    @property
    def true(self) -> datetime:
        return TRUE + timedelta(seconds=self.seconds - 1000)

    def read(self, way: float = 0.002, server_is_off: float = 0.0) -> None:
        """Take a reading whose answer came after *way* seconds."""
        sent, told = self.seconds, self.true + timedelta(seconds=way / 2 + server_is_off)
        self.seconds += way
        self.clock.add_reading(told, sent, self.seconds)

    @property
    def error(self) -> float:
        return abs((self.clock.now() - self.true).total_seconds())


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with monkeypatch.context() as patched:
        yield Bench(patched)


def test_until_a_server_is_heard_it_is_the_systems_clock(bench: Bench) -> None:
    assert bench.clock.now() == TRUE + WRONG
    assert bench.clock.offset_seconds == 0


def test_the_clock_follows_the_server_and_reports_its_offset(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "remembrancer"):
        for _ in range(5):
            bench.read()

    assert bench.error < 0.001
    assert bench.clock.offset_seconds == pytest.approx(-300, abs=0.1)
    assert [record.getMessage() for record in caplog.records] == [
        "This machine's clock is 300.0 s ahead of that of the graph's server, which counts: set it."
    ]


def test_setting_the_systems_clock_moves_nothing(bench: Bench) -> None:
    bench.read()
    bench.system -= timedelta(hours=2)
    bench.seconds += 30

    assert bench.error < 0.002


def test_the_shortest_way_counts(bench: Bench) -> None:
    bench.read(way=0.002)
    for _ in range(5):
        bench.read(way=1.5)  # the answer may be 0.75 s off

    assert bench.error < 0.001


def test_a_stray_reading_is_ignored_and_a_set_clock_followed(bench: Bench) -> None:
    for _ in range(10):
        bench.read()
    bench.read(server_is_off=60)
    bench.read(server_is_off=60)
    bench.read()
    assert bench.error < 0.001
    for _ in range(3):
        bench.read(server_is_off=60)
    assert bench.error == pytest.approx(60, abs=0.01)
