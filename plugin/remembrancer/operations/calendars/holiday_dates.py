"""Public holidays, by the package `holidays` of the extra `calendars`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from remembrancer.errors import InvalidInput
from remembrancer.model.suggestions import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

EXTRA: Final = "nothing, while the extra is not installed: pip install 'remembrancer[calendars]'"


def holiday_dates(
    country: str, subdivision: str | None, categories: Sequence[str] | None, years: range
) -> tuple[list[date], str]:
    """Return the public holidays of *years*, and the library with its version. Raises InvalidInput."""
    try:
        import holidays  # noqa: PLC0415 (of an extra, and slow)
    except ImportError as missing:
        raise InvalidInput("country", country, EXTRA, None) from missing
    library: Any = holidays
    supported = cast("dict[str, list[str]]", library.list_supported_countries())
    if country not in supported:
        meant = nearest(country, supported) or "DE"
        raise InvalidInput("country", country, "the ISO 3166 code of a country that `holidays` knows", meant)
    if subdivision is not None and subdivision not in supported[country]:
        allowed = f"one of {', '.join(supported[country])}" if supported[country] else "none, for this country"
        raise InvalidInput("subdivision", subdivision, allowed, next(iter(supported[country]), None))
    try:
        found = library.country_holidays(country, subdiv=subdivision, years=years, categories=categories or None)
    except ValueError as refused:
        raise InvalidInput(
            "categories", list(categories or ()), f"categories of this country: {refused}", None
        ) from None
    return sorted(found), f"holidays {library.__version__}"
