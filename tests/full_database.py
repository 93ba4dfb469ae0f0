"""A database without room, for real: no page more on SQLite, a full disk on PostgreSQL."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from django.db import DatabaseError, connection
from django.db.backends.signals import connection_created

from orchestration.models import Event, SpaceProbe, StepRecord, Visit

MODELS: Final = (Event, SpaceProbe, StepRecord, Visit)
"""What lies on the disk that is full."""
MOST_PAGES: Final = 1_073_741_823


@contextmanager
def without_room() -> Iterator[None]:
    """What needs a page more is refused inside the block, in this process and all others it starts no earlier."""
    with _sqlite() if connection.vendor == "sqlite" else _postgres():
        yield


@contextmanager
def _sqlite() -> Iterator[None]:
    def limit(connection: Any, most: int = 0, **_: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA max_page_count = {most or pages}")

    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
    limit(connection)
    connection_created.connect(limit, weak=False)
    try:
        yield
    finally:
        connection_created.disconnect(limit)
        connection.ensure_connection()
        limit(connection, MOST_PAGES)


@contextmanager
def _postgres() -> Iterator[None]:
    with _small_disk() as place, connection.cursor() as cursor:
        name = f"small_{os.getpid()}"
        cursor.execute(f"CREATE TABLESPACE {name} LOCATION '{place}'")
        try:
            _move(cursor, name)
            cursor.execute(f"CREATE TABLE filler (content text) TABLESPACE {name}")
            try:
                _fill(cursor)
                yield
            finally:
                cursor.execute("DROP TABLE filler")
        finally:
            _move(cursor, "pg_default")
            cursor.execute(f"DROP TABLESPACE {name}")


def _move(cursor: Any, tablespace: str) -> None:
    for model in MODELS:
        cursor.execute(f"ALTER TABLE {model._meta.db_table} SET TABLESPACE {tablespace}")


def _fill(cursor: Any) -> None:
    while True:
        try:
            cursor.execute("INSERT INTO filler SELECT repeat('x', 1000) FROM generate_series(1, 100)")
        except DatabaseError:
            break


@contextmanager
def _small_disk() -> Iterator[Path]:
    """A disk of 8 MB that the server of PostgreSQL may write to; the test is skipped where none can be made."""
    with tempfile.TemporaryDirectory(prefix="disk") as folder:
        os.chmod(folder, 0o755)
        place = Path(folder) / "small"
        place.mkdir()
        owner = _owner_of_server()
        made = owner and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size=8m,mode=700,uid={owner}", "tmpfs", place], check=False
        )
        if not made or made.returncode:
            pytest.skip("a disk of its own for PostgreSQL can be made only where its server runs, and by root")
        try:
            yield place
        finally:
            subprocess.run(["umount", "--lazy", place], check=True)


def _owner_of_server() -> int | None:
    """The user that the server of PostgreSQL runs as, when it runs on this machine."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        process = Path(f"/proc/{cursor.fetchone()[0]}")
    return process.stat().st_uid if process.exists() and os.geteuid() == 0 else None
