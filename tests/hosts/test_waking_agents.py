"""An agent elsewhere is woken by a command or over HTTP; its answer is the outcome, and people's goes back to it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from remembrancer import Ask, Execution, TaskSchedulerService, wake
from remembrancer.errors import InvalidInput
from remembrancer.testing import ManualScheduler, VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from remembrancer.ports.handler import Handler

SECONDS = 60
START = datetime(2027, 1, 4, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
posix = pytest.mark.skipif(os.name != "posix", reason="THERE ARE NO PROCESS GROUPS HERE")


@dataclass
class Agent:
    """An agent behind a URL: it keeps the requests, and replies what it is given."""

    url: str = ""
    heads: list[str] = field(default_factory=list)
    heard: list[dict[str, Any]] = field(default_factory=list)
    reply: Callable[[dict[str, Any]], bytes] = lambda _: replied({"status": "completed"})
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client has closed a connection on which nothing was replied."""


def replied(body: object, status: str = "200 OK", more: str = "") -> bytes:
    text = (body if isinstance(body, str) else json.dumps(body)).encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\n{more}\r\n".encode() + text


@asynccontextmanager
async def listening() -> AsyncIterator[Agent]:
    agent = Agent()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(int(line.split(":")[1]) for line in head.splitlines() if line.startswith("Content-Length"))
        agent.heads.append(head)
        agent.heard.append(json.loads(await reader.readexactly(length)))
        if data := agent.reply(agent.heard[-1]):
            writer.write(data)
            await writer.drain()
        else:
            await reader.read()
            agent.gone.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    agent.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield agent
    finally:
        server.close()


async def run_once(handler: Handler, **choices: Any) -> Execution:
    """Return the execution of a task that fires once."""
    clock = VirtualClock(START)
    async with ManualScheduler(TaskSchedulerService(":memory:", clock, handler=handler), clock) as scheduler:
        await scheduler.service.schedule_task("Mail", "Be kind", "Write to Ada.", "thought_1", "in 1m", **choices)
        await scheduler.tick(MINUTE)
        return (await scheduler.service.history())[0]


async def answered(reply: bytes, **choices: Any) -> Execution:
    async with listening() as agent:
        agent.reply = lambda _: reply
        return await run_once(wake.http(agent.url), **choices)


def printing(*lines: str, code: int = 0) -> Handler:
    program = f"import sys; sys.stdin.read(); print({chr(10).join(lines)!r}); sys.exit({code})"
    return wake.command([sys.executable, "-c", program])


ANSWERS: list[tuple[dict[str, Any], tuple[str, str | None, str]]] = [
    ({"status": "completed", "result": "sent"}, ("completed", None, "sent")),
    ({"status": "failed", "reason": "no ink"}, ("failed", "handler_failed", "no ink")),
    ({"status": "failed", "reason": "busy", "retry_after": 5}, ("failed", "retry_requested", "busy")),
    ({"status": "deferred", "until": "in 2h", "reason": "asleep"}, ("deferred", "deferred_by_handler", "asleep")),
    ({"status": "asked", "question": "To whom?"}, ("deferred", "asked", "To whom?")),
]
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"status": "complete"}, "status='complete' is not accepted. Allowed: completed, failed, deferred, asked"),
    ({"status": 200}, "status=200 is not accepted"),
    ({"status": "failed"}, "reason"),
    ({"status": "completed", "outcome": "sent"}, "outcome"),
    ({"status": "completed", "worker": "me"}, "the run is known"),
    ({"status": "failed", "reason": "x", "permanent": True, "retry": True}, "permanent"),
    ({"status": "completed", "tokens": -1}, "tokens"),
]


@pytest.mark.parametrize(("answer", "outcome"), ANSWERS, ids=lambda each: each if isinstance(each, str) else "")
async def test_answer_over_http_is_the_outcome(answer: dict[str, Any], outcome: tuple[str, str | None, str]) -> None:
    made = await answered(replied(answer))

    assert (made.status, made.reason_code, made.reason or made.result) == outcome


@posix
@pytest.mark.parametrize(("answer", "outcome"), ANSWERS, ids=lambda each: each if isinstance(each, str) else "")
async def test_last_line_of_a_command_is_the_outcome(
    answer: dict[str, Any], outcome: tuple[str, str | None, str]
) -> None:
    made = await run_once(printing("thinking", '{"status": 200}', json.dumps(answer)))

    assert (made.status, made.reason_code, made.reason or made.result) == outcome


@pytest.mark.parametrize(("answer", "words"), REFUSED)
async def test_answer_that_cannot_be_used_has_failed(answer: dict[str, Any], words: str) -> None:
    made = await answered(replied(answer))

    assert (made.status, made.reason_code) == ("failed", "handler_failed")
    assert "The answer of the agent cannot be used. " in (made.reason or "")
    assert words in (made.reason or "")


@posix
async def test_output_without_an_answer_is_the_result() -> None:
    made = await run_once(printing('{"status": "failed", "reason": "said earlier"}', "sent"))
    assert (made.status, (made.result or "").splitlines()[-1]) == ("completed", "sent")

    made = await run_once(printing('{"status": "completed"}', code=3))
    assert (made.status, made.reason) == ("failed", 'The command ended with exit code 3: {"status": "completed"}')


@posix
async def test_command_that_cannot_be_started_has_failed() -> None:
    made = await run_once(wake.command(["no-such-agent"]))

    assert made.reason == "The command no-such-agent cannot be started: No such file or directory."


@pytest.mark.parametrize(
    ("reply", "status", "said"),
    [
        (replied("sent"), "completed", "sent"),
        (replied({"sent": True}), "completed", '{"sent": true}'),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "completed", ""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsent\r\n0\r\n\r\n", "completed", "sent"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + replied("sent"), "completed", "sent"),
        (replied("moved", "302 Found", "Location: http://127.0.0.1/\r\n"), "failed", "replied with status 302: moved"),
        (replied("", "500 Oops"), "failed", "replied with status 500."),
        (replied("", "503 Busy", "Retry-After: 7\r\n"), "failed", "replied with status 503."),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nsent", "failed", "IncompleteRead"),
        (b"SSH-2.0\r\n", "failed", "SSH-2.0"),
        (replied("x" * 1_048_576), "failed", "longer than 1,048,576 bytes"),
    ],
    ids=[
        *("text", "json", "no_content", "chunked", "continue", "redirect", "error", "busy", "short", "no_http", "long")
    ],
)
async def test_reply_is_read_as_http_says(reply: bytes, status: str, said: str) -> None:
    made = await answered(reply)

    assert (made.status, said in (made.reason or made.result or "")) == (status, True), made.reason


async def test_busy_agent_names_the_next_attempt() -> None:
    clock = VirtualClock(START)
    async with listening() as agent:
        agent.reply = lambda _: replied("", "429 Later", "Retry-After: 90\r\n")
        service = TaskSchedulerService(":memory:", clock, handler=wake.http(agent.url))
        async with ManualScheduler(service, clock) as scheduler:
            await service.schedule_task("Mail", "g", "p", "thought_1", "in 1m", max_attempts=2)
            await scheduler.tick(MINUTE)
            agent.reply = lambda _: replied("sent")
            await scheduler.tick(timedelta(seconds=89))
            assert len(agent.heard) == 1
            await scheduler.tick(timedelta(seconds=1))
            assert [each.status for each in await service.history()] == ["completed", "failed"]
            keys = [line for head in agent.heads for line in head.splitlines() if line.startswith("Idempotency-Key")]
            assert len(set(keys)) == 2


async def test_agent_that_is_away_has_failed() -> None:
    async with listening() as agent:
        url = f"{agent.url}/secret-path"
    made = await run_once(wake.http(url))

    assert made.status == "failed"
    assert (made.reason or "").startswith(f"The agent at {agent.url} did not reply: ")


async def test_agent_hears_the_run() -> None:
    async with listening() as agent:
        handler = wake.http(f"{agent.url}/wake?q=1", headers={"Authorization": "Bearer secret"})
        made = await run_once(handler, context={"to": ["Ada"]}, session="same")

    heard = agent.heard[0]
    assert heard["prompt"] == "Write to Ada."
    assert heard["session"] == heard["task"]["task_id"] == made.task_id
    assert (heard["task"]["context"], heard["answer"], heard["dependencies"]) == ({"to": ["Ada"]}, None, [])
    assert heard["execution"]["execution_id"] == made.execution_id
    assert agent.heads[0].startswith("POST /wake?q=1 HTTP/1.1\r\n")
    assert "Authorization: Bearer secret\r\n" in agent.heads[0]
    assert f"Idempotency-Key: {heard['execution']['occurrence_key']}\r\n" in agent.heads[0]


async def test_usage_of_an_agent_is_counted() -> None:
    async with listening() as agent:
        agent.reply = lambda _: replied({"status": "completed", "tokens": 1200, "money": "0.05"})
        clock = VirtualClock(START)
        service = TaskSchedulerService(":memory:", clock, handler=wake.http(agent.url))
        async with ManualScheduler(service, clock) as scheduler:
            await service.schedule_task("Mail", "g", "p", "thought_1", "in 1m", budget={"tokens": 5000, "money": "1"})
            await scheduler.tick(MINUTE)
            lineage = await service.lineage("thought_1")
            assert (lineage.spent["tokens"], lineage.spent["money"]) == (1200, "0.05")


QUESTION = Ask("May I?", of="ada", within="2d", on_no_answer="remind")


def asking(message: dict[str, Any]) -> bytes:
    answer = message["answer"]
    if answer is None:
        return replied({"status": "asked", "question": "To whom?", "within": "1d"})
    return replied({"status": "completed", "result": f"{answer['question']} {answer['text']}"})


ASKING = """
import json, sys
answer = json.load(sys.stdin)["answer"]
print(json.dumps({"status": "completed", "result": f"{answer['question']} {answer['text']}"} if answer else
                 {"status": "asked", "question": "To whom?", "within": "1d"}))
"""


async def put_to_ada(place: str, handler: Handler) -> None:
    """A run asks, the service ends, another begins, Ada answers it, and the run that goes on has her answer."""
    clock = VirtualClock(START)
    async with ManualScheduler(TaskSchedulerService(place, clock, handler=handler), clock) as scheduler:
        task = await scheduler.service.schedule_task("Mail", "g", "p", "thought_1", "in 1m")
        await scheduler.tick(MINUTE)
    async with ManualScheduler(TaskSchedulerService(place, clock, handler=handler), clock) as scheduler:
        [question] = await scheduler.service.questions()
        assert (question.question, question.asked_of) == ("To whom?", ("ada",))
        assert (question.within_seconds, question.on_no_answer) == (86_400, "remind")
        await scheduler.service.answer_task(task.task_id, "To Grace.")
        await scheduler.tick(MINUTE)
        done, asked = await scheduler.service.history()
        assert (asked.status, asked.reason) == ("deferred", "To whom?")
        assert (done.status, done.result) == ("completed", "To whom? To Grace.")


async def test_answer_of_people_goes_back_over_http(graph: str) -> None:
    async with listening() as agent:
        agent.reply = asking
        await put_to_ada(graph, wake.http(agent.url, question=QUESTION))

    first, second = agent.heard
    assert first["session"] == second["session"]


@posix
async def test_answer_of_people_goes_back_to_a_command(tmp_path: Path) -> None:
    handler = wake.command([sys.executable, "-c", ASKING], question=QUESTION)

    await put_to_ada(str(tmp_path / "graph"), handler)


async def test_cancelled_run_closes_its_connection() -> None:
    async with listening() as agent, asyncio.timeout(SECONDS):
        agent.reply = lambda _: b""
        async with TaskSchedulerService(handler=wake.http(agent.url)) as service:
            task = await service.schedule_task("Mail", "g", "p", "thought_1", "in 0.05s")
            while not agent.heard:  # noqa: ASYNC110 (the request comes on another connection)
                await asyncio.sleep(0.02)
            await service.cancel_task(task.task_id)
            await agent.gone.wait()


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("ftp://127.0.0.1/", {}),
        ("127.0.0.1:8000", {}),
        ("http://", {}),
        ("http://ada:secret@127.0.0.1/", {}),
        ("http://127.0.0.1/#part", {}),
        ("http://127.0.0.1:99999/", {}),
        ("http://127.0.0.1/a b", {}),
        ("http://127.0.0.1/a\r\nX: y", {}),
        (None, {}),
        ("http://127.0.0.1/", {"Host": "example.org"}),
        ("http://127.0.0.1/", {"X": "a\r\nY: b"}),
        ("http://127.0.0.1/", {"X Y": "a"}),
    ],
)
def test_address_that_cannot_be_used_is_refused(url: Any, headers: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        wake.http(url, headers=headers)


@posix
@pytest.mark.parametrize("argv", [[], "agent --wake", ["agent", 5], ["a\0b"]])
def test_arguments_that_cannot_be_used_are_refused(argv: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^argv="):
        wake.command(argv)


@pytest.mark.parametrize(
    ("module", "make"),
    [
        ("pydantic_ai", lambda folder: wake.pydantic_ai(None, conversations=folder)),
        ("agents", lambda folder: wake.openai(None, conversations=folder)),
        ("langgraph", lambda _: wake.langgraph(None)),
    ],
)
def test_framework_that_is_missing_is_named(module: str, make: Any, tmp_path: Path) -> None:
    if find_spec(module) is not None:
        pytest.skip(f"{module} IS INSTALLED HERE")
    with pytest.raises(InvalidInput, match=r"pip install 'remembrancer\["):
        make(tmp_path)
