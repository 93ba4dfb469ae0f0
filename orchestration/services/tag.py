"""Labels of runs, by which people find them."""

from django.db import transaction
from django.db.models.functions import Now

from langorch.lib.errors import Invalid, NotFound, Place
from orchestration import events
from orchestration.models import Run
from orchestration.services.start import LONGEST_LABEL, MOST_LABELS
from tenants import audit
from tenants.actor import Actor


def tag_run(actor: Actor, run: Run, label: str, reason: str = "") -> Run:
    """Put a label on a run: `name`, or `name:text`. Doing it twice changes nothing.

    Raises `Denied`, `Invalid` for a label that is none or one too many, `NotFound` when the run is gone.
    """
    actor.require("runs.operate", run)
    name, text = label_parts(label)
    with transaction.atomic():
        locked = Run.system.select_for_update(of=("self",)).filter(pk=run.pk).only("labels", "last_seq").first()
        if locked is None:
            raise NotFound("The run is gone.")
        if locked.labels.get(name) == text:
            return Run.system.get(pk=run.pk)
        if len(locked.labels) >= MOST_LABELS and name not in locked.labels:
            raise _refused(f"The run has {MOST_LABELS} labels already.")
        Run.system.filter(pk=run.pk).update(labels=locked.labels | {name: text}, updated_at=Now())
        told = f"{run} labelled {label}" + (f": {reason}" if reason else "")
        audit.record(actor, "run.tag", told, resource=("run", run.pk), project_id=run.project_id, label=label)
        events.announce(run.pk, run.tenant_id, locked.last_seq)
    return Run.system.get(pk=run.pk)


def label_parts(label: str) -> tuple[str, str]:
    """Name and text of a label. Raises `Invalid`."""
    name, _, text = label.strip().partition(":")
    if not 0 < len(name) <= LONGEST_LABEL or len(text) > LONGEST_LABEL:
        raise _refused(f"A label is a name, or name:text, of at most {LONGEST_LABEL} characters each.")
    return name, text


def _refused(message: str) -> Invalid:
    return Invalid(message, places=[Place(message, field="label")])
