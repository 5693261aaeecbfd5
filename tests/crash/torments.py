"""What can happen to a scheduler on a graph of its own, one function each, and how each has to end."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker import Orders

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

PATIENCE_SECONDS = 120.0
"""Nothing here takes so long, except on a machine that has no time for us."""
END_SECONDS = 60.0
"""How long an end may take: its handlers are given half a second."""
LEASE_SECONDS = 1.0
SAME_HOUR_SECONDS = 1500.0
FULL_SECONDS = 12.0
"""Longer than a lease, and than anybody would try again and again without a plan."""
ABORTED = frozenset({-signal.SIGABRT, -signal.SIGSEGV, 128 + signal.SIGABRT, 128 + signal.SIGSEGV})


class NotPlayed(Exception):
    """This machine does not let us do that; the text says why."""


@dataclass
class Victim:
    """A worker, and what it has said."""

    process: subprocess.Popen[str]
    folder: Path
    said: list[dict[str, Any]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    _listening: threading.Thread | None = None

    @classmethod
    def begin(cls, folder: Path, **orders: Any) -> Victim:
        """Start a worker, and return once it works."""
        asked = json.dumps(asdict(Orders(str(folder), **orders)))
        command = [sys.executable, str(Path(__file__).with_name("worker.py")), asked]
        pipe = subprocess.PIPE
        # What it logs is not of interest, and a pipe that is not read would hold it up.
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
        victim = cls(process, folder)
        victim._listening = threading.Thread(target=victim._listen, daemon=True)
        victim._listening.start()
        victim.when(lambda: victim.heard("ready"), "it works")
        return victim

    def heard(self, what: str) -> list[Any]:
        """Return what it has said of one kind."""
        return [line[what] for line in list(self.said) if what in line]

    def when(self, condition: Callable[[], object], what: str) -> None:
        """Wait for something; a worker that has ended, or does not come to it, is at fault."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if self.process.poll() is not None or time.monotonic() > give_up:
                raise TimeoutError(f"not so, with the exit code {self.process.poll()}: {what}; {self.said[-3:]}")
            time.sleep(0.02)

    def mark(self, hours_ahead: float | None = None) -> int:
        """Let it say that it writes something new from here on; return where that stands in what it said.

        With *hours_ahead*, its clock is set first.
        """
        assert self.process.stdin
        marks = len(self.heard("marked"))  # before it can answer
        self.process.stdin.write("\n" if hours_ahead is None else f"{hours_ahead}\n")
        self.process.stdin.flush()
        self.when(lambda: len(self.heard("marked")) > marks, "it hears the mark")
        return max(place for place, line in enumerate(self.said) if "marked" in line)

    def goes_on(self, writes: int = 5) -> None:
        """Wait until so many more schedules are acknowledged."""
        before = len(self.heard("scheduled"))
        self.when(lambda: len(self.heard("scheduled")) >= before + writes, "it goes on scheduling")

    def ended(self, *numbers: int) -> None:
        """Send it signals, and look whether it ends in time and without an abort."""
        for number in numbers:
            self.process.send_signal(number)
            time.sleep(random.uniform(0, 0.2))
        try:
            code = self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.wrong.append(f"it has not ended within {END_SECONDS:g} s")
        else:
            if code in ABORTED:
                self.wrong.append(f"it was aborted: {code}")

    def finish(self) -> None:
        """Kill what is left, and hear it out."""
        self.process.kill()
        self.process.wait()
        if self._listening:
            self._listening.join()
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                stream.close()

    def _listen(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            if line.endswith("\n"):  # one that was cut short was not acknowledged
                self.said.append(json.loads(line))


@dataclass(frozen=True)
class Torment:
    """One thing that can happen.

    Args:
        play: Does it; the worker is at work.
        orders: What the worker is started with.
        covered: See `findings.look`.
        in_order: As well.
        small_disk: Whether the graph is on a small disk of its own.
    """

    play: Callable[[Victim], None]
    orders: dict[str, Any] = field(default_factory=dict[str, Any])
    covered: bool = True
    in_order: bool = False
    small_disk: bool = False


def killed(victim: Victim) -> None:
    """Kill it at a random moment."""
    time.sleep(random.uniform(0.02, 1.5))
    victim.process.kill()


def terminated(victim: Victim) -> None:
    """Ask it to stop, at a random moment."""
    time.sleep(random.uniform(0.02, 1.5))
    victim.ended(signal.SIGTERM)


def interrupted_twice(victim: Victim) -> None:
    """Press Ctrl-C, and again."""
    time.sleep(random.uniform(0.02, 1.5))
    victim.ended(signal.SIGINT, signal.SIGINT)


def by_itself(victim: Victim) -> None:
    """Let its loop come to its end without a stop."""
    victim.when(lambda: victim.heard("ends") or victim.process.poll() is not None, "it comes to its end")
    victim.ended()


def hung(victim: Victim) -> None:
    """Ask it to stop while some of its handlers hang; the others go on meanwhile."""
    victim.when(lambda: len(victim.heard("hangs")) >= 8, "eight handlers hang")
    begun = len(victim.heard("began"))
    victim.when(lambda: len(victim.heard("began")) >= begun + 20, "others begin beside them")
    victim.ended(signal.SIGTERM)


def asked_for_the_end(victim: Victim) -> None:
    """Its handlers ask for the end of the process, and it goes on."""
    victim.when(lambda: len(victim.heard("raises")) >= 5, "five handlers ask for the end")
    begun = len(victim.heard("began"))
    victim.when(lambda: len(victim.heard("began")) >= begun + 20, "others begin after them")
    victim.process.kill()


def read(victim: Victim) -> None:
    """It reads its own folder, and a second process asks for it."""
    victim.when(lambda: victim.heard("read"), "it has read its folder")
    command = [sys.executable, str(Path(__file__).with_name("second.py")), str(victim.folder)]
    second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)
    if second.stdout.strip() != "refused":
        victim.wrong.append(f"a second process was {second.stdout.strip() or second.stderr[-300:]}")
    victim.goes_on()
    victim.process.kill()


def moved(victim: Victim) -> None:
    """Its folder is taken away."""
    with _elsewhere(victim.folder):
        _refuses(victim)


def replaced(victim: Victim) -> None:
    """Its folder is set back to an earlier copy."""
    copy = victim.folder.with_name(f"{victim.folder.name}-copy")
    shutil.copytree(victim.folder, copy)
    victim.goes_on()
    with _elsewhere(victim.folder):
        copy.rename(victim.folder)
        _refuses(victim)
        shutil.rmtree(victim.folder)


def stepped(victim: Victim) -> None:
    """Its clock is set to and fro."""
    for hours in (random.choice([1, 5]), 0, random.choice([-1, -5]), 0):
        victim.mark(hours)
        place = victim.mark()
        victim.when(
            lambda hours=hours, place=place: len(_ticks(victim, hours, place)) >= 3,
            f"a task of every second goes on once the clock is set to {hours} hours ahead",
        )
    victim.process.kill()


def _ticks(victim: Victim, hours: float, place: int) -> list[float]:
    """Return the moments of a task of every second that belong to the present hour, and were done since *place*."""
    present = time.time() + 3600 * hours
    ticked = [line["ticked"] for line in victim.said[place:] if "ticked" in line]
    return [moment for moment in ticked if abs(moment - present) < SAME_HOUR_SECONDS]


def full_disk(victim: Victim) -> None:
    """Its disk is full for longer than a lease holds, while its handlers end; it knows their outcomes."""
    filler = victim.folder.parent / "filler"
    _fill(filler)
    victim.when(lambda: victim.heard("refused"), "it refuses a schedule")
    time.sleep(FULL_SECONDS)
    filler.unlink()
    victim.goes_on()
    victim.ended(signal.SIGTERM)
    again = Counter(victim.heard("occurrence"))
    victim.wrong += [f"done {times} times by one process: {each}" for each, times in again.items() if times > 1]


def _refuses(victim: Victim) -> None:
    """Look that it acknowledges nothing that it begins to write from here on, and says that it is unwell."""
    mark = victim.mark()
    victim.when(lambda: victim.heard("healthy")[-1:] == [False], "it says that it is not healthy")
    victim.process.kill()
    victim.process.wait()
    for line in victim.said[mark:]:
        if "scheduled" in line or "cancelled" in line or "deferred" in line:
            victim.wrong.append(f"acknowledged without its folder: {line}")
    del victim.said[mark:]


@contextmanager
def _elsewhere(folder: Path) -> Generator[None]:
    away = folder.with_name(f"{folder.name}-away")
    folder.rename(away)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        away.rename(folder)


def _fill(path: Path) -> None:
    """Take all the room that is left."""
    with path.open("wb") as file:
        try:
            while True:
                os.write(file.fileno(), b"\0" * 4096)
        except OSError:
            return


@contextmanager
def small_disk(folder: Path) -> Generator[Path]:
    """A file system of its own, which can be filled; only root may make one. Raises NotPlayed."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as refused:
        raise NotPlayed(f"no file system of its own could be mounted ({refused})") from refused
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


TORMENTS = {
    "killed": Torment(killed),
    "asked to stop": Torment(terminated, in_order=True),
    "interrupted twice": Torment(interrupted_twice),
    "its loop ends without a stop": Torment(by_itself, {"end": "returns"}),
    "an error ends its loop": Torment(by_itself, {"end": "raises"}),
    "threads hang, and it is asked to stop": Torment(hung, {"handler": "hangs"}, in_order=True),
    "cancellation is swallowed, and it is asked to stop": Torment(terminated, {"handler": "swallows"}, in_order=True),
    "handlers ask for the end": Torment(asked_for_the_end, {"handler": "exits"}),
    "its folder is read": Torment(read, {"reads": True}),
    "its folder is taken away": Torment(moved),
    "its folder is set back": Torment(replaced),
    "its clock is set": Torment(stepped, {"steps": True}, covered=False),
    "its disk is full": Torment(full_disk, {"lease_seconds": LEASE_SECONDS}, in_order=True, small_disk=True),
}
