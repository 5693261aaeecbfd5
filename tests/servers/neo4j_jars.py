"""A Neo4j Community server from Maven Central's jars: no Docker, nothing installed, nothing left behind.

Neo4j is GPLv3: it is fetched by whoever runs the tests, and never bundled.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import neo4j
from neo4j.exceptions import DriverError, Neo4jError

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION = os.environ.get("REMEMBRANCER_NEO4J_VERSION", "5.26.31")
"""5.26 LTS runs on Java 17 and 21; the calendar versions (2026.07.1) need Java 21 or newer: say it in JAVA_HOME."""
OLDEST_JAVA = 17
OPENED = ["java.nio", "java.io", "java.lang", "sun.nio.ch", "java.util.concurrent"]
START_SECONDS = 120
STOP_SECONDS = 30

CONFIGURATION = """\
server.directories.data={folder}/data
server.directories.logs={folder}/logs
server.directories.run={folder}/run
server.directories.plugins={folder}/plugins
server.directories.import={folder}/import
server.directories.transaction.logs.root={folder}/transactions
server.default_listen_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:{port}
server.bolt.advertised_address=127.0.0.1:{port}
server.http.enabled=false
server.https.enabled=false
server.memory.heap.max_size=512m
server.memory.pagecache.size=128m
dbms.security.auth_enabled=true
dbms.usage_report.enabled=false
db.tx_log.rotation.retention_policy=keep_none
db.tx_log.preallocate=false
db.transaction.bookmark_ready_timeout=2s
dbms.cypher.min_replan_interval=1h
internal.server.bolt.thread_pool_shutdown_wait_time=1s
"""


class CannotStart(Exception):
    """No server of this kind can be had here; the text says why."""


@dataclass
class JarServer:
    """One server of one's own, in a temporary folder, reachable from this machine only."""

    folder: Path
    port: int
    password: str = field(repr=False)
    process: subprocess.Popen[bytes] | None = None
    user: str = "neo4j"

    @property
    def uri(self) -> str:
        return f"bolt://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server on what its folder holds; return once it answers."""
        with (self.folder / "console.log").open("ab") as log:
            self.process = subprocess.Popen(_command(self.folder), stdout=log, stderr=log, cwd=self.folder)
        try:
            _until_it_answers(self)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Stop it in good order; it may be started again."""
        self._end(subprocess.Popen.terminate)

    def kill(self) -> None:
        """Stop it as a power cut would; it may be started again."""
        self._end(subprocess.Popen.kill)

    def remove(self) -> None:
        """Stop it, and leave nothing behind."""
        self.kill()  # nothing of it is needed any more
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, how: Callable[[subprocess.Popen[bytes]], None]) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        how(process)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def lacking() -> str | None:
    """Say what this machine lacks to start a server so; None if it lacks nothing."""
    if shutil.which("mvn") is None:
        return "there is no Maven (mvn)"
    answer = None
    with contextlib.suppress(OSError):
        answer = subprocess.run([java(), "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', answer.stderr) if answer else None
    if found is None:
        return "there is no Java"
    return None if int(found[1]) >= OLDEST_JAVA else f"Java is {found[1]}, and Neo4j needs {OLDEST_JAVA} or newer"


def begin(say: Callable[[str], None]) -> JarServer:
    """Fetch the jars if they are not there yet, and start a server. Raises CannotStart."""
    if missing := lacking():
        raise CannotStart(missing)
    _fetch(say)
    folder = Path(tempfile.mkdtemp(prefix="remembrancer-neo4j-"))
    server = JarServer(folder, _free_port(), secrets.token_urlsafe(18))
    (folder / "conf").mkdir()
    (folder / "conf" / "neo4j.conf").write_text(CONFIGURATION.format(folder=folder, port=server.port), "utf-8")
    say(f"Starting Neo4j {VERSION} (ten seconds)")
    try:
        server.start()
    except BaseException:
        server.remove()
        raise
    return server


def java() -> str:
    """Return the Java to use: JAVA_HOME's, or the first on the path."""
    home = os.environ.get("JAVA_HOME")
    return str(Path(home) / "bin" / "java") if home else "java"


def jars() -> Path:
    """Return where the jars are kept, in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "remembrancer" / f"neo4j-{VERSION}"


def _fetch(say: Callable[[str], None]) -> None:
    """Fetch the jars, whole or not at all; of several processes one fetches, and the others wait for it."""
    jars().parent.mkdir(parents=True, exist_ok=True)
    with jars().with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jars().is_dir():
            say(f"Fetching Neo4j {VERSION} from Maven Central into {jars()} (130 MB, about a minute, once)")
            _copy_from_maven()


def _copy_from_maven() -> None:
    partial = Path(tempfile.mkdtemp(prefix=f"neo4j-{VERSION}-", dir=jars().parent))
    pom = Path(__file__).with_name("pom.xml")
    command = ["mvn", "-q", "-B", "-f", str(pom), f"-Dneo4j.version={VERSION}", "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={partial}"]
    try:
        for again in (True, True, False):  # a busy registry says "too many requests" now and then
            fetched = subprocess.run(command, capture_output=True, text=True, check=False)
            if fetched.returncode == 0:
                break
            if not again:
                raise CannotStart(f"Maven could not fetch Neo4j {VERSION}:\n{fetched.stdout[-2000:]}")
            time.sleep(10)
        partial.rename(jars())
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _command(folder: Path) -> list[str]:
    opened = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED]
    memory = [
        "-Xmx512m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
    ]  # lives too shortly to gain by the second compiler
    place = [f"--home-dir={folder}", f"--config-dir={folder}/conf", "--console-mode"]
    return [java(), *opened, "--enable-native-access=ALL-UNNAMED", *memory, "-cp", f"{jars()}/*", _main_class(), *place]


def _main_class() -> str:
    """Return the server's main class; it was renamed between versions, and the jar itself says which it is."""
    with zipfile.ZipFile(jars() / f"neo4j-{VERSION}.jar") as jar:
        return jar.read("META-INF/services/org.neo4j.server.startup.EntryPoint").decode().split()[0]


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def _until_it_answers(server: JarServer) -> None:
    """Return once the server takes our password; at its very first start, give it that."""
    give_up = time.monotonic() + START_SECONDS
    while True:
        assert server.process
        if server.process.poll() is not None or time.monotonic() > give_up:
            log = (server.folder / "console.log").read_text("utf-8", errors="replace")
            raise CannotStart(f"Neo4j {VERSION} did not start:\n{log[-2000:]}")
        with contextlib.suppress(OSError, DriverError, Neo4jError):
            socket.create_connection(("127.0.0.1", server.port), 1).close()  # cheaper than a driver
            _let_in(server)
            return
        time.sleep(0.2)


def _let_in(server: JarServer) -> None:
    """Log in and ask; a server that still has its first password gets ours. The driver raises what is in the way."""
    if not (server.folder / "password-is-set").exists():
        change = "ALTER CURRENT USER SET PASSWORD FROM $first TO $ours"
        passwords = {"first": server.user, "ours": server.password}
        with (
            neo4j.GraphDatabase.driver(server.uri, auth=(server.user, server.user)) as driver,
            driver.session(database="system") as session,
        ):
            session.run(change, passwords).consume()
        (server.folder / "password-is-set").touch()
    with (
        neo4j.GraphDatabase.driver(server.uri, auth=(server.user, server.password)) as driver,
        driver.session(database="neo4j") as session,
    ):
        session.run("RETURN 1").consume()
