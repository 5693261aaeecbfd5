"""Routes of operations: each answers requests with its operation, and HTTP's own parts are hooks around that."""

from __future__ import annotations

from functools import cache
from inspect import Parameter, Signature
from posixpath import dirname, relpath
from typing import TYPE_CHECKING, Final, cast

from fastapi import Response

from remembrancer.model.task import Disposition, ScheduledTask, ScheduleResult
from remembrancer.operations.edits.edit_operations import TASK
from remembrancer.operations.operation import Effect
from remembrancer.surfaces.rest.operation_requests import OperationRequest
from remembrancer.surfaces.rest.pages import page_within
from remembrancer.surfaces.rest.problems import etag
from remembrancer.surfaces.rest.schemas import CancelResult, HealthResult, listed, listed_type, model

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from pydantic import BaseModel

    from remembrancer.model.cancellation import Cancellation
    from remembrancer.operations.operation import AnyOperation, Http, Page
    from remembrancer.service.service import SchedulerService

    Given = Mapping[str, object]
    Hook = Callable[[SchedulerService, Given, object, Response], Awaitable[object]]

_RESPONSE: Final = "response"


class OperationRoute:
    """One route of an operation over one service.

    Args:
        service: The service.
        operation: The operation.
        http: The route.
    """

    def __init__(self, service: SchedulerService, operation: AnyOperation, http: Http) -> None:
        self._service = service
        self._operation = operation
        self._http = http
        self._request = OperationRequest(operation, http)
        self._is_below_task = "task_id" in http.placeholders and not http.path.endswith("{task_id}")

    def function(self) -> Callable[..., Awaitable[object]]:
        """Return the function that answers, with a signature for the framework to read."""

        async def serve(**given: object) -> object:
            response = cast("Response", given.pop(_RESPONSE, None))
            return await self._answer(self._request.read(given), response)

        taken = self._request.parameters()
        if self._has_head():
            taken.append(Parameter(_RESPONSE, Parameter.KEYWORD_ONLY, annotation=Response))
        answer = self._answer_type()
        serve.__name__ = self._operation.name.rpartition(".")[2]
        serve.__annotations__ = {**{each.name: each.annotation for each in taken}, "return": answer}
        vars(serve)["__signature__"] = Signature(taken, return_annotation=answer)
        return serve

    async def _answer(self, given: dict[str, object], response: Response) -> object:
        if self._is_below_task and self._operation.effect is Effect.READS:
            await self._service.get_task(cast("str", given["task_id"]))  # a task that is not there has no list
        if self._http.page:
            return await self._page(self._http.page, given)
        result = await self._operation.answer(self._service, given)
        if self._http.media:
            return Response(cast("str", result), media_type=self._http.media)
        if self._http.creates:
            _tell_creation(self._http.path, cast("ScheduleResult | list[ScheduleResult]", result), response)
        if isinstance(result, ScheduledTask | ScheduleResult):
            response.headers["ETag"] = etag(result.fence, result.status)
        _, hook = _HOOKS.get(self._operation.name, (None, None))
        return await hook(self._service, given, result, response) if hook else result

    async def _page(self, page: Page, given: dict[str, object]) -> object:
        name = next(name for name, shown in self._http.names.items() if shown == "cursor")
        limit, first = cast("int", given.pop("limit")), cast("str | None", given.pop(name))

        async def read(number: int, cursor: str | None) -> tuple[Sequence[object], str | None]:
            asked = number if page.key is None else number + 1  # one more tells whether there is another page
            found = await self._operation.answer(self._service, {**given, "limit": asked, name: cursor})
            if page.key is None:
                return getattr(found, page.name), getattr(found, "cursor")  # noqa: B009 (of an object of any type)
            items = cast("Sequence[object]", found)
            return items[:number], getattr(items[number - 1], page.key) if len(items) > number else None

        items, next_cursor = await page_within(limit, first, read)
        return _page_model(page)(**{page.name: [listed(each) for each in items], "next_cursor": next_cursor})

    def _has_head(self) -> bool:
        """Return whether the answer has a header or a status of its own."""
        result = self._operation.result
        is_class = isinstance(result, type)  # pyright: ignore[reportUnnecessaryIsInstance]  a list of something is none
        tagged = is_class and issubclass(result, ScheduledTask)
        return tagged or self._http.creates or self._operation.name in _HOOKS

    def _answer_type(self) -> type[object]:
        if self._http.page:
            return _page_model(self._http.page)
        if self._http.media:
            return Response
        return _HOOKS[self._operation.name][0] if self._operation.name in _HOOKS else self._operation.result


@cache
def _page_model(page: Page) -> type[BaseModel]:
    """Return the model of a page: its list, and where the next page begins."""
    fields: dict[str, tuple[object, object]] = {
        page.name: (list[listed_type(page.item)], ...),
        "next_cursor": (str | None, ...),
    }
    doc = "Some elements of a list, and where the next page begins; null at the end."
    return model(f"{page.item.__name__}Page", doc, fields)


def _tell_creation(path: str, made: ScheduleResult | list[ScheduleResult], response: Response) -> None:
    """Say in the answer's head where a task is, and whether this request has made any."""
    if isinstance(made, ScheduleResult):
        # Relative to the route at *path*, so that it holds below whatever path a proxy serves.
        response.headers["Location"] = relpath(TASK.format(task_id=made.task_id), dirname(path))
    replies = made if isinstance(made, list) else [made]
    response.status_code = 201 if any(reply.disposition is Disposition.CREATED for reply in replies) else 200


async def _cancelled(service: SchedulerService, given: Given, result: object, _: Response) -> CancelResult:
    task_id, done = cast("str", given["task_id"]), cast("Cancellation", result)
    if not done.ended:
        await service.get_task(task_id)  # one that is not there has not ended either
    return CancelResult(task_id=task_id, cancelled=done.ended, stopping=done.stopping)


async def _health(_: SchedulerService, __: Given, result: object, response: Response) -> HealthResult:
    response.status_code = 200 if result else 503
    return HealthResult(healthy=bool(result))


_HOOKS: Final[dict[str, tuple[type[BaseModel], Hook]]] = {
    "cancel_task": (CancelResult, _cancelled),
    "is_healthy": (HealthResult, _health),
}
"""Operations whose answer over HTTP is another one than their result: its model, and how it is made."""
