"""Migrations: none is missing, and each app goes back and forward again, with rows in its tables."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from langorch import checks, demo
from tenants.models import Tenant

FROM_THE_TOP = ["langorch", "orchestration", "procedures", "approvals", "tenants"]


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", "--check", "--dry-run", stdout=StringIO())


@pytest.mark.django_db(transaction=True)
def test_migrations_go_both_ways(tmp_path: Path, settings) -> None:
    settings.VAR_DIR = tmp_path
    demo.load()
    for app in FROM_THE_TOP:
        call_command("migrate", app, "zero", verbosity=0)
    left = {name for name in connection.introspection.table_names() if name.partition("_")[0] in FROM_THE_TOP}
    assert left == set()
    call_command("migrate", verbosity=0)
    assert checks.unapplied_migrations() == 0
    demo.load()
    assert Tenant.objects.count() == 2
