"""`remembrancer`, or `python -m remembrancer`."""

from __future__ import annotations

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


if __name__ == "__main__":
    main()
