"""Files of declared tasks on the command line: YAML, TOML, folders, hostile ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, strategies as st

from remembrancer.cli.views.set_files import read_files
from remembrancer.errors import InvalidInput
from remembrancer.model.request import TASK_FIELDS
from remembrancer.model.schedule import VALUES
from remembrancer.operations.sets.file_schema import file_schema

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Desk

YAML = """\
set: house
defaults: {timezone: Europe/Berlin}
tasks:
  tea:
    trigger_prompt: Make tea
    every: 90m
  close:
    trigger_prompt: Close
    workdays: {nth: -1, at: 17:00}
"""


def written(folder: Path, text: str, name: str = "house.yaml") -> str:
    file = folder / name
    file.write_text(text)
    return str(file)


def counted(answer: Any) -> list[tuple[str, str]]:
    return [(each["key"], each["action"]) for one in answer for each in one["tasks"]]


def test_limits_of_a_file_are_set_once(desk: Desk) -> None:
    desk.json("apply", written(desk.folder, YAML))
    file = written(desk.folder, YAML + "limits: {database: 3, 'group:tea': {slots: 2, rate: 60/minute}}\n")
    planned = desk("apply", file, "--dry-run")
    made = desk("apply", file)
    limits = [(each["key"], each["slots"], each["rate"]) for each in desk.json("limit")]
    again = desk("apply", file)
    refused = desk("apply", written(desk.folder, YAML + "limits: {database: many}\n", "wrong.yaml"))

    assert "~ limit key:database  slots=3" in planned.out
    assert "~ limit group:tea  slots=2  rate=60/minute" in made.out
    assert limits == [("group:tea", 2, "60/minute"), ("key:database", 3, None)]
    assert "limit" not in again.out
    assert (refused.code, ":10 limits.database.slots" in " ".join(refused.err.split())) == (2, True), refused.err


def test_circuits_of_a_file_are_set_once(desk: Desk) -> None:
    desk.json("apply", written(desk.folder, YAML))
    file = written(desk.folder, YAML + "circuits: {github: 3, mail: {opens_after: 2, open_seconds: 90.5}}\n")
    planned = desk("apply", file, "--dry-run")
    none_yet = desk.json("circuit")
    made = desk("apply", file)
    states = {each["key"]: each["circuit"] for each in desk.json("circuit")}
    circuits = [(key, each["opens_after"], each["open_seconds"]) for key, each in states.items()]
    again = desk("apply", file)

    assert (none_yet, circuits) == ([], [("circuit:github", 3, 60), ("circuit:mail", 2, 90.5)])
    assert "~ circuit:github  opens_after=3  open_seconds=60" in planned.out
    assert "~ circuit:mail  opens_after=2  open_seconds=90.5" in made.out
    assert "circuit" not in again.out


@pytest.mark.parametrize(
    ("part", "place"),
    [
        ("limits: {DB: 3, db: 4}", "limits.db"),
        ("limits: {'key:db': 3, db: 3}", "limits.db"),
        ("circuits: {github: 3, 'circuit:github': 4}", "circuits.circuit:github"),
        ("circuits: {github: 0}", "circuits.github.opens_after"),
        ("circuits: {github: {open_seconds: 0}}", "circuits.github.open_seconds"),
        ("circuits: {github: {slots: 1}}", "circuits.github.slots"),
    ],
)
def test_a_file_with_wrong_limits_is_refused(desk: Desk, part: str, place: str) -> None:
    refused = desk("apply", written(desk.folder, YAML + part + "\n", "wrong.yaml"))
    assert (refused.code, f":10 {place} " in " ".join(refused.err.split()) + " ") == (2, True), refused.err


def test_a_file_is_applied_changed_and_pruned(desk: Desk) -> None:
    file = written(desk.folder, YAML)
    made = desk.json("apply", file)
    again = desk.json("apply", file)
    written(desk.folder, YAML.replace("90m", "2h").partition("  close")[0])
    shown = desk("apply", file, "--dry-run", "--prune")
    refused = desk("apply", file, "--prune")
    pruned = desk.json("apply", file, "--prune", "--yes")

    assert counted(made) == [("tea", "created"), ("close", "created")]
    assert counted(again) == [("tea", "unchanged"), ("close", "unchanged")]
    assert "~ tea  changed" in shown.out
    assert "- close  removed" in shown.out
    assert "nothing was written" in shown.out
    assert (refused.code, "--yes" in refused.err) == (2, True)
    assert counted(pruned) == [("tea", "changed"), ("close", "removed")]
    assert [each["name"] for each in desk.json("list")] == ["tea"]


def test_every_wrong_field_is_shown_with_its_line(desk: Desk) -> None:
    file = written(desk.folder, YAML.replace("every: 90m", "every: 90q").replace("workdays", "wrkdays"))
    refused = desk("apply", file)
    assert refused.code == 2
    assert f"{file}:6 tasks.tea.every" in refused.err
    assert f"{file}:9 tasks.close.wrkdays" in refused.err


def test_files_of_a_folder_make_one_set(desk: Desk) -> None:
    folder = desk.folder / "tasks"
    folder.mkdir()
    written(folder, 'set = "house"\n[tasks.one]\ntrigger_prompt = "x"\nat = 2099-01-01T09:00:00Z\n', "a.toml")
    written(folder, "set: house\ntasks: {two: {trigger_prompt: x, every: 1d}}\n", "b.yaml")
    assert counted(desk.json("apply", str(folder))) == [("one", "created"), ("two", "created")]


def test_texts_of_yaml_are_taken_for_no_other_values(tmp_path: Path) -> None:
    text = "set: on\ntasks: {a: {at: 17:00, b: 2026-12-24, c: yes, d: 010, e: 1.5, f: ~, g: '7'}}\n"
    (read,) = read_files([tmp_path / written(tmp_path, text)])
    assert read.name == "on"
    assert read.tasks["a"] == {
        "at": "17:00",
        "b": "2026-12-24",
        "c": "yes",
        "d": 10,
        "e": 1.5,
        "f": None,
        "g": "7",
    }


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x]\nb: &b [*a, *a]\nset: *b\n",
        "set: !!python/object/apply:os.system [true]\n",
        "set: !own x\n",
        "set: a\nset: b\n",
        "? [a]\n: b\n",
        "set: " + "[" * 2000,
        "[" * 100_000,  # minutes, if the parser reads it all
        "set: " + "{a: " * 60 + "1" + "}" * 60,
        "set: a\n--- \nset: b\n",
        "- a\n",
        "other: a\n",
        "set: [a]\n",
        "tasks: [a]\n",
        "x" * 1_000_001,
        "set: \x00",
    ],
)
def test_hostile_yaml_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidInput):
        read_files([tmp_path / written(tmp_path, text)])


def test_a_number_of_5000_digits_in_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        read_files([tmp_path / written(tmp_path, "set = " + "9" * 5000, "house.toml")])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(st.characters(codec="ascii"), max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(st.characters(codec="ascii"), max_size=5), inner, max_size=3)
        ),
        max_leaves=9,
    )
)
def test_yaml_gives_back_what_was_written(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    file = tmp_path_factory.mktemp("yaml") / "x.yaml"
    file.write_text(yaml.safe_dump({"tasks": {"a": value}}), "utf-8")
    assert read_files([file])[0].tasks == {"a": value}


def test_the_schema_names_every_field_and_kind() -> None:
    schema: Any = file_schema()
    shared = {*TASK_FIELDS, *VALUES, "at"} - {"dedup_key", "dedup_reuse"}
    assert set(schema["$defs"]["shared"]["properties"]) == shared
    assert set(schema["$defs"]["task"]["properties"]) == {*shared, "template", "with"}


def test_the_schema_is_printed_without_a_graph(desk: Desk) -> None:
    assert desk.json("apply", "--schema")["title"] == "A declared set of tasks of Remembrancer"
