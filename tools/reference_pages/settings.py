"""The settings of the scheduler, from their definition."""

from __future__ import annotations

from typing import Final

from reference_pages.markdown import table
from remembrancer.settings import SETTINGS

_HEAD: Final = ("`SchedulerOptions`", "environment", "`serve` option", "value", "default", "effect")


def settings() -> str:
    """Return a table for each section of settings: every name of each, its bounds, its default and its effect."""
    sections = dict.fromkeys(each.bounds.section for each in SETTINGS.values())
    return "\n\n".join(f"## {section}\n\n{_table(section)}" for section in sections)


def _table(section: str) -> str:
    return table(
        _HEAD,
        [
            (
                f"`{each.name}`",
                f"`{each.variable}`",
                f"`{each.option}`",
                each.allowed,
                each.shown_default,
                each.bounds.help,
            )
            for each in SETTINGS.values()
            if each.bounds.section == section
        ],
    )
