"""A statement that is sent now and whose row is read later, over psycopg's own layer on libpq.

A cursor waits for its answer; here the server works and syncs its log while the drive computes. Until the answer is
read the connection takes nothing else.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from psycopg import errors, generators
from psycopg.pq import ExecStatus

Texts = tuple[str | None, ...]
Reader = Callable[[], Texts | None]
"""Waits for the one row of a statement, as texts; none when it gives none. Raises what psycopg raises."""
_NAMED: Final = re.compile(r"%\((\w+)\)s")
_prepared: Final[WeakKeyDictionary[Any, set[bytes]]] = WeakKeyDictionary()
"""The names of the statements that each connection has prepared."""


class Statement:
    """A text with `%(name)s` where values go; the server finds their types."""

    def __init__(self, name: str, text: str) -> None:
        self.text = text
        self._name = name.encode()
        self._order = tuple(dict.fromkeys(_NAMED.findall(text)))
        numbers = {found: f"${place}" for place, found in enumerate(self._order, start=1)}
        self._numbered = _NAMED.sub(lambda match: numbers[match[1]], text).encode()

    def send(self, raw: Any, values: Mapping[str, Any]) -> Reader:
        """Send it with `values` over a connection that commits by itself; what reads its answer.

        Raises what psycopg raises.
        """
        asked = [_text(values[name]) for name in self._order]
        self._send(raw, asked)
        return lambda: self._row(raw, asked)

    def _send(self, raw: Any, values: Sequence[bytes | None]) -> None:
        known = _prepared.setdefault(raw, set())
        if self._name not in known:
            known.add(self._name)  # first: a name that is wrongly known is found out, one that is prepared twice is not
            _require_done(raw.pgconn.prepare(self._name, self._numbered))
        raw.pgconn.send_query_prepared(self._name, values)
        if raw.pgconn.flush():
            raw.wait(generators.send(raw.pgconn))

    def _row(self, raw: Any, values: Sequence[bytes | None]) -> Texts | None:
        try:
            return _read(raw)
        except errors.InvalidSqlStatementName:  # psycopg deallocates all after a rollback; others may be back
            _prepared[raw].discard(self._name)
            self._send(raw, values)
            return _read(raw)


def _read(raw: Any) -> Texts | None:
    (result,) = raw.wait(generators.fetch_many(raw.pgconn))
    _require_done(result)
    if not result.ntuples:
        return None
    values = (result.get_value(0, column) for column in range(result.nfields))
    return tuple(None if value is None else value.decode() for value in values)


def _require_done(result: Any) -> None:
    if result.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
        raise errors.error_from_result(result)


def _text(value: Any) -> bytes | None:
    return None if value is None else str(value).encode()
