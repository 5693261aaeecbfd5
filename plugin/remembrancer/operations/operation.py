"""The form of an operation: its name, parameters, result, scope, effect, HTTP routes and call."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Generic, Literal, Protocol, TypeVar, cast

from pydantic import BaseModel, ConfigDict, TypeAdapter

from remembrancer.errors import InvalidInput
from remembrancer.model.timestamps import from_now
from remembrancer.model.token import Scope

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Self

_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


class Params(BaseModel):
    """The parameters of an operation, by name; no other field is accepted."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @classmethod
    def bind(cls, *given: object, **named: object) -> Self:
        """Return the parameters that a call with these arguments has, as in Python; a time may be a `datetime`.

        Raises:
            TypeError: There are too many arguments, or two for one parameter.
            pydantic.ValidationError: They do not fit.
            InvalidInput: JSON would change them, or they hold bytes.
        """
        if len(given) > len(cls.model_fields):
            raise TypeError(f"{len(cls.model_fields)} arguments are taken, {len(given)} were given")
        for name, value in zip(cls.model_fields, given, strict=False):
            if name in named:
                raise TypeError(f"the argument {name!r} was given twice")
            named[name] = value
        for name, value in named.items():
            _refuse_bytes(name, value)
        bound = cls.model_validate({name: _as_text(value) for name, value in named.items()})
        bound.check()
        return bound

    def check(self) -> None:
        """Refuse a value that JSON would carry as another one. Raises InvalidInput."""


class Effect(StrEnum):
    """The effect of an operation on the graph."""

    READS = "reads"
    ADDS = "adds"
    DESTROYS = "destroys"


@dataclass(frozen=True, slots=True)
class Page:
    """A list that HTTP serves page by page.

    Args:
        name: The name of the list in the answer, beside `next_cursor`.
        item: The type of its elements.
        key: The field of an element that is its cursor; None where the result names the next cursor itself.
    """

    name: str
    item: type[object]
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Http:
    """A route of an operation.

    Args:
        verb: The method of the request.
        path: Below `/v1`; a parameter of the operation is in braces.
        names: Parameters that go by another name in the query.
        body: The parameter that is the whole body; None: the body holds all that are not in the path.
        page: The list that is served page by page; its cursor is the parameter that `names` calls so.
        creates: Whether the answer is 201 and says where the new resource is.
        is_public: Whether no token is needed.
        media: The media type of an answer that is text; None: it is JSON.
        is_bounded: Whether the answer has the time limit of lists; a query has limits of its own.
    """

    verb: Literal["GET", "POST"]
    path: str
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    body: str | None = None
    page: Page | None = None
    creates: bool = False
    is_public: bool = False
    media: str | None = None
    is_bounded: bool = True

    @property
    def placeholders(self) -> list[str]:
        """The parameters in the path."""
        return _PLACEHOLDER.findall(self.path)


P = TypeVar("P", bound=Params)
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[P, R]):
    """One operation, as every surface offers it.

    Args:
        name: Its name in the control channel; with a dot, a method of a part of the service.
        summary: The description that surfaces show.
        params: The parameters.
        result: The type of the result.
        scope: The scope that a token needs.
        effect: The effect on the graph.
        http: The routes.
        method: The service's method, if it has another name.
        call: The call, if it is not that method with the parameters as keyword arguments.
    """

    name: str
    summary: str
    params: type[P]
    result: type[R]
    scope: Scope = Scope.READ
    effect: Effect = Effect.READS
    http: tuple[Http, ...] = ()
    method: str | None = None
    call: Callable[[object, P], Awaitable[R]] | None = None

    @property
    def method_name(self) -> str:
        """The service's method."""
        return self.method or self.name

    @property
    def is_nested(self) -> bool:
        """True for a method of a part of the service, such as `telemetry`."""
        return "." in self.name

    async def run(self, service: object, params: P) -> R:
        """Make the call on *service* and return its result."""
        if self.call is not None:
            return await self.call(service, params)
        method = cast("Callable[..., object]", attrgetter(self.method_name)(service))
        result = method(**{name: getattr(params, name) for name in self.params.model_fields})
        return cast("R", await result if inspect.isawaitable(result) else result)

    async def answer(self, service: object, given: Mapping[str, object]) -> object:
        """Make the call with these parameters. Raises pydantic.ValidationError: they do not fit."""
        return await self.run(service, self.params.model_validate(given))

    def read_result(self, value: object) -> R:
        """Return the result that was sent as JSON. Raises pydantic.ValidationError."""
        return cast("R", _adapter(self.result).validate_python(value))


class AnyOperation(Protocol):
    """An operation of whatever parameters and result, as the table and its loops see it."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def summary(self) -> str:
        """Its description."""
        ...

    @property
    def params(self) -> type[Params]:
        """Its parameters."""
        ...

    @property
    def result(self) -> type[object]:
        """The type of its result."""
        ...

    @property
    def scope(self) -> Scope:
        """The scope it needs."""
        ...

    @property
    def effect(self) -> Effect:
        """Its effect on the graph."""
        ...

    @property
    def http(self) -> tuple[Http, ...]:
        """Its routes."""
        ...

    @property
    def method_name(self) -> str:
        """The service's method."""
        ...

    @property
    def is_nested(self) -> bool:
        """True for a method of a part of the service."""
        ...

    async def answer(self, service: object, given: Mapping[str, object]) -> object:
        """Make the call with these parameters."""
        ...

    def read_result(self, value: object) -> object:
        """Return the result that was sent as JSON."""
        ...


def _as_text(value: object) -> object:
    """Return a time as the text that JSON has for it; another value as it is."""
    if isinstance(value, timedelta):
        return from_now(value)
    return value.isoformat() if isinstance(value, datetime) else value


def _refuse_bytes(name: str, value: object) -> None:
    """Refuse bytes, which pydantic would take for the text that they encode. Raises InvalidInput."""
    match value:
        case bytes() | bytearray():
            raise InvalidInput(name, value, "text, not bytes", value.decode("utf-8", "replace"))
        case Mapping():
            for key, each in cast("Mapping[object, object]", value).items():
                _refuse_bytes(name, key)
                _refuse_bytes(name, each)
        case list() | tuple() | set() | frozenset():
            for each in cast("Iterable[object]", value):
                _refuse_bytes(name, each)
        case _:
            return


@cache
def _adapter(kind: type[object]) -> TypeAdapter[object]:
    return TypeAdapter(kind)
