"""The REST API for an application of one's own: its routes, or the whole application."""

from remembrancer.surfaces.rest.app import application, router

__all__ = ["application", "router"]
