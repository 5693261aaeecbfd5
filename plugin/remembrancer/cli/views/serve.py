"""Output of `remembrancer serve`: its endpoints, and a line for each execution."""

from __future__ import annotations

import importlib
import inspect
import json
import logging
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO, TypeVar, cast

from remembrancer.cli.streams import silence
from remembrancer.engine.execution.default_handler import create_thought
from remembrancer.engine.execution.handler_call import is_async
from remembrancer.errors import InvalidInput
from remembrancer.model.control_characters import visible, visible_json
from remembrancer.model.handler_result import Ask, Defer, Failed, Retry
from remembrancer.model.timestamps import to_iso
from remembrancer.surfaces.log_context import WithRequestId

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from types import TracebackType
    from typing import Self

    from remembrancer.cli.servers import Served
    from remembrancer.model.execution import Execution
    from remembrancer.model.timestamps import Moment
    from remembrancer.ports.handler import Firing, Handler, HandlerReturn
    from remembrancer.service.service import SchedulerService
    from remembrancer.service.telemetry.status import ReplicationReport

    Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

T = TypeVar("T")


class SingleLineFormatter(logging.Formatter):
    """Writes a record in one line, and what was raised indented below: nothing in them passes for another record."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's own name)
        """Return the line."""
        return visible(super().formatMessage(record))

    def formatException(self, ei: Raised) -> str:  # noqa: N802 (logging's own name)
        """Return what was raised."""
        return "\n".join(f"  {visible(line)}" for line in super().formatException(ei).split("\n"))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 (logging's own name)
        """Return where it was."""
        return "\n".join(f"  {visible(line)}" for line in stack_info.split("\n"))


class ServeLog:
    """Prints one line an event: words for people, or a JSON object for machines.

    Tasks go on firing where nothing can be printed.

    Args:
        as_json: True for machines.
        stream: The stream; None is stdout.
    """

    def __init__(self, *, as_json: bool, stream: TextIO | None = None) -> None:
        self._as_json = as_json
        self._stream = stream
        to_stderr = logging.StreamHandler(sys.stderr)
        to_stderr.addFilter(WithRequestId())
        to_stderr.setFormatter(SingleLineFormatter(_FORM))
        logging.basicConfig(handlers=[to_stderr])

    def serving(self, folder: Path, served: Sequence[Served]) -> None:
        """Say where to find it; the secrets stay in the folder."""
        words = f"Serving {folder} (process {os.getpid()}); Ctrl-C stops it."
        self._serving(words, {"graph": str(folder), "pid": os.getpid()}, served)

    def sharing(self, graph: str, among: ReplicationReport, served: Sequence[Served]) -> None:
        """Say which graph on a server it is, who else serves it, and where to find this one."""
        others = len(among.replicas) - 1
        beside = f", beside {others} other{'s' if others > 1 else ''}" if others else ""
        words = f"Serving {graph} (process {os.getpid()}) as {among.replica_id}{beside}; Ctrl-C stops it."
        facts: dict[str, object] = {
            "graph": graph,
            "pid": os.getpid(),
            "replica_id": among.replica_id,
            "others": others,
        }
        self._serving(words, facts, served)

    def _serving(self, words: str, facts: dict[str, object], served: Sequence[Served]) -> None:
        lines = [line for each in served if (line := _line(each))]
        for each in served:
            facts |= each.facts
        self._tell("serving", "\n".join([words, *lines]), **facts)

    def no_commands(self) -> None:
        """Warn that tasks have commands, and that nothing runs them."""
        logging.getLogger("remembrancer").warning(
            "Tasks have commands, and this scheduler runs none: it makes thoughts of them. `serve --run-commands` runs "
            "them; --handler names a function that may."
        )

    def execution(self, firing: Firing, status: str, seconds: float, said: str) -> None:
        """Say how a handler's run ended."""
        task = firing.task
        words = " ".join(said.split())
        shown = words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"
        self._tell(
            "execution",
            visible(f"{to_iso(datetime.now(UTC))}  {status:9}  {task.name} ({task.task_id})  {seconds:.3f} s  {shown}"),
            status=status,
            task_id=task.task_id,
            execution_id=firing.execution.execution_id,
            name=task.name,
            seconds=round(seconds, 6),
            said=said,
        )

    def worked(self, firing: Firing, ended: Execution) -> None:
        """Say how a worker's execution ended."""
        self.execution(firing, ended.status, ended.duration_seconds or 0.0, ended.result or ended.reason or "")

    def stopping(self, service: SchedulerService, limit_seconds: float) -> None:
        """Say what it waits for, and how long; a loop that died is an error."""
        status = service.get_status()
        if not status.performance.task_running:
            logging.getLogger("remembrancer").error(
                "The scheduler's loop has died: %s", status.last_error or "see above"
            )
        handlers = int(service.gauges.read().get("scheduler.executions.running", 0))
        of_them = "1 handler" if handlers == 1 else f"{handlers} handlers"
        words = f"waiting up to {limit_seconds:g} s for {of_them}; press Ctrl-C again to end at once."
        told = f"Stopping: {words}" if handlers else "Stopping."
        self._tell("stopping", told, handlers=handlers, limit_seconds=limit_seconds)

    def stopped(self) -> None:
        """Say that all is written and let go."""
        self._tell("stopped", "Stopped.")

    def _tell(self, event: str, words: str, **facts: object) -> None:
        """Print a line. Work goes on without it when the reader, or the terminal, has gone."""
        told = visible_json(json.dumps({"event": event, **facts}, ensure_ascii=False)) if self._as_json else words
        try:
            stream = self._stream or sys.stdout
            stream.write(visible(told, lines=True) + "\n")
            stream.flush()
        except OSError as gone:
            if self._stream is None:
                silence()
            logging.getLogger("remembrancer").warning("Nothing more is printed, for stdout takes no more: %s", gone)


def _line(served: Served) -> str | None:
    """Return the line that says where a server is, or why there is none that was expected."""
    if served.endpoint:
        return f"  {served.kind.name:<8} {served.endpoint.address}  {served.endpoint.note}".rstrip()
    return f"  {served.kind.name:<8} not served: {served.reason}" if served.reason else None


def chronicled(handler: Handler, chronicle: ServeLog) -> Handler:
    """Return *handler* with each of its runs logged to *chronicle*; a plain one stays plain, and keeps its thread."""

    async def awaited(answer: Awaitable[HandlerReturn], told: _RunLog) -> HandlerReturn:
        with told:
            return told.of(await answer)

    def plain(firing: Firing) -> Awaitable[HandlerReturn] | HandlerReturn:
        told = _RunLog(chronicle, firing)
        with told:
            answer = handler(firing)
            if not inspect.isawaitable(answer):
                return told.of(answer)
            told.postponed = True
        return awaited(answer, told)

    async def asynchronous(firing: Firing) -> HandlerReturn:
        return await cast("Awaitable[HandlerReturn]", plain(firing))

    logged = asynchronous if is_async(handler) else plain
    logged.__wrapped__ = handler  # pyright: ignore[reportFunctionMemberAccess]  (as functools.wraps does)
    return logged


class _RunLog:
    """Logs one run when its `with` statement ends.

    Args:
        chronicle: The log.
        firing: The run.
    """

    def __init__(self, chronicle: ServeLog, firing: Firing) -> None:
        self._chronicle = chronicle
        self._firing = firing
        self._started = time.monotonic()
        self._said = ("", "")
        self.postponed = False
        """True while the answer is still to be awaited, in another `with` statement."""

    def of(self, answer: HandlerReturn) -> HandlerReturn:
        """Take the answer, and return it."""
        self._said = _words(answer)
        return answer

    def __enter__(self) -> Self:
        """Begin, or go on."""
        self.postponed = False
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Tell what came of it."""
        if not self.postponed:
            said = ("failed", _text(error, repr)) if error else self._said
            self._chronicle.execution(self._firing, said[0], time.monotonic() - self._started, said[1])


def find_handler(name: str | None) -> Handler:
    """Return the function that `package.module:function` names, looked for in the current folder last.

    None is the handler that makes a thought of each firing.
    """
    if name is None:
        return create_thought
    example = "my_agent.tasks:handle"
    module, _, function = name.partition(":")
    if not module or not function:
        raise InvalidInput("--handler", name, "a module, a colon and a function", example)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # last: a file there that has a library's name does not replace it
    try:
        found: object = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as missing:
        where = getattr(sys.modules.get(module), "__file__", None)
        said = f"{missing}; the module is {where}" if where else str(missing)
        raise InvalidInput("--handler", name, f"a function that can be imported ({said})", example) from missing
    if not callable(found):
        raise InvalidInput("--handler", name, "something that can be called", example)
    return cast("Handler", found)


def _words(answer: HandlerReturn) -> tuple[str, str]:
    """Say how a run ended, without a say in it: the engine reads the answer, and refuses what it does not take."""
    match answer:
        case Failed():
            return "failed", _text(answer.reason)
        case Retry():
            again = "" if answer.after is None else f"again after {_text(answer.after, _length)}: "
            return "failed", f"{again}{_text(answer.reason)}"
        case Defer():
            return "deferred", f"until {_text(answer.until, _time)}: {_text(answer.reason)}"
        case Ask():
            of = ", ".join(_text(each) for each in ([answer.of] if isinstance(answer.of, str) else answer.of))
            return "asked", f"{of}: {_text(answer.question)}" if of else _text(answer.question)
        case _:
            result: object = getattr(answer, "result", answer)
            return "completed", "" if result is None else _text(result)


def _time(asked: Moment) -> str:
    return to_iso(asked) if isinstance(asked, datetime) else str(asked)


def _length(asked: object) -> str:
    return f"{asked:g} s" if isinstance(asked, int | float) else str(asked)


def _text(value: T, show: Callable[[T], str] = str) -> str:
    try:
        return show(value)
    except Exception:  # noqa: BLE001 (a value of the agent's may fail in any way, and a line about it is all that is lost)
        return f"a {type(value).__name__} that cannot be shown"


_SHOWN: Final = 120
_FORM: Final = "%(asctime)s %(levelname)s [%(request_id)s] %(message)s"
