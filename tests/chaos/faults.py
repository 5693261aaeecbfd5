"""What can happen to replicas that share a graph, one function each, and what has to hold after every one of them."""

from __future__ import annotations

import asyncio
import shutil
import signal
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, LiteralString, Self

import neo4j_jars
from accounts import Account, ask, at_rest, take_account
from bolt_proxy import BoltProxy
from crew import PATIENCE_SECONDS, Crew, Member, Told, a_crew, until
from neo4j.exceptions import DriverError, Neo4jError
from neo4j_server import OURS, Server
from replica import HELD

from remembrancer import TaskSchedulerService

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence, Set as AbstractSet
    from pathlib import Path

    from accounts import Row
    from neo4j_jars import JarServer

    Act = Callable[[Member], Awaitable[None]]

MINUTES_OFF = 3.0
LASTING_SECONDS = 10.0
"""A lease where none is to run out: a busy machine may well forget a process for two seconds."""
SOME = 10
"""Schedules that are to be acknowledged before and after whatever happens."""


@dataclass(frozen=True)
class Aftermath:
    """What was left when all was quiet again.

    Args:
        account: The graph.
        told: What the replicas have told.
        wrong: What must not be; nothing, if all is well.
    """

    account: Account
    told: Told
    wrong: list[str]

    def bound(self, seconds: float, but_for: AbstractSet[str] = frozenset(), since: float = 0.0) -> Self:
        """Find it wrong that an occurrence was later than so, but for those of these tasks and replicas.

        What was due before the moment *since* shows how late occurrences are on this machine when nothing is wrong:
        twice that much is allowed on top.
        """
        usual = max(self.account.late_seconds(but_for, until=since), default=0.0)
        late = [each for each in self.account.late_seconds(but_for, since=since) if each > seconds + 2 * usual]
        self.wrong.extend([f"{len(late)} occurrences were {late[0]:.1f} to {late[-1]:.1f} s late"] if late else [])
        return self

    @property
    def figures(self) -> dict[str, int]:
        """What there was of what, for whoever watches."""
        return {
            "acknowledged": len(self.told.scheduled),
            "refused": self.told.refused,
            "executions": len(self.account.executions),
            "lost with their replica": self.account.lost_executions,
            "taken by a wipe or restore": len(self.told.scheduled - self.account.tasks.keys()),
        }


def lateness(late: Sequence[float]) -> str:
    """Say how late occurrences were, given the seconds of each, the least first."""
    if not late:
        return "nothing fired"
    middle, most = (late[min(len(late) - 1, int(len(late) * part))] for part in (0.5, 0.99))
    return f"late by {middle:.2f} s (p50), {most:.2f} s (p99), {late[-1]:.2f} s (most)"


async def ended(crew: Crew, server: Server, required: AbstractSet[str] | None = None, since: float = 0.0) -> Aftermath:
    """Let the crew do what is left to do, end it in good order, and look at the graph.

    *required* are the schedules that must be there, all acknowledged ones by default; *since*: see `Account.wrong`.
    """
    await crew.rest()
    await at_rest(server)
    for member in crew.alive:
        await crew.leave(member)
    account = await take_account(server)
    wrong = account.wrong(crew.told.scheduled if required is None else required, since)
    return Aftermath(account, crew.told, wrong + crew.told.handled_again())


async def killed(server: Server, phases: Sequence[str]) -> Aftermath:
    """Replicas die, each in a phase of its own; one goes on."""
    async with a_crew(server.graph, 1) as crew:
        doomed = [await crew.begin(dies=phase) for phase in phases]
        crew.say("load")  # each of them: what one schedules for now falls to itself, and it has something to die of
        for member, phase in zip(doomed, phases, strict=True):
            await until(lambda member=member: member.process.returncode is not None, f"a replica dies {phase}")
        await crew.acknowledged(SOME)
        aftermath = await ended(crew, server)
    survived = [phase for member, phase in zip(doomed, phases, strict=True) if member.phase != phase]
    aftermath.wrong.extend(f"did not die as it was to: {phase}" for phase in survived)
    return aftermath


async def cut_off(server: Server) -> Aftermath:
    """A replica loses its connection for longer than its lease, and comes back with an outcome to write."""
    async with BoltProxy(server.graph) as proxy:

        async def cut(_: Member) -> None:
            await proxy.down()

        async def mend(member: Member) -> None:
            await member.says_healthy(healthy=False)
            await proxy.up()
            await member.says_healthy(healthy=True)

        return await _out_of_touch(server, proxy.graph, cut, mend)


async def frozen(server: Server) -> Aftermath:
    """A replica gets no processor for longer than its lease, and goes on as if nothing had happened."""

    async def freeze(member: Member) -> None:
        member.freeze()

    async def thaw(member: Member) -> None:
        member.thaw()

    return await _out_of_touch(server, server.graph, freeze, thaw)


async def _out_of_touch(server: Server, graph: str, lose: Act, find: Act) -> Aftermath:
    """One replica is out of touch while its handler works; another takes over; the late outcome must not count."""
    async with a_crew(server.graph) as crew:
        lost = await crew.join(graph=graph)
        task_id = await hold(server)
        await lost.began()
        await lose(lost)
        heir = await crew.join(lease_seconds=LASTING_SECONDS)
        await heir.began()
        before = await _of_task(server, task_id)
        lost.say("release")
        await find(lost)
        await lost.settled()
        after = await _of_task(server, task_id)
        crew.say("load")
        await crew.acknowledged(SOME)
        aftermath = await ended(crew, server)
    if before != after:
        aftermath.wrong.append(f"a late outcome changed {before} to {after}")
    if [row.get("reason_code") for row in before] != ["lease_expired", None]:
        aftermath.wrong.append(f"not taken over: {before}")
    return aftermath


async def wrong_clocks(server: Server) -> Aftermath:
    """Clocks are minutes off; one replica has the right time, and an execution that it holds and renews."""
    async with a_crew(server.graph, 0, LASTING_SECONDS) as crew:
        right = await crew.join()
        task_id = await hold(server)
        await right.began()
        for minutes in (MINUTES_OFF, -MINUTES_OFF):
            await crew.join(ahead_seconds=60 * minutes)
        crew.say("load")
        await crew.acknowledged(4 * SOME)
        aftermath = await ended(crew, server)
    if aftermath.account.lost_executions:
        aftermath.wrong.append(f"{aftermath.account.lost_executions} executions were taken from replicas that lived")
    if aftermath.told.most_early_seconds > 1:
        aftermath.wrong.append(f"a handler began {aftermath.told.most_early_seconds:.1f} s before its time")
    if aftermath.account.outcomes(task_id) != {"completed": 1}:
        aftermath.wrong.append(f"the execution that was held all the while: {aftermath.account.outcomes(task_id)}")
    return aftermath


async def slow(server: Server) -> Aftermath:
    """One replica's answers come late, and somebody's long transaction holds the locks of all tasks."""
    async with BoltProxy(server.graph) as proxy, a_crew(server.graph, 1) as crew:
        proxy.delay_seconds = 0.2
        await crew.join(graph=proxy.graph)
        crew.say("load")
        await crew.acknowledged(SOME)
        await asyncio.to_thread(_hold_locks, server, 3.0)
        await crew.acknowledged(SOME)
        return await ended(crew, server)


async def scaled(server: Server, most: int) -> Aftermath:
    """From one replica to *most*, each replaced by another, and back to one."""
    async with a_crew(server.graph, 1, LASTING_SECONDS) as crew:
        crew.say("load")
        for _ in range(most - 1):
            (await crew.join()).say("load")
        await crew.acknowledged(SOME)
        for member in crew.alive:
            (await crew.join()).say("load")
            await crew.leave(member)
        for member in crew.alive[1:]:
            await crew.leave(member)
            await crew.acknowledged(1)
        aftermath = await ended(crew, server)
    if aftermath.account.lost_executions:
        aftermath.wrong.append(
            f"{aftermath.account.lost_executions} executions were lost by replicas that were stopped"
        )
    return aftermath


async def wiped(server: Server) -> Aftermath:
    """Somebody deletes all that is ours, under load."""
    async with a_crew(server.graph, 2) as crew:
        crew.say("load")
        await crew.acknowledged(SOME)
        await ask(server, f"MATCH (n:{OURS}) DETACH DELETE n")
        wiped_at = time.time()
        await crew.acknowledged(3 * SOME)
        required = {task_id for task_id in crew.told.scheduled if _made_at(task_id) > wiped_at}
        return await ended(crew, server, required, wiped_at)


@dataclass
class Outages:
    """What can happen to the server itself, while replicas are at work on it.

    Args:
        server: To look at the graph with.
        jar: The server's process, ours alone.
        crew: Its replicas, under load.
    """

    server: Server
    jar: JarServer
    crew: Crew
    lost: set[str] = field(default_factory=set)
    """Acknowledged schedules that an outage took which must take none."""
    taken: set[str] = field(default_factory=set)
    """Acknowledged schedules that a restored database cannot have."""
    twice: list[str] = field(default_factory=list)
    """What was handled more than once before the database was restored."""

    async def killed(self) -> None:
        """It dies as in a power cut, and is started again."""
        await self._away(self.jar.kill, self.jar.start)
        await self._all_there()

    async def stopped(self) -> None:
        """It is stopped in good order, and started again."""
        await self._away(self.jar.stop, self.jar.start)
        await self._all_there()

    async def frozen(self) -> None:
        """It says nothing any more, without breaking a connection, and then goes on."""
        assert self.jar.process
        process = self.jar.process
        await self._away(lambda: process.send_signal(signal.SIGSTOP), lambda: process.send_signal(signal.SIGCONT))
        await self._all_there()

    async def restored(self) -> None:
        """It dies as in a power cut and goes on; later it is stopped, and what it was when it died is put back."""
        kept = self.jar.folder.with_name(f"{self.jar.folder.name}-kept")
        known: set[str] = set()

        def die() -> None:
            known.update(self.crew.told.scheduled)
            self.jar.kill()
            _copy(self.jar.folder, kept)

        def go_back() -> None:
            self.twice += self.crew.told.handled_again()
            self.crew.told.runs.clear()  # the graph forgets what was done since: all that is due again
            _copy(kept, self.jar.folder)
            shutil.rmtree(kept)
            self.jar.start()

        await self._away(die, self.jar.start)
        await self._all_there()
        await self._away(self.jar.stop, go_back, seen=False)
        self.taken |= {task_id for task_id in self.crew.told.scheduled - known if _made_at(task_id) < self._back_at}
        await self._all_there()

    async def ended(self) -> Aftermath:
        """Let the crew end; see `ended`."""
        aftermath = await ended(self.crew, self.server, self.crew.told.scheduled - self.taken)
        aftermath.wrong.extend([*self.twice, *(f"lost in an outage: {task_id}" for task_id in sorted(self.lost))])
        return aftermath

    async def _away(self, end: Callable[[], None], begin: Callable[[], None], *, seen: bool = True) -> None:
        """The server is away, if it is to be *seen* until every replica has said that it is unwell.

        They get well by themselves.
        """
        self.crew.say("load")
        await self.crew.acknowledged(SOME)
        await asyncio.to_thread(end)
        for member in self.crew.alive if seen else []:
            await member.says_healthy(healthy=False)
        await asyncio.to_thread(begin)
        self._back_at = time.time()
        for member in self.crew.alive:
            await member.says_healthy(healthy=True)
        await asyncio.to_thread(_until_it_answers, self.server)

    async def _all_there(self) -> None:
        """Work goes on, and what was acknowledged is in the graph."""
        known = self.crew.told.scheduled - self.taken
        await self.crew.acknowledged(SOME)
        self.lost |= known - (await take_account(self.server)).tasks.keys()


@asynccontextmanager
async def outages() -> AsyncIterator[Outages]:
    """A server of one's own that may be maltreated, and replicas at work on it. Raises CannotStart."""
    jar = await asyncio.to_thread(neo4j_jars.begin, lambda _: None)
    server = Server(jar.uri, jar.user, jar.password, "neo4j", "", jar.remove)
    try:
        async with outages_of(server, jar) as made:
            yield made
    finally:
        await asyncio.to_thread(server.close)


@asynccontextmanager
async def outages_of(server: Server, jar: JarServer) -> AsyncIterator[Outages]:
    """Replicas at work on *server*, which may be maltreated: one that knows of clusters, and one that does not."""
    async with a_crew(server.graph, 1) as crew:
        await crew.join(graph=server.graph.replace("bolt://", "neo4j://"))
        yield Outages(server, jar, crew)


async def hold(server: Server) -> str:
    """Schedule a task whose handler goes on until it is released; return its id."""
    agent = TaskSchedulerService(server.graph)
    await agent.open()
    try:
        soon = datetime.now(UTC) + timedelta(seconds=0.2)
        return (await agent.schedule_task(HELD, "g", "p", "thought", soon, on_lost="retry")).task_id
    finally:
        await agent.close()


async def _of_task(server: Server, task_id: str) -> list[Row]:
    """Wait until a task is at its end, and return its executions, first attempt first."""
    wanted: LiteralString = """
        MATCH (e:task_execution)-[:EXECUTION_OF]->(t:scheduled_task {task_id: $task_id})
        RETURN t.status AS task, properties(e) AS execution ORDER BY e.attempt"""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found = await ask(server, wanted, task_id=task_id)
            if {row["task"] for row in found} == {"COMPLETE"}:
                return [row["execution"] for row in found]
            await asyncio.sleep(0.1)


def _hold_locks(server: Server, seconds: float) -> None:
    """Lock every task for so long, as a migration of somebody's might."""
    with server.driver.session(database=server.database) as session, session.begin_transaction() as transaction:
        transaction.run("MATCH (t:scheduled_task) SET t.fence = t.fence").consume()
        time.sleep(seconds)
        transaction.rollback()


def _made_at(task_id: str) -> float:
    """Return when a task was made; its id says so."""
    return float(task_id.split("_")[1])


def _copy(server: Path, to: Path) -> None:
    """Put what a server keeps in the folder *server* into *to*, in the place of what is there."""
    for part in ("data", "transactions"):
        shutil.rmtree(to / part, ignore_errors=True)
        shutil.copytree(server / part, to / part)


def _until_it_answers(server: Server) -> None:
    """Use up the connections of before."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            server.run("RETURN 1")
        except (DriverError, Neo4jError):
            if time.monotonic() > give_up:
                raise
            time.sleep(0.05)
        else:
            return
