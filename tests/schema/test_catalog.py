"""The catalogue: queries and migrations are read from files, and a file at fault says so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from remembrancer.model.execution import TERMINAL_STATUSES, Reason
from remembrancer.model.summary import ExecutionSummary
from remembrancer.model.task import ScheduledTask
from remembrancer.ports.statistics import COUNTS, LIFETIME
from remembrancer_schema import catalog, kinds

if TYPE_CHECKING:
    from collections.abc import Iterator


NAMED = re.compile(r"CREATE PROPERTY \w+\.(\w+)|REQUIRE n\.(\w+)|ON \(n\.(\w+)\)")
ADJECTIVES = {"existing", "recurring", "running", "upcoming"}
"""Words in -ing that are no gerunds."""
OLD_WORDS = {
    *("account", "book", "books", "fold", "folds", "listing", "looked", "packed", "roster", "share", "shares", "sign"),
    *("tally", "through"),
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of queries of one's own; what was read before is forgotten, and again after."""
    (tmp_path / "queries").mkdir()
    monkeypatch.setattr(catalog, "files", lambda _: tmp_path)
    forget()
    yield tmp_path
    monkeypatch.undo()
    forget()


def forget() -> None:
    for read in (catalog.queries, catalog.migrations):
        read.cache_clear()


def write(package: Path, family: str, text: str) -> None:
    (package / "queries" / f"{family}.cypher").write_text(text, "utf-8")


def test_a_query_has_its_name_its_family_a_summary_and_a_text(package: Path) -> None:
    write(
        package, "tasks", "// name: one\n// The first.\nMATCH (n)\nRETURN n\n\n// name: two\n// The other.\nRETURN 2\n"
    )
    (package / "queries" / "notes.txt").write_text("not a query")
    assert [(each.name, each.family, each.summary, each.text) for each in catalog.queries().values()] == [
        ("one", "tasks", "The first.", "MATCH (n)\nRETURN n"),
        ("two", "tasks", "The other.", "RETURN 2"),
    ]
    assert catalog.query("two") == "RETURN 2"


def test_a_query_that_stands_twice_is_a_fault(package: Path) -> None:
    for family in ("deferrals", "tasks"):
        write(package, family, "// name: one\n// The first.\nRETURN 1\n")
    with pytest.raises(ValueError, match="one stands in deferrals and in tasks"):
        catalog.queries()


def test_a_query_that_stands_twice_in_one_file_is_a_fault(package: Path) -> None:
    write(package, "tasks", "// name: one\n// The first.\nRETURN 1\n" * 2)
    with pytest.raises(ValueError, match="one stands"):
        catalog.queries()


@pytest.mark.parametrize("body", ["RETURN 1", "// Only a summary.", "//\nRETURN 1", ""])
def test_a_query_without_a_summary_or_a_text_is_a_fault(package: Path, body: str) -> None:
    write(package, "tasks", f"// name: one\n{body}\n")
    with pytest.raises(ValueError, match="one in tasks needs"):
        catalog.queries()


def test_an_unknown_query_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="no_such_query"):
        catalog.query("no_such_query")


def test_the_shipped_queries_say_what_they_answer_in_one_line() -> None:
    for query in catalog.queries().values():
        assert query.summary.endswith((".", "?")), query.name
        assert not query.text.endswith(";"), query.name


@pytest.mark.parametrize("engine", ["embedded", "neo4j"])
def test_migrations_are_numbered_without_a_hole_and_only_declare(engine: str) -> None:
    steps = catalog.migrations(engine)
    assert [step.version for step in steps] == list(range(1, len(steps) + 1))
    for step in steps:
        assert step.statements
        for statement in step.statements:
            assert re.match(r"(?:CREATE|ALTER|DROP)\b", statement), statement
            again = "IF NOT EXISTS" in statement or "IF EXISTS" in statement or statement.startswith("ALTER DATABASE")
            assert again, f"not safe to apply twice: {statement}"


def test_migrations_are_sorted_by_number_and_cut_at_semicolons(package: Path) -> None:
    folder = package / "migrations" / "embedded"
    folder.mkdir(parents=True)
    (folder / "V0010__later.sql").write_text("-- why; because\nCREATE C;\n")
    (folder / "V0002__the_first_step.sql").write_text("CREATE A;\n\nCREATE\n  B;\n")
    (folder / "README.md").write_text("no migration")
    steps = catalog.migrations("embedded")
    assert [(step.version, step.title, step.statements) for step in steps] == [
        (2, "the first step", ("CREATE A", "CREATE\n  B")),
        (10, "later", ("CREATE C",)),
    ]


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("due_tasks", ("t", "element_id")),
        ("retry_executions", ("row", "fence")),
        ("last_commit", ("row", "commit_number")),
        ("unlink_times", ("row",)),
    ],
)
def test_gathered_rows_say_what_stands_in_their_columns(name: str, columns: tuple[str, ...]) -> None:
    gathered = catalog.gathered(catalog.query(name))

    assert gathered.columns == columns
    assert catalog.query(name).replace("$rows", "$given.rows") in gathered.text
    assert gathered.text.endswith(f"RETURN collect([{', '.join(columns)}]) AS rows")


def test_a_line_with_a_repeated_mark_becomes_one_for_each_name(package: Path) -> None:
    write(package, "tasks", "// name: one\n// The first.\nRETURN\n  n.<outcome> AS <outcome>,\n  1\n")
    columns = [f"  n.{each} AS {each}," for each in kinds.OUTCOMES]
    assert catalog.query("one").splitlines() == ["RETURN", *columns, "  1"]


def test_no_mark_is_left_in_a_shipped_query() -> None:
    assert [each.name for each in catalog.queries().values() if re.search(r"<[a-z_]+>", each.text)] == []


def test_the_names_that_are_repeated_are_those_of_the_models() -> None:
    assert kinds.HOURLY_COUNTERS == COUNTS
    assert kinds.LIFETIME_COUNTERS == LIFETIME
    assert {*kinds.OUTCOMES} == TERMINAL_STATUSES
    assert {*kinds.FAILURES} <= {*Reason}
    assert {*kinds.OUTCOMES, *kinds.FAILURES} <= {*ExecutionSummary.model_fields}


def declared_properties() -> set[str]:
    texts = [
        text for engine in ("embedded", "neo4j") for step in catalog.migrations(engine) for text in step.statements
    ]
    return {name for text in texts for found in NAMED.findall(text) for name in found if name}


def test_names_in_the_graph_are_plain_words() -> None:
    properties = declared_properties() | {name for name in ScheduledTask.model_fields if name != "fold"}
    families = {each.family for each in catalog.queries().values()}
    names = properties | families | {*kinds.KEYS, *kinds.LIFETIME_COUNTERS, *catalog.queries()}
    words = {(word, name) for name in names for word in name.lower().split("_")}

    gerunds = {name for word, name in words if word.endswith("ing") and word not in ADJECTIVES}
    assert gerunds == set()
    assert {name for word, name in words if word in OLD_WORDS} == set()


def test_the_dictionary_lists_every_label_edge_and_property() -> None:
    dictionary = (Path(catalog.__file__).parent / "README.md").read_text("utf-8")
    names = {*kinds.KEYS, *(edge.kind for edge in kinds.EDGES), *declared_properties(), *kinds.LIFETIME_COUNTERS}
    written = names | ScheduledTask.model_fields.keys() - {"deferral_history", "next_fires", "unreadable"}

    assert sorted(name for name in written if f"`{name}`" not in dictionary) == []
