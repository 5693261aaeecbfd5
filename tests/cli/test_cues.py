"""Cues on the command line, on a graph that is served and on one that is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from conftest import Desk, Serve, Until

QUERY: Final = "UNWIND $names AS name RETURN name AS match"
WORDS: Final = ("schedule", "Cue", "--cue", QUERY, "--prompt", "p")


def test_a_cue_of_the_command_line_fires_and_shows_rows(desk: Desk, serve: Serve, until: Until) -> None:
    serve("--no-bolt", "--no-rest")
    made = desk.json(*WORDS, "--cue-parameters", '{"names": ["one", "two"]}', "--every", "5m")
    assert made["description"] == "On each new match of its query, looked for every 5 minutes"
    task_id = made["task_id"]

    def runs() -> list[str]:
        return [each["cause_detail"]["match"] for each in desk.json("history", task_id) if each.get("cause_detail")]

    until(lambda: len(runs()) == 2, "both matches fired")
    assert runs() == ["two", "one"]
    assert "match: two" in desk("history", task_id).out
    changed = desk.json("update", task_id, "--cue", "RETURN 'three' AS match", "--every", "1h")
    assert '"every":"1h"' in changed["changed"]["schedule_spec"]["after"]
    until(lambda: runs()[0] == "three", "the new query fired")


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("--cue", "MATCH (n"), "cypher"),
        (("--cue", "RETURN 1", "--every", "soon"), "every"),
        (("--cue", "RETURN 1", "--existing", "no"), "existing"),
        (("--cue", "RETURN 1", "--cue-parameters", "[1]"), "cue_parameters"),
        (("--cue", "RETURN 1", "--cron", "0 9 * * *"), "--cron"),
        (("--cue", "RETURN 1", "--after", "task_1"), "--after"),
        (("--existing", "ignore", "--in", "5m"), "--existing"),
    ],
)
def test_a_wrong_cue_of_the_command_line_is_refused(desk: Desk, words: tuple[str, ...], field: str) -> None:
    ran = desk("schedule", "Cue", "--prompt", "p", *words)
    assert ran.code != 0
    assert f"field    {field}" in ran.err
