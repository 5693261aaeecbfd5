"""The tools as one object, for an agent that runs in this process."""

from __future__ import annotations

import inspect
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Self, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.budget import read_budget
from remembrancer.model.constraints import LONGEST_NAME, read_id, read_line
from remembrancer.model.suggestions import unknown
from remembrancer.surfaces.tools.blast_radius import question_of
from remembrancer.surfaces.tools.calling_context import CallingContext
from remembrancer.surfaces.tools.instructions import INSTRUCTIONS
from remembrancer.surfaces.tools.operation_tool import OperationTool
from remembrancer.surfaces.tools.ownership import refuse_foreign
from remembrancer.surfaces.tools.scheduler_access import OneService, said_of
from remembrancer.surfaces.tools.schemas import CONFIRM
from remembrancer.surfaces.tools.signatures import function_of
from remembrancer.surfaces.tools.tool_table import Profile, tools_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from remembrancer.operations.operation import Params
    from remembrancer.ports.handler import Firing
    from remembrancer.service.service import SchedulerService
    from remembrancer.surfaces.tools.scheduler_access import Reached
    from remembrancer.surfaces.tools.signatures import ToolFunction

    Confirm = Callable[[str], bool | Awaitable[bool]]

_OF_CONTEXT: Final = frozenset({"origin_thought_id", "thought_id", "budget", "worker"})
"""Parameters that no argument names."""
_OF_MANAGERS: Final = frozenset({"force"})
"""Parameters that pass over the limits of others."""


@dataclass(frozen=True, slots=True)
class ToolDefinition:
    """A tool, for a host that takes schemas."""

    name: str
    """Its name."""
    description: str
    """Its description, for the model."""
    parameters: dict[str, object]
    """The JSON schema of its arguments."""
    reads: bool
    """True if a call changes nothing."""
    destroys: bool
    """True if a call ends or removes something."""


class SchedulerTools:
    """The scheduler as tools of one agent.

    A task that it makes belongs to it. It sees all tasks, and changes its own: those that it made, that of the run in
    which it calls, and what runs of these made.

    Args:
        scheduler: The service, started elsewhere.
        agent: The name of the agent; its tasks have it in `created_by`, and what it works at in `worker`.
        profiles: Its purposes, which decide on the tools: `agent`, `worker`, `operator`.
        manages_all: Whether it may change the tasks of others too.
        budget: The budget of each lineage that it begins outside of a handler.
        confirm: Asks a person the question before a call that destroys. Without it, such a tool has an argument
            `confirm`, and its refusal has the question.

    Raises:
        InvalidInput: One of them is wrong, or the profile `operator` comes without `manages_all`.
    """

    def __init__(
        self,
        scheduler: SchedulerService,
        agent: str,
        *,
        profiles: Collection[str] = ("agent",),
        manages_all: bool = False,
        budget: Mapping[str, object] | str | None = None,
        confirm: Confirm | None = None,
    ) -> None:
        if Profile.OPERATOR in profiles and not manages_all:
            allowed = "true, as the profile operator acts on all tasks"
            raise InvalidInput("manages_all", manages_all, allowed, example=True)
        self._scheduler = scheduler
        self._manages_all = manages_all
        self._confirm = confirm
        limits = read_budget("budget", budget, {"runs": 100})
        self._context = CallingContext(read_line("agent", agent, LONGEST_NAME, "assistant"), limits)
        withheld = {*_OF_CONTEXT, *(() if manages_all else _OF_MANAGERS), *(() if confirm is None else (CONFIRM,))}
        self._tools = {
            name: OperationTool(name, operation, starting="or this one by `await scheduler.start()`", withheld=withheld)
            for name, operation in tools_of(profiles).items()
        }
        self.instructions = INSTRUCTIONS
        """Instructions of a model that has these tools."""

    def during(self, firing: Firing | None = None, *, thought: str | None = None) -> Self:
        """Return these tools for one run: its tasks come from *firing*, and from *thought*.

        A handler's calls belong to its run by themselves where they are made in its own context; a framework that
        makes them in another one needs this.

        Raises InvalidInput: the thought is no id.
        """
        own = copy(self)
        asked_by = None if thought is None else read_id("thought", thought)
        own._context = replace(self._context, firing=firing, thought=asked_by)  # noqa: SLF001 (a copy of this one)
        return own

    @property
    def definitions(self) -> list[ToolDefinition]:
        """The tools, for hosts that take JSON schemas."""
        return [
            ToolDefinition(each.name, each.description, each.parameters, each.reads, each.destroys)
            for each in self._tools.values()
        ]

    def functions(self) -> list[ToolFunction]:
        """Return the tools as coroutine functions, for hosts that read signatures; an error is an answer too."""
        return [function_of(each, self.answer) for each in self._tools.values()]

    async def answer(self, name: str, arguments: Mapping[str, object]) -> dict[str, Any]:
        """Call a tool; an error is the field `error` of the answer, in the words of `call`'s."""
        try:
            return await self.call(name, arguments)
        except Exception as error:  # noqa: BLE001 (whatever it is, the model reads it, and the agent goes on)
            return {"error": said_of(error, f"The tool {name}")}

    async def call(self, name: str, arguments: Mapping[str, object]) -> dict[str, Any]:
        """Call a tool and return its answer: plain JSON values, with text for times.

        Raises RemembrancerError: it was refused; the message is for the model.
        """
        tool = self._tools.get(name)
        if tool is None:
            raise InvalidInput("name", name, unknown(name, list(self._tools), "tool"), next(iter(self._tools)))
        params, confirmed = tool.read(arguments, self._context.filled())
        with self._context.acting():
            async with OneService(self._scheduler).reach(reading=tool.reads) as reached:
                await self._permit(tool, reached, params, confirmed=confirmed)
                return await tool.answer(reached, params)

    async def _permit(self, tool: OperationTool, reached: Reached, params: Params, *, confirmed: bool) -> None:
        """Refuse what is not the agent's to change, or not agreed to. Raises RemembrancerError."""
        task_id = getattr(params, "task_id", None)
        if task_id is not None and not tool.reads and not self._manages_all:
            await refuse_foreign(self._scheduler, self._context, cast("str", task_id))
        question = await question_of(reached, tool.operation, params) if tool.destroys else None
        if question is None or confirmed:
            return
        if self._confirm is None:
            raise InvalidInput(CONFIRM, confirmed, f"true, once the user has agreed to this: {question}", example=True)
        agreed = self._confirm(question)
        if (await agreed if inspect.isawaitable(agreed) else agreed) is not True:
            allowed = "the user's agreement, which was not given; do not ask again unless the user wants it"
            raise InvalidInput(CONFIRM, confirmed, allowed, None)
