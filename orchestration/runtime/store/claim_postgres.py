"""Taking the best ready run on PostgreSQL: one statement for run, job and event, which locks the run first."""

from typing import Any, Final

import psycopg

from orchestration.runtime.store.postgres import prepared
from orchestration.runtime.store.taken import Taken, taken

_CLAIM: Final = """
WITH head AS (
    SELECT r.id, r.fresh FROM (
        SELECT t.id, t.weight, t.max_running_runs,
            (SELECT count(*) FROM orchestration_runjob l WHERE l.tenant_id = t.id AND l.state = 'leased') AS leased
        FROM tenants_tenant t
    ) AS tenant
    CROSS JOIN LATERAL (
        SELECT j.run_id, j.priority, j.available_at FROM orchestration_runjob j
        WHERE j.tenant_id = tenant.id AND j.state = 'ready' AND j.available_at <= clock_timestamp()
        ORDER BY j.priority DESC, j.available_at, j.run_id LIMIT 16
    ) AS best
    JOIN orchestration_run r ON r.id = best.run_id AND r.status = 'created'
    WHERE tenant.max_running_runs IS NULL OR tenant.leased < tenant.max_running_runs
    ORDER BY tenant.leased * 1.0 / tenant.weight, strpos(%(served)s, tenant.id::text), best.priority DESC,
        best.available_at, best.run_id
    LIMIT 1 FOR UPDATE OF r SKIP LOCKED
), job AS (
    UPDATE orchestration_runjob j SET state = 'leased', lease_owner = %(owner)s, taken_seq = j.wake_seq,
        lease_until = clock_timestamp() + make_interval(secs => %(seconds)s)
    FROM head WHERE j.run_id = head.id AND j.state = 'ready'
    RETURNING j.run_id, j.cause, j.losses
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
SELECT run.id, run.tenant_id, run.project_id, run.document_id, run.procedure_key, run.procedure_version, run.title,
    run.initiator_id, run.retry_count, run.trigger_type, run.triggered_by, run.input_vars, run.fence, head.fresh,
    job.cause, job.losses, run.execution_mode, run.mock_external_calls, run.test_data_overrides,
    run.active_from
FROM run, head, job
"""


def claim(raw: Any, owner: str, seconds: float, served: str) -> Taken | None:
    """Lease the best run to `owner`; none when nothing may run now. `served`: ids of tenants, served last the last."""
    with prepared(raw), psycopg.Cursor(raw) as cursor:
        row = cursor.execute(_CLAIM, {"owner": owner, "seconds": seconds, "served": served}).fetchone()
    return None if row is None else taken(row)
