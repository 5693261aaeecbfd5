"""The entries of the table of operations that concern named calendars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from remembrancer.model.calendar import CalendarRenewal, NamedCalendar
from remembrancer.model.token import Scope
from remembrancer.operations import parameters
from remembrancer.operations.calendars import calendar_parameters
from remembrancer.operations.operation import Effect, Http, Operation

if TYPE_CHECKING:
    from remembrancer.operations.operation import AnyOperation

_CALENDARS: Final = "/scheduler/calendars"

CALENDARS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        name="define_calendar",
        summary="Define a calendar: the public holidays of a country, an iCalendar text, or dates.",
        scope=Scope.ADMIN,
        effect=Effect.ADDS,
        params=calendar_parameters.DefineCalendar,
        result=NamedCalendar,
        http=(Http(verb="POST", path=_CALENDARS),),
    ),
    Operation(
        name="renew_calendar",
        summary="Work a calendar out again, and arm the tasks that use it by what it says now.",
        scope=Scope.ADMIN,
        effect=Effect.ADDS,
        params=calendar_parameters.RenewCalendar,
        result=CalendarRenewal,
        http=(Http(verb="POST", path=f"{_CALENDARS}/{{name}}/renew"),),
    ),
    Operation(
        name="get_calendar",
        summary="Return a calendar, with its dates.",
        params=calendar_parameters.OneCalendar,
        result=NamedCalendar,
        http=(Http(verb="GET", path=f"{_CALENDARS}/{{name}}"),),
    ),
    Operation(
        name="list_calendars",
        summary="Return the calendars, by name.",
        params=parameters.NoParams,
        result=list[NamedCalendar],
        http=(Http(verb="GET", path=_CALENDARS),),
    ),
    Operation(
        name="remove_calendar",
        summary="Remove a calendar that no open task uses.",
        scope=Scope.ADMIN,
        effect=Effect.DESTROYS,
        params=calendar_parameters.OneCalendar,
        result=bool,
        http=(Http(verb="POST", path=f"{_CALENDARS}/{{name}}/remove"),),
    ),
)
"""Calendars are a matter of those who run the scheduler: a change of one moves the tasks of all who use it."""
