"""Which route is where, who may use it, and how it may fail."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, FastAPI, Query
from starlette.exceptions import HTTPException as NoRoute

from remembrancer.model.policy import TaskStatus, TaskType
from remembrancer.model.task import ScheduledReply
from remembrancer.surfaces.rest.guarding import Door, GuardedRoute
from remembrancer.surfaces.rest.live import LiveRoutes, add_live
from remembrancer.surfaces.rest.problems import Refusal, declared, of_refusal
from remembrancer.surfaces.rest.tasks import Health, TaskRoutes
from remembrancer.surfaces.telemetry import MOST_TASKS
from remembrancer.surfaces.telemetry_shapes import (
    AnalyticsReport,
    CronReport,
    PerformanceMetrics,
    Period,
    StatusReport,
    TasksReport,
)

if TYPE_CHECKING:
    from fastapi import Request, Response

    from remembrancer.surfaces.service import SchedulerService

_ALWAYS: Final = (400, 401, 403, 413, 422, 429, 503)


class ReportRoutes:
    """The specification's five endpoints.

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


def router(service: SchedulerService) -> APIRouter:
    """Return the routes over *service*, with their guards, for `include_router`; the service is started elsewhere."""
    door = Door(lambda: service.admittance)
    return _routes(service, door, LiveRoutes(service, door))


def _routes(service: SchedulerService, door: Door, live: LiveRoutes) -> APIRouter:
    made = APIRouter(prefix="/v1", route_class=GuardedRoute)
    _add_tasks(made, TaskRoutes(service), door)
    _add_reports(made, ReportRoutes(service), door)
    add_live(made, live, door)
    return made


def application(service: SchedulerService) -> FastAPI:
    """Return an application of its own over *service*: the router, and problems for what is no route."""
    app = FastAPI(title="Remembrancer", version=version("remembrancer"), openapi_url="/v1/openapi.json")
    door = Door(lambda: service.admittance)
    app.state.live = live = LiveRoutes(service, door)
    app.include_router(_routes(service, door, live))

    @app.exception_handler(NoRoute)
    async def refuse(request: Request, error: NoRoute) -> Response:  # pyright: ignore[reportUnusedFunction]
        kind = "no-route" if error.status_code == _NOT_FOUND else "http"
        detail = f"{request.method} {request.url.path}: {error.detail}"
        return of_refusal(Refusal(error.status_code, kind, detail, error.headers), "-")

    return app


def _add_tasks(to: APIRouter, routes: TaskRoutes, door: Door) -> None:
    one = "/tasks/{task_id}"
    for method, path, serve, guard, problems in (
        ("GET", "/tasks", routes.tasks, door.read, ()),
        ("GET", one, routes.task, door.read, (404,)),
        ("GET", f"{one}/executions", routes.executions_of, door.read, (404,)),
        ("GET", "/executions", routes.executions, door.read, ()),
        ("GET", "/preview", routes.preview, door.read, ()),
        ("GET", "/status", routes.status, door.read, ()),
        ("POST", f"{one}/cancel", routes.cancel, door.write, _ACTING),
        ("POST", f"{one}/defer", routes.defer, door.write, _ACTING),
        ("POST", f"{one}/run", routes.run, door.write, _ACTING),
        ("POST", "/tasks", routes.schedule, door.write, _MAKING),
        ("POST", "/tasks/batch", routes.schedule_batch, door.write, _MAKING),
        ("POST", "/cypher", routes.cypher, door.admin, ()),
    ):
        to.add_api_route(
            f"/scheduler{path}",
            serve,
            methods=[method],
            status_code=201 if problems == _MAKING else 200,
            tags=["tasks"],
            dependencies=[guard],
            responses={**declared(*_ALWAYS, *problems), **(_KEPT if serve == routes.schedule else {})},
        )
    to.add_api_route("/scheduler/health", routes.health, tags=["tasks"], responses=_UNWELL)


def _add_reports(to: APIRouter, routes: ReportRoutes, door: Door) -> None:
    for name in ("status", "tasks", "analytics", "cron", "performance"):
        to.add_api_route(
            f"/telemetry/task-scheduler/{name}",
            getattr(routes, name),
            operation_id=f"telemetry_{name}",
            tags=["telemetry"],
            dependencies=[door.read],
            responses=declared(*_ALWAYS),
        )


_NOT_FOUND: Final = 404
_ACTING: Final = (404, 409, 412, 507)
_MAKING: Final = (409, 507)
_KEPT: Final[dict[int | str, dict[str, object]]] = {
    200: {"model": ScheduledReply, "description": "A task is kept under the key already"}
}
_UNWELL: Final[dict[int | str, dict[str, object]]] = {503: {"model": Health, "description": "It is not well"}}
