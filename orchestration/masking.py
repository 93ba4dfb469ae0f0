"""What is masked when the values of runs are shown: telling names, and what their documents declare sensitive."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from langorch.lib.redaction import Redactor
from orchestration.choices import MODEL_CALL
from orchestration.models import Run, StepRecord
from procedures.ckp.compile import load_document
from procedures.ckp.document import SequenceNode
from procedures.models import Document

MOST_KEPT: Final = 2_000

_kept: dict[UUID, Redactor] = {}


def redactors(runs: Iterable[Run]) -> dict[UUID, Redactor]:
    """By document, what masks the values of `runs`. Documents never change, so each is read once per process."""
    wanted = {run.document_id for run in runs}
    if missing := wanted - set(_kept):
        rows = Document.system.filter(pk__in=missing)
        _keep(rows.values_list("pk", "canonical__variables_schema", "canonical__global_config__audit_config"))
    return {document_id: _kept[document_id] for document_id in wanted}


def redactor_of(document: Document) -> Redactor:
    """What masks the values of runs of `document`."""
    if document.pk not in _kept:
        canonical = document.canonical
        audit = (canonical.get("global_config") or {}).get("audit_config")
        _keep([(document.pk, canonical.get("variables_schema"), audit)])
    return _kept[document.pk]


def sensitive_names(variables_schema: Mapping[str, Any] | None) -> set[str]:
    """The names of a canonical schema whose values are masked."""
    return {name for name, meta in (variables_schema or {}).items() if _is_sensitive(meta)}


def sensitive_steps(run: Run) -> frozenset[tuple[str, str]]:
    """The steps (node, step) of a run's document whose result goes into a variable that is masked."""
    document, redactor = load_document(run.document.canonical), redactor_of(run.document)
    return frozenset(
        (node_id, step.step_id)
        for node_id, node in document.nodes.items()
        if isinstance(node, SequenceNode)
        for step in node.steps
        for name in (step.output_variable, step.parameters.get("variable"), *step.outputs)
        if isinstance(name, str) and redactor.hides(name, "")
    )


def shown_result(step: StepRecord) -> Any:
    """The result of a step; of a model's answer, the text as it may be shown."""
    if step.action != MODEL_CALL or not isinstance(step.result, dict):
        return step.result
    rest = {name: value for name, value in step.result.items() if name != "shown"}
    return rest | {"text": step.result.get("shown", "")}


def _keep(rows: Iterable[tuple[UUID, Any, Any]]) -> None:
    if len(_kept) > MOST_KEPT:
        _kept.clear()
    for document_id, schema, audit in rows:
        _kept[document_id] = Redactor(sensitive_names(schema).union((audit or {}).get("redacted_fields", ())))


def _is_sensitive(meta: Mapping[str, Any]) -> bool:
    return bool(meta.get("sensitive") or meta.get("sensitivity") or meta.get("type") == "password")
