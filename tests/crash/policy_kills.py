"""Kill a scheduler by SIGKILL at the writes of its policies, before and after each commit; let another take over, look.

    policy_kills.py             at each write once, before its commit and after it
    policy_kills.py --every     at each commit of each life, and at each commit of each recovery after it

Every life, and every recovery, is a process of its own: a fork of one that has imported all and opened nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import shutil
import signal
import sys
import tempfile
import traceback
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))

import policy_laws
from policy_lives import LIVES, OF_POLICIES, START, Life

from remembrancer.bootstrap.checks import check_graph
from remembrancer.stores.commits.writes import SPECS
from remembrancer.stores.embedded.writer import EmbeddedWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    Row = dict[str, Any]

PATIENCE_SECONDS = 300
BEFORE, AFTER = "before", "after"
NOTHING_LEFT = 3
"""The status of a recovery that came to its end before it was to be killed."""


@dataclass(frozen=True)
class Point:
    """Where a process is killed: at so manieth a commit that writes *write*, *before* it or *after*."""

    write: str | None
    number: int
    when: str

    def __str__(self) -> str:
        return f"{self.when} commit {self.number}" + (f" of {self.write}" if self.write else "")


@dataclass(frozen=True)
class Job:
    """A life, where it is killed, and where the recovery after it is killed."""

    life: str
    point: Point
    again: Point | None = None

    def __str__(self) -> str:
        return f"{self.life}, killed {self.point}" + (f", then its recovery {self.again}" if self.again else "")


class Killer:
    """Watches the commits of this process, and kills it at a point.

    Args:
        point: The point; None for none.
    """

    def __init__(self, point: Point | None) -> None:
        self._point = point
        self._names: list[str] = []
        self.commits: list[list[str]] = []
        """The writes of policies of each commit, as far as they wrote anything."""

    def watch(self) -> None:
        """Watch all commits from here on."""
        run, commit_once, killer = EmbeddedWriter._run, EmbeddedWriter._commit_once, self

        def watched_run(writer: EmbeddedWriter, name: str, rows: list[Row]) -> list[Row]:
            answer = run(writer, name, rows)
            if answer and name in OF_POLICIES:
                killer._names.append(name)
            return answer

        def watched_commit(writer: EmbeddedWriter, group: Any) -> Any:
            killer._names = []
            if not isinstance(writer._database, Watched):
                writer._database = Watched(writer._database, killer)
            return commit_once(writer, group)

        EmbeddedWriter._run, EmbeddedWriter._commit_once = watched_run, watched_commit

    def around(self, commit: Callable[[], None]) -> None:
        """Commit, and die if it is time."""
        is_time = False
        if self._names:
            self.commits.append(sorted({*self._names}))
            point = self._point
            if point is not None and (point.write is None or point.write in self._names):
                times = sum(point.write is None or point.write in each for each in self.commits)
                is_time = times == point.number
        if is_time and self._point and self._point.when == BEFORE:
            os.kill(os.getpid(), signal.SIGKILL)
        commit()
        if is_time:
            os.kill(os.getpid(), signal.SIGKILL)


class Watched:
    """A database whose commits a killer watches."""

    def __init__(self, database: Any, killer: Killer) -> None:
        self._database = database
        self._killer = killer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def commit(self) -> None:
        self._killer.around(self._database.commit)


class Journal:
    """What a process tells, in a file that outlives it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def tell(self, **line: Any) -> None:
        """Add a line."""
        if self._file is None:
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(self._file, json.dumps(line).encode() + b"\n")

    def lines(self) -> list[Row]:
        """Return what was told so far."""
        return [json.loads(line) for line in self._path.read_text().splitlines()] if self._path.exists() else []


async def live(name: str, folder: Path, journal: Journal) -> None:
    """Play a life on a new graph."""
    life = Life(str(folder / "graph"), journal.tell)
    await life.open()
    await LIVES[name](life)
    await life.service.close()


async def take_over(folder: Path, journal: Journal) -> list[str]:
    """Open the graph that a killed process left, recover, let all come to its end; return what is wrong."""
    told = journal.lines()
    now = max((line["now"] for line in told if "now" in line), default=None)
    moment = START if now is None else datetime.fromtimestamp(now / 1000, UTC)
    life = Life(str(folder / "graph"), journal.tell, moment)
    await life.open()
    found = await policy_laws.wrong(life, journal.lines())
    await life.let_go()
    await life.drain()
    found += await policy_laws.wrong(life, journal.lines(), is_over=True)
    await life.service.close()
    report = await check_graph(folder / "graph")
    return found + [f"the check found: {each}" for each in report.findings]


def forked(work: Callable[[], Coroutine[Any, Any, Any]], point: Point | None = None) -> tuple[int, Any]:
    """Run *work* in a fork, killed at *point*; return its status, and what it returned with its commits."""
    said, say = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(PATIENCE_SECONDS)
        os.close(said)
        killer = Killer(point)
        status = 0
        try:
            killer.watch()
            answer = asyncio.run(work())
        except BaseException:  # noqa: BLE001 (it must not go on in the code of its parent)
            status, answer = 1, traceback.format_exc()
        with os.fdopen(say, "w") as pipe:
            json.dump([answer, killer.commits], pipe)
        os._exit(status)
    os.close(say)
    with os.fdopen(said) as pipe:
        text = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status, json.loads(text) if text else [None, []]


def play(job: Job, folder: Path) -> list[str]:
    """Play a life that is killed, and what follows; return what is wrong."""
    journal = Journal(folder / "told")
    status, (answer, _) = forked(lambda: live(job.life, folder, journal), job.point)
    came_to_its_end = status == 0 and job.point.write is None  # now and then it needs a commit less
    if status != -signal.SIGKILL and not came_to_its_end:
        return [f"it was not killed, and ended with {status}: {answer}"]
    if job.again is not None:
        status, (answer, _) = forked(lambda: take_over(folder, journal), job.again)
        if status not in {0, -signal.SIGKILL}:
            return [f"the recovery ended with {status}: {answer}"]
        journal.tell(reached=status == -signal.SIGKILL)
    status, (answer, _) = forked(lambda: take_over(folder, journal))
    return answer if status == 0 else [f"the last recovery ended with {status}: {answer}"]


def commits_of(life: str, folder: Path) -> list[list[str]]:
    """Return the writes of each commit of a life that is not cut off. Raises RuntimeError: it fails by itself."""
    journal = Journal(folder / "told")
    status, (answer, commits) = forked(lambda: live(life, folder, journal))
    if status:
        raise RuntimeError(f"{life} ended with {status}: {answer}")
    status, (answer, _) = forked(lambda: take_over(folder, journal))
    if status or answer:
        raise RuntimeError(f"{life}, which nobody killed, ended with {status}: {answer}")
    return commits


def each_write_once(commits: dict[str, list[list[str]]]) -> list[Job]:
    """Return the jobs that kill at each write of a policy, before its commit and after it."""
    jobs: list[Job] = []
    done: set[str] = set()
    for life, written in commits.items():
        for names in written:
            if new := {*names} - done:
                done |= new
                name = min(new)
                number = sum(name in each for each in written[: written.index(names) + 1])
                jobs += [Job(life, Point(name, number, when)) for when in (BEFORE, AFTER)]
    return jobs


def every_commit(commits: dict[str, list[list[str]]]) -> list[Job]:
    """Return the jobs that kill at each commit, and at the first commits of the recovery after it."""
    points = [
        (life, Point(None, number, when))
        for life, written in commits.items()
        for number in range(1, len(written) + 1)
        for when in (BEFORE, AFTER)
    ]
    jobs = [Job(life, point) for life, point in points]
    again = [Point(None, number, when) for number in (1, 2, 4) for when in (BEFORE, AFTER)]
    lost = [Job(life, point) for life, point in points if point.when == AFTER]
    return jobs + [replace(job, again=each) for job in lost for each in again]


def play_all(jobs: Sequence[Job], folder: Path) -> list[tuple[str, list[str]]]:
    """Play all jobs on all processors; return those after which something is wrong."""
    shares = max(1, os.cpu_count() or 1)
    pipes: list[int] = []
    for share in range(shares):
        said, say = os.pipe()
        if os.fork() == 0:
            with os.fdopen(say, "w") as pipe:
                for number, job in enumerate(jobs):
                    if number % shares == share:
                        pipe.write(json.dumps([str(job), _played(job, folder / str(number))]) + "\n")
                        pipe.flush()
            os._exit(0)
        os.close(say)
        pipes.append(said)
    answers: list[tuple[str, list[str]]] = []
    for said in pipes:
        with os.fdopen(said) as pipe:
            answers += [tuple(json.loads(line)) for line in pipe]
        os.wait()
    assert len(answers) == len(jobs), f"{len(answers)} of {len(jobs)} jobs have told how they ended"
    return [each for each in answers if each[1]]


def _played(job: Job, folder: Path) -> list[str]:
    folder.mkdir()
    try:
        return play(job, folder)
    except BaseException:  # noqa: BLE001 (it must not go on in the code of its parent)
        return [traceback.format_exc()]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def unreached(commits: dict[str, list[list[str]]]) -> set[str]:
    """Return the writes of policies that no life reaches."""
    return {*OF_POLICIES} - {name for written in commits.values() for names in written for name in names}


def say(text: str) -> None:
    """Tell how it goes."""
    print(text, flush=True)  # noqa: T201


def main() -> int:
    """Read the command line and play."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", action="store_true", help="at each commit, and at each of the recoveries")
    parser.add_argument("--life", choices=LIVES, help="play only this")
    asked = parser.parse_args()
    logging.getLogger("remembrancer").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="remembrancer-kills-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        commits: dict[str, list[list[str]]] = {}
        for life in [asked.life] if asked.life else LIVES:
            (folder / life).mkdir()
            commits[life] = commits_of(life, folder / life)
        if not asked.life and (missing := unreached(commits)):
            say(f"no life reaches these writes: {', '.join(sorted(missing))}")
            return 1
        jobs = every_commit(commits) if asked.every else each_write_once(commits)
        wrong = play_all(jobs, folder)
    for job, found in wrong:
        say(f"{job}:")
        for each in found[:10]:
            say(f"  WRONG: {each}")
    say(f"{len(jobs)} kills at {len(OF_POLICIES)} of {len(SPECS)} writes, {len(wrong)} left something wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
