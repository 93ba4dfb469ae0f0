"""Doing bulk jobs: one run at a time, each with its verdict in one transaction, so nothing is done twice."""

import threading
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, transaction

from langorch.lib import clock, doorbell, groups, live
from langorch.lib.errors import Denied, Refusal
from orchestration import jobs, selectors, services
from orchestration.choices import BulkState, BulkVerb, ItemState
from orchestration.models import Bulk, BulkItem, Run
from tenants import selectors as people
from tenants.actor import Actor

log = structlog.get_logger(__name__)

SECONDS: Final = 1.0
"""How long a worker's thread works on bulk jobs before it looks for other work."""
AT_ONCE: Final = 20
VIA: Final = "bulk"
NOT_APPLICABLE: Final = frozenset({404, 409})
"""Refusals that say that the verb has nothing to do with this run now."""
LOST: Final = (OperationalError, InterfaceError)

Deed = Callable[[Actor, Run, Bulk], Run | int]

DEEDS: Final[Mapping[str, Deed]] = {
    BulkVerb.CANCEL: lambda actor, run, bulk: services.cancel_run(actor, run, bulk.reason),
    BulkVerb.RETRY: lambda actor, run, bulk: services.retry_run(actor, run, reason=bulk.reason),
    BulkVerb.PAUSE: lambda actor, run, bulk: services.pause_run(actor, run, bulk.reason),
    BulkVerb.RESUME: lambda actor, run, bulk: services.resume_run(actor, run, bulk.reason),
    BulkVerb.DELETE: lambda actor, run, bulk: services.delete_run(actor, run, bulk.reason),
    BulkVerb.TAG: lambda actor, run, bulk: services.tag_run(actor, run, bulk.label, bulk.reason),
}


class Verdict(NamedTuple):
    """How it went with one run."""

    state: ItemState
    code: str = ""
    detail: str = ""


_working: Final = threading.Lock()
"""Held by the one thread of this process that works on bulk jobs, so that doorbells do not add up."""


def work(seconds: float = SECONDS) -> bool:
    """Work on the open bulk jobs in turn for some seconds, and ring again when something is left; whether it is.

    Nothing, when another thread of this process is at it.
    """
    if not _working.acquire(blocking=False):
        return False
    try:
        return _work(clock.monotonic() + seconds)
    finally:
        _working.release()


def _work(until: float) -> bool:
    left = True
    while left and clock.monotonic() < until:
        left = False
        for bulk in Bulk.system.filter(state=BulkState.RUNNING).order_by("created_at"):
            left |= _some_of(bulk, until)
    if left:
        doorbell.ring(jobs.BULK)
    return left


def _some_of(bulk: Bulk, until: float) -> bool:
    """Do the next few items; whether there may be more."""
    pending = BulkItem.objects.filter(bulk=bulk, state=ItemState.PENDING).order_by("pk")
    items = list(pending.values_list("pk", flat=True)[:AT_ONCE])
    if not items:
        _end(bulk)
        return False
    actor = _actor(bulk)
    for item_id in items:
        if clock.monotonic() >= until:
            break
        _do(bulk, actor, item_id)
    live.announce(groups.runs(bulk.tenant_id), run_id="")
    return True


def _end(bulk: Bulk) -> None:
    Bulk.system.filter(pk=bulk.pk, state=BulkState.RUNNING).update(state=BulkState.COMPLETED, ended_at=clock.now())
    live.announce(groups.runs(bulk.tenant_id), run_id="")


def _actor(bulk: Bulk) -> Actor | None:
    """Who wanted it, with the rights they have now; None when they left."""
    known = Actor(name=bulk.actor, tenant_id=bulk.tenant_id, user_id=bulk.user_id, via=VIA, address=bulk.address)
    return people.renewed(known)


def _do(bulk: Bulk, actor: Actor | None, item_id: int) -> None:
    with transaction.atomic():
        locked = BulkItem.objects.select_for_update(skip_locked=True)
        item = locked.filter(pk=item_id, state=ItemState.PENDING).first()
        if item is None:
            return
        verdict = _verdict(bulk, actor, item.run_id)
        item.state, item.code, item.detail = verdict.state, verdict.code[:48], verdict.detail[:300]
        item.save(update_fields=["state", "code", "detail"])


def _verdict(bulk: Bulk, actor: Actor | None, run_id: UUID) -> Verdict:
    if actor is None:
        return Verdict(ItemState.FAILED, Denied.code, f"{bulk.actor} has no rights here any more.")
    try:
        with transaction.atomic():
            run = selectors.run_for(actor, run_id)
            done = DEEDS[bulk.verb](actor, run, bulk)
    except Denied as refusal:
        return Verdict(ItemState.FAILED, refusal.code, refusal.detail)
    except Refusal as refusal:
        state = ItemState.SKIPPED if refusal.status in NOT_APPLICABLE else ItemState.FAILED
        return Verdict(state, refusal.code, refusal.detail)
    except LOST:
        raise
    except Exception as error:
        log.exception("bulk_item_failed", bulk_id=str(bulk.pk), run_id=str(run_id))
        return Verdict(ItemState.FAILED, "internal", type(error).__name__)
    new = done.pk if isinstance(done, Run) and done.pk != run_id else None
    return Verdict(ItemState.DONE, "new_run", str(new)) if new else Verdict(ItemState.DONE)
