"""Replicas: the running schedulers of a graph, and their last heartbeats."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)

from pydantic import BaseModel, ConfigDict


class Replica(BaseModel):
    """A running scheduler; its fields are the properties of a `scheduler_replica` node, with the same names."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    replica_id: str
    """The key of the scheduler, new at each start."""
    started_at: datetime
    """The time (UTC) at which it started."""
    heartbeat_at: datetime
    """The time (UTC) of its last heartbeat."""
    host: str
    """The name of its machine."""
    pid: int
    """The number of its process."""
    version: str
    """The version of Remembrancer that it runs."""
