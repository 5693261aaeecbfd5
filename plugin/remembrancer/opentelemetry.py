"""Metrics and traces through the OpenTelemetry API, with providers of one's own."""

from remembrancer.surfaces.otel.metrics import OpenTelemetry

__all__ = ["OpenTelemetry"]
