"""Requests of operations: path, query, body and head of a route, made from the operation's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from inspect import Parameter
from typing import TYPE_CHECKING, Annotated, Final, cast, get_args, get_origin

from fastapi import Body, Query
from pydantic import BaseModel, Field, Strict

from remembrancer.surfaces.rest.conditional_requests import IfMatch, fence_of
from remembrancer.surfaces.rest.schemas import LONGEST_LIST, PAGE, Id, Limit, model

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from remembrancer.operations.operation import AnyOperation, Http

_BODY: Final = "body"
_IF_MATCH: Final = "if_match"
_FENCE: Final = "fence"
"""The parameter that HTTP carries as `If-Match`."""


class OperationRequest:
    """The form of one route's requests.

    A parameter in the path of one route of an operation is in no query of the others.

    Args:
        operation: The operation.
        http: The route.
    """

    def __init__(self, operation: AnyOperation, http: Http) -> None:
        self._http = http
        self._named = {shown: name for name, shown in http.names.items()}
        in_paths = {name for each in operation.http for name in each.placeholders}
        fields = operation.params.model_fields
        self._is_conditional = _FENCE in fields
        self._fields = {name: each for name, each in fields.items() if name not in {*in_paths, _FENCE}}
        self._body = self._body_of(operation) if http.verb == "POST" else None

    def parameters(self) -> list[Parameter]:
        """Return what a function takes that answers such requests."""
        taken = [_parameter(name, Id) for name in self._http.placeholders]
        if self._body is None:
            taken += [self._query(name, each) for name, each in self._fields.items() if not _holds_objects(each)]
        else:
            taken.append(self._body)
            if self._http.body:
                taken += [self._query(name, each) for name, each in self._fields.items() if name != self._http.body]
        if self._is_conditional:
            taken.append(_parameter(_IF_MATCH, IfMatch, None))
        return taken

    def read(self, given: Mapping[str, object]) -> dict[str, object]:
        """Return the operation's parameters in what the function was given. Raises ProblemError."""
        read = {self._named.get(name, name): value for name, value in given.items() if name not in {_BODY, _IF_MATCH}}
        body = given.get(_BODY)
        if self._http.body:
            read[self._http.body] = body
        elif isinstance(body, BaseModel):
            read |= {name: cast("object", getattr(body, name)) for name in body.model_fields_set}
        if self._is_conditional:
            read[_FENCE] = fence_of(cast("str | None", given.get(_IF_MATCH)))
        return read

    def _query(self, name: str, field: FieldInfo) -> Parameter:
        shown = self._http.names.get(name, name)
        if name == "limit" and not any(hasattr(each, "le") for each in field.metadata):
            return _parameter(shown, Limit, PAGE)
        return _parameter(shown, Annotated[_of_text(field), Query(description=field.description)], _default(field))

    def _body_of(self, operation: AnyOperation) -> Parameter:
        if self._http.body:
            return _parameter(_BODY, Annotated[_annotation(self._fields[self._http.body]), Body()])
        config = operation.params.model_config.copy()
        config["defer_build"] = False
        name = f"{operation.params.__name__}Body"
        content = {name: _content(field) for name, field in self._fields.items()}
        made = model(name, operation.params.__doc__, content, config)
        if any(field.is_required() for field in self._fields.values()):
            return _parameter(_BODY, made)
        return _parameter(_BODY, made | None, None)


def _content(field: FieldInfo) -> tuple[object, object]:
    """Return a field of a body: its type, a list of bounded length, and its default."""
    kind = _annotation(field)
    if get_origin(field.annotation) is list:
        kind = Annotated[kind, Field(min_length=1, max_length=LONGEST_LIST)]
    return kind, ... if field.is_required() else field.default


def _holds_objects(field: FieldInfo) -> bool:
    """Return whether a field holds a JSON object, for which a query has no form."""
    return any(get_origin(each) is dict for each in (field.annotation, *get_args(field.annotation)))


def _annotation(field: FieldInfo) -> type[object]:
    """Return the type of a field with its constraints."""
    return cast("type[object]", field.rebuild_annotation())


def _of_text(field: FieldInfo) -> type[object]:
    """Return the type of a field of a query, whose numbers and flags are text."""
    lenient = copy(field)
    lenient.metadata = [each for each in field.metadata if not isinstance(each, Strict)]
    return _annotation(lenient)


def _default(field: FieldInfo) -> object:
    return Parameter.empty if field.is_required() else cast("object", field.default)


def _parameter(name: str, annotation: object, default: object = Parameter.empty) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
