"""Whether the site is up, and whether it can do its work. Names only: nothing here helps an attacker."""

import os
from pathlib import Path
from typing import Any

from celery import current_app
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from drf_spectacular.utils import extend_schema, inline_serializer
from kombu.exceptions import OperationalError
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.access import PUBLIC
from tenants.api.endpoint import Endpoint

OK, FAILED = "ok", "failed"
BROKER_TIMEOUT_SECONDS = 2

HealthOut = inline_serializer("HealthOut", {"status": serializers.CharField()})
ReadyOut = inline_serializer(
    "ReadyOut",
    {
        "status": serializers.ChoiceField(choices=[OK, "starting"]),
        "checks": serializers.DictField(child=serializers.ChoiceField(choices=[OK, FAILED])),
    },
)


class Health(Endpoint):
    access = {"GET": PUBLIC}
    lenient = True

    @extend_schema(responses=HealthOut)
    def get(self, request: Request) -> Response:
        """The process answers."""
        return Response({"status": OK})


class Ready(Endpoint):
    access = {"GET": PUBLIC}
    lenient = True

    @extend_schema(responses={200: ReadyOut, 503: ReadyOut})
    def get(self, request: Request) -> Response:
        """Database, broker, migrations and storage; 503 while one of them fails."""
        checks = {name: OK if check() else FAILED for name, check in CHECKS.items()}
        ready = FAILED not in checks.values()
        return Response({"status": OK if ready else "starting", "checks": checks}, 200 if ready else 503)


def database_answers() -> bool:
    """Whether the database answers a query."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def broker_answers() -> bool:
    """Whether the broker accepts a connection within two seconds."""
    try:
        with current_app.connection_for_write(transport_options=_impatient()) as broker:
            broker.ensure_connection(max_retries=1, timeout=BROKER_TIMEOUT_SECONDS)
    except (OperationalError, OSError):
        return False
    return True


def migrations_applied() -> bool:
    """Whether the database has every table this code expects."""
    try:
        executor = MigrationExecutor(connection)
        return not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return False


def storage_writable() -> bool:
    """Whether files can be kept: the folder, or the object store answers."""
    try:
        if isinstance(default_storage, FileSystemStorage):
            return _writable(Path(default_storage.location))
        default_storage.exists("readiness")
    except OSError:
        return False
    return True


CHECKS = {
    "database": database_answers,
    "broker": broker_answers,
    "migrations": migrations_applied,
    "storage": storage_writable,
}


def _impatient() -> dict[str, Any]:
    options: dict[str, Any] = dict(current_app.conf.broker_transport_options)
    return {**options, "socket_connect_timeout": BROKER_TIMEOUT_SECONDS, "socket_timeout": BROKER_TIMEOUT_SECONDS}


def _writable(folder: Path) -> bool:
    while not folder.exists():
        folder = folder.parent
    return os.access(folder, os.W_OK)
