"""The public API: one table of names, whose types can all be read at run time."""

from __future__ import annotations

import ast
import inspect
import pickle
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, get_args, get_origin, get_type_hints

import pytest
from pydantic import TypeAdapter

import remembrancer
from remembrancer import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DOORS = ("fastapi", "mcp", "opentelemetry", "prometheus", "testing")
NAMES = remembrancer.__all__
CLASSES = [name for name in NAMES if isinstance(getattr(remembrancer, name), type)]
DATA = [name for name in CLASSES if hasattr(getattr(remembrancer, name), "__dataclass_fields__") and name != "Firing"]
"""The dataclasses; but for what a handler is called with, which holds a scheduler."""
PLUMBING = {
    "SchedulerService.__init__": "bootstrap puts it together",
    "Telemetry.__init__": "the service makes it",
    "Firing.__init__": "the scheduler makes it",
    "SchedulerService.admittance": "the API's own way to the tokens",
    "TaskSchedulerService.admittance": "likewise",
}
"""Members that show a type which is not exported, and why they may."""


def callables(name: str) -> Iterator[tuple[str, Callable[..., object]]]:
    """Yield a public function, or what can be called of a public class, each with its name."""
    found = getattr(remembrancer, name)
    if inspect.isfunction(found):
        yield name, found
    elif isinstance(found, type):
        for member in {"__init__", *(each for each in dir(found) if not each.startswith("_"))}:
            value = inspect.getattr_static(found, member, None)
            if isinstance(value, property):
                value = value.fget
            value = getattr(value, "__func__", value)
            if inspect.isfunction(value) and value.__module__.startswith("remembrancer"):
                yield f"{name}.{member}", value


def ours(hint: object) -> Iterator[type]:
    """Yield the classes of this package that a type is made of."""
    for part in get_args(hint):
        for each in part if isinstance(part, list) else [part]:
            yield from ours(each)
    kind = get_origin(hint) or hint
    if isinstance(kind, type) and kind.__module__.partition(".")[0] == "remembrancer":
        yield kind


@pytest.mark.parametrize("name", NAMES)
def test_type_hints_of_a_public_name_can_be_read(name: str) -> None:
    found = getattr(remembrancer, name)
    if isinstance(found, type):
        get_type_hints(found, include_extras=True)
    for _, each in callables(name):
        get_type_hints(each, include_extras=True)


def test_every_type_in_a_public_signature_is_exported() -> None:
    public = {getattr(remembrancer, name) for name in CLASSES}
    for door in DOORS:
        module = import_module(f"remembrancer.{door}")
        public |= {each for each in vars(module).values() if isinstance(each, type)}
    hidden = {
        where
        for name in NAMES
        for where, each in callables(name)
        for hint in get_type_hints(each).values()
        for kind in ours(hint)
        if kind not in public
    }
    assert hidden == PLUMBING.keys()


def test_every_error_is_exported() -> None:
    tree = {name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, Exception)}

    assert tree <= set(NAMES)


@pytest.mark.parametrize("name", CLASSES)
def test_a_public_class_names_this_package_and_is_pickled(name: str) -> None:
    kind = getattr(remembrancer, name)

    assert kind.__module__ == "remembrancer"
    assert pickle.loads(pickle.dumps(kind)) is kind


@pytest.mark.parametrize("name", DATA)
def test_pydantic_reads_a_public_dataclass(name: str) -> None:
    TypeAdapter(getattr(remembrancer, name))


def test_type_checkers_see_what_the_table_holds() -> None:
    source = ast.parse(Path(str(remembrancer.__file__)).read_text("utf-8"))
    (block,) = [each for each in source.body if isinstance(each, ast.If)]
    seen = {
        (str(each.module), alias.name, alias.asname)
        for each in block.body
        if isinstance(each, ast.ImportFrom)
        for alias in each.names
    }
    table = remembrancer._API

    assert seen == {(f"remembrancer.{home}", name, name) for home, names in table.items() for name in names}
    assert len(NAMES) == len(set(NAMES))


def test_an_error_tells_its_public_name_across_processes() -> None:
    code = (
        "import pickle, sys; from remembrancer import TaskNotFound; "
        "sys.stdout.buffer.write(pickle.dumps(TaskNotFound('task_7')))"
    )
    sent = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    code = "import pickle, sys; error = pickle.load(sys.stdin.buffer); print(repr(type(error)), error.task_id)"
    told = subprocess.run([sys.executable, "-c", code], input=sent, capture_output=True, check=True).stdout

    assert told.decode().strip() == "<class 'remembrancer.TaskNotFound'> task_7"


def test_a_class_shows_its_public_name_from_wherever_it_came() -> None:
    code = (
        "from remembrancer.model.request import ScheduleRequest; import remembrancer; "
        "assert remembrancer.ScheduleRequest is ScheduleRequest; print(ScheduleRequest, remembrancer.errors.TaskEnded)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout

    assert told.strip() == "<class 'remembrancer.ScheduleRequest'> <class 'remembrancer.TaskEnded'>"


@pytest.mark.parametrize("door", DOORS)
def test_a_door_is_short_and_holds_what_it_says(door: str) -> None:
    module = import_module(f"remembrancer.{door}")
    if door != "testing":
        assert len(inspect.getsource(module).splitlines()) <= 20
        assert all(hasattr(module, name) for name in module.__all__)
