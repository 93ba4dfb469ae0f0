"""One transaction per batch on SQLite; it takes the write lock at once, so it never has to give way half done."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple
from typing import Any, Final
from uuid import UUID

from langorch.lib import clock
from orchestration.runtime.records import Batch, Ending, Fenced, Written, moment

_RUN: Final = """
UPDATE orchestration_run SET last_seq = last_seq + ?,
    last_node_id = CASE WHEN ? = '' THEN last_node_id ELSE ? END,
    last_step_id = CASE WHEN ? = '' THEN last_step_id ELSE ? END
WHERE id = ? AND fence = ? RETURNING last_seq, cancel_requested
"""
_SPENT: Final = """
UPDATE orchestration_run SET prompt_tokens = COALESCE(prompt_tokens, 0) + ?,
    completion_tokens = COALESCE(completion_tokens, 0) + ?, cost_usd = COALESCE(cost_usd + ?4, ?4, cost_usd)
WHERE id = ?3
"""
_CALM: Final = "UPDATE orchestration_runjob SET losses = 0 WHERE run_id = ?"
_END: Final = """
UPDATE orchestration_run SET ended_at = ?1, updated_at = ?1, status = ?, output_vars = ?, error = ?, error_class = ?,
    recovered_via = ?
WHERE id = ? AND status = 'running'
"""
_JOB_DONE: Final = """
UPDATE orchestration_runjob SET state = 'done', lease_owner = '', lease_until = NULL, losses = 0 WHERE run_id = ?
"""
_CLOSE_ALL: Final = (
    "UPDATE orchestration_wait SET state = 'canceled', closed_at = ? WHERE run_id = ? AND state = 'open'"
)
_VISIT: Final = """
INSERT INTO orchestration_visit (run_id, path, region, pos, node_id, state, outcome, changes, next_node, error, data,
                                 started_at, ended_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (run_id, path) DO UPDATE SET
    state = excluded.state, outcome = excluded.outcome, changes = excluded.changes, next_node = excluded.next_node,
    error = excluded.error, data = excluded.data, ended_at = excluded.ended_at
"""
_STEP: Final = """
INSERT INTO orchestration_steprecord (run_id, fence, path, step_id, node_id, action, state, attempt, retries, key,
                                      params, result, error, started_at, duration_ms, agent, irreversible)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (run_id, path, step_id) DO UPDATE SET
    state = excluded.state, attempt = excluded.attempt, retries = excluded.retries, fence = excluded.fence,
    key = excluded.key, agent = excluded.agent, irreversible = excluded.irreversible, params = excluded.params,
    result = excluded.result, error = excluded.error, duration_ms = excluded.duration_ms
"""
_CLOSE: Final = """
UPDATE orchestration_wait SET state = 'canceled', closed_at = ?1
WHERE run_id = ?2 AND state = 'open' AND substr(path, 1, length(?3)) = ?3
    AND instr('/[:!~', substr(path, length(?3) + 1, 1)) > 0
"""
_WAIT: Final = """
INSERT OR IGNORE INTO orchestration_wait (run_id, path, step_id, kind, ref, since, until, needs, state)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open')
"""
_ARTIFACT: Final = """
INSERT INTO orchestration_artifact (run_id, id, tenant_id, path, step_id, node_id, kind, name, uri, file, mime_type,
                                    size_bytes, sha256, classification, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_EVENT: Final = """
INSERT INTO orchestration_event (run_id, seq, created_at, event_type, node_id, step_id, path, attempt, payload,
                                 trace_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '')
"""


def write(raw: Any, run_id: UUID, fence: int, batch: Batch, *, calm: bool) -> Written:
    """Write `batch`; `calm` also sets the job's count of lost leases to nothing."""
    with transaction(raw):
        written = _rows(raw, run_id.hex, fence, batch)
        if calm:
            raw.execute(_CALM, (run_id.hex,))
    return written


def end(raw: Any, run_id: UUID, fence: int, batch: Batch, ending: Ending) -> Written:
    """Write the last `batch`, and with it the end of the run: run, job and open waits."""
    run, now = run_id.hex, moment(clock.now())
    with transaction(raw):
        written = _rows(raw, run, fence, batch)
        if raw.execute(_END, (now, *astuple(ending), run)).rowcount != 1:
            raise Fenced
        raw.execute(_JOB_DONE, (run,))
        raw.execute(_CLOSE_ALL, (now, run))
    return written


def _rows(raw: Any, run: str, fence: int, batch: Batch) -> Written:
    written = _number(raw, run, fence, batch)
    if batch.spent is not None:
        prompt, completion, cost = batch.spent
        raw.execute(_SPENT, (prompt, completion, run, None if cost is None else float(cost)))
    _many(raw, _VISIT, ((run, *row) for row in batch.visits.values()))
    _many(raw, _STEP, ((run, fence, *row) for row in batch.steps.values()))
    _many(raw, _CLOSE, ((moment(clock.now()), run, place) for place in batch.closed))
    _many(raw, _WAIT, ((run, *row) for row in batch.waits))
    _many(raw, _ARTIFACT, ((run, *row) for row in batch.artifacts))
    first = written.last_seq - len(batch.events) + 1
    _many(raw, _EVENT, ((run, first + place, *row) for place, row in enumerate(batch.events)))
    return written


def _number(raw: sqlite3.Connection, run: str, fence: int, batch: Batch) -> Written:
    node, step = batch.last_node_id, batch.last_step_id
    values = (len(batch.events), node, node, node, step, run, fence)
    row = raw.execute(_RUN, values).fetchone()
    if row is None:
        raise Fenced
    return Written(row[0], bool(row[1]))


def _many(raw: sqlite3.Connection, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    for row in rows:
        raw.execute(statement, row)


@contextmanager
def transaction(raw: sqlite3.Connection) -> Iterator[None]:
    """One transaction that holds the write lock from its beginning; part of the one around it, if there is one."""
    if raw.in_transaction:
        yield
        return
    raw.execute("BEGIN IMMEDIATE")
    try:
        yield
        raw.execute("COMMIT")
    except BaseException:
        raw.rollback()
        raise
