"""The API's application and router: every operation at its routes, with its guards."""

from __future__ import annotations

from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Depends, FastAPI, Response
from fastapi.datastructures import Default
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Route

from remembrancer.model.token import Scope
from remembrancer.operations import catalog
from remembrancer.operations.operation import Effect
from remembrancer.surfaces.rest.bounded_responses import ANSWER_SECONDS, BoundedResponses, on_a_thread
from remembrancer.surfaces.rest.conditional_requests import marked
from remembrancer.surfaces.rest.event_streams import LiveRoutes, add_live
from remembrancer.surfaces.rest.operation_routes import OperationRoute
from remembrancer.surfaces.rest.problems import problem_responses
from remembrancer.surfaces.rest.schemas import HealthResult
from remembrancer.surfaces.rest.security import Authenticator, GuardedRoute, answered, counting, refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import Request
    from fastapi.params import Depends as Guard

    from remembrancer.operations.operation import AnyOperation, Http
    from remembrancer.service.service import SchedulerService

    Answers = dict[int | str, dict[str, object]]

_ALWAYS: Final = (400, 401, 403, 408, 413, 422, 429, 503)


def router(service: SchedulerService) -> APIRouter:
    """Return the routes over *service*, with their guards, for `include_router`; the service is started elsewhere."""
    door = Authenticator(lambda: service.admittance)
    return _routes(service, door, LiveRoutes(service, door), BoundedResponses())


def _routes(service: SchedulerService, door: Authenticator, live: LiveRoutes, bounds: BoundedResponses) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=counting(service.counted, door))
    for operation in catalog.OPERATIONS:
        for http in operation.http:
            serve = OperationRoute(service, operation, http).function()
            if operation.effect is Effect.READS and not http.is_public:
                serve = bounds.bounded(serve, ANSWER_SECONDS if http.is_bounded else None)
            _add(made, operation, http, serve, door)
    add_live(made, live, door)
    return made


def _add(
    to: APIRouter, operation: AnyOperation, http: Http, serve: Callable[..., Awaitable[object]], door: Authenticator
) -> None:
    """Add a route with its guards, and the answers it has beside those that all have."""
    below_one = len(operation.http) > 1 and http.placeholders
    to.add_api_route(
        http.path,
        serve,
        methods=[http.verb],
        status_code=HTTPStatus.CREATED if http.creates else HTTPStatus.OK,
        operation_id=f"{operation.name.replace('.', '_')}{'_of_task' if below_one else ''}",
        description=operation.summary,
        tags=["telemetry" if operation.is_nested else "tasks"],
        dependencies=_guards(operation, http, door),
        responses=_UNHEALTHY if http.is_public else {**problem_responses(*_ALWAYS), **_answers(operation, http)},
        response_class=Response if http.media else Default(JSONResponse),
        route_class_override=GuardedRoute if http.is_public else None,
    )


def _guards(operation: AnyOperation, http: Http, door: Authenticator) -> list[Guard]:
    if http.is_public:
        return []
    scope = {Scope.READ: door.read, Scope.WRITE: door.write, Scope.ADMIN: door.admin}[operation.scope]
    return [scope, Depends(marked)] if operation.scope is Scope.WRITE else [scope]


def _answers(operation: AnyOperation, http: Http) -> Answers:
    """Return the answers that a route has beside those that all have, by what its operation does."""
    statuses = [404] if http.placeholders else []
    if operation.scope is Scope.WRITE:
        statuses += [409, 507, *([412] if "fence" in operation.params.model_fields else [])]
    if http.media:
        text: Answers = {200: {"description": "The text", "content": {http.media: {"schema": {"type": "string"}}}}}
        return {**problem_responses(*statuses), **text}
    again: Answers = {200: {"model": operation.result, "description": "It was there already; nothing new was made"}}
    return {**problem_responses(*statuses), **(again if http.creates else {})}


def application(service: SchedulerService) -> FastAPI:
    """Return an application of its own over *service*: the router, and problems for what is no route."""
    app = FastAPI(
        title="Remembrancer",
        version=version("remembrancer"),
        openapi_url="/v1/openapi.json",
        docs_url=None,  # such pages run scripts that others serve, where a token is typed
        redoc_url=None,
    )
    door = Authenticator(lambda: service.admittance)
    app.state.live = live = LiveRoutes(service, door)
    app.state.answers = bounds = BoundedResponses()
    routes = _routes(service, door, live, bounds)
    app.include_router(routes)
    _describe_off_the_loop(app)

    @app.exception_handler(HTTPException)
    async def refuse(request: Request, error: HTTPException) -> Response:  # pyright: ignore[reportUnusedFunction]
        async def none(request: Request) -> Response:
            with service.counted():
                raise refused(error, request, _methods_at(routes, _path_of(request)))

        return await answered(none, request)

    return app


def _path_of(request: Request) -> str:
    """Return the path without the part of it that a proxy serves the API below."""
    root_path: str = request.scope.get("root_path", "")
    return request.url.path.removeprefix(root_path)


def _describe_off_the_loop(app: FastAPI) -> None:
    """Have the application's document made on a thread: that takes the processor for a while, once."""
    own = next(route for route in app.routes if isinstance(route, Route) and route.path == app.openapi_url)

    async def described(request: Request) -> Response:
        await on_a_thread(app.openapi)  # the application keeps it
        return await own.endpoint(request)

    app.router.routes.insert(0, Route(own.path, described, include_in_schema=False))


def _methods_at(routes: APIRouter, path: str) -> str:
    """Return the methods that there are at a path; the framework names those of the first route only."""
    at = [each for each in routes.routes if isinstance(each, APIRoute) and each.path_regex.match(path)]
    return ", ".join(sorted({method for each in at for method in each.methods or ()}))


_UNHEALTHY: Final[Answers] = {503: {"model": HealthResult, "description": "It is not healthy"}}
