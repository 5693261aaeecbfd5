"""The reference pages, generated from the definitions: `python tools/reference.py` brings them up to date.

A page is written by hand, except for its sections between `<!-- generated: NAME -->` and `<!-- end of generated -->`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reference_pages import cli, fields, graph_package, python, rest, settings, types
from reference_pages.markdown import with_sections

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FOLDER: Final = Path(__file__).resolve().parents[1] / "docs/reference"
PAGES: Final[Mapping[str, Mapping[str, Callable[[], str]]]] = {
    "cli.md": {"commands": cli.commands, "shared options": cli.shared_options, "options": cli.options},
    "python.md": {
        "service": python.service,
        "functions": python.functions,
        "handlers": python.handlers,
        "errors": python.error_table,
        "modules": python.modules,
        "graph package": graph_package.graph_package,
    },
    "rest.md": {"routes": rest.routes, "parameters": rest.parameters},
    "settings.md": {"settings": settings.settings},
    "task-fields.md": {"task fields": fields.task_fields},
    "telemetry.md": {"reports": rest.reports},
    "types.md": {"types": types.types},
}
"""The sections of each page."""


def present(name: str) -> str:
    """Return the text that a page should have: what it has by hand, with its sections up to date."""
    return with_sections((FOLDER / name).read_text("utf-8"), PAGES[name])


def main() -> None:
    """Write the pages that are not up to date, and say which."""
    for name in PAGES:
        text = present(name)
        if text != (FOLDER / name).read_text("utf-8"):
            (FOLDER / name).write_text(text, "utf-8")
            sys.stdout.write(f"docs/reference/{name} is up to date now\n")


if __name__ == "__main__":
    main()
