"""Which route is where, who may use it, and how it may fail."""

from __future__ import annotations

from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Depends, FastAPI, Query
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Route

from remembrancer.model.task import ScheduleResult
from remembrancer.model.task_status import TaskStatus, TaskType
from remembrancer.service.telemetry.report_models import (
    AnalyticsReport,
    CronAnalytics,
    CronReport,
    PerformanceMetrics,
    Period,
    StatusReport,
    TasksReport,
    TaskStatistics,
)
from remembrancer.service.telemetry.reports import MOST_TASKS
from remembrancer.surfaces.rest.bounded_responses import BoundedResponses, on_a_thread
from remembrancer.surfaces.rest.conditional_requests import marked
from remembrancer.surfaces.rest.event_streams import LiveRoutes, add_live
from remembrancer.surfaces.rest.problems import problem_responses
from remembrancer.surfaces.rest.query_routes import QueryRoutes
from remembrancer.surfaces.rest.schemas import HealthResult
from remembrancer.surfaces.rest.security import Authenticator, GuardedRoute, answered, counting, refused
from remembrancer.surfaces.rest.task_routes import TaskRoutes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import Request, Response
    from fastapi.params import Depends as Guard

    from remembrancer.service.service import SchedulerService

    Answers = dict[int | str, dict[str, object]]
    Routes = tuple[tuple[str, str, Callable[..., Awaitable[object]], Answers], ...]

_ALWAYS: Final = (400, 401, 403, 408, 413, 422, 429, 503)


class StatusRoutes:
    """The specification's five endpoints, and its two structures.

    Args:
        service: Tells of itself.
    """

    def __init__(self, service: SchedulerService) -> None:
        self._service = service

    async def status(self) -> StatusReport:
        """Return how the service is."""
        return await self._service.telemetry.status()

    async def tasks(
        self,
        status: TaskStatus | None = None,
        type: Annotated[TaskType | None, Query()] = None,  # noqa: A002 (the parameter's name in the URL)
        limit: Annotated[int, Query(ge=1, le=MOST_TASKS)] = 100,
    ) -> TasksReport:
        """Return the open tasks, or those of one status or type."""
        return await self._service.telemetry.tasks(status, type, limit)

    async def analytics(self, period: Period = Period.WEEK, task_type: TaskType | None = None) -> AnalyticsReport:
        """Return what happened in a period."""
        return await self._service.telemetry.analytics(period, task_type)

    async def cron(self) -> CronReport:
        """Return the cron expressions in use."""
        return await self._service.telemetry.cron()

    async def performance(self) -> PerformanceMetrics:
        """Return how well the checker keeps time, what it takes, and what went wrong."""
        return await self._service.telemetry.performance()

    async def task_statistics(self) -> TaskStatistics:
        """Return the Task Execution Statistics, over the graph's whole life."""
        return await self._service.telemetry.task_statistics()

    async def cron_analytics(self) -> CronAnalytics:
        """Return the Cron Scheduling Analytics."""
        return await self._service.telemetry.cron_analytics()


def router(service: SchedulerService) -> APIRouter:
    """Return the routes over *service*, with their guards, for `include_router`; the service is started elsewhere."""
    door = Authenticator(lambda: service.admittance)
    return _routes(service, door, LiveRoutes(service, door), BoundedResponses())


def _routes(service: SchedulerService, door: Authenticator, live: LiveRoutes, bounds: BoundedResponses) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=counting(service.counted, door))
    look = QueryRoutes(service)
    _add(made, "/scheduler", "tasks", _within(bounds, _looking(look)), door.read)
    _add(made, "/scheduler", "tasks", _within(bounds, _reading(TaskRoutes(service))), door.read)
    _add(made, "/scheduler", "tasks", _writing(TaskRoutes(service)), door.write, Depends(marked))
    _add(made, "/scheduler", "tasks", _asking(look, bounds), door.admin)
    _add(made, "/scheduler", "tasks", _keeping(look), door.admin)
    made.add_api_route(
        "/scheduler/health", look.health, tags=["tasks"], responses=_UNWELL, route_class_override=GuardedRoute
    )
    _add(made, "/telemetry/task-scheduler", "telemetry", _within(bounds, _reports(StatusRoutes(service))), door.read)
    add_live(made, live, door)
    return made


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


def _looking(routes: QueryRoutes) -> Routes:
    one = "/tasks/{task_id}"
    return (
        ("GET", f"{one}/executions", routes.executions_of, _ONE),
        ("GET", "/executions", routes.executions, {}),
        ("GET", "/executions/{execution_id}", routes.execution, _ONE),
        ("GET", "/running", routes.running, {}),
        ("GET", f"{one}/changes", routes.changes_of, _ONE),
        ("GET", "/changes", routes.changes, {}),
        ("GET", f"{one}/timeline", routes.timeline, _ONE),
        ("GET", f"{one}/summaries", routes.summaries_of, _ONE),
        ("GET", "/summaries", routes.summaries, {}),
        ("GET", "/preview", routes.preview, {}),
        ("GET", "/status", routes.status, {}),
        ("GET", "/capabilities", routes.capabilities, {}),
        ("GET", "/doctor", routes.doctor, {}),
    )


def _keeping(routes: QueryRoutes) -> Routes:
    return (("POST", "/retain", routes.retain, {}),)


def _asking(routes: QueryRoutes, bounds: BoundedResponses) -> Routes:
    return (("POST", "/cypher", bounds.bounded(routes.cypher, None), {}),)  # a query has limits of its own


def _within(bounds: BoundedResponses, routes: Routes) -> Routes:
    """Return routes that read, each of them ended when its caller goes or its time is over."""
    return tuple((method, path, bounds.bounded(serve), answers) for method, path, serve, answers in routes)


def _reading(routes: TaskRoutes) -> Routes:
    return ("GET", "/tasks", routes.tasks, {}), ("GET", "/tasks/{task_id}", routes.task, _ONE)


def _writing(routes: TaskRoutes) -> Routes:
    one = "/tasks/{task_id}"
    return (
        ("POST", "/tasks", routes.schedule, {**_MADE, **_kept(ScheduleResult)}),
        ("POST", "/tasks/batch", routes.schedule_batch, {**_MADE, **_kept(list[ScheduleResult])}),
        ("POST", "/deferred", routes.schedule_deferred, _MADE),
        ("POST", f"{one}/cancel", routes.cancel, _DONE),
        ("POST", f"{one}/defer", routes.defer, _DONE),
        ("POST", f"{one}/run", routes.run, _DONE),
    )


def _reports(routes: StatusRoutes) -> Routes:
    return (
        ("GET", "/status", routes.status, {}),
        ("GET", "/tasks", routes.tasks, {}),
        ("GET", "/analytics", routes.analytics, {}),
        ("GET", "/cron", routes.cron, {}),
        ("GET", "/performance", routes.performance, {}),
        ("GET", "/task-statistics", routes.task_statistics, {}),
        ("GET", "/cron-analytics", routes.cron_analytics, {}),
    )


def _add(to: APIRouter, below: str, tag: str, routes: Routes, *guards: Guard) -> None:
    """Add routes, each a method, a path, what serves it, and which answers it has beside those that all have."""
    for method, path, serve, answers in routes:
        to.add_api_route(
            f"{below}{path}",
            serve,
            methods=[method],
            status_code=HTTPStatus.CREATED if HTTPStatus.OK in answers else HTTPStatus.OK,
            operation_id=f"{tag}_{serve.__name__}",
            tags=[tag],
            dependencies=list(guards),
            responses={**problem_responses(*_ALWAYS), **answers},
        )


def _kept(model: object) -> Answers:
    return {200: {"model": model, "description": "It was made before, under its key"}}


_ONE: Final = problem_responses(404)
_MADE: Final = problem_responses(409, 507)
_DONE: Final = problem_responses(404, 409, 412, 507)
_UNWELL: Final[Answers] = {503: {"model": HealthResult, "description": "It is not well"}}
