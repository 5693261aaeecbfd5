"""The command line: parse, ask a scheduler, print."""

from remembrancer.cli.app import app

__all__ = ["app"]
