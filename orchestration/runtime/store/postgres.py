"""One statement per batch on PostgreSQL: it takes the fence, the numbers of the events, and all rows, or nothing.

Each list is one JSON parameter, so the text never changes and stays prepared. Django's own cursor would bind on the
client and plan it anew each time, which takes twice as long.
"""

from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from typing import Any, Final
from uuid import UUID

import orjson
import psycopg

from langorch.lib.prepared import prepared
from orchestration.runtime.records import (
    Answer,
    ArtifactRow,
    Batch,
    Ending,
    EventRow,
    Fenced,
    StepRow,
    VisitRow,
    WaitRow,
    Written,
    to_json,
)
from orchestration.runtime.store.ahead import Reader, Statement, Texts

Row = VisitRow | StepRow | WaitRow | ArtifactRow | EventRow

_RUN: Final = """
WITH run AS (
    UPDATE orchestration_run SET
        last_seq = last_seq + %(count)s,
        last_node_id = CASE WHEN %(node)s = '' THEN last_node_id ELSE %(node)s END,
        last_step_id = CASE WHEN %(node)s = '' THEN last_step_id ELSE %(step)s END,
        prompt_tokens = COALESCE(prompt_tokens + %(prompts)s::bigint, %(prompts)s::bigint, prompt_tokens),
        completion_tokens =
            COALESCE(completion_tokens + %(completions)s::bigint, %(completions)s::bigint, completion_tokens),
        cost_usd = COALESCE(cost_usd + %(cost)s::numeric, %(cost)s::numeric, cost_usd)
"""
_STILL_MINE: Final = """
    WHERE id = %(run)s AND fence = %(fence)s
    RETURNING id, last_seq, cancel_requested
)
"""
_ENDED: Final = """
        , ended_at = clock_timestamp(), updated_at = clock_timestamp(), status = %(status)s,
        output_vars = %(output_vars)s::jsonb, error = %(error)s::jsonb, error_class = %(error_class)s,
        recovered_via = %(recovered_via)s
    WHERE id = %(run)s AND fence = %(fence)s AND status = 'running'
    RETURNING id, last_seq, cancel_requested
), job AS (
    UPDATE orchestration_runjob SET state = 'done', lease_owner = '', lease_until = NULL, losses = 0
    FROM run WHERE run_id = run.id
), open AS (
    UPDATE orchestration_wait SET state = 'canceled', closed_at = clock_timestamp()
    FROM run WHERE run_id = run.id AND state = 'open'
)
"""
_VISITS_AND_STEPS: Final = """
, visit AS (
    INSERT INTO orchestration_visit (run_id, path, region, pos, node_id, state, outcome, changes, next_node, error,
                                     data, started_at, ended_at)
    SELECT run.id, v.path, v.region, v.pos, v.node_id, v.state, v.outcome, v.changes, v.next_node, v.error,
           v.data, v.started_at AT TIME ZONE 'UTC', v.ended_at AT TIME ZONE 'UTC'
    FROM run, jsonb_to_recordset(%(visits)s) AS v(
        path text, region text, pos int, node_id text, state text, outcome text, changes jsonb, next_node text,
        error jsonb, data jsonb, started_at timestamp, ended_at timestamp)
    ON CONFLICT (run_id, path) DO UPDATE SET
        state = excluded.state, outcome = excluded.outcome, changes = excluded.changes,
        next_node = excluded.next_node, error = excluded.error, data = excluded.data, ended_at = excluded.ended_at
), step AS (
    INSERT INTO orchestration_steprecord (run_id, path, step_id, node_id, action, state, attempt, retries, fence, key,
                                          agent, irreversible, params, result, error, started_at, duration_ms)
    SELECT run.id, s.path, s.step_id, s.node_id, s.action, s.state, s.attempt, s.retries, %(fence)s, s.key, s.agent,
           s.irreversible, s.params, s.result, s.error, s.started_at AT TIME ZONE 'UTC', s.duration_ms
    FROM run, jsonb_to_recordset(%(steps)s) AS s(
        path text, step_id text, node_id text, action text, state text, attempt int, retries int, key text,
        agent text, irreversible boolean, params jsonb, result jsonb, error jsonb, started_at timestamp,
        duration_ms float8)
    ON CONFLICT (run_id, path, step_id) DO UPDATE SET
        state = excluded.state, attempt = excluded.attempt, retries = excluded.retries, fence = excluded.fence,
        key = excluded.key, agent = excluded.agent, irreversible = excluded.irreversible, params = excluded.params,
        result = excluded.result, error = excluded.error, duration_ms = excluded.duration_ms
)
"""
_WAITS: Final = """
, closed AS (
    UPDATE orchestration_wait SET state = 'canceled', closed_at = clock_timestamp()
    FROM run, jsonb_array_elements_text(%(closed)s) AS c(place)
    WHERE run_id = run.id AND state = 'open' AND starts_with(path, c.place)
        AND strpos('/[:!~', substr(path, length(c.place) + 1, 1)) > 0
), waits AS (
    INSERT INTO orchestration_wait (run_id, path, step_id, kind, ref, needs, since, until, state)
    SELECT run.id, w.path, w.step_id, w.kind, w.ref, w.needs, w.since AT TIME ZONE 'UTC',
           w.until AT TIME ZONE 'UTC', 'open'
    FROM run, jsonb_to_recordset(%(waits)s) AS w(
        path text, step_id text, kind text, ref text, needs jsonb, since timestamp, until timestamp)
    ON CONFLICT DO NOTHING
), calm AS (
    UPDATE orchestration_runjob SET losses = 0 FROM run WHERE run_id = run.id AND %(calm)s
)
"""
_ARTIFACTS: Final = """
, artifact AS (
    INSERT INTO orchestration_artifact (run_id, id, tenant_id, path, step_id, node_id, kind, name, uri, file, mime_type,
                                        size_bytes, sha256, classification, created_at)
    SELECT run.id, a.id, a.tenant_id, a.path, a.step_id, a.node_id, a.kind, a.name, a.uri, a.file, a.mime_type,
           a.size_bytes, a.sha256, a.classification, a.created_at AT TIME ZONE 'UTC'
    FROM run, jsonb_to_recordset(%(artifacts)s) AS a(
        id uuid, tenant_id uuid, path text, step_id text, node_id text, kind text, name text, uri text, file text,
        mime_type text, size_bytes bigint, sha256 text, classification text, created_at timestamp)
)
"""
_EVENTS: Final = """
, event AS (
    INSERT INTO orchestration_event (run_id, seq, created_at, event_type, node_id, step_id, path, attempt, payload,
                                     trace_id)
    SELECT run.id, run.last_seq - %(count)s + e.place, e.created_at AT TIME ZONE 'UTC', e.event_type, e.node_id,
           e.step_id, e.path, e.attempt, e.payload, ''
    FROM run, ROWS FROM (jsonb_to_recordset(%(events)s) AS (
        created_at timestamp, event_type text, node_id text, step_id text, path text, attempt int, payload jsonb))
        WITH ORDINALITY AS e(created_at, event_type, node_id, step_id, path, attempt, payload, place)
)
SELECT last_seq, cancel_requested FROM run
"""
_USUAL: Final = Statement("usual_batch", _RUN + _STILL_MINE + _VISITS_AND_STEPS + _EVENTS)
_WITH_ALL: Final = Statement("batch", _RUN + _STILL_MINE + _VISITS_AND_STEPS + _WAITS + _ARTIFACTS + _EVENTS)
_END: Final = Statement("end", _RUN + _ENDED + _VISITS_AND_STEPS + _EVENTS)
_END_WITH_FILES: Final = Statement("end_with_files", _RUN + _ENDED + _VISITS_AND_STEPS + _ARTIFACTS + _EVENTS)


def write(raw: Any, run_id: UUID, fence: int, batch: Batch, *, calm: bool) -> Written:
    """Write `batch`; `calm` also sets the job's count of lost leases to nothing."""
    values = _values(run_id, fence, batch)
    if not (batch.waits or batch.closed or batch.artifacts or calm):
        return _carried_out(raw, _USUAL, values)
    more = {"waits": _array(batch.waits), "closed": to_json(batch.closed), "calm": calm}
    return _carried_out(raw, _WITH_ALL, values | more | {"artifacts": _array(batch.artifacts)})


def send(raw: Any, run_id: UUID, fence: int, batch: Batch) -> Answer | None:
    """Send a batch of visits, steps and events; what reads the answer, or none when there is more than that in it."""
    if batch.waits or batch.closed or batch.artifacts or not raw.autocommit:
        return None
    with raw.lock:
        reader = _USUAL.send(raw, _values(run_id, fence, batch))
    return partial(_answer, raw, reader)


def _answer(raw: Any, reader: Reader) -> Written:
    with raw.lock:
        return _written(reader())


def _written(row: Texts | None) -> Written:
    if row is None:
        raise Fenced
    last_seq, cancel_requested = row
    return Written(int(last_seq or 0), cancel_requested == "t")


def end(raw: Any, run_id: UUID, fence: int, batch: Batch, ending: Ending) -> Written:
    """Write the last `batch`, and with it the end of the run: run, job and open waits. It holds no waits."""
    values = _values(run_id, fence, batch) | asdict(ending)
    if not batch.artifacts:
        return _carried_out(raw, _END, values)
    return _carried_out(raw, _END_WITH_FILES, values | {"artifacts": _array(batch.artifacts)})


def _values(run_id: UUID, fence: int, batch: Batch) -> dict[str, Any]:
    return {
        "run": run_id,
        "fence": fence,
        "count": len(batch.events),
        "node": batch.last_node_id,
        "step": batch.last_step_id,
        "prompts": batch.spent and batch.spent.prompt_tokens,
        "completions": batch.spent and batch.spent.completion_tokens,
        "cost": batch.spent and batch.spent.cost_usd,
        "visits": _array(batch.visits.values()),
        "steps": _array(batch.steps.values()),
        "events": _array(batch.events),
    }


def _carried_out(raw: Any, statement: Statement, values: dict[str, Any]) -> Written:
    """What was written; inside a transaction a cursor does it, which begins the transaction where that is due."""
    if raw.autocommit:
        with raw.lock:
            return _written(statement.send(raw, values)())
    with prepared(raw), psycopg.Cursor(raw) as cursor:
        row = cursor.execute(statement.text, values).fetchone()
    if row is None:
        raise Fenced
    return Written(*row)


def _array(rows: Iterable[Row]) -> str:
    return orjson.dumps([_object(row) for row in rows]).decode()


def _object(row: Row) -> dict[str, Any]:
    values = row._asdict()
    for name in _RAW_JSON[type(row)]:
        if values[name] is not None:
            values[name] = orjson.Fragment(values[name])
    return values


_JSON: Final = frozenset({"changes", "error", "data", "params", "result", "payload", "needs"})
_RAW_JSON: Final = {
    row: [name for name in row._fields if name in _JSON] for row in (VisitRow, StepRow, WaitRow, ArtifactRow, EventRow)
}
