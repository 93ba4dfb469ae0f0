"""Taking the best ready run on SQLite: found by reading alone, then taken in one transaction if it is still ready."""

from typing import Any, Final

from orchestration.runtime.records import to_json
from orchestration.runtime.store.sqlite import transaction
from orchestration.runtime.store.taken import Taken, taken

_BEST: Final = """
SELECT (SELECT j.run_id FROM orchestration_runjob j
        WHERE j.tenant_id = tenant.id AND j.state = 'ready' AND j.available_at <= strftime('%Y-%m-%d %H:%M:%f', 'now')
        ORDER BY j.priority DESC, j.available_at, j.run_id LIMIT 1) AS best
FROM (
    SELECT t.id, t.weight, t.max_running_runs,
        (SELECT count(*) FROM orchestration_runjob l WHERE l.tenant_id = t.id AND l.state = 'leased') AS leased
    FROM tenants_tenant t
) AS tenant
WHERE best IS NOT NULL AND (tenant.max_running_runs IS NULL OR tenant.leased < tenant.max_running_runs)
ORDER BY tenant.leased * 1.0 / tenant.weight, instr(?, replace(tenant.id, '-', '')) LIMIT 1
"""
_RUN: Final = """
SELECT r.id, r.tenant_id, r.project_id, r.document_id, r.procedure_key, r.procedure_version, r.title, r.initiator_id,
    r.retry_count, r.trigger_type, r.triggered_by, r.input_vars, r.fence + 1, r.fresh, j.cause, j.losses,
    r.execution_mode, r.mock_external_calls, r.test_data_overrides,
    COALESCE(r.active_from, strftime('%Y-%m-%d %H:%M:%f', 'now')), r.last_seq + 1, r.last_node_id
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


def claim(raw: Any, owner: str, seconds: float, served: str) -> Taken | None:
    """Lease the best run to `owner`; none when nothing may run now. `served`: ids of tenants, served last the last."""
    plain = served.replace("-", "")
    if raw.execute(_BEST, (plain,)).fetchone() is None:
        return None
    with transaction(raw):
        best = raw.execute(_BEST, (plain,)).fetchone()
        row = best and raw.execute(_RUN, best).fetchone()
        if row is None:
            return None
        *columns, last_seq, node_id = row
        found = taken(tuple(columns))
        raw.execute(_LEASE, (owner, f"+{seconds} seconds", best[0]))
        raw.execute(_RUNNING, best)
        if not node_id:
            node_id = raw.execute(_START, (row[3],)).fetchone()[0]
        raw.execute(_EVENT, (best[0], last_seq, *_told(found, owner, node_id)))
    return found


def _told(found: Taken, owner: str, node_id: str) -> tuple[str, str]:
    reason = None if found.fresh else found.cause or "takeover"
    payload = {"entry_node_id": node_id, "worker": owner, "fence": found.fence, "resume_reason": reason}
    return "execution_started" if found.fresh else "execution_resumed", to_json(payload)
