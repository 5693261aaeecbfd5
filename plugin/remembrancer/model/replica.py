"""A replica: one running scheduler of a graph, and when it last gave a sign of life."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 (pydantic reads the annotations at run time)

from pydantic import BaseModel, ConfigDict


class Replica(BaseModel):
    """A running scheduler. Its fields are the properties of a `scheduler_replica` node, under the same names."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    replica_id: str
    started_at: datetime
    heartbeat_at: datetime
    host: str
    pid: int
    version: str
