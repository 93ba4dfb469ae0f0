"""How other processes find the database of a test."""

import os

from django.db import connection


def leading_here() -> dict[str, str]:
    """The settings that lead another process to the database that this one uses now."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return {"DATABASE_URL": f"sqlite:///{name}", "CELERY_BROKER_URL": "memory://"}
    address = os.environ["DATABASE_URL"].rpartition("/")[0]
    return {"DATABASE_URL": f"{address}/{name}", "REDIS_URL": os.environ["REDIS_URL"]}
