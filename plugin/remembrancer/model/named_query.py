"""A named query: a question about the graph that comes with the package."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """One query of the catalogue, for people.

    Args:
        name: Its name.
        summary: The question it answers, in a line.
        parameters: The parameters it takes.
        text: Its Cypher.
    """

    name: str
    summary: str
    parameters: tuple[str, ...]
    text: str
