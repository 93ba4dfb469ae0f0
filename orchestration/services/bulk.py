"""Acting on many runs: a bulk job is accepted at once, and done run by run in the background."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from langorch.lib import clock, doorbell
from langorch.lib.errors import Invalid, Place
from orchestration import jobs
from orchestration.choices import BulkState, BulkVerb, ItemState
from orchestration.models import Bulk, BulkItem, Run
from orchestration.services.tag import label_parts
from tenants import audit
from tenants.actor import Actor

MOST_RUNS: Final = 100_000
AT_ONCE: Final = 5_000


@transaction.atomic
def start_bulk(
    actor: Actor, verb: BulkVerb, runs: Iterable[UUID] | QuerySet[Run], reason: str, label: str = ""
) -> Bulk:
    """A job that does `verb` to each of `runs`, as `actor` may at that time; every one has its own verdict.

    Raises `Denied`, `Invalid` (a tag without label, too many runs).
    """
    actor.require("runs.operate")
    if verb == BulkVerb.TAG:
        label_parts(label)
    run_ids = list(dict.fromkeys(_ids(runs)))
    if len(run_ids) > MOST_RUNS:
        message = f"More than {MOST_RUNS} runs; narrow the filter."
        raise Invalid(message, places=[Place(message, field="filter")])
    now = clock.now()
    bulk = Bulk.system.create(
        tenant_id=actor.tenant_id,
        verb=verb,
        reason=reason,
        label=label if verb == BulkVerb.TAG else "",
        user_id=actor.user_id,
        actor=actor.name,
        address=actor.address,
        state=BulkState.RUNNING if run_ids else BulkState.COMPLETED,
        created_at=now,
        ended_at=None if run_ids else now,
    )
    BulkItem.objects.bulk_create((BulkItem(bulk=bulk, run_id=run_id) for run_id in run_ids), batch_size=AT_ONCE)
    text = f"{bulk.get_verb_display()} {len(run_ids)} runs: {reason}"
    audit.record(actor, "bulk.start", text, resource=("bulk", bulk.pk), verb=verb, runs=len(run_ids))
    doorbell.ring(jobs.BULK)
    return bulk


@transaction.atomic
def cancel_bulk(actor: Actor, bulk: Bulk) -> Bulk:
    """Leave the rest of a bulk job undone; what is done stays done. Doing it twice changes nothing."""
    actor.require("runs.operate")
    ended = Bulk.system.filter(pk=bulk.pk, state=BulkState.RUNNING)
    if ended.update(state=BulkState.CANCELED, ended_at=clock.now()):
        rest = BulkItem.objects.filter(bulk=bulk, state=ItemState.PENDING)
        rest.update(state=ItemState.SKIPPED, code="canceled", detail="The bulk job was canceled.")
        audit.record(actor, "bulk.cancel", f"{bulk} canceled", resource=("bulk", bulk.pk))
    return Bulk.system.get(pk=bulk.pk)


def _ids(runs: Iterable[UUID] | QuerySet[Run]) -> Iterable[UUID]:
    if isinstance(runs, QuerySet):
        return runs.order_by("created_at", "pk").values_list("pk", flat=True)[: MOST_RUNS + 1]
    return runs
