"""Trying an ended run again: from its failed step, or as a new run (runtime 14)."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from langorch.lib.errors import Conflict, Invalid, Place
from orchestration import selectors, transitions
from orchestration.choices import ExecutionMode
from orchestration.models import Run
from orchestration.services.request import Cause, StartRequest
from orchestration.services.start import start_run
from orchestration.verbs import FAILED_STEP, FROM_START, NEW_RUN, RETRY_MODES, UNDONE, why_not_retry
from procedures.models import Document
from tenants import audit
from tenants.actor import Actor


def retry_run(
    actor: Actor,
    run: Run,
    mode: str | None = None,
    input_vars: Mapping[str, Any] | None = None,
    procedure_version: str | None = None,
    reason: str = "",
    *,
    from_text: bool = False,
) -> Run:
    """Retry an ended run; the same run for `failed_step`, else the new one.

    Inputs or a version ask for a new run; without a mode the document decides between failed_step and start. Raises
    `Denied`, `Conflict` (illegal_transition, already_compensated), `Invalid`, and what `start_run` raises.
    """
    actor.require("runs.operate", run)
    chosen = _mode(run, mode, changed=input_vars is not None or procedure_version is not None)
    now = selectors.situation(actor, run, selectors.version_statuses([run]))
    if refusal := why_not_retry(now, chosen):
        code = "already_compensated" if refusal == UNDONE else "illegal_transition"
        raise Conflict(refusal, code=code, extra={"status": run.status})
    if chosen == FAILED_STEP:
        return _reopen(actor, run, reason)
    return _start_again(actor, run, input_vars, procedure_version, reason, from_text=from_text)


def _mode(run: Run, mode: str | None, *, changed: bool) -> str:
    if mode is not None and mode not in RETRY_MODES:
        raise _wrong(f"Must be one of {', '.join(RETRY_MODES)}.")
    if not changed:
        return mode or _default_mode(run)
    if mode == FAILED_STEP:
        raise _wrong("Changed inputs or another version need a new run: leave the mode out, or say new_run.")
    return NEW_RUN


def _default_mode(run: Run) -> str:
    said = Document.system.filter(pk=run.document_id).values_list(
        "canonical__global_config__resume_on_failure", flat=True
    )
    return FROM_START if said.get() is False else FAILED_STEP


def _wrong(message: str) -> Invalid:
    return Invalid(f"mode: {message}", places=[Place(message, field="mode")])


@transaction.atomic
def _reopen(actor: Actor, run: Run, reason: str) -> Run:
    transitions.reopen_failed(run.pk, actor.name, reason)
    _record(actor, run, FAILED_STEP, reason)
    return Run.system.get(pk=run.pk)


@transaction.atomic
def _start_again(
    actor: Actor,
    run: Run,
    input_vars: Mapping[str, Any] | None,
    procedure_version: str | None,
    reason: str,
    *,
    from_text: bool,
) -> Run:
    wanted = StartRequest(
        procedure_id=run.procedure_key,
        procedure_version=procedure_version or run.procedure_version,
        input_vars=run.input_vars if input_vars is None else input_vars,
        from_text=from_text and input_vars is not None,
        release_channel=None if procedure_version else run.release_channel,
        project_id=run.project_id,
        case_id=run.case_id,
        title=run.title,
        priority=run.priority,
        labels=run.labels,
        execution_mode=None if run.execution_mode == ExecutionMode.PRODUCTION else run.execution_mode,
        mock_external_calls=run.mock_external_calls or None,
        test_data_overrides=run.test_data_overrides,
        cause=Cause(retry_of=run),
    )
    again = start_run(actor, wanted).run
    _record(actor, run, FROM_START if input_vars is None and procedure_version is None else NEW_RUN, reason)
    return again


def _record(actor: Actor, run: Run, mode: str, reason: str) -> None:
    text = f"Retry ({mode}) of {run}" + (f": {reason}" if reason else "")
    audit.record(actor, "run.retry", text, resource=("run", run.pk), project_id=run.project_id, mode=mode)
