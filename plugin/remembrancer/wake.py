"""The way back in: handlers that wake an agent where it was, and make of its answer the outcome of the run.

Use it as `from remembrancer import wake`, then `wake.command(…)`.
"""

from remembrancer.surfaces.wake.command_wake import wake_command as command
from remembrancer.surfaces.wake.http_wake import wake_http as http

__all__ = ["command", "http"]
