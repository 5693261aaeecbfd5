"""Settings of one scheduler: each number once, with its bounds and its help, and all that follows from them."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Annotated, Final, Self, cast, get_args, get_type_hints

from remembrancer.errors import InvalidInput
from remembrancer.model.query_limits import LARGEST, LONGEST_SECONDS, ROWS, SECONDS, SIZE

_TIMING: Final = "Timing"
_LOAD: Final = "Load"
_RETENTION: Final = "Retention"
_LINEAGE: Final = "Tasks of handlers"
_QUOTAS: Final = "Quotas"
_QUERIES: Final = "Query limits"
_DAY: Final = 86_400
_LOG: Final = logging.getLogger("remembrancer")
PREFIX: Final = "REMEMBRANCER_"
OTHER_VARIABLES: Final = (
    *("REMEMBRANCER_GRAPH", "REMEMBRANCER_LOG_DIR"),
    *("REMEMBRANCER_NEO4J_USER", "REMEMBRANCER_NEO4J_PASSWORD", "REMEMBRANCER_NEO4J_PASSWORD_FILE"),
)
"""Variables of this package that are no setting of a scheduler."""
_WARNED: Final[set[str]] = set()
"""Unknown variables that were logged already."""
_MOST_DAYS: Final = 36_500


@dataclass(frozen=True, slots=True)
class Bounds:
    """The declaration of a setting, beside its type and its default.

    Args:
        low: The smallest value.
        high: The largest.
        section: The heading that it is listed under.
        help: Its effect, in a line.
        example: A value that works, where the default is none.
    """

    low: float
    high: float
    section: str
    help: str
    example: float | None = None


@dataclass(frozen=True, slots=True)
class SchedulerOptions:
    """The scheduler's own numbers; those of a task are with the task."""

    check_interval_seconds: Annotated[
        float,
        Bounds(0.01, _DAY, _TIMING, "The longest sleep between two ticks. Known tasks fire on time, whatever it is."),
    ] = 60.0
    poll_interval_seconds: Annotated[
        float,
        Bounds(
            0.01,
            3600,
            _TIMING,
            "The interval at which a lone replica polls a shared graph, and so the latest that it sees a new task.",
        ),
    ] = 1.25
    work_stealing_delay_seconds: Annotated[
        float,
        Bounds(0, _DAY, _TIMING, "The delay after which this replica runs an overdue task of another one."),
    ] = 2.0
    lease_seconds: Annotated[
        float,
        Bounds(
            0.1,
            _DAY,
            _TIMING,
            "The time for which a claim holds without a heartbeat; there are three heartbeats in it.",
        ),
    ] = 60.0
    default_timeout_seconds: Annotated[
        float,
        Bounds(0.001, _DAY, _TIMING, "The time that a handler may take, if its task sets no timeout."),
    ] = 300.0
    shutdown_timeout_seconds: Annotated[
        float,
        Bounds(0, _DAY, _TIMING, "The time for which `stop` waits for handlers before it cancels them."),
    ] = 10.0
    max_concurrent_handlers: Annotated[
        int,
        Bounds(1, 1_000_000, _LOAD, "The most handlers that run at a time."),
    ] = 2000
    max_deferrals: Annotated[
        int | None,
        Bounds(0, 1_000_000, _LOAD, "The most deferrals in a row of one run, if its task sets no limit.", 10),
    ] = None
    max_deferral_seconds: Annotated[
        float | None,
        Bounds(
            1,
            _MOST_DAYS * _DAY,
            _LOAD,
            "The time for which deferrals in a row may hold one run, if its task sets no limit.",
            7 * _DAY,
        ),
    ] = None
    claim_batch_size: Annotated[
        int,
        Bounds(1, 100_000, _LOAD, "The most occurrences that one commit claims."),
    ] = 1000
    lineage_max_depth: Annotated[
        int | None,
        Bounds(0, LARGEST, _LINEAGE, "The most generations of tasks that handlers schedule. Unset has no bound.", 10),
    ] = None
    lineage_max_fan_out: Annotated[
        int | None,
        Bounds(0, LARGEST, _LINEAGE, "The most tasks that one execution schedules. Unset has no bound.", 100),
    ] = None
    lineage_max_open_tasks: Annotated[
        int | None,
        Bounds(0, LARGEST, _LINEAGE, "The most open tasks of handlers in a lineage. Unset has no bound.", 1000),
    ] = None
    max_cron_tasks: Annotated[
        int | None,
        Bounds(
            0,
            LARGEST,
            _QUOTAS,
            "The most open recurring tasks, unless a limit says otherwise.",
            100,
        ),
    ] = None
    max_open_tasks: Annotated[
        int | None,
        Bounds(0, LARGEST, _QUOTAS, "The most open tasks, unless a limit says otherwise.", 10_000),
    ] = None
    max_open_tasks_of_origin: Annotated[
        int | None,
        Bounds(0, LARGEST, _QUOTAS, "The most open tasks of one origin, unless a limit says otherwise.", 100),
    ] = None
    max_open_tasks_of_agent: Annotated[
        int | None,
        Bounds(0, LARGEST, _QUOTAS, "The most open tasks of one agent, unless a limit says otherwise.", 1000),
    ] = None
    execution_retention_days: Annotated[
        float | None,
        Bounds(
            0,
            _MOST_DAYS,
            _RETENTION,
            "The age at which an ended execution becomes part of a daily summary. Unset keeps every execution.",
            90,
        ),
    ] = None
    event_retention_count: Annotated[
        int,
        Bounds(1, LARGEST, _RETENTION, "The newest events that are kept, in each stream of the event log."),
    ] = 100_000
    event_retention_seconds: Annotated[
        float,
        Bounds(0, _MOST_DAYS * _DAY, _RETENTION, "The longest time for which an event is kept."),
    ] = 86_400.0
    query_seconds: Annotated[
        float,
        Bounds(0.001, LONGEST_SECONDS, _QUERIES, "The time that a query may take."),
    ] = SECONDS
    query_rows: Annotated[int, Bounds(1, LARGEST, _QUERIES, "The most rows that a query may return.")] = ROWS
    query_bytes: Annotated[int, Bounds(1, LARGEST, _QUERIES, "The most bytes of JSON that a query may return.")] = SIZE

    def __post_init__(self) -> None:
        """Validate every number. Raises InvalidInput."""
        for setting in SETTINGS.values():
            setting.check(getattr(self, setting.name), setting.name)

    @property
    def lineage_limits(self) -> dict[str, int]:
        """The bounds of lineages that have none of their own, by the names of a budget's parts."""
        bounds = {
            "max_depth": self.lineage_max_depth,
            "max_fan_out": self.lineage_max_fan_out,
            "max_open_tasks": self.lineage_max_open_tasks,
        }
        return {name: most for name, most in bounds.items() if most is not None}

    @property
    def quotas(self) -> dict[str, int]:
        """The most open tasks, by the keys of limits."""
        most = {
            "open:recurring": self.max_cron_tasks,
            "open": self.max_open_tasks,
            "open:origin": self.max_open_tasks_of_origin,
            "open:agent": self.max_open_tasks_of_agent,
        }
        return {key: number for key, number in most.items() if number is not None}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Return the options that environment variables set, such as REMEMBRANCER_LEASE_SECONDS.

        Args:
            environment: The variables; None is those of this process. A variable that is absent, or empty, leaves the
                default. One that resembles the name of a setting is logged as a warning, once.

        Raises:
            InvalidInput: One of them is out of its bounds, or no number; `field` is its name.
        """
        variables = os.environ if environment is None else environment
        _warn_of_mistyped(variables)
        return replace(
            cls(),
            **{
                each.name: each.read(text, each.variable)
                for each in SETTINGS.values()
                if (text := variables.get(each.variable))
            },
        )


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of `SchedulerOptions`, under each of its names.

    Args:
        name: Of the field.
        whole: Whether it takes whole numbers only.
        default: Its value where none is given; None: there is none.
        bounds: Its declaration.
    """

    name: str
    whole: bool
    default: float | None
    bounds: Bounds

    @property
    def unit(self) -> str:
        """Its unit, which the name ends with; empty for a count."""
        last = self.name.rpartition("_")[2]
        return last if last in {"seconds", "days", "bytes"} else ""

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return f"{PREFIX}{self.name.upper()}"

    @property
    def option(self) -> str:
        """Its option of `serve`: without the unit if that is seconds, and more than one word is left."""
        shorter = self.name.removesuffix("_seconds")
        return f"--{(shorter if '_' in shorter else self.name).replace('_', '-')}"

    @property
    def shown_default(self) -> str:
        """Its default, in words."""
        return "unset" if self.default is None else _written(self.default)

    @property
    def allowed(self) -> str:
        """Its bounds, in words."""
        kind = "" if self.unit else "a whole number, " if self.whole else "a number, "
        return f"{kind}{_written(self.bounds.low)} to {_written(self.bounds.high)} {self.unit}".rstrip()

    def check(self, value: object, field: str) -> None:
        """Validate a value given as *field*. Raises InvalidInput."""
        if value is None and self.default is None:
            return
        if not self._takes(value):
            raise InvalidInput(field, value, self.allowed, self._example)

    def read(self, text: str, field: str) -> float:
        """Return the number that *text* says, in the setting's own unit or, of time, with another. Raises InvalidInput.

        A time may have a unit: 500ms, 90s, 10m, 36h, 90d, 12w.
        """
        number = self._number_in(text.strip())
        if number is None or not self._takes(number):  # the value that is shown is the one that was written
            units = _WITH_UNIT if self.unit in _IN_SECONDS else ""
            raise InvalidInput(field, text, f"{self.allowed}{units}", self._example)
        return number

    def _number_in(self, text: str) -> float | None:
        """Return the number that *text* says; None if it says none."""
        found = _QUANTITY.fullmatch(text)
        timed = _IN_SECONDS.get(self.unit)
        if found is None or (found[2] and not timed) or (self.whole and not found[1].isdecimal()):
            return None
        if self.whole:
            return int(found[1]) if len(found[1]) <= _MOST_DIGITS else None
        number = float(found[1])
        return number * _UNITS[found[2]] / timed if found[2] and timed else number

    def _takes(self, value: object) -> bool:
        """Return True for a number of its kind within its bounds."""
        kinds = int if self.whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            return False
        return self.bounds.low <= value <= self.bounds.high

    @property
    def _example(self) -> float | None:
        return self.bounds.example if self.default is None else self.default


def _warn_of_mistyped(variables: Mapping[str, str]) -> None:
    """Log each variable that is none of this package, and resembles one of them."""
    from remembrancer.model.suggestions import nearest  # noqa: PLC0415 (few processes have such a variable)

    known = {*(each.variable for each in SETTINGS.values()), *OTHER_VARIABLES}
    for name in sorted(each for each in variables if each.startswith(PREFIX) and each not in known | _WARNED):
        meant = nearest(name.removeprefix(PREFIX), (each.removeprefix(PREFIX) for each in known))
        # Another one is left alone: Kubernetes sets REMEMBRANCER_PORT beside a service of that name.
        if meant is not None:
            _WARNED.add(name)
            _LOG.warning("The variable %s is ignored: %s%s is meant", name, PREFIX, meant)


def _written(number: float) -> str:
    return f"{int(number):,}" if number == int(number) else f"{number:g}"


def _declared() -> Mapping[str, Setting]:
    """Return what the annotations of `SchedulerOptions` declare."""
    hints = get_type_hints(SchedulerOptions, include_extras=True)
    found: dict[str, Setting] = {}
    for each in fields(SchedulerOptions):
        kind, bounds = get_args(hints[each.name])
        found[each.name] = Setting(
            each.name, int in {kind, *get_args(kind)}, cast("float | None", each.default), bounds
        )
    return MappingProxyType(found)


_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": _DAY, "w": 7 * _DAY}
_IN_SECONDS: Final = {"seconds": 1, "days": _DAY}
_QUANTITY: Final = re.compile(rf"([0-9]+(?:\.[0-9]+)?)\s*({'|'.join(_UNITS)})?")
_MOST_DIGITS: Final = 100
"""Of a whole number; Python reads no more than 4,300."""
_WITH_UNIT: Final = f"; with a unit of its own if need be: {', '.join(_UNITS)}"
SETTINGS: Final = _declared()
"""Every setting by its name."""
SchedulerOptions.__doc__ = f"{SchedulerOptions.__doc__}\n\nArgs:\n" + "\n".join(
    f"    {each.name}: {each.bounds.help} ({each.allowed})" for each in SETTINGS.values()
)
