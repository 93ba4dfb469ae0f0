"""The portal in one process, and in several: it starts, stops in time, and goes on where it was."""

import json
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

from tests import processes

LONGEST_STOP_SECONDS = 2


@pytest.fixture
def var(tmp_path: Path) -> Path:
    return tmp_path / "var"


def test_a_portal_keeps_its_data_and_stops_in_time(var: Path) -> None:
    var.mkdir()
    port = processes.free_port()
    with processes.embedded(var, port) as (process, api):
        parked = api.start_run("invoice", supplier="Paper Mill", invoice_number="PM-1", total=1428)
        api.wait_for(parked, "waiting_approval")
        api.publish(processes.slow_document(steps=8, wait_ms=400))
        busy = api.start_run("slow")
        processes.until(lambda: api.events(busy, "log"), 10, "a step has run")
        assert processes.stop(process, signal.SIGINT) <= LONGEST_STOP_SECONDS
        assert process.returncode == 0
    logins = var / "first-login.json"
    assert stat.S_IMODE(logins.stat().st_mode) == 0o600
    assert set(json.loads(logins.read_text())) == {"admin", "operator", "approver", "viewer", "stranger"}

    with processes.embedded(var, port) as (process, api):
        api.wait_for(busy, "completed")
        lines = [event["payload"]["message"] for event in api.events(busy, "log")]
        assert lines == [f"step {number}" for number in range(1, 9)]
        api.decide(parked)
        api.wait_for(parked, "completed")
        assert processes.stop(process, signal.SIGTERM) <= LONGEST_STOP_SECONDS
        assert process.returncode == 0


def test_two_portals_do_not_share_a_folder(var: Path) -> None:
    var.mkdir()
    with processes.embedded(var, processes.free_port()):
        env = processes.environment(VAR_DIR=str(var), PORT=str(processes.free_port()))
        second = processes.start("portal", env, var / "second.log")
        assert second.wait(timeout=60) != 0
    assert "another portal runs" in (var / "second.log").read_text()


def refused(command: str, var: Path, **given: str) -> str:
    """What a process says that does not start."""
    var.mkdir()
    process = processes.start(command, processes.environment(VAR_DIR=str(var), **given), var / "process.log")
    assert process.wait(timeout=60) != 0
    said = (var / "process.log").read_text()
    assert "Traceback" not in said
    return said


def test_one_process_serves_loopback_only(var: Path) -> None:
    assert "listens on loopback only" in refused("portal", var, HOST="0.0.0.0")


def test_a_process_does_not_fall_back_when_its_services_are_away(var: Path) -> None:
    services = {"DATABASE_URL": "postgres://nobody@127.0.0.1:9/none", "REDIS_URL": "redis://127.0.0.1:9/0"}
    said = refused("worker", var, **services)
    assert "DATABASE_URL: the database does not answer" in said
    assert "the broker does not answer" in said


def test_separate_processes_need_services(var: Path) -> None:
    assert "need DATABASE_URL and REDIS_URL" in refused("web", var)


@dataclass
class Fleet:
    """Web, workers and a beat on one PostgreSQL database and one Redis."""

    api: processes.Api
    workers: dict[str, subprocess.Popen[bytes]]
    database: str

    def owner_of(self, run_id: str) -> str:
        """The worker that holds the run now, by the name of its process; empty when nobody does."""
        with psycopg.connect(self.database) as connection:
            row = connection.execute("SELECT lease_owner FROM orchestration_runjob WHERE run_id = %s", [run_id])
            (owner,) = row.fetchone() or ("",)
        return str(owner).partition("/")[0]


@pytest.fixture
def fleet(var: Path) -> Iterator[Fleet]:
    """`web`, two workers and `beat` as somebody would start them, on a database of their own."""
    var.mkdir()
    with own_database() as database, ExitStack() as started:
        port = processes.free_port()
        env = processes.environment(
            VAR_DIR=str(var),
            PORT=str(port),
            DATABASE_URL=database,
            REDIS_URL=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"),
        )

        def run(command: str, **more: str) -> subprocess.Popen[bytes]:
            process = processes.start(command, env | more, var / "fleet.log")
            started.callback(processes.stop, process, signal.SIGKILL)
            return process

        web = run("web")
        workers = {name: run("worker", WORKER_ID=name, WORKER_CONCURRENCY="2") for name in ("one", "two")}
        run("beat")
        url = f"http://127.0.0.1:{port}"
        processes.wait_until_served(url, web)
        yield Fleet(processes.Api(url, json.loads((var / "first-login.json").read_text())), workers, database)


@contextmanager
def own_database() -> Iterator[str]:
    """The address of a new PostgreSQL database beside the one of DATABASE_URL; dropped at the end."""
    server = os.environ.get("DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
    name = f"langorch_fleet_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.services
def test_another_worker_takes_over_within_fifteen_seconds(fleet: Fleet) -> None:
    api = fleet.api
    parked = api.start_run("invoice", supplier="Paper Mill", invoice_number="PM-1", total=1428)
    api.wait_for(parked, "waiting_approval")
    api.publish(processes.slow_document(steps=12, wait_ms=700))
    run = api.start_run("slow")
    processes.until(lambda: len(api.events(run, "log")) >= 2, 10, "two steps have run")
    lost = fleet.owner_of(run)
    processes.stop(fleet.workers[lost], signal.SIGKILL)
    processes.until(lambda: fleet.owner_of(run) not in ("", lost), 15, "another worker holds the run")
    api.wait_for(run, "completed", seconds=30)
    lines = [event["payload"]["message"] for event in api.events(run, "log")]
    assert sorted(set(lines)) == sorted(f"step {number}" for number in range(1, 13))
    api.decide(parked)
    api.wait_for(parked, "completed")
