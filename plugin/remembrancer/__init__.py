"""Remembrancer: a task scheduler for AI agents, kept in the agent's memory graph."""

__version__ = "0.1.0"
