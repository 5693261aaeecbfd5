"""`remembrancer`, or `python -m remembrancer`."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from remembrancer.cli import app  # noqa: PLC0415 (the library is imported without its command line)
    from remembrancer.cli.outlet import written  # noqa: PLC0415 (the library is imported without its command line)

    with written():
        app(prog_name="remembrancer")


if __name__ == "__main__":
    main()
