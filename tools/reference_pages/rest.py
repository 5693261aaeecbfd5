"""The routes of the API, from the table of operations and the document that the application makes of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from reference_pages.calls import commands_of
from reference_pages.docstrings import prose
from reference_pages.markdown import table
from reference_pages.requests import Document
from remembrancer import TaskSchedulerService
from remembrancer.fastapi import application
from remembrancer.operations.catalog import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from remembrancer.operations.operation import AnyOperation, Http

_REPORTS: Final = "/telemetry/task-scheduler"
_HEAD: Final = ("parameter", "in", "type", "default", "meaning")


def routes() -> str:
    """Return the table of all routes of operations."""
    head = ("route, below `/v1`", "scope", "does", "in Python", "on the command line")
    return table(head, [_route(operation, http) for operation, http in _each()])


def parameters() -> str:
    """Return a heading for each route, with its parameters, its body and its answer."""
    document = Document(application(TaskSchedulerService()).openapi())
    return "\n\n".join(_described(document, operation, http) for operation, http in _each())


def reports() -> str:
    """Return the table of reports: the call, the route and its filters."""
    document = Document(application(TaskSchedulerService()).openapi())
    head = ("in Python", f"over HTTP, below `/v1{_REPORTS}`", "filters", "answers")
    rows = [
        (
            f"`await scheduler.{operation.name}({'…' if operation.params.model_fields else ''})`",
            f"`{http.path.removeprefix(_REPORTS)}`",
            _filters(document, http) or "none",
            f"`{operation.result.__name__}`",
        )
        for operation, http in _each()
        if operation.is_nested
    ]
    return table(head, rows)


def _each() -> Iterator[tuple[AnyOperation, Http]]:
    return ((operation, http) for operation in OPERATIONS for http in operation.http)


def _route(operation: AnyOperation, http: Http) -> tuple[str, ...]:
    return (
        f"[`{http.verb} {http.path}`](#{_anchor(http)})",
        "none" if http.is_public else operation.scope.value,
        prose(operation.summary),
        f"`{_method(operation)}`",
        ", ".join(f"`{command}`" for command in commands_of(operation.method_name)),
    )


def _method(operation: AnyOperation) -> str:
    return operation.name if operation.is_nested else operation.method_name


def _anchor(http: Http) -> str:
    """Return the anchor of a route's heading, as GitHub and the site make it."""
    return re.sub(r"[^\w -]", "", f"{http.verb} {http.path}".lower()).replace(" ", "-")


def _described(document: Document, operation: AnyOperation, http: Http) -> str:
    path, verb = f"/v1{http.path}", http.verb.lower()
    scope = "none, and no token" if http.is_public else f"`{operation.scope.value}`"
    said = f"{prose(operation.summary)}\n\nScope: {scope}. Answer: {document.answer(path, verb)}."
    if headers := document.headers(path, verb):
        said += f" Headers: {', '.join(f'`{each}`' for each in headers)}."
    meanings = _meanings(operation, http)
    rows = document.parameters(path, verb, meanings)
    body = document.body(path, verb, meanings)
    parts = [f"### {http.verb} {http.path}", said, table(_HEAD, rows) if rows else "", body]
    return "\n\n".join(part for part in parts if part)


def _meanings(operation: AnyOperation, http: Http) -> dict[str, str]:
    """Return the description of each parameter, by its name in the request."""
    fields = operation.params.model_fields
    return {http.names.get(name, name): prose(field.description or "") for name, field in fields.items()}


def _filters(document: Document, http: Http) -> str:
    rows = document.parameters(f"/v1{http.path}", "get", {})
    return ", ".join(f"{row[0]} ({row[2]})" for row in rows)
