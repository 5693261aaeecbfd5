"""A second scheduler that would like to work on a folder: it says under which error it was refused, or that it was not.

Run as `second.py FOLDER`.
"""

from __future__ import annotations

import asyncio
import sys

from remembrancer import TaskSchedulerService
from remembrancer.errors import GraphLocked


async def main() -> None:
    """Try it once."""
    service = TaskSchedulerService(sys.argv[1])
    try:
        await service.open()
    except GraphLocked:
        print("refused")  # noqa: T201
        return
    await service.close()
    print("let in")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
