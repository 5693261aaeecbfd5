"""Reference of the scheduler's settings, made of their definition: print it, or call `table`."""

from __future__ import annotations

from remembrancer.settings import SETTINGS


def table() -> str:
    """Return the settings as a Markdown table: every name of each, its bounds, its default and its effect."""
    rows = [
        f"| `{each.name}` | `{each.variable}` | `{each.option}` | {each.allowed} | {each.shown_default} | "
        f"{each.bounds.help} |"
        for each in SETTINGS.values()
    ]
    head = "| `SchedulerOptions` | environment | `serve` | value | default | effect |"
    return "\n".join([head, "|---|---|---|---|---|---|", *rows])


if __name__ == "__main__":
    print(table())
