"""Files that declare sets of tasks: TOML, and YAML read into plain values only.

A YAML file is composed into nodes and read from them here, by the rules of JSON: no tag makes an object, no text is
taken for a date, a time of day or a yes, and aliases are refused, so that a small file stays small.
"""

from __future__ import annotations

import re
import sys
import tomllib
from dataclasses import dataclass, field
from datetime import date, datetime, time
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.json_bounds import DEPTH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_MOST_BYTES: Final = 1_000_000
_SUFFIXES: Final = (".toml", ".yaml", ".yml")
_NUMBER: Final = re.compile(r"[-+]?[0-9]+")
_FRACTION: Final = re.compile(r"[-+]?[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]+)?")
_WORDS: Final[dict[str, object]] = {"": None, "~": None, "null": None, "true": True, "false": False}
_TAGS: Final = ("null", "bool", "int", "float", "str", "seq", "map", "timestamp", "value", "merge")
_PLACES: Final = ("set", "defaults", "limits", "circuits", "tasks")
_PLAIN: Final = f"plain values without tags, at most {DEPTH} deep"
_Way = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class SetFile:
    """A set as a file declares it, and the lines of its parts."""

    path: str
    name: str
    tasks: dict[str, Any]
    defaults: dict[str, Any] | None
    lines: Mapping[_Way, int] = field(default_factory=dict[_Way, int])
    limits: dict[str, Any] = field(default_factory=dict[str, Any])
    circuits: dict[str, Any] = field(default_factory=dict[str, Any])

    def place_of(self, fault_at: str) -> str:
        """Return the file, and the line if it is known, of a field such as `tasks.report.cron`."""
        way = _way(fault_at)
        while way and way not in self.lines:
            way = way[:-1]
        return f"{self.path}:{self.lines[way]}" if way else self.path


def read_files(paths: Sequence[Path]) -> list[SetFile]:
    """Return the sets of files, and of the files in folders; parts of one set in several files are put together.

    Raises:
        InvalidInput: A file cannot be read, or is no declaration, or a key is declared twice.
    """
    found: dict[str, SetFile] = {}
    for one in (each for path in paths for each in _files_of(path)):
        read = _read(one)
        if (before := found.get(read.name)) is None:
            found[read.name] = read
            continue
        for key in read.tasks:
            if key in before.tasks:
                allowed = f"a key that is declared once; {before.path} has it too"
                raise InvalidInput(f"tasks.{key}", read.path, allowed, f"{key}-2")
        if read.defaults != before.defaults:
            allowed = f"the defaults that {before.path} has too, for files of one set"
            raise InvalidInput("defaults", read.path, allowed, before.defaults)
        before.tasks.update(read.tasks)
        _join("limits", before, read)
        _join("circuits", before, read)
    return list(found.values())


def _join(part: str, before: SetFile, read: SetFile) -> None:
    """Add the limits, or the circuits, of another file of a set. Raises InvalidInput: they declare one apart."""
    known: dict[str, Any] = getattr(before, part)
    others: dict[str, Any] = getattr(read, part)
    if twice := next((key for key, value in others.items() if known.get(key, value) != value), None):
        raise InvalidInput(f"{part}.{twice}", read.path, f"what {before.path} has too", known[twice])
    known.update(others)


def _files_of(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(each for each in path.iterdir() if each.suffix in _SUFFIXES)
    if not found:
        raise InvalidInput(
            "files", str(path), f"a folder with a file that ends in {', '.join(_SUFFIXES)}", "tasks.yaml"
        )
    return found


def read_object(path: Path, places: Sequence[str], lines: dict[_Way, int]) -> dict[str, Any]:
    """Return the object of a file, which has no fields but *places*, and note the *lines* of its parts.

    Raises InvalidInput.
    """
    text = _text(path)
    held = _toml(text, path) if path.suffix == ".toml" else _yaml(text, path, lines)
    if not isinstance(held, dict):
        raise InvalidInput("files", str(path), f"an object with {', '.join(places)}", "set: reports")
    declared = cast("dict[str, Any]", held)
    for name in declared:
        if name not in places:
            raise InvalidInput(f"{path}: {name}", declared[name], f"one of {', '.join(places)}", places[-1])
    return declared


def _read(path: Path) -> SetFile:
    lines: dict[_Way, int] = {}
    declared = read_object(path, _PLACES, lines)
    tasks = declared.get("tasks", {})
    if not isinstance(tasks, dict):
        raise InvalidInput(f"{path}: tasks", tasks, "tasks by their keys", {"tea": {"every": "90m"}})
    name = declared.get("set", path.stem)
    if not isinstance(name, str):
        raise InvalidInput(f"{path}: set", name, "a text, the name of the set", "reports")
    held: dict[str, dict[str, Any]] = {}
    for part, example in (("limits", {"database": 3}), ("circuits", {"github": 3})):
        given = declared.get(part, {})
        if not isinstance(given, dict):
            raise InvalidInput(f"{path}: {part}", given, f"{part} by their keys", example)
        held[part] = cast("dict[str, Any]", given)
    return SetFile(str(path), name, cast("dict[str, Any]", tasks), declared.get("defaults"), lines, **held)


def _text(path: Path) -> str:
    try:
        raw = sys.stdin.buffer.read(_MOST_BYTES + 1) if str(path) == "-" else _bytes_of(path)
        if len(raw) > _MOST_BYTES:
            raise InvalidInput("files", str(path), f"a file of at most {_MOST_BYTES:,} bytes", "tasks.yaml")
        return raw.decode("utf-8-sig")
    except OSError as refused:
        allowed = f"a file that can be read ({refused.strerror})"
        raise InvalidInput("files", str(path), allowed, "tasks.yaml") from refused
    except UnicodeDecodeError as wrong:
        raise InvalidInput("files", str(path), f"text in UTF-8 ({wrong.reason})", "tasks.yaml") from wrong


def _bytes_of(path: Path) -> bytes:
    with path.open("rb") as opened:
        return opened.read(_MOST_BYTES + 1)


def _toml(text: str, path: Path) -> object:
    try:
        return _plain(tomllib.loads(text))
    except (ValueError, RecursionError) as wrong:  # a whole number of thousands of digits is a plain ValueError
        raise InvalidInput("files", str(path), f"TOML ({wrong})", 'set = "reports"') from wrong


def _plain(value: object) -> object:
    """Return a value of TOML as JSON has it: dates and times as text."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_plain(each) for each in cast("list[object]", value)]
    return value.isoformat() if isinstance(value, datetime | date | time) else value


def _yaml(text: str, path: Path, lines: dict[_Way, int]) -> object:
    try:
        yaml: Any = import_module("yaml")
    except ImportError as missing:
        allowed = "TOML, or YAML with the package that reads it: `pip install remembrancer[yaml]`"
        raise InvalidInput("files", str(path), allowed, "tasks.toml") from missing
    try:
        _check_events(yaml, text, str(path))
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return None if node is None else _value(node, (), lines, str(path))
    except (yaml.YAMLError, RecursionError) as wrong:
        raise InvalidInput("files", str(path), f"YAML ({' '.join(str(wrong).split())})", "set: reports") from wrong


def _check_events(yaml: Any, text: str, path: str) -> None:
    """Refuse aliases and values that are too deep, as the text is read: the parser's time grows with depth squared."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            allowed = f"no aliases (line {line}): `defaults` has what tasks share"
            raise InvalidInput("files", path, allowed, "defaults: {timezone: Europe/Berlin}")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH + 1:
            raise InvalidInput("files", f"{path}:{line}", _PLAIN, "set: reports")


def _value(node: Any, way: _Way, lines: dict[_Way, int], path: str) -> object:
    """Return the plain value of a node, and note its line."""
    line = node.start_mark.line + 1
    lines.setdefault(way, line)
    if len(way) > DEPTH or node.tag.removeprefix("tag:yaml.org,2002:") not in _TAGS:
        raise InvalidInput("files", f"{path}:{line}", _PLAIN, "set: reports")
    if node.id == "scalar":
        return _scalar(node)
    if node.id == "sequence":
        return [_value(each, (*way, place), lines, path) for place, each in enumerate(node.value)]
    found: dict[str, object] = {}
    for name_node, value_node in node.value:
        line = name_node.start_mark.line + 1
        name = name_node.value
        if not isinstance(name, str) or name in found:
            raise InvalidInput("files", f"{path}:{line}", "names that are text, each once", "set: reports")
        lines[*way, name] = line
        found[name] = _value(value_node, (*way, name), lines, path)
    return found


def _scalar(node: Any) -> object:
    text = str(node.value)
    if node.style is not None:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _NUMBER.fullmatch(text) and len(text) <= DEPTH:
        return int(text)
    return float(text) if _FRACTION.fullmatch(text) else text


def _way(fault_at: str) -> _Way:
    """Return the path of a field, or of a value for a template; a key may hold dots, so it is all in between."""
    first, _, rest = fault_at.partition(".")
    key, dot, last = rest.rpartition(".")
    if key.endswith(".with"):
        return first, key.removesuffix(".with"), "with", last
    return (first, key, last) if dot else (first, rest)
