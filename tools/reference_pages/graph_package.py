"""The public names of `remembrancer_schema`."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import TYPE_CHECKING, Final

from reference_pages.docstrings import errors, sentence
from reference_pages.markdown import code, table
from reference_pages.signatures import module_notes, signature

if TYPE_CHECKING:
    from types import ModuleType

MODULES: Final = ("remembrancer_schema.catalog", "remembrancer_schema.kinds")


def graph_package() -> str:
    """Return a table of functions, types and constants for each module."""
    return "\n\n".join(_module(import_module(name)) for name in MODULES)


def _module(module: ModuleType) -> str:
    head = ("name", "is", "raises")
    return f"### `{module.__name__}`\n\n{sentence(module)}\n\n{table(head, [*_defined(module), *_constants(module)])}"


def _defined(module: ModuleType) -> list[tuple[str, ...]]:
    found = {name: each for name, each in vars(module).items() if not name.startswith("_")}
    own = {name: each for name, each in found.items() if getattr(each, "__module__", "") == module.__name__}
    return [
        (code(signature(name, inspect.unwrap(each))), sentence(each), ", ".join(f"`{name}`" for name in errors(each)))
        for name, each in own.items()
        if callable(each)
    ]


def _constants(module: ModuleType) -> list[tuple[str, ...]]:
    told = module_notes(module.__name__)
    return [(code(name), sentence(told[name]), "") for name in told if not name.startswith("_")]
