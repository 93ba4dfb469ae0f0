"""RunOut: what the API says about runs, at a constant number of queries for any number of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, F, JSONField, QuerySet, TextField, When
from django.db.models.functions import Cast, Length

from langorch.lib import clock
from langorch.lib.redaction import Redactor
from orchestration import compensating, masking, selectors, waiting
from orchestration.models import Run
from orchestration.verbs import verbs
from orchestration.waiting import Waiting
from procedures.choices import ENVIRONMENTS, Channel
from tenants.actor import Actor

BIG = 16 * 1024
ERROR_KEYS = ("class", "message", "node_id", "step_id", "attempt", "path")


@dataclass(frozen=True, slots=True)
class _Known:
    """What is read once for all runs of an answer."""

    waits: Mapping[UUID, Waiting]
    redactors: Mapping[UUID, Redactor]
    versions: Mapping[selectors.VersionKey, str]
    manual: frozenset[UUID]
    now: datetime


def run_out(actor: Actor, run: Run) -> dict[str, Any]:
    """RunOut of one run, with its place in line while it is queued."""
    known = _read([run], {run.pk: waiting.waiting_for_one(run)})
    return _shown(actor, run, known, run.input_vars, run.output_vars or {})


def runs_out(actor: Actor, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """RunOut of each of `runs`, which came through `without_big_values`."""
    known = _read(runs, waiting.waiting_for_each(runs))
    return [_shown(actor, run, known, *_small_values(run)) for run in runs]


def without_big_values(runs: QuerySet[Run]) -> QuerySet[Run]:
    """The same rows; inputs and outputs of more than 16 KiB stay in the database."""
    sized = runs.annotate(inputs_size=_size("input_vars"), outputs_size=_size("output_vars"))
    small = sized.annotate(small_inputs=_small("input_vars", "inputs"), small_outputs=_small("output_vars", "outputs"))
    return small.defer("input_vars", "output_vars", "test_data_overrides")


def _size(column: str) -> Length:
    return Length(Cast(column, TextField()))


def _small(column: str, name: str) -> Case:
    return Case(When(**{f"{name}_size__lte": BIG}, then=F(column)), output_field=JSONField())


def _small_values(run: Any) -> tuple[Any, Any]:
    return run.small_inputs, {} if run.outputs_size is None else run.small_outputs


def _read(runs: Sequence[Run], waits: Mapping[UUID, Waiting]) -> _Known:
    manual = compensating.manual_among(runs)
    return _Known(waits, masking.redactors(runs), selectors.version_statuses(runs), manual, clock.now())


def _shown(actor: Actor, run: Run, known: _Known, inputs: Any, outputs: Any) -> dict[str, Any]:
    mask = known.redactors[run.document_id].redact
    waits, manual = known.waits[run.pk], run.pk in known.manual
    shown_outputs = mask(outputs)
    return {
        **_identity(run),
        "status": run.status,
        "cancel_requested": run.cancel_requested,
        "waiting_for": waits.entry,
        "waits_open": waits.count,
        "input_vars": mask(inputs),
        **dict.fromkeys(("output_vars", "state", "variables", "outputs"), shown_outputs),
        **_times(run, known.now),
        **_outcome(run, mask),
        "can": verbs(selectors.situation(actor, run, known.versions, held=waits.held, manual=manual)),
    }


def _identity(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.pk,
        "thread_id": run.pk,
        "root_run_id": run.root_run_id,
        "parent_run_id": run.parent_run_id,
        "retry_of": run.retry_of_id,
        "forked_from": run.forked_from_id,
        "procedure_id": run.procedure_key,
        "procedure_version": run.procedure_version,
        "document_hash": run.document_hash,
        "release_channel": run.release_channel,
        "environment": ENVIRONMENTS[Channel(run.release_channel)],
        "is_test": run.is_test,
        "project_id": run.project_id,
        "case_id": run.case_id or None,
        "title": run.title,
        "labels": run.labels,
        "execution_mode": run.execution_mode,
        "mock_external_calls": run.mock_external_calls,
        "priority": run.priority,
        "trigger_type": run.trigger_type,
        "trigger_id": None,
        "trigger_payload_hash": None,
        "triggered_by": run.triggered_by,
    }


def _times(run: Run, now: datetime) -> dict[str, Any]:
    started, ended = run.started_at, run.ended_at
    return {
        "started_at": started,
        "ended_at": ended,
        "created_at": run.created_at,
        "updated_at": run.updated_at,
        "duration_seconds": ((ended or now) - started).total_seconds() if started else None,
    }


def _outcome(run: Run, mask: Any) -> dict[str, Any]:
    error = mask({key: run.error.get(key) for key in ERROR_KEYS}) if run.error else None
    return {
        "last_node_id": run.last_node_id or None,
        "last_step_id": run.last_step_id or None,
        "error": error,
        "error_message": error["message"] if error else None,
        "recovered_via": run.recovered_via or None,
        "total_prompt_tokens": run.prompt_tokens,
        "total_completion_tokens": run.completion_tokens,
        "estimated_cost_usd": None if run.cost_usd is None else float(run.cost_usd),
    }
