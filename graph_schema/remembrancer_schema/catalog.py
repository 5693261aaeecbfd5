"""Named queries and migrations, read from the files of this package.

A query file holds many queries, each under a header and one line that says what it answers:

    // name: due_tasks
    // Armed tasks at or before $now_ms, oldest first, at most $limit.
    MATCH ...

The text is the same for every engine; only the migrations differ.

A name that ends in `<label>` stands for a query of every label, one in `<edge>` for one of every type of edge: the
marks in its text become what `remembrancer_schema.kinds` says. In any query, a line with a mark such as `<outcome>` or
`<hourly_counter>` stands for one line for each of these names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final, LiteralString, cast

from remembrancer_schema.kinds import APART, EDGES, KEYS, REPEATED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LAST_RETURN: Final = re.compile(r"\bRETURN (?:DISTINCT )?")
_ORDER: Final = re.compile(r"\s(?:ORDER BY|LIMIT)\b")
_NESTED: Final = re.compile(r"[(\[{][^()\[\]{}]*[)\]}]")
_HEADER: Final = re.compile(r"^// name: (?P<name>[a-z][a-z0-9_]*(?:<label>|<edge>)?)[ \t]*$", re.MULTILINE)
_MIGRATION: Final = re.compile(r"^V(?P<version>\d{4})__(?P<title>[a-z0-9_]+)\.(?:sql|cypher)$")


@dataclass(frozen=True, slots=True)
class Query:
    """One named query: its family (the file), its one-line summary, its Cypher."""

    name: str
    family: str
    summary: str
    text: LiteralString
    written: str
    """The name as it stands in the file: another one only for a query of every label or type of edge."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of an engine's schema: DDL only, one statement after the other."""

    version: int
    title: str
    statements: tuple[LiteralString, ...]


@cache
def queries() -> Mapping[str, Query]:
    """Return every query by its name.

    Raises:
        ValueError: A name stands twice, or a query has no summary: a fault of this package.
    """
    found: dict[str, Query] = {}
    for resource in sorted(files("remembrancer_schema").joinpath("queries").iterdir(), key=lambda file: file.name):
        if resource.name.endswith(".cypher"):
            for query in _read(resource.read_text("utf-8"), resource.name.removesuffix(".cypher")):
                if query.name in found:
                    raise ValueError(
                        f"the query {query.name} stands in {found[query.name].family} and in {query.family}"
                    )
                found[query.name] = query
    return found


def query(name: str) -> LiteralString:
    """Return the Cypher of the query called *name*. Raises KeyError."""
    return queries()[name].text


@dataclass(frozen=True, slots=True)
class Gathered:
    """A query whose rows come as one, as lists under `rows`, and the columns of each list."""

    text: LiteralString
    columns: tuple[str, ...]


@cache
def gathered(text: LiteralString) -> Gathered:
    """Return a query of this catalogue with its rows gathered in one, in their order, and those it takes in `$given`.

    A driver that reads row by row spends more on that than on what is in them. A server makes a new plan for each
    magnitude of a list's length, at the cost of a commit or ten; it does not know the length of a list within a map.
    """
    answer = _ORDER.split(_LAST_RETURN.split(text)[-1])[0]
    while (flat := _NESTED.sub("", answer)) != answer:
        answer = flat
    columns = tuple(column.split()[-1] for column in answer.split(","))
    given = text.replace("$rows", "$given.rows")
    return Gathered(_literal(f"CALL () {{\n{given}\n}}\nRETURN collect([{', '.join(columns)}]) AS rows"), columns)


@cache
def migrations(engine: str) -> tuple[Migration, ...]:
    """Return the migrations of *engine* ("embedded" or "neo4j"), first to last."""
    steps: list[Migration] = []
    for resource in files("remembrancer_schema").joinpath("migrations", engine).iterdir():
        if match := _MIGRATION.match(resource.name):
            statements = tuple(_statements(resource.read_text("utf-8")))
            steps.append(Migration(int(match["version"]), match["title"].replace("_", " "), statements))
    return tuple(sorted(steps, key=lambda step: step.version))


def _read(text: str, family: str) -> Iterator[Query]:
    """Cut one query file at its headers."""
    _, *parts = _HEADER.split(text)
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        summary, _, cypher = body.strip().partition("\n")
        if not summary.startswith("// ") or not cypher.strip():
            raise ValueError(f"the query {name} in {family} needs a summary line and a text")
        for marks in _marks(name):
            yield Query(
                name=_marked(name, marks).lower(),
                family=family,
                summary=_marked(summary.removeprefix("// "), marks),
                text=_literal(_marked(_repeated(cypher.strip()), marks)),
                written=name,
            )


def _marks(name: str) -> list[dict[str, str]]:
    """Return what the marks of a query stand for, once for each query that it stands for."""
    if name.endswith("<label>"):
        return [{"<label>": label, "<key>": key} for label, key in KEYS.items() if label not in APART]
    if name.endswith("<edge>"):
        return [
            {
                "<edge>": edge.kind,
                "<source>": edge.source,
                "<source_key>": KEYS[edge.source],
                "<target>": edge.target,
                "<target_key>": KEYS[edge.target],
                "<named>": f"a.{edge.named_by}" if edge.named_by else "null",
            }
            for edge in EDGES
        ]
    return [{}]


def _marked(text: str, marks: dict[str, str]) -> str:
    for mark, value in marks.items():
        text = text.replace(mark, value)
    return text


def _repeated(text: str) -> str:
    """Return a query's text with one line for each name in place of a line with the mark of such names."""
    lines: list[str] = []
    for line in text.splitlines():
        mark = next((mark for mark in REPEATED if mark in line), None)
        lines += [line.replace(mark, name) for name in REPEATED[mark]] if mark else [line]
    return "\n".join(lines)


def _statements(text: str) -> Iterator[LiteralString]:
    """Cut a migration at its semicolons; comment lines are left out."""
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(("--", "//")))
    for statement in code.split(";"):
        if statement.strip():
            yield _literal(statement.strip())


def _literal(text: str) -> LiteralString:
    """Vouch for text that ships with this package: no user's input ever reaches it."""
    return cast("LiteralString", text)
