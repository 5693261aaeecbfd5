"""Beat schedules in Python settings, read without running them: literals, `crontab(…)` and `timedelta(…)`."""

from __future__ import annotations

import ast
import json
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from remembrancer.errors import InvalidInput
from remembrancer.schedules.importers.celery_crontab import FIELDS
from remembrancer.schedules.importers.celery_entries import SOLAR, BeatEntry, beat_task
from remembrancer.schedules.importers.django_beat import dumped_entries, is_dump
from remembrancer.schedules.importers.entries import Entry, Refused, refused

if TYPE_CHECKING:
    from collections.abc import Iterator


def beat_entries(text: str, name: str, zone: str | None) -> tuple[list[Entry], str]:
    """Return the entries of a settings file, and the zone they are read in.

    Args:
        text: The file: Python, JSON, TOML, or JSON of `dumpdata`.
        name: The file's name, whose ending says which.
        zone: The zone, if it is given; else that of the settings, else UTC.

    Raises:
        InvalidInput: The file cannot be read.
    """
    if not name.endswith((".json", ".toml")):
        return _of_python(text, zone)
    try:
        held: object = json.loads(text) if name.endswith(".json") else tomllib.loads(text)
    except (ValueError, RecursionError) as wrong:
        raise InvalidInput("file", name, f"JSON or TOML ({wrong})", "beat.json") from None
    if is_dump(held):
        return dumped_entries(held, zone or "UTC"), zone or "UTC"
    found = _within(held)
    if found is None:
        raise InvalidInput("file", name, "an object of entries, each with its task and its schedule", "beat.json")
    settings = cast("Mapping[str, object]", held)
    zone = zone or next((str(settings[each]) for each in _ZONES if settings.get(each)), "UTC")
    return [_of_values(each, value, each, zone) for each, value in found.items()], zone


def _within(held: object) -> Mapping[str, object] | None:
    """Return the entries in a file's object: at a known name, or the object itself."""
    if not isinstance(held, Mapping):
        return None
    members = cast("Mapping[str, object]", held)
    inner = next((members[each] for each in _NAMES if each in members), members)
    return cast("Mapping[str, object]", inner) if isinstance(inner, Mapping) else None


def _of_values(name: str, value: object, place: str, zone: str) -> Entry:
    """Return an entry of plain values."""
    if not isinstance(value, Mapping) or not {"task", "schedule"} <= cast("Mapping[str, object]", value).keys():
        return refused(place, name, "it has no task, or no schedule")
    given = cast("Mapping[str, object]", value)
    notes = [f"{each} is left out" for each in given if each not in _ENTRY]
    return beat_task(
        BeatEntry(
            place=place,
            name=name,
            task=str(given["task"]),
            schedule=given["schedule"],
            args=given.get("args"),
            kwargs=given.get("kwargs"),
            options=given.get("options"),
            notes=tuple(notes),
        ),
        zone,
    )


def _of_python(text: str, zone: str | None) -> tuple[list[Entry], str]:
    """Return the entries of Python settings. Raises InvalidInput: it is no Python, or has none."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as wrong:
        raise InvalidInput("file", text[:60], f"settings in Python ({wrong})", "celeryconfig.py") from None
    entries: list[tuple[str, int, object]] = []
    found = False
    for name, value in _assigned(tree):
        if name in _ZONES and zone is None and isinstance(value, ast.Constant) and isinstance(value.value, str):
            zone = value.value
        elif name in _NAMES:
            found = True
            entries += _items(value)
    entries += _single(tree)
    if not found and not entries:
        raise InvalidInput("file", text[:60], f"settings that assign {_NAMES[0]} a dictionary", "celeryconfig.py")
    used = zone or "UTC"
    return [_of_node(name, line, value, used) for name, line, value in entries], used


def _of_node(name: str, line: int, value: object, zone: str) -> Entry:
    place = f"line {line}"
    if isinstance(value, Refused):
        return refused(place, name, str(value))
    return _of_values(name, value, place, zone)


def _assigned(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Return the names that settings assign, with the values: `x = …`, `app.conf.x = …`, `app.conf.update(x=…)`."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=targets):
                for each in targets:
                    if name := _name(each):
                        yield name, node.value
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                if name := _name(target):
                    yield name, value
            case ast.Call(func=ast.Attribute(attr="update"), keywords=keywords):
                yield from ((each.arg, each.value) for each in keywords if each.arg)
            case _:
                pass


def _single(tree: ast.Module) -> Iterator[tuple[str, int, object]]:
    """Return entries set one by one: `beat_schedule["x"] = …`, and `add_periodic_task(…)`, which is refused."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Subscript(value=owner, slice=ast.Constant(value=key))], value=held):
                if _name(owner) in _NAMES:
                    yield from _items(ast.Dict([ast.Constant(key)], [held]))
            case ast.Call(func=ast.Attribute(attr="add_periodic_task")):
                reason = "it is added by code that runs; write it in beat_schedule"
                yield ast.unparse(node)[:80], node.lineno, Refused(reason)
            case _:
                pass


def _name(target: ast.expr) -> str | None:
    match target:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str() as name)):
            return name  # app.conf["beat_schedule"]
        case _:
            return None


def _items(value: ast.expr) -> Iterator[tuple[str, int, object]]:
    """Return the entries of a dictionary in source: name, line, and value or Refused."""
    if not isinstance(value, ast.Dict):
        yield ast.unparse(value)[:80], value.lineno, Refused("the schedule is no dictionary that is written out")
        return
    for key, held in zip(value.keys, value.values, strict=True):
        if not isinstance(key, ast.Constant):
            text = ast.unparse(key or held)[:80]
            yield text, held.lineno, Refused(f"{text} is computed: only what is written out is read")
            continue
        try:
            yield str(key.value), held.lineno, _entry(held)
        except Refused as reason:
            yield str(key.value), held.lineno, reason


def _entry(held: ast.expr) -> object:
    """Return the values of one entry; what Celery does not need for it may be computed."""
    if not isinstance(held, ast.Dict):
        raise Refused(f"{ast.unparse(held)[:80]} is computed: only what is written out is read")
    found: dict[str, object] = {}
    for key, value in zip(held.keys, held.values, strict=True):
        if not isinstance(key, ast.Constant):
            raise Refused("a part of it is computed: only what is written out is read")
        found[str(key.value)] = _value(value)
    return found


def _value(node: ast.expr) -> object:
    """Return the value that source text writes out. Raises Refused."""
    match node:
        case ast.Call(func=func, args=args, keywords=keywords) if all(each.arg for each in keywords):
            named = {str(each.arg): _value(each.value) for each in keywords}
            return _called(ast.unparse(func).rpartition(".")[2], [_value(each) for each in args], named)
        case ast.BinOp(op=ast.Mult()):
            left, right = _value(node.left), _value(node.right)
            if isinstance(left, int | float) and isinstance(right, int | float):
                return left * right
        case ast.Dict(keys=keys, values=values) if None not in keys:
            return {str(_value(cast("ast.expr", key))): _value(each) for key, each in zip(keys, values, strict=True)}
        case ast.List(elts=each) | ast.Tuple(elts=each) | ast.Set(elts=each):
            return [_value(one) for one in each]
        case _:
            pass
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise Refused(f"{ast.unparse(node)[:80]} is computed: only what is written out is read") from None


def _called(name: str, args: list[object], named: dict[str, Any]) -> object:
    """Return what a call of a known name means."""
    match name:
        case "crontab":
            return {**dict(zip(FIELDS, args, strict=False)), **named}
        case "timedelta":
            try:
                return timedelta(*cast("list[Any]", args), **named)
            except (TypeError, OverflowError) as wrong:
                raise Refused(f"its timedelta is none: {wrong}") from None
        case "schedule":
            return named.get("run_every", args[0] if args else None)
        case "solar":
            raise Refused(SOLAR)
        case _:
            raise Refused(f"it calls {name}: only crontab, timedelta and schedule are read")


_NAMES: Final = ("beat_schedule", "CELERY_BEAT_SCHEDULE", "CELERYBEAT_SCHEDULE")
_ZONES: Final = ("timezone", "CELERY_TIMEZONE")
_ENTRY: Final = frozenset(("task", "schedule", "args", "kwargs", "options"))
