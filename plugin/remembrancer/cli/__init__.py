"""The command line: parse, ask a scheduler, print."""

from remembrancer.cli.commands import app

__all__ = ["app"]
