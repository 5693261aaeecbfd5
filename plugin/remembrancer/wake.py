"""The way back in: handlers that wake an agent where it was, and make of its answer the outcome of the run.

Use it as `from remembrancer import wake`, then `wake.command(…)`.
"""

from remembrancer.surfaces.frameworks.langgraph_wake import wake_langgraph as langgraph
from remembrancer.surfaces.frameworks.openai_wake import wake_openai as openai
from remembrancer.surfaces.frameworks.pydantic_ai_wake import wake_pydantic_ai as pydantic_ai
from remembrancer.surfaces.wake.command_wake import wake_command as command
from remembrancer.surfaces.wake.http_wake import wake_http as http

__all__ = ["command", "http", "langgraph", "openai", "pydantic_ai"]
