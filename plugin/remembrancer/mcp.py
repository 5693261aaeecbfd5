"""The MCP server for a host of one's own: over a service of this process, on any transport."""

from remembrancer.surfaces.mcp.server import server_of

__all__ = ["server_of"]
