"""`remembrancer`, or `python -m remembrancer`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line."""
    try:
        from remembrancer.cli import app  # noqa: PLC0415 (the library is imported without its command line)
        from remembrancer.cli.streams import written  # noqa: PLC0415 (as above)
    except KeyboardInterrupt:
        sys.exit(130)  # before the part that tells it in words is there

    with written():
        app(prog_name="remembrancer")


def _put_working_folder_last() -> None:
    """Let no file of the working folder, which `python -m` looks in first, take the place of a library."""
    if not sys.flags.safe_path and sys.path[:1] in ([""], [os.getcwd()]):  # noqa: PTH109 (as the interpreter writes it)
        sys.path.append(sys.path.pop(0))


if __name__ == "__main__":
    _put_working_folder_last()
    main()
