"""One tool over one operation: its definition, its arguments, its answer."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final, cast

from pydantic import ValidationError

from remembrancer.errors import InvalidInput
from remembrancer.operations.operation import Effect
from remembrancer.surfaces.tools.results import lean
from remembrancer.surfaces.tools.schemas import CONFIRM, LIST_LENGTH, as_object, body_of, input_schema, is_object
from remembrancer.surfaces.violations import to_invalid_input

if TYPE_CHECKING:
    from collections.abc import Mapping, Set as AbstractSet

    from remembrancer.operations.operation import AnyOperation, Params
    from remembrancer.surfaces.tools.scheduler_access import Reached
    from remembrancer.surfaces.tools.schemas import Schema

_UNFIRED: Final = "Nothing fires at present: no scheduler runs on this graph. Start one with `remembrancer serve`"
_BY_CLIENT: Final = {"origin_thought_id": "mcp"}


class OperationTool:
    """A tool.

    Args:
        name: Its name.
        operation: The operation.
        starting: Another way to have a scheduler, beside `remembrancer serve`.
        withheld: Parameters that come from the calling context: no argument names them.
    """

    def __init__(
        self, name: str, operation: AnyOperation, *, starting: str, withheld: AbstractSet[str] = frozenset()
    ) -> None:
        self.name = name
        self.operation = operation
        self._starting = starting
        self._withheld = withheld
        self._body = body_of(operation)

    @property
    def description(self) -> str:
        """The description that a model reads."""
        return self.operation.summary

    @cached_property
    def parameters(self) -> Schema:
        """The JSON schema of the arguments."""
        return input_schema(self.operation, self._withheld)

    @property
    def reads(self) -> bool:
        """True if a call changes nothing."""
        return self.operation.effect is Effect.READS

    @property
    def destroys(self) -> bool:
        """True if a call ends or removes something."""
        return self.operation.effect is Effect.DESTROYS

    def read(self, given: Mapping[str, object], filled: Mapping[str, object] = _BY_CLIENT) -> tuple[Params, bool]:
        """Return the parameters in a call's arguments, and whether it is confirmed.

        A parameter that is not given has its value in *filled*, where the operation has that parameter.

        Raises InvalidInput: an argument is wrong, or comes from the calling context.
        """
        arguments = dict(given)
        for name in arguments.keys() & self._withheld:
            raise InvalidInput(name, arguments[name], "nothing: it comes from the calling context", None)
        confirmed = self.destroys and arguments.pop(CONFIRM, False) is True
        self._fill(arguments, filled)
        if self._body:
            own = {name: arguments.pop(name) for name in self._own & arguments.keys()}
            arguments = {**own, self._body: arguments}
        try:
            params = self.operation.params.model_validate(arguments)
        except ValidationError as refusal:
            raise self._refused(refusal) from None
        params.check()
        return params, confirmed

    async def answer(self, reached: Reached, params: Params) -> dict[str, object]:
        """Call the operation and return its result in plain values. Raises RemembrancerError."""
        answer = as_object(lean(await reached.call(self.operation, params)), is_object=self._is_object)
        if not reached.fires and "next_fires" in answer and not self.reads:
            warning = f"{_UNFIRED}, {self._starting}."
            answer["warnings"] = [*cast("list[str]", answer.get("warnings", [])), warning]
        return answer

    @cached_property
    def _is_object(self) -> bool:
        return is_object(self.operation)

    @property
    def _own(self) -> set[str]:
        """The parameters beside the one that holds all others."""
        return {name for name in self.operation.params.model_fields if name != self._body}

    @cached_property
    def _names(self) -> set[str]:
        """The parameters, those of the one that holds all others among them."""
        whole = self.operation.params.model_fields[self._body].annotation if self._body else None
        return {*self._own, *getattr(whole, "__dataclass_fields__", {})}

    def _fill(self, arguments: dict[str, object], filled: Mapping[str, object]) -> None:
        """Give a value to what a model may leave out."""
        if "name" in arguments and "goal_description" in self._names and self._body:
            arguments.setdefault("goal_description", arguments["name"])
        for name in self._names & filled.keys():
            arguments.setdefault(name, filled[name])
        field = self.operation.params.model_fields.get("limit")
        if field and not any(hasattr(each, "le") for each in field.metadata):
            arguments.setdefault("limit", LIST_LENGTH)

    def _refused(self, refusal: ValidationError) -> Exception:
        """Return what does not fit as the error that every surface answers, with the names of the arguments."""
        kind: object = self.operation.params
        faults = refusal.errors(include_url=False)
        if self._body:
            kind = self.operation.params.model_fields[self._body].annotation
            for fault in faults:
                fault["loc"] = tuple(each for each in fault["loc"] if each != self._body)
        return to_invalid_input(cast("list[Mapping[str, object]]", faults), kind)
