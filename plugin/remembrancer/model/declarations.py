"""Declarations of a file by their keys, such as limits: read one by one, each fault with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from remembrancer.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable


class Declared(Protocol):
    """Something that a file declares."""

    @property
    def key(self) -> str:
        """Its key, in the one form that all spellings of it have."""
        ...


_T = TypeVar("_T", bound=Declared)


def read_declared(
    section: str, given: object, read: Callable[[str, object], _T], *, example: object, prefix: str
) -> list[_T]:
    """Return the declarations in a section of a file.

    Args:
        section: The name of the section.
        given: The section.
        read: Reads one declaration, of its key and its value.
        example: A section that works.
        prefix: The begin of keys that a file leaves out.

    Raises InvalidInput: the section is no object, one declaration is wrong, or two have the same key.
    """
    if not isinstance(given, Mapping):
        raise InvalidInput(section, given, f"{section} by their keys", example)
    found: dict[str, _T] = {}
    for key, value in cast("Mapping[str, object]", given).items():
        try:
            declared = read(key, value)
        except InvalidInput as fault:
            place = f"{section}.{key}" if fault.field == "key" else f"{section}.{key}.{fault.field}"
            raise InvalidInput(place, fault.value, fault.allowed, fault.example) from fault
        if declared.key in found:
            allowed = f"a key that is declared once; another one reads as {declared.key} too"
            raise InvalidInput(f"{section}.{key}", value, allowed, declared.key.removeprefix(prefix))
        found[declared.key] = declared
    return list(found.values())


def parts_of_declaration(value: object, names: Sequence[str], example: object) -> Mapping[str, object]:
    """Return a declaration as an object; a bare value is its first part. Raises InvalidInput: it has other parts."""
    parts = cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {names[0]: value}
    if wrong := next((each for each in parts if each not in names), None):
        raise InvalidInput(wrong, parts[wrong], f"one of {', '.join(names)}", example)
    return parts
