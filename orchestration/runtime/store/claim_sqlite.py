"""Taking the best ready run on SQLite: found by reading alone, then taken in one transaction if it is still ready.

The heads of all lines are found by skipping from one tenant and project to the next in the index of ready jobs, so the
cost does not grow with the length of the lines.
"""

from typing import Any, Final
from uuid import UUID

from orchestration.runtime.records import to_json
from orchestration.runtime.store.sqlite import transaction
from orchestration.runtime.store.taken import MARGIN, Limited, Taken, taken

_BEST: Final = """
WITH RECURSIVE line(tenant_id, place) AS (
    SELECT tenant_id, place FROM (
        SELECT tenant_id, place FROM orchestration_runjob INDEXED BY job_next WHERE state = 'ready' AND NOT over_limit
        ORDER BY tenant_id, place LIMIT 1)
    UNION ALL
    SELECT next.tenant_id, next.place FROM line JOIN orchestration_runjob next ON next.run_id = (
        SELECT j.run_id FROM orchestration_runjob j INDEXED BY job_next
        WHERE j.state = 'ready' AND NOT j.over_limit AND (j.tenant_id, j.place) > (line.tenant_id, line.place)
        ORDER BY j.tenant_id, j.place LIMIT 1)
), leased AS MATERIALIZED (
    SELECT tenant_id, place, count(*) AS number FROM orchestration_runjob INDEXED BY job_leased WHERE state = 'leased'
    GROUP BY tenant_id, place
), used AS MATERIALIZED (
    SELECT line.tenant_id, line.place, t.weight, t.max_running_runs AS most,
        CASE WHEN json_type(p.settings, '$.quotas.max_running_runs') IN ('integer', 'real')
            THEN json_extract(p.settings, '$.quotas.max_running_runs') END AS most_there,
        COALESCE((SELECT sum(l.number) FROM leased l WHERE l.tenant_id = line.tenant_id), 0) AS number,
        COALESCE((SELECT l.number FROM leased l WHERE l.tenant_id = line.tenant_id AND l.place = line.place), 0)
            AS number_there,
        (SELECT j.run_id FROM orchestration_runjob j INDEXED BY job_next
         WHERE j.tenant_id = line.tenant_id AND j.place = line.place AND j.state = 'ready' AND NOT j.over_limit
            AND j.available_at <= strftime('%Y-%m-%d %H:%M:%f', 'now')
         ORDER BY j.priority DESC, j.available_at, j.run_id LIMIT 1) AS run_id
    FROM line JOIN tenants_tenant t ON t.id = line.tenant_id LEFT JOIN tenants_project p ON p.id = line.place
)
SELECT best.run_id, best.max_runs IS NOT NULL
    OR COALESCE(best.due_at <= strftime('%Y-%m-%d %H:%M:%f', 'now'), FALSE)
    OR COALESCE(used.number + :margin >= used.most, FALSE)
    OR COALESCE(used.number_there + :margin >= used.most_there, FALSE)
FROM used JOIN orchestration_runjob best ON best.run_id = used.run_id
WHERE (used.most IS NULL OR used.number < used.most)
    AND (used.most_there IS NULL OR used.number_there < used.most_there)
ORDER BY used.number * 1.0 / used.weight, instr(:served, used.tenant_id), best.priority DESC, used.number_there,
    best.available_at, best.run_id LIMIT 1
"""
_RUN: Final = """
SELECT r.id, r.tenant_id, r.project_id, r.document_id, r.procedure_key, r.procedure_version, r.title, r.initiator_id,
    r.retry_count, r.trigger_type, r.triggered_by, r.input_vars, r.fence + 1, r.fresh, j.cause, j.losses,
    r.execution_mode, r.mock_external_calls, r.test_data_overrides,
    COALESCE(r.active_from, strftime('%Y-%m-%d %H:%M:%f', 'now')), j.lane, r.compensation,
    r.last_seq + 1, r.last_node_id
FROM orchestration_run r JOIN orchestration_runjob j ON j.run_id = r.id
WHERE r.id = ? AND r.status = 'created' AND j.state = 'ready'
"""
_START: Final = "SELECT json_extract(canonical, '$.workflow_graph.start_node') FROM procedures_document WHERE id = ?"
_LEASE: Final = """
UPDATE orchestration_runjob SET state = 'leased', lease_owner = ?, taken_seq = wake_seq,
    lease_until = strftime('%Y-%m-%d %H:%M:%f', 'now', ?) WHERE run_id = ?
"""
_RUNNING: Final = """
UPDATE orchestration_run SET status = 'running', fence = fence + 1, fresh = 0, last_seq = last_seq + 1,
    started_at = COALESCE(started_at, strftime('%Y-%m-%d %H:%M:%f', 'now')),
    active_from = COALESCE(active_from, strftime('%Y-%m-%d %H:%M:%f', 'now')),
    updated_at = strftime('%Y-%m-%d %H:%M:%f', 'now') WHERE id = ?
"""
_EVENT: Final = """
INSERT INTO orchestration_event (run_id, seq, created_at, event_type, node_id, step_id, path, payload, trace_id)
VALUES (?, ?, strftime('%Y-%m-%d %H:%M:%f', 'now'), ?, '', '', '', ?, '')
"""


def claim(raw: Any, owner: str, seconds: float, served: str) -> Taken | Limited | None:
    """Lease the best run to `owner`; none when nothing may run now. `served`: ids of tenants, served last the last."""
    values = {"served": served.replace("-", ""), "margin": MARGIN}
    if raw.execute(_BEST, values).fetchone() is None:
        return None
    with transaction(raw):
        best = raw.execute(_BEST, values).fetchone()
        if best is None:
            return None
        run_id, limited = best
        return Limited(UUID(run_id)) if limited else _take(raw, owner, seconds, run_id)


def claim_this(raw: Any, owner: str, seconds: float, run_id: UUID) -> Taken | Limited | None:
    """Lease one run to `owner`, whatever the limits; none when it is not ready."""
    with transaction(raw):
        return _take(raw, owner, seconds, run_id.hex)


def _take(raw: Any, owner: str, seconds: float, run_id: str) -> Taken | None:
    row = raw.execute(_RUN, (run_id,)).fetchone()
    if row is None:
        return None
    *columns, last_seq, node_id = row
    found = taken(tuple(columns))
    raw.execute(_LEASE, (owner, f"+{seconds} seconds", run_id))
    raw.execute(_RUNNING, (run_id,))
    if not node_id:
        node_id = raw.execute(_START, (row[3],)).fetchone()[0]
    raw.execute(_EVENT, (run_id, last_seq, *_told(found, owner, node_id)))
    return found


def _told(found: Taken, owner: str, node_id: str) -> tuple[str, str]:
    reason = None if found.fresh else found.cause or "takeover"
    payload = {"entry_node_id": node_id, "worker": owner, "fence": found.fence, "resume_reason": reason}
    return "execution_started" if found.fresh else "execution_resumed", to_json(payload)
