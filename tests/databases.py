"""The database of a test: how other processes find it, and how it is emptied."""

import os
from typing import Final

from django.db import connection, transaction

KEPT: Final = frozenset({"django_migrations", "django_content_type", "auth_permission"})
"""Tables whose rows are made by migrating."""


def leading_here() -> dict[str, str]:
    """The settings that lead another process to the database that this one uses now."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return {"DATABASE_URL": f"sqlite:///{name}", "CELERY_BROKER_URL": "memory://"}
    address = os.environ["DATABASE_URL"].rpartition("/")[0]
    return {"DATABASE_URL": f"{address}/{name}", "REDIS_URL": os.environ["REDIS_URL"]}


def empty() -> None:
    """Delete every row that a test has stored.

    Emptying the few tables that have rows takes milliseconds; Django truncates all of them, and makes permissions anew.
    Foreign keys are looked at when the transaction ends: by then nothing is left that could point anywhere.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        names = [connection.ops.quote_name(name) for name in connection.introspection.table_names(cursor)]
        asked = [f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in names]
        cursor.execute(" UNION ALL ".join(asked))
        for (name,) in cursor.fetchall():
            if name.strip('"') not in KEPT:
                cursor.execute(f"DELETE FROM {name}")
