"""Taking the best ready run on PostgreSQL: one statement for run, job and event, which locks the run first.

The heads of all lines are found by skipping from one tenant and project to the next in the index of ready jobs, so the
cost does not grow with the length of the lines.
"""

from typing import Any, Final
from uuid import UUID

import psycopg

from langorch.lib.prepared import prepared_for_many
from orchestration.runtime.store.taken import MARGIN, Limited, Taken, taken

_BEST: Final = """
WITH RECURSIVE line AS (
    (SELECT tenant_id, place FROM orchestration_runjob WHERE state = 'ready' AND NOT over_limit
     ORDER BY tenant_id, place LIMIT 1)
    UNION ALL
    SELECT next.tenant_id, next.place FROM line CROSS JOIN LATERAL (
        SELECT j.tenant_id, j.place FROM orchestration_runjob j
        WHERE j.state = 'ready' AND NOT j.over_limit AND (j.tenant_id, j.place) > (line.tenant_id, line.place)
        ORDER BY j.tenant_id, j.place LIMIT 1
    ) AS next
), leased AS MATERIALIZED (
    SELECT tenant_id, place, count(*) AS number FROM orchestration_runjob WHERE state = 'leased'
    GROUP BY tenant_id, place
), used AS (
    SELECT line.tenant_id, line.place, t.weight, t.max_running_runs AS most,
        CASE WHEN jsonb_typeof(p.settings #> '{quotas,max_running_runs}') = 'number'
            THEN (p.settings #>> '{quotas,max_running_runs}')::numeric END AS most_there,
        COALESCE((SELECT sum(l.number) FROM leased l WHERE l.tenant_id = line.tenant_id), 0) AS number,
        COALESCE((SELECT l.number FROM leased l WHERE (l.tenant_id, l.place) = (line.tenant_id, line.place)), 0)
            AS number_there
    FROM line JOIN tenants_tenant t ON t.id = line.tenant_id LEFT JOIN tenants_project p ON p.id = line.place
), head AS (
    SELECT r.id, r.fresh, (best.max_runs IS NOT NULL OR COALESCE(best.due_at <= clock_timestamp(), FALSE)
        OR COALESCE(used.number + %(margin)s >= used.most, FALSE)
        OR COALESCE(used.number_there + %(margin)s >= used.most_there, FALSE)) AS limited
    FROM used CROSS JOIN LATERAL (
        SELECT j.run_id, j.priority, j.available_at, j.max_runs, j.due_at FROM orchestration_runjob j
        WHERE j.tenant_id = used.tenant_id AND j.place = used.place AND j.state = 'ready' AND NOT j.over_limit
            AND j.available_at <= clock_timestamp()
        ORDER BY j.priority DESC, j.available_at, j.run_id LIMIT 16
    ) AS best
    JOIN orchestration_run r ON r.id = best.run_id AND r.status = 'created'
    WHERE (used.most IS NULL OR used.number < used.most)
        AND (used.most_there IS NULL OR used.number_there < used.most_there)
    ORDER BY used.number / used.weight, strpos(%(served)s, used.tenant_id::text), best.priority DESC,
        used.number_there, best.available_at, best.run_id
    LIMIT 1 FOR UPDATE OF r SKIP LOCKED
)
"""
_THIS: Final = """
WITH head AS (
    SELECT r.id, r.fresh, FALSE AS limited FROM orchestration_run r WHERE r.id = %(run)s FOR UPDATE
)
"""
_TAKE: Final = """
, job AS (
    UPDATE orchestration_runjob j SET state = 'leased', lease_owner = %(owner)s, taken_seq = j.wake_seq,
        lease_until = clock_timestamp() + make_interval(secs => %(seconds)s)
    FROM head WHERE j.run_id = head.id AND j.state = 'ready' AND NOT head.limited
    RETURNING j.run_id, j.cause, j.losses, j.lane
), run AS (
    UPDATE orchestration_run r SET status = 'running', fence = r.fence + 1, fresh = FALSE, last_seq = r.last_seq + 1,
        started_at = COALESCE(r.started_at, clock_timestamp()),
        active_from = COALESCE(r.active_from, clock_timestamp()), updated_at = clock_timestamp()
    FROM job WHERE r.id = job.run_id AND r.status = 'created'
    RETURNING r.*
), event AS (
    INSERT INTO orchestration_event (run_id, seq, created_at, event_type, node_id, step_id, path, payload, trace_id)
    SELECT run.id, run.last_seq, clock_timestamp(),
        CASE WHEN head.fresh THEN 'execution_started' ELSE 'execution_resumed' END, '', '', '',
        jsonb_build_object('worker', %(owner)s::text, 'fence', run.fence,
            'entry_node_id', CASE WHEN run.last_node_id <> '' THEN run.last_node_id ELSE (
                SELECT d.canonical #>> '{workflow_graph,start_node}' FROM procedures_document d
                WHERE d.id = run.document_id) END,
            'resume_reason', CASE WHEN head.fresh THEN NULL ELSE COALESCE(NULLIF(job.cause, ''), 'takeover') END), ''
    FROM run, head, job
)
SELECT head.id, run.tenant_id, run.project_id, run.document_id, run.procedure_key, run.procedure_version, run.title,
    run.initiator_id, run.retry_count, run.trigger_type, run.triggered_by, run.input_vars, run.fence, head.fresh,
    job.cause, job.losses, run.execution_mode, run.mock_external_calls, run.test_data_overrides,
    run.active_from, job.lane, run.compensation, head.limited
FROM head LEFT JOIN (run JOIN job ON job.run_id = run.id) ON run.id = head.id
"""
_CLAIM: Final = _BEST + _TAKE
_CLAIM_THIS: Final = _THIS + _TAKE


def claim(raw: Any, owner: str, seconds: float, served: str) -> Taken | Limited | None:
    """Lease the best run to `owner`; none when nothing may run now. `served`: ids of tenants, served last the last."""
    return _take(raw, _CLAIM, {"owner": owner, "seconds": seconds, "served": served, "margin": MARGIN})


def claim_this(raw: Any, owner: str, seconds: float, run_id: UUID) -> Taken | Limited | None:
    """Lease one run to `owner`, whatever the limits; none when it is not ready."""
    return _take(raw, _CLAIM_THIS, {"owner": owner, "seconds": seconds, "run": run_id})


def _take(raw: Any, statement: str, values: dict[str, Any]) -> Taken | Limited | None:
    with prepared_for_many(raw), psycopg.Cursor(raw) as cursor:
        row = cursor.execute(statement, values).fetchone()
    if row is None:
        return None
    *columns, limited = row
    if limited:
        return Limited(row[0])
    return None if row[1] is None else taken(tuple(columns))
