"""Replicas: the running schedulers of a graph, and their last heartbeats."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)

from pydantic import BaseModel, ConfigDict


class Replica(BaseModel):
    """A running scheduler; its fields are the properties of a `scheduler_replica` node, with the same names."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    replica_id: str
    started_at: datetime
    heartbeat_at: datetime
    host: str
    pid: int
    version: str
