"""What hinders one replica and must not hinder the others: pauses, dead connections, clocks, keys, passwords."""

from __future__ import annotations

import asyncio
import signal
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from bolt_proxy import BoltProxy, Cut
from crew import a_crew, until
from faults import LASTING_SECONDS, SOME, Aftermath, ended, hold
from neo4j_server import Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from crew import Crew, Member
    from neo4j_jars import JarServer

LATE_SECONDS = 10.0
"""How late others may fire while one is hindered: README says two and six seconds, on a machine with time for us."""
PAUSE_SECONDS = 25.0
"""Far longer than that, and than a lease."""
OUTAGE_SECONDS = 70.0
SLOW_SECONDS = 2.0
AHEAD_SECONDS = 300.0
UNKNOWN_SECONDS = 75.0
"""For a minute it is looked up what became of a commit whose answer was lost."""
ANSWER_SECONDS = 30.0
"""Within what an answer has to come, be it a refusal."""
FOREIGN = "foreign_names_are_unique"


async def paused_in_a_claim(server: Server, seconds: float = PAUSE_SECONDS) -> Aftermath:
    """A replica gets no processor while it holds the locks of a claim; what it has not locked fires in time."""
    async with a_crew(server.graph, 2, LASTING_SECONDS) as crew:
        paused = await crew.join()
        await _loaded(crew)
        begun = time.time()
        await _stalled(paused)
        try:
            await asyncio.sleep(seconds)
        finally:
            paused.thaw()
        await crew.acknowledged(SOME)
        aftermath = await ended(crew, server)
    return aftermath.bound(LATE_SECONDS, crew.told.held_up | {paused.replica_id}, begun)


async def vanished_in_a_claim(server: Server) -> Aftermath:
    """A replica's machine is gone while it holds the locks of a claim, and the server is not told."""
    async with BoltProxy(server.graph) as proxy, a_crew(server.graph, 2, LASTING_SECONDS) as crew:
        vanished = await crew.join(graph=proxy.graph)
        await _loaded(crew)
        begun = time.time()
        await _stalled(vanished)
        proxy.fall_silent()
        vanished.process.kill()
        await asyncio.sleep(LATE_SECONDS)
        await crew.acknowledged(SOME)
        aftermath = await ended(crew, server)
    return aftermath.bound(LATE_SECONDS, crew.told.held_up | {vanished.replica_id}, begun)


async def far_away(server: Server) -> Aftermath:
    """One replica's answers take two seconds each; what it does not claim itself fires in time."""
    async with BoltProxy(server.graph) as proxy, a_crew(server.graph, 2, LASTING_SECONDS) as crew:
        distant = await crew.join(graph=proxy.graph)
        await _loaded(crew)
        begun = time.time()
        proxy.delay_seconds = SLOW_SECONDS
        await asyncio.sleep(2 * LATE_SECONDS)
        proxy.delay_seconds = 0
        aftermath = await ended(crew, server)
    return aftermath.bound(LATE_SECONDS, {distant.replica_id}, begun)


async def silent_connections(server: Server) -> Aftermath:
    """A replica's connections die without a word; new ones work. A handler that it holds goes on, and only there."""
    async with BoltProxy(server.graph) as proxy, a_crew(server.graph, 1, LASTING_SECONDS) as crew:
        cut = await crew.join(graph=proxy.graph)
        task_id = await hold(server)
        await until(lambda: any(member.ran for member in crew.members), "a handler is held")
        await _loaded(crew)
        proxy.fall_silent()
        began = time.monotonic()
        ran = len(cut.ran)
        await cut.when(lambda: len(cut.ran) > ran, "it fires again")
        spent = time.monotonic() - began
        crew.say("release")
        aftermath = await ended(crew, server)
    if spent > 2 * ANSWER_SECONDS:
        aftermath.wrong.append(f"{spent:.0f} s after its connections died it fires again")
    if aftermath.account.outcomes(task_id)["completed"] != 1:
        aftermath.wrong.append(f"the held one: {aftermath.account.outcomes(task_id)}")
    aftermath.wrong.extend(crew.told.handled_at_once())
    return aftermath.bound(2 * ANSWER_SECONDS)


async def host_ahead(server: Server) -> Aftermath:
    """One replica's host has a time service that is five minutes ahead: nothing fires early, no lease is taken."""
    async with a_crew(server.graph, 0, LASTING_SECONDS) as crew:
        right = await crew.join()
        task_id = await hold(server)
        await right.began()
        ahead = await crew.join(host_ahead_seconds=AHEAD_SECONDS)
        crew.say("load")
        await crew.acknowledged(2 * SOME)
        told = not ahead.healthy or ahead.unwell > 0 or any("clock" in line for line in ahead.log)
        aftermath = await ended(crew, server)
    if not told:
        aftermath.wrong.append("a clock that is five minutes ahead was not told")
    if aftermath.account.lost_executions:
        aftermath.wrong.append(f"{aftermath.account.lost_executions} executions were taken from replicas that lived")
    if aftermath.told.most_early_seconds > 1:
        aftermath.wrong.append(f"a handler began {aftermath.told.most_early_seconds:.1f} s before its time")
    if aftermath.account.outcomes(task_id) != {"completed": 1}:
        aftermath.wrong.append(f"the execution that was held all the while: {aftermath.account.outcomes(task_id)}")
    return aftermath


async def foreign_constraint(server: Server) -> Aftermath:
    """A constraint that is not ours refuses a second task of one name: it is named, at once, and work goes on."""
    async with a_crew(server.graph, 1, LASTING_SECONDS) as crew:
        await asyncio.to_thread(
            server.run,
            "CREATE CONSTRAINT foreign_names_are_unique FOR (t:scheduled_task) REQUIRE t.name IS UNIQUE",
        )
        try:
            crew.say("load")
            await until(lambda: len(crew.told.refusals) >= 3, "a second task of this name is refused")
            ran = len(crew.members[0].ran)
            await crew.members[0].began(ran + 3)
        finally:
            await asyncio.to_thread(server.run, "DROP CONSTRAINT foreign_names_are_unique")
        await crew.acknowledged(SOME)
        aftermath = await ended(crew, server)
    unnamed = [each for each in crew.told.refusals if FOREIGN not in each["words"] and "name" not in each["words"]]
    aftermath.wrong.extend(f"a refusal that does not name what clashes: {each}" for each in unnamed[:3])
    return _answered_in_time(aftermath)


async def rotated_password(server: Server) -> Aftermath:
    """The password is another one, and so is its file: a replica that lost its connections reads it again."""
    with tempfile.TemporaryDirectory() as folder:
        secret = Path(folder) / "password"
        async with _a_user(server, "first-secret") as user, BoltProxy(server.graph) as proxy:
            secret.write_text("first-secret", "utf-8")
            graph = _as_user(proxy.graph, user)
            async with a_crew(server.graph, 1) as crew:
                environment = {"REMEMBRANCER_NEO4J_PASSWORD_FILE": str(secret)}
                member = await crew.begin(environment, graph=graph)
                await member.when(lambda: member.ready, "it is ready")
                await _loaded(crew)
                await asyncio.to_thread(_set_password, server, user, "second-secret")
                await proxy.down()
                await member.says_healthy(healthy=False)
                secret.write_text("second-secret", "utf-8")
                await proxy.up()
                await member.says_healthy(healthy=True)
                ran = len(member.ran)
                await member.began(ran + 3)
                aftermath = await ended(crew, server)
    return aftermath.bound(2 * ANSWER_SECONDS)


async def unknown_commit(server: Server) -> Aftermath:
    """One commit's answer is lost, and the server is gone: what was never sent is refused as such, and soon."""
    async with BoltProxy(server.graph) as proxy, a_crew(server.graph, 1, LASTING_SECONDS) as crew:
        member = await crew.join(graph=proxy.graph)
        await _loaded(crew)
        proxy.cuts, proxy.down_after_a_cut = iter([Cut.AFTER]), True
        await until(lambda: len(crew.told.refusals) >= SOME, f"{SOME} schedules are refused")
        await proxy.up()
        await member.says_healthy(healthy=True)
        await crew.acknowledged(SOME)
        aftermath = await ended(crew, server)
    unknown = [each for each in crew.told.refusals if each["refused"] == "OutcomeUnknown"]
    if len(unknown) > AT_ONCE:
        aftermath.wrong.append(f"{len(unknown)} schedules are said to be unknown; {AT_ONCE} at most were under way")
    return _answered_in_time(aftermath)


async def outcomes_known(server: Server, jar: JarServer) -> Aftermath:
    """The server is frozen for longer than a minute when handlers end: each outcome is kept, and nothing done again."""
    assert jar.process
    async with a_crew(server.graph, 1, LASTING_SECONDS) as crew:
        task_id = await hold(server)
        await crew.members[0].began()
        jar.process.send_signal(signal.SIGSTOP)
        try:
            crew.say("release")
            await asyncio.sleep(OUTAGE_SECONDS)
        finally:
            jar.process.send_signal(signal.SIGCONT)
        await crew.members[0].says_healthy(healthy=True)
        aftermath = await ended(crew, server)
    if aftermath.account.outcomes(task_id) != {"completed": 1}:
        aftermath.wrong.append(f"an outcome that was known: {aftermath.account.outcomes(task_id)}")
    return aftermath


async def _loaded(crew: Crew) -> None:
    crew.say("load")
    await crew.acknowledged(SOME)


async def _stalled(member: Member) -> None:
    member.say("stall")
    await member.when(lambda: member.stalled, "it has stopped inside a claim")


def _answered_in_time(aftermath: Aftermath) -> Aftermath:
    limits = {"OutcomeUnknown": UNKNOWN_SECONDS}
    slow = [each for each in aftermath.told.refusals if each["seconds"] > limits.get(each["refused"], ANSWER_SECONDS)]
    aftermath.wrong.extend(f"refused after {each['seconds']:.0f} s: {each['words'][:200]}" for each in slow[:3])
    return aftermath


@asynccontextmanager
async def _a_user(server: Server, password: str) -> AsyncIterator[str]:
    """A user of the server whose password may be changed."""
    system = Server(server.uri, server.user, server.password, "system", "")
    user = "chaos"
    create = "CREATE OR REPLACE USER $user SET PASSWORD $password CHANGE NOT REQUIRED"
    try:
        await asyncio.to_thread(system.run, create, user=user, password=password)
        yield user
    finally:
        await asyncio.to_thread(system.run, "DROP USER $user IF EXISTS", user=user)
        system.driver.close()


def _set_password(server: Server, user: str, password: str) -> None:
    system = Server(server.uri, server.user, server.password, "system", "")
    system.run("ALTER USER $user SET PASSWORD $password CHANGE NOT REQUIRED", user=user, password=password)
    system.driver.close()


def _as_user(graph: str, user: str) -> str:
    """Return the URI without a password, for *user*."""
    scheme, _, rest = graph.partition("://")
    return f"{scheme}://{quote(user)}@{rest.rpartition('@')[2]}"


AT_ONCE = 5
"""Writes that can have been in one commit: those of the four that schedule, and one of the checker."""
