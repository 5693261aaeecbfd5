"""The parameters of the operations on calendars."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StrictBool, StrictInt

from remembrancer.operations.operation import Params

_MOST_DATES: Final = 2_000
_LONGEST: Final = 100

_Name = Annotated[str, Field(description="The name of the calendar.")]
_Ics = Annotated[str | None, Field(description="An iCalendar text (RFC 5545), at most 5 MB.")]
_Dates = Annotated[
    list[str] | None,
    Field(
        min_length=1, max_length=_MOST_DATES, description="Dates, and windows of two local times with a slash between."
    ),
]


class OneCalendar(Params):
    """The name of a calendar."""

    name: _Name


class DefineCalendar(OneCalendar):
    """The name of a calendar, and its source: one of country, ics and dates."""

    country: Annotated[str | None, Field(max_length=_LONGEST, description="The ISO 3166 code of a country.")] = None
    subdivision: Annotated[str | None, Field(max_length=_LONGEST, description="Its state or province.")] = None
    categories: Annotated[
        list[str] | None,
        Field(min_length=1, max_length=_LONGEST, description="The categories of holidays; by default public."),
    ] = None
    ics: _Ics = None
    dates: _Dates = None
    years: Annotated[StrictInt, Field(description="The years that are worked out, from the present one on.")] = 5
    timezone: Annotated[str | None, Field(max_length=_LONGEST, description="The IANA zone whose days they are.")] = None


class RenewCalendar(OneCalendar):
    """The name of a calendar, and the text or the dates that it has now."""

    ics: _Ics = None
    dates: _Dates = None
    years: Annotated[StrictInt | None, Field(description="The years that are worked out; by default as before.")] = None
    dry_run: Annotated[StrictBool, Field(description="Only answer what would change.")] = False
