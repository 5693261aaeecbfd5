"""The API over HTTP: two lines mount it in anybody's FastAPI application.

    from remembrancer.surfaces.rest import router
    app.include_router(router(service))

Needs the extra `rest`.
"""

from remembrancer.surfaces.rest.app import application, router

__all__ = ["application", "router"]
