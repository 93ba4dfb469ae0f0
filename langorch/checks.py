"""What an installation needs to work: asked at start, by `doctor`, and by Django's deployment check."""

import stat
from collections.abc import Callable, Iterable
from typing import Any

import psycopg
import redis
from celery import current_app
from django.conf import settings
from django.core import checks
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from kombu.exceptions import OperationalError

from langorch.lib import clock, egress
from langorch.settings.env import ConfigurationFault
from orchestration.space import space as space_of_database

CONNECT_SECONDS = 3
TOLERATED_CLOCK_SECONDS = 2


def database() -> list[str]:
    """The database answers."""
    try:
        if connection.vendor == "postgresql":
            psycopg.connect(**connection.get_connection_params(), connect_timeout=CONNECT_SECONDS).close()
        else:
            connection.ensure_connection()
    except (psycopg.Error, Error) as error:
        return [f"DATABASE_URL: the database does not answer: {_first_line(error)}"]
    return []


def migrations() -> list[str]:
    """The database has the present schema."""
    if missing := unapplied_migrations():
        return [f"{missing} migrations are not applied; run `manage.py migrate`"]
    return []


def unapplied_migrations() -> int:
    """How many migrations the database still needs."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def space() -> list[str]:
    """The database has room for what is written."""
    try:
        ready = space_of_database.is_ready()
    except Error as error:
        return [f"DATABASE_URL: the database cannot be written: {_first_line(error)}"]
    return [] if ready else ["DATABASE_URL: the database has no room: its disk is full; nothing is begun until it has"]


def broker() -> list[str]:
    """The broker of doorbells answers."""
    impatient = {"socket_connect_timeout": CONNECT_SECONDS, "socket_timeout": CONNECT_SECONDS}
    options = {**current_app.conf.broker_transport_options, **impatient}
    try:
        with current_app.connection_for_write(transport_options=options) as doorbells:
            doorbells.ensure_connection(max_retries=1, timeout=CONNECT_SECONDS)
    except (OperationalError, OSError) as error:
        return [f"REDIS_URL or CELERY_BROKER_URL: the broker does not answer: {_first_line(error)}"]
    return []


def live_updates() -> list[str]:
    """What carries wake-ups to open pages answers."""
    if settings.EMBEDDED:
        return []
    url = settings.ENV.CHANNEL_REDIS_URL or settings.ENV.REDIS_URL
    try:
        redis.Redis.from_url(url, socket_connect_timeout=CONNECT_SECONDS).ping()
    except (redis.RedisError, ValueError) as error:
        return [f"CHANNEL_REDIS_URL or REDIS_URL: live updates have no Redis: {_first_line(error)}"]
    return []


def storage() -> list[str]:
    """Files can be kept and removed, in the folder or the object store."""
    try:
        default_storage.delete(default_storage.save("readiness", ContentFile(b"")))
    except OSError as error:
        return [f"{_place_of_files()}: files cannot be kept: {error}"]
    return []


def clocks() -> list[str]:
    """The database and this machine agree on the time."""
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        difference = abs(float(cursor.fetchone()[0]) - clock.now().timestamp())
    if difference > TOLERATED_CLOCK_SECONDS:
        return [f"the clocks of this machine and of the database differ by {difference:.0f} s"]
    return []


def keys() -> list[str]:
    """Keys that were made for us are readable by their owner alone."""
    files = [settings.VAR_DIR / name for name in ("secret-key", "first-login.json")]
    exposed = [path for path in files if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)]
    return [f"{path} can be read by others; run `chmod 600 {path}`" for path in exposed]


def models() -> list[str]:
    """The models' endpoint is one that may be called."""
    try:
        target = egress.read(settings.ENV.LLM_BASE_URL)
        if (address := egress.literal(target.host)) is not None:
            settings.EGRESS.check("llm", target.host, address)
    except egress.Forbidden as error:
        return [f"LLM_BASE_URL: {error}"]
    return []


CHECKS: dict[str, Callable[[], list[str]]] = {
    "database": database,
    "migrations": migrations,
    "space": space,
    "clocks": clocks,
    "broker": broker,
    "live": live_updates,
    "storage": storage,
    "keys": keys,
    "models": models,
}
NEEDED = {"migrations": "database", "clocks": "database", "space": "migrations"}
"""Checks that mean nothing where another one has found a fault."""


def ask(names: Iterable[str]) -> dict[str, list[str]]:
    """What each named check finds. Those that need another one, which has found a fault, say so and are not asked."""
    found: dict[str, list[str]] = {}
    for name in names:
        needed = NEEDED.get(name, "")
        found[name] = [f"not asked: the check of {needed} fails"] if found.get(needed) else CHECKS[name]()
    return found


def faults(names: Iterable[str] = tuple(CHECKS)) -> list[str]:
    """One line per fault found by the named checks."""
    return [fault for found in ask(names).values() for fault in found]


def require(*names: str) -> None:
    """Raise `ConfigurationFault` with the faults that the named checks find."""
    if found := faults(names):
        raise ConfigurationFault(found)


@checks.register("langorch", deploy=True)
def deployment(app_configs: object, **options: Any) -> list[checks.CheckMessage]:
    """What production must not leave at its default."""
    found: list[checks.CheckMessage] = []
    if not settings.ENV.EMAIL_URL:
        found.append(checks.Warning("EMAIL_URL is not set: approval mails only go to files.", id="langorch.W001"))
    if connection.vendor == "sqlite":
        found.append(checks.Error("Several processes need PostgreSQL; set DATABASE_URL.", id="langorch.E001"))
    return found


def _place_of_files() -> str:
    """The setting that decides where files are kept."""
    return next((name for name in ("ARTIFACTS_URL", "ARTIFACTS_DIR") if getattr(settings.ENV, name)), "VAR_DIR")


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
