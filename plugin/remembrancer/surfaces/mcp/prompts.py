"""Prompts that a person may start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mcp_types import GetPromptResult, Prompt, PromptArgument, PromptMessage, TextContent

from remembrancer.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class PromptText:
    """A prompt.

    Args:
        name: Its name.
        description: Its purpose, for people.
        arguments: Its arguments, all of them needed, with their descriptions.
        text: The text, with the arguments in braces.
    """

    name: str
    description: str
    arguments: Mapping[str, str]
    text: str


_PROMPTS: Final = (
    PromptText(
        "follow_up",
        "Come back to something later.",
        {"about": "The matter to come back to.", "when": "A time, or a wait: tomorrow at 9, in 2 hours."},
        "Schedule a task that comes back to this: {about}. When: {when}. Call `preview` first if it recurs. Write the "
        "trigger_prompt so that a reader without this conversation can act on it. Then tell me the task's next fires "
        "in my time zone.",
    ),
    PromptText(
        "review",
        "Look over what is ahead, and what went wrong.",
        {},
        "Call `status`, `agenda` and `history` with status failed. Say in a few lines what is due in the next days, "
        "which executions failed and why, and what you would change. Change nothing before I agree.",
    ),
    PromptText(
        "explain",
        "Explain why a task did or did not run.",
        {"task_id": "The id of the task."},
        "Call `task` and `history` for {task_id}. Explain in a few lines what it did at its last times and why, from "
        "the reasons of its executions, deferrals and pauses, and when it fires next.",
    ),
)


def prompts() -> list[Prompt]:
    """Return the prompts."""
    return [
        Prompt(
            name=each.name,
            description=each.description,
            arguments=[
                PromptArgument(name=name, description=about, required=True) for name, about in each.arguments.items()
            ],
        )
        for each in _PROMPTS
    ]


def prompt(name: str, given: Mapping[str, str]) -> GetPromptResult:
    """Return a prompt with its arguments in place. Raises InvalidInput: there is none, or an argument is missing."""
    found = next((each for each in _PROMPTS if each.name == name), None)
    if found is None:
        raise InvalidInput("name", name, f"one of {', '.join(each.name for each in _PROMPTS)}", _PROMPTS[0].name)
    for argument, about in found.arguments.items():
        if argument not in given:
            raise InvalidInput(argument, None, f"a value; this argument is required. {about}", None)
    text = found.text.format(**{argument: given[argument] for argument in found.arguments})
    return GetPromptResult(
        description=found.description, messages=[PromptMessage(role="user", content=TextContent(text=text))]
    )
