"""Wren, the agent of the story: what it has promised for the day, and how it does each thing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from fast_clock import BERLIN, FastClock, at

from remembrancer import Defer, Done, Failed, ScheduleRequest, Thought

if TYPE_CHECKING:
    from remembrancer import Firing

Report = Callable[[datetime, str, str], None]
"""Reports an event: its time, a mark for its kind, and the words."""

MONDAY: Final = datetime(2026, 3, 30, 4, 30, tzinfo=UTC)
"""The day begins at half past six in Berlin; summer time began the day before."""
INTENT: Final = "thought_monday"
RAIN: Final = "thought_rain"

BRIEFING: Final = "Morning briefing"
INBOX: Final = "Look at the inbox"
PARCEL: Final = "Ask where the parcel is"
BACKUP: Final = "Back up the photographs"
ARCHIVE: Final = "Index the archive"
INVOICE: Final = "Pay the printer"
NEWSLETTER: Final = "Send the newsletter"
WATERING: Final = "Water the beds"

_MAIL: Final = {
    "08:30": "The botanical garden asks for forty packets of cornflower.",
    "11:00": "A school would like to visit on Friday.",
    "14:00": "Three letters came in during the outage; the printer's is among them.",
    "15:20": "The printer writes: the catalogue goes to press tomorrow.",
    "17:30": "The seed library in Lyon sends its thanks.",
}


def promises() -> list[ScheduleRequest]:
    """Return what Wren promises at the beginning of the day."""
    weekdays = {"timezone": "Europe/Berlin"}
    return [
        _promise(BRIEFING, "Begin the day knowing what matters", schedule_cron="0 7 * * mon-fri", **weekdays),
        _promise(INBOX, "Leave no letter unanswered", schedule_cron="*/30 8-18 * * mon-fri", **weekdays),
        _promise(PARCEL, "Know when the seed drawers arrive", "09:15"),
        _promise(BACKUP, "Lose no photograph", "10:30"),
        _promise(ARCHIVE, "Find any seed in a second", "11:20", on_lost="retry"),
        _promise(INVOICE, "Owe nobody anything", "11:30", on_lost="fail"),
        _promise(NEWSLETTER, "Report the friends of the seed bank what is in flower", "12:00"),
        _promise(WATERING, "Keep the beds moist", "17:00"),
    ]


def _promise(name: str, goal: str, wall: str | None = None, **choices: str) -> ScheduleRequest:
    moment = None if wall is None else at(MONDAY, wall)
    return ScheduleRequest(name, goal, f"{name}, please.", INTENT, moment, **choices)  # pyright: ignore[reportArgumentType]


class Wren:
    """An agent that looks after a small seed bank in Berlin, and after Ines, who runs it.

    Args:
        clock: The time.
        report: Where it says what it does.
    """

    def __init__(self, clock: FastClock, report: Report) -> None:
        self._clock = clock
        self._report = report
        self._work: dict[str, Callable[[Firing], Awaitable[Done | Failed | Defer]]] = {
            BRIEFING: self._brief,
            INBOX: self._look_at_inbox,
            PARCEL: self._ask_for_parcel,
            BACKUP: self._back_up,
            ARCHIVE: self._index,
            INVOICE: self._pay,
            WATERING: self._water,
        }

    async def handle(self, firing: Firing) -> Done | Failed | Defer:
        """Do what a firing task asks for: the handler that the scheduler calls."""
        return await self._work[firing.task.name](firing)

    async def _brief(self, _: Firing) -> Done:
        await self._clock.sleep(4)
        thought = "Rain from four until six: the beds will be watered without us."
        self._say("done", BRIEFING, f'Two visitors, one parcel, and a thought: "{thought}"')
        return Done("Two visitors, one parcel, rain from four.", Thought(RAIN, thought))

    async def _look_at_inbox(self, firing: Firing) -> Done:
        wall = f"{firing.execution.nominal_at.astimezone(BERLIN):%H:%M}"
        await self._clock.sleep(3)
        letter = _MAIL.get(wall)
        if letter:
            self._say("done", INBOX, letter)
        return Done(letter or "Nothing new.")

    async def _ask_for_parcel(self, firing: Firing) -> Done | Defer:
        await self._clock.sleep(1)
        if firing.task.deferral_count == 0:
            reason = "The parcel service's API is rate limited until ten."
            self._say("deferred", PARCEL, f"{reason} Wren answers: not now, at 10:00.")
            return Defer(at(MONDAY, "10:00"), reason)
        self._say("done", PARCEL, "Asked again, as agreed. The seed drawers come on Wednesday.")
        return Done("They come on Wednesday.")

    async def _back_up(self, _: Firing) -> Failed:
        await self._clock.sleep(6)
        reason = "The drive is full: 212 photographs do not fit."
        self._say("failed", BACKUP, f"{reason} It is on record, and Ines buys a drive.")
        return Failed(reason)

    async def _index(self, firing: Firing) -> Done:
        attempt = firing.execution.attempt
        if attempt == 1:
            self._say("begun", ARCHIVE, "Begun; 3,100 cards take a while.")
        await self._clock.sleep(45)
        self._say("done", ARCHIVE, "All 3,100 cards, at the second attempt.")
        return Done("3,100 cards.")

    async def _pay(self, _: Firing) -> Done:
        self._say("begun", INVOICE, "The bank is asked to transfer 240 euros.")
        await self._clock.sleep(20)
        return Done("Paid.")

    async def _water(self, _: Firing) -> Done:
        await self._clock.sleep(2)
        self._say("done", WATERING, "The soil is dark and wet. Nothing to do, and that is written down too.")
        return Done("The rain did it.")

    def _say(self, mark: str, name: str, words: str) -> None:
        self._report(self._clock.now(), mark, f"[b]{name}[/b]  {words}")
