"""What is masked when the values of runs are shown: telling names, and what their documents declare sensitive."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from langorch.lib.redaction import Redactor
from orchestration.choices import MODEL_CALL
from orchestration.models import Run, StepRecord
from procedures.ckp.compile import load_document
from procedures.ckp.document import SequenceNode
from procedures.ckp.secrecy import secrecy_of
from procedures.models import Document

MOST_KEPT: Final = 2_000


@dataclass(frozen=True, slots=True)
class _Mask:
    """What is masked in runs of one document: values by name, and the results of steps (node, step)."""

    redactor: Redactor
    steps: frozenset[tuple[str, str]]


_kept: dict[UUID, _Mask] = {}


def redactors(runs: Iterable[Run]) -> dict[UUID, Redactor]:
    """By document, what masks the values of `runs`. Documents never change, so each is read once per process."""
    wanted = {run.document_id for run in runs}
    if missing := wanted - set(_kept):
        _keep(Document.system.filter(pk__in=missing).values_list("pk", "canonical"))
    return {document_id: _kept[document_id].redactor for document_id in wanted}


def redactor_of(document: Document) -> Redactor:
    """What masks the values of runs of `document`."""
    return _mask_of(document).redactor


def sensitive_steps(run: Run) -> frozenset[tuple[str, str]]:
    """The steps (node, step) of a run's document whose result is sensitive, or goes into a variable that is masked."""
    document, mask = load_document(run.document.canonical), _mask_of(run.document)
    return mask.steps.union(
        (node_id, step.step_id)
        for node_id, node in document.nodes.items()
        if isinstance(node, SequenceNode)
        for step in node.steps
        for name in (step.output_variable, step.parameters.get("variable"), *step.outputs)
        if isinstance(name, str) and mask.redactor.hides(name, "")
    )


def shown_result(step: StepRecord) -> Any:
    """The result of a step; of a model's answer, the text as it may be shown."""
    if step.action != MODEL_CALL or not isinstance(step.result, dict):
        return step.result
    rest = {name: value for name, value in step.result.items() if name != "shown"}
    return rest | {"text": step.result.get("shown", "")}


def _mask_of(document: Document) -> _Mask:
    if document.pk not in _kept:
        _keep([(document.pk, document.canonical)])
    return _kept[document.pk]


def _keep(rows: Iterable[tuple[UUID, Any]]) -> None:
    if len(_kept) > MOST_KEPT:
        _kept.clear()
    for document_id, canonical in rows:
        audit = (canonical.get("global_config") or {}).get("audit_config") or {}
        found = secrecy_of(canonical)
        _kept[document_id] = _Mask(Redactor(found.hidden.union(audit.get("redacted_fields", ()))), found.steps)
