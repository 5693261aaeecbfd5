"""Metrics for Prometheus: the exporter, and a server of `/metrics`."""

from remembrancer.surfaces.otel.prometheus import MetricsServer, PrometheusExporter

__all__ = ["MetricsServer", "PrometheusExporter"]
