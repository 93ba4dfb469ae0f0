"""Reading runs on behalf of somebody."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from langorch.lib.errors import NotFound
from langorch.lib.redaction import REDACTED, Redactor
from orchestration import compensating, holds, waiting
from orchestration.models import Event, Run
from orchestration.verbs import Situation, Verdict
from orchestration.verbs import verbs as verbs_in
from procedures.models import ProcedureVersion
from tenants.actor import Actor

VersionKey = tuple[UUID, str]


def runs_visible_to(actor: Actor) -> QuerySet[Run]:
    """The runs `actor` may see."""
    return Run.objects.visible_to(actor)


def run_for(actor: Actor, run_id: UUID | str) -> Run:
    """One run. Raises `NotFound` for one that does not exist, or that `actor` may not see."""
    return run_among(runs_visible_to(actor), run_id)


def run_among(runs: QuerySet[Run], run_id: UUID | str) -> Run:
    """One of `runs`, which are those that somebody may see. Raises `NotFound` for any other."""
    found = runs.filter(pk=_key(run_id)).first()
    if found is None:
        raise NotFound("There is no such run, or it is not yours to see.")
    return found


def events_after(run: Run, after: int = 0, limit: int = 1000) -> list[Event]:
    """At most `limit` events with a higher number than `after`, oldest first."""
    return list(Event.objects.filter(run=run, seq__gt=after).order_by("seq")[:limit])


def waiting_for(run: Run) -> dict[str, Any] | None:
    """What the run waits for: {kind, ref, since, until, sentence}, or None."""
    return waiting.waiting_for_one(run).entry


def verbs(actor: Actor, run: Run) -> dict[str, Verdict]:
    """Each verb with True, or the reason why `actor` cannot use it now."""
    manual = run.pk in compensating.manual_among([run])
    return verbs_in(situation(actor, run, version_statuses([run]), held=holds.is_held(run.pk), manual=manual))


def situation(
    actor: Actor, run: Run, statuses: Mapping[VersionKey, str], *, held: bool = False, manual: bool = False
) -> Situation:
    """What decides about the verbs of one run; `statuses` come from `version_statuses`, `manual` from its document."""
    return Situation(
        status=run.status,
        may_operate=actor.may("runs.operate", run),
        version_status=statuses.get((run.procedure_id, run.procedure_version), ""),
        cancel_requested=run.cancel_requested,
        held=held,
        is_child=run.parent_run_id is not None,
        compensation=run.compensation,
        is_manual=manual,
    )


def version_statuses(runs: Iterable[Run]) -> dict[VersionKey, str]:
    """The present status of each run's version; a version that was deleted is missing."""
    keys = {(run.procedure_id, run.procedure_version) for run in runs}
    if not keys:
        return {}
    wanted = Q(procedure_id__in={key[0] for key in keys}, version__in={key[1] for key in keys})
    rows = ProcedureVersion.system.filter(wanted).values_list("procedure_id", "version", "status")
    return {(procedure_id, version): status for procedure_id, version, status in rows}


def shown_value(name: str, value: Any, hidden: Collection[str]) -> Any:
    """The value of a variable as it may be shown; `hidden` names the sensitive ones."""
    redactor = Redactor(names=hidden)
    return REDACTED if value is not None and redactor.hides(name, value) else redactor.redact(value)


def _key(run_id: UUID | str) -> UUID:
    try:
        return run_id if isinstance(run_id, UUID) else UUID(run_id)
    except ValueError:
        raise NotFound("There is no such run, or it is not yours to see.") from None
