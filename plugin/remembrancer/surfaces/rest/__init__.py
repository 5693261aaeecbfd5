"""The REST API: two lines mount it in any FastAPI application.

    from remembrancer.surfaces.rest import router
    app.include_router(router(service))

Needs the extra `rest`.
"""

from remembrancer.surfaces.rest.app import application, router

__all__ = ["application", "router"]
