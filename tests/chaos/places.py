"""Services of a test's own, to be killed and restarted: a PostgreSQL cluster, a Redis, a scratch database."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psycopg

from tests import processes

UNPRIVILEGED: Final = "nobody"
"""PostgreSQL refuses to run as root; then it runs as this user."""


class Cluster:
    """A PostgreSQL server with a folder of its own. Raises `FileNotFoundError` where PostgreSQL is not installed."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.url = f"postgres://postgres@127.0.0.1:{port}/postgres"
        self._data = folder / "data"
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None

    def make(self) -> None:
        """Fill the folder, which is empty."""
        if self._user:
            shutil.chown(self.folder, self._user)
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "--auth", "trust", "-E", "UTF8", "--no-sync")

    def start(self) -> None:
        """Start, and return when it accepts connections."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", str(self._data), "-o", options, "-l", log, "-w", "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop: `fast` cuts connections and writes all, `immediate` is a crash."""
        self._run("pg_ctl", "-D", str(self._data), "-m", mode, "-w", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        command = [_binary(program), *arguments]
        done = subprocess.run(
            command, cwd="/", user=self._user, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
        )
        assert done.returncode == 0, f"{program}: {done.stderr}"


def _binary(program: str) -> str:
    found = shutil.which(program) or next(map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))), None)
    if found is None:
        raise FileNotFoundError(f"{program} is not on this machine; install PostgreSQL")
    return found


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A running cluster, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
        made = Cluster(Path(folder), processes.free_port())
        made.make()
        made.start()
        try:
            yield made
        finally:
            made.stop("immediate")


class Broker:
    """A Redis of its own, without anything kept on disk."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"redis://127.0.0.1:{port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return when it answers."""
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        processes.until(self._answers, 10, "Redis answers")

    def _answers(self) -> bool:
        return self._say("ping") == 0

    def flush(self) -> None:
        """Forget everything."""
        self._say("flushall")

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def _say(self, *words: str) -> int:
        command = ["redis-cli", "-p", str(self.port), *words]
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode


@contextmanager
def scratch_database(server: str) -> Iterator[str]:
    """The address of a new database on a server, with every table, dropped afterwards."""
    name = f"chaos_{os.getpid()}_{int(time.time())}"
    url = urlsplit(server)._replace(path=f"/{name}").geturl()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        processes.migrate(url)
        yield url
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
