"""Signatures and types as texts."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import AsyncIterator
from enum import Enum
from functools import cache
from importlib import import_module
from itertools import pairwise
from typing import Annotated, Any, Final, get_args, get_origin

import remembrancer

_PREFIX: Final = re.compile(r"\b(?:\w+\.)+(?=\w)")


def home_of(name: str) -> str:
    """Return the module that defines a public name of the package."""
    return next(f"remembrancer.{home}" for home, names in remembrancer._API.items() if name in names)  # noqa: SLF001


def signature(name: str, function: Any) -> str:
    """Return the call of a function, with its types and defaults; `await` or `async for` before it."""
    found = inspect.signature(function)
    own = [each for each in found.parameters.values() if each.name != "self"]
    given = [each.replace(annotation=_kind(each.annotation), default=_default(each.default)) for each in own]
    call = f"{name}{found.replace(parameters=given, return_annotation=inspect.Signature.empty)}"
    answer = type_name(found.return_annotation)
    shown = call if answer in {"None", "_empty", "empty"} else f"{call} -> {answer}"
    return f"{_before(function, answer)}{shown}"


def type_name(annotation: object) -> str:
    """Return a type as a program writes it, without the modules of its names."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return _PREFIX.sub("", text)


def default_text(value: object) -> str:
    """Return a default value as a program writes it."""
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    return "…" if callable(value) else re.sub(r"\bdatetime\.(?=[a-z])", "", repr(value))


@cache
def class_notes(module: str, name: str) -> dict[str, str]:
    """Return the docstrings below the fields or values of a class."""
    source = ast.parse(inspect.getsource(import_module(module)))
    (found,) = [each for each in ast.walk(source) if isinstance(each, ast.ClassDef) and each.name == name]
    return _notes(found.body)


@cache
def module_notes(module: str) -> dict[str, str]:
    """Return the docstrings below the constants of a module."""
    return _notes(ast.parse(inspect.getsource(import_module(module))).body)


def _notes(body: list[ast.stmt]) -> dict[str, str]:
    """Return the docstring below each assignment that has one."""
    found: dict[str, str] = {}
    for assigned, below in pairwise(body):
        target = assigned.targets[0] if isinstance(assigned, ast.Assign) else getattr(assigned, "target", None)
        text = below.value if isinstance(below, ast.Expr) else None
        if isinstance(target, ast.Name) and isinstance(text, ast.Constant) and isinstance(text.value, str):
            found[target.id] = inspect.cleandoc(text.value)
    return found


class _Text:
    """A text that shows itself without quotes."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _kind(annotation: object) -> object:
    return annotation if annotation is inspect.Parameter.empty else _Text(type_name(annotation))


def _default(value: object) -> object:
    return value if value is inspect.Parameter.empty else _Text(default_text(value))


def _before(function: Any, answer: str) -> str:
    if answer.startswith(AsyncIterator.__name__):
        return "async for … in "
    return "await " if inspect.iscoroutinefunction(inspect.unwrap(function)) else ""
