"""The two sides that are compared: a run of ours, and the same graph on LangGraph with its official saver."""

import operator
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypedDict

import psycopg
from django.conf import settings
from django.db import connection
from django.test.utils import setup_databases, teardown_databases
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

from langorch.lib import ids, live
from orchestration.models import Run
from orchestration.runtime import engine
from tenants.models import Tenant
from tests import runs

Side = Callable[[], None]
TITLES = {"chain": "40 steps in a row", "fan": "10 branches of 4"}


class State(TypedDict):
    done: Annotated[int, operator.add]


@contextmanager
def scratch_database() -> Iterator[None]:
    """A database of its own with every table, dropped afterwards."""
    old = setup_databases(verbosity=0, interactive=False)
    try:
        yield
    finally:
        teardown_databases(old, verbosity=0)


@contextmanager
def saver(database: str, *, setup: bool = True) -> Iterator[Any]:
    """The official saver, in the same database (its own tables, made by `setup`) or a file beside ours."""
    if database == "sqlite":
        path = Path(settings.VAR_DIR) / "raw.sqlite3"
        with sqlite3.connect(path, check_same_thread=False) as raw:
            raw.execute("PRAGMA journal_mode=WAL")
            raw.execute("PRAGMA synchronous=NORMAL")
            made = SqliteSaver(raw)
            made.setup()
            yield made
        return
    parts = connection.get_connection_params()
    address = {key: parts[key] for key in ("dbname", "user", "password", "host", "port") if parts.get(key)}
    with psycopg.connect(**address, autocommit=True, prepare_threshold=0, row_factory=psycopg.rows.dict_row) as raw:
        made = PostgresSaver(raw)
        if setup:
            made.setup()
        yield made


@contextmanager
def dbos_database(database: str) -> Iterator[str]:
    """The address of a database for DBOS: a file beside ours, or one more on the same server, dropped afterwards."""
    if database == "sqlite":
        yield f"sqlite:///{settings.VAR_DIR}/dbos.sqlite3"
        return
    parts = connection.get_connection_params()
    name, host, port = f"{parts['dbname']}_dbos", parts.get("host", "localhost"), parts.get("port", 5432)
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
    try:
        word = f":{parts['password']}" if parts.get("password") else ""
        yield f"postgresql://{parts['user']}{word}@{host}:{port}/{name}"
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def wal_syncs(saver: Any) -> int:
    """How often the PostgreSQL server has written its log through, what this process did last included."""
    saver.conn.execute("SELECT pg_stat_force_next_flush()")
    saver.conn.execute("SELECT 1")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT wal_sync FROM pg_stat_wal")
        (count,) = cursor.fetchone() or (0,)
    return int(count)


def shapes(saver: Any, steps: int, branches: int, depth: int, rounds: int) -> Iterator[tuple[str, Side, Side]]:
    """Each shape with our side, which can be called `rounds` times, and the other's."""
    tenant = Tenant.objects.create(slug="bench", name="Bench")
    live.serve_from(live.own_loop())
    yield "chain", ours(tenant, chain(steps), rounds), raw(raw_chain(steps), saver)
    source = fan(branches, depth)
    yield "fan", ours(tenant, source, rounds), raw(raw_fan(branches, depth), saver)


def durable(side: Side) -> Side:
    """The same with every visit written alone."""

    def run() -> None:
        settings.ENV = settings.ENV.model_copy(update={"DURABLE_EVERY_STEP": True})
        try:
            side()
        finally:
            settings.ENV = settings.ENV.model_copy(update={"DURABLE_EVERY_STEP": False})

    return run


def ours(tenant: Tenant, source: dict[str, Any], rounds: int, **inputs: Any) -> Side:
    """Drive queued runs to their end, one a call: claimed, visited, recorded, told of, ended."""
    waiting = [runs.queue(tenant, source, **inputs) for _ in range(rounds)]

    def run() -> None:
        queued = waiting.pop(0)
        engine.drive_one("bench")
        status = Run.system.values_list("status", flat=True).get(pk=queued.pk)
        if status != "completed":
            raise AssertionError(f"the run is {status}")

    return run


def raw(graph: StateGraph[Any], saver: Any) -> Side:
    """Invoke the graph on a new thread, every superstep saved before the next."""
    compiled = graph.compile(checkpointer=saver)

    def run() -> None:
        config: Any = {"configurable": {"thread_id": str(ids.uuid7())}, "recursion_limit": 500}
        compiled.invoke({"done": 0}, config, durability="sync")

    return run


def chain(steps: int) -> dict[str, Any]:
    """`steps` sequence nodes of one no-op step each."""
    nodes = {f"n{index}": _noop(f"n{index + 1}") for index in range(steps - 1)}
    return runs.document({**nodes, f"n{steps - 1}": _noop(None)})


def fan(branches: int, depth: int) -> dict[str, Any]:
    """A parallel node with `branches` chains of `depth` no-op nodes."""
    nodes: dict[str, Any] = {
        "fork": {
            "type": "parallel",
            "branches": [{"branch_id": f"b{one}", "start_node": f"b{one}_0"} for one in range(branches)],
            "next_node": "join",
        }
    }
    for one in range(branches):
        for index in range(depth):
            nodes[f"b{one}_{index}"] = _noop(f"b{one}_{index + 1}" if index + 1 < depth else "join")
    return runs.document({**nodes, "join": _noop(None)})


def _noop(next_node: str | None) -> dict[str, Any]:
    step = {"step_id": "s", "action": "set_variable", "variable": "done", "value": 1}
    return {"type": "sequence", "steps": [step], **({"next_node": next_node} if next_node else {})}


def raw_chain(steps: int) -> StateGraph[Any]:
    graph: StateGraph[Any] = StateGraph(State)
    for index in range(steps):
        graph.add_node(f"n{index}", _count)
        graph.add_edge(f"n{index - 1}" if index else START, f"n{index}")
    graph.add_edge(f"n{steps - 1}", END)
    return graph


def raw_fan(branches: int, depth: int) -> StateGraph[Any]:
    graph: StateGraph[Any] = StateGraph(State)
    graph.add_node("join", _count)
    for one in range(branches):
        for index in range(depth):
            graph.add_node(f"b{one}_{index}", _count)
            graph.add_edge(f"b{one}_{index - 1}" if index else START, f"b{one}_{index}")
    graph.add_edge([f"b{one}_{depth - 1}" for one in range(branches)], "join")
    graph.add_edge("join", END)
    return graph


def _count(state: State) -> dict[str, int]:
    return {"done": 1}
