"""Storing new rows of several tables in one statement: what begins a run costs one round trip instead of six."""

import json
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

import orjson
import psycopg
from django.db import connection, models, transaction

from langorch.lib.prepared import prepared

if TYPE_CHECKING:
    AnyField = models.Field[Any, Any]


def insert(rows: Sequence[models.Model]) -> None:
    """Store new rows, in this order, all or none; those of one table side by side. No signal is sent for them.

    Raises what the database raises.
    """
    tables = [(table, list(group)) for table, group in groupby(rows, type)]
    if connection.vendor != "postgresql":
        _one_table_after_the_other(tables)
        return
    connection.ensure_connection()
    texts = [_as_json(table, group) for table, group in tables]
    with connection.wrap_database_errors, prepared(connection.connection):
        psycopg.Cursor(connection.connection).execute(_statement(tuple(table for table, _ in tables)), texts)
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


def _one_table_after_the_other(tables: Sequence[tuple[type[models.Model], list[models.Model]]]) -> None:
    with transaction.atomic():
        for table, group in tables:
            table._base_manager.bulk_create(group)


@cache
def _statement(tables: tuple[type[models.Model], ...]) -> bytes:
    """Each parameter is a JSON array of the rows of one table; the text never changes, so it stays prepared."""
    inserts = [f"t{place} AS ({_insert(table)})" for place, table in enumerate(tables)]
    return f"WITH {', '.join(inserts)} SELECT 1".encode()


def _insert(table: type[models.Model]) -> str:
    name = connection.ops.quote_name(table._meta.db_table)
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in _stored(table))
    source = f"jsonb_populate_recordset(NULL::{name}, %s)"
    return f"INSERT INTO {name} ({columns}) SELECT {columns} FROM {source}"  # noqa: S608 - names of our own models


@cache
def _stored(table: type[models.Model]) -> "tuple[AnyField, ...]":
    return tuple(field for field in table._meta.concrete_fields if not isinstance(field, models.AutoField))


def _as_json(table: type[models.Model], rows: Sequence[models.Model]) -> str:
    return orjson.dumps([_columns(table, row) for row in rows], default=str).decode()


def _columns(table: type[models.Model], row: models.Model) -> dict[str, Any]:
    return {str(field.column): _value(field, row) for field in _stored(table)}


def _value(field: "AnyField", row: models.Model) -> Any:
    value = field.pre_save(row, True)
    if isinstance(field, models.JSONField) and value is not None:
        return orjson.Fragment(json.dumps(value))
    return value
