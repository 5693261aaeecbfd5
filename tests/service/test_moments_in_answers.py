"""What Cypher answers: a moment as an aware datetime, and text that is no moment as it stands."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from remembrancer import TaskSchedulerService

NOON = datetime(2026, 3, 30, 12, tzinfo=UTC)


async def answer(cypher: str) -> object:
    service = TaskSchedulerService(":memory:")
    await service.open()
    try:
        return (await service.cypher(cypher))[0]["answer"]
    finally:
        await service.close()


async def test_a_moment_comes_back_as_a_moment() -> None:
    assert await answer(f"RETURN datetime({{epochMillis: {int(NOON.timestamp() * 1000)}}}) AS answer") == NOON


@pytest.mark.parametrize("text", ["2026-02-30T12:00Z", "2026-13-01T00:00:00Z", "0001-01-01T00:00+23:59", "at noon"])
async def test_text_that_looks_like_a_moment_and_is_none_stays_text(text: str) -> None:
    assert await answer(f"RETURN '{text}' AS answer") == text
