"""Reopening the records of an ended run, so that it goes on from the visit that failed (runtime 14).

The chain from the main region down to what failed is opened again; what an on_failure route did is forgotten. A child
that failed, or was stopped with its parent, is reopened itself: what it has recorded stays, as in any region.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from langorch.lib import clock
from orchestration import children
from orchestration.choices import ENDED, MODEL_CALL, VALIDATIONS, StepState, VisitState, WaitKind, WaitState
from orchestration.compensating import UNDO
from orchestration.models import Run, StepRecord, Visit, Wait
from orchestration.visit_rows import owner_of

FAILED = frozenset({"fail", "end", "recover"})
LIMITS = frozenset({"timeout", "expired", "sla_breached"})
OPERATIONS = "operations"
"""The fact that says how many operations are done: as long as what they changed is kept."""
KEPT_FACTS = frozenset({"items", "index", OPERATIONS})
CHILD = "child"
"""The fact of a subflow's visit that names the child it started last."""


class Plan:
    """What is to be opened again: visits that are done, and among them and the open ones those that have a child."""

    def __init__(self, run_id: UUID) -> None:
        self.run_id = run_id
        visits = list(Visit.objects.filter(run_id=run_id).order_by("region", "pos"))
        main = [visit for visit in visits if visit.region == ""]
        recovery = next((visit for visit in main if visit.outcome == "recover"), None)
        self.forgotten = [visit for visit in main if recovery is not None and visit.pos > recovery.pos]
        kept = [visit for visit in main if visit not in self.forgotten]
        self.chain = _chain(kept[-1:], visits)
        self.cut = [visit for visit in visits if visit.state == VisitState.OPEN]
        again = {visit.path for visit in (*self.cut, *self.chain)}
        entered = [visit for visit in visits if _is_entered(visit.path, again)]
        self.parents = {str(visit.data[CHILD]): visit for visit in entered if visit.data and visit.data.get(CHILD)}

    def children(self) -> QuerySet[Run]:
        """The children that are not deleted."""
        return Run.system.filter(pk__in=list(self.parents)).order_by("pk")


def reopen(plan: Plan) -> None:
    """Open the failed visits of a run again; call it inside the move's transaction, its children being reopened."""
    _forget(plan.run_id, plan.forgotten)
    _open_chain(plan.run_id, plan.chain)
    _start_clocks(plan.cut, LIMITS)
    Visit.objects.filter(pk__in=[visit.pk for visit in plan.parents.values()]).update(data=None)
    for child in plan.children():
        _wait_again(plan.parents[str(child.pk)], child)


def reopen_region(run_id: UUID, region: str) -> None:
    """Open the failed visits of a branch again, so that it goes on from its failed step; children are started anew."""
    below = Visit.objects.filter(run_id=run_id, region__startswith=region).order_by("region", "pos")
    visits = [visit for visit in below if visit.region[len(region) :][:1] in ("", "/")]
    _open_chain(run_id, _chain([visit for visit in visits if visit.region == region][-1:], visits))
    _start_clocks([visit for visit in visits if visit.state == VisitState.OPEN], LIMITS | {CHILD})


def _open_chain(run_id: UUID, chain: Sequence[Visit]) -> None:
    """Open visits again: attempts are counted on, retries anew; what was answered is asked again."""
    for visit in chain:
        _open(visit)
        _recover_again(visit)
    paths = [visit.path for visit in chain]
    StepRecord.objects.filter(run_id=run_id, path__in=paths).update(retries=0, error=None)
    _ask_models_again(run_id, paths)
    StepRecord.objects.filter(run_id=run_id, path__in=[path + VALIDATIONS for path in paths]).delete()
    answered = Wait.objects.filter(run_id=run_id, path__in=paths, state__in=[WaitState.ANSWERED, WaitState.EXPIRED])
    answered.update(state=WaitState.CANCELED, closed_at=Now())


def _wait_again(visit: Visit, child: Run) -> None:
    """Wait for the child of a visit; one that completed has answered already."""
    Wait.objects.filter(run_id=visit.run_id, path=visit.path, kind=WaitKind.SUBFLOW).update(state=WaitState.CANCELED)
    ended = child.status in ENDED
    Wait.objects.create(
        run_id=visit.run_id,
        path=visit.path,
        kind=WaitKind.SUBFLOW,
        ref=str(child.pk),
        since=clock.now(),
        state=WaitState.ANSWERED if ended else WaitState.OPEN,
        answer=children.said_by(child) if ended else None,
        closed_at=clock.now() if ended else None,
    )
    Visit.objects.filter(pk=visit.pk).update(data={CHILD: str(child.pk)})


def _is_entered(path: str, again: set[str]) -> bool:
    """Whether a visit is entered again: it and all of its owners are open, or will be."""
    while path in again:
        region = path.rpartition("/")[0]
        if not region:
            return True
        path = owner_of(region)
    return False


def _recover_again(visit: Visit) -> None:
    """Handlers count anew, so their recovery steps are carried out anew; and so do tries of the visit itself."""
    handled = StepRecord.objects.filter(run_id=visit.run_id, path__startswith=f"{visit.path}!")
    handled.update(state=StepState.FAILED, retries=0, error=None)
    sent_back = Visit.objects.filter(run_id=visit.run_id, region=visit.region, node_id=visit.node_id, outcome="retry")
    sent_back.update(outcome="goto")


def _ask_models_again(run_id: UUID, paths: Sequence[str]) -> None:
    """Where a visit failed though its model answered, the answers were no use: they are not taken again."""
    steps = StepRecord.objects.filter(run_id=run_id, path__in=paths)
    unanswered = steps.exclude(state=StepState.COMPLETED).values_list("path", flat=True)
    useless = steps.filter(action=MODEL_CALL).exclude(path__in=list(unanswered))
    useless.update(state=StepState.FAILED)


def _chain(candidates: Sequence[Visit], visits: Sequence[Visit]) -> list[Visit]:
    """Those of the candidates that failed, and below each of them the last ones of its regions that failed."""
    found: list[Visit] = []
    for visit in candidates:
        if visit.outcome in FAILED:
            found += [visit, *_chain(_last_below(visit, visits), visits)]
    return found


def _last_below(owner: Visit, visits: Sequence[Visit]) -> list[Visit]:
    branches = {visit.region: visit for visit in visits if _is_branch(visit.region, owner.path)}
    iterations = [visit for visit in visits if _iteration(visit.region, owner.path) is not None]
    latest = max(iterations, key=lambda visit: (_iteration(visit.region, owner.path) or 0, visit.pos), default=None)
    return [*branches.values(), *([latest] if latest else [])]


def _is_branch(region: str, owner: str) -> bool:
    return region.startswith(f"{owner}:") and "/" not in region[len(owner) :]


def _iteration(region: str, owner: str) -> int | None:
    if not region.startswith(f"{owner}[") or not region.endswith("]"):
        return None
    number = region[len(owner) + 1 : -1]
    return int(number) if number.isdigit() else None


def _open(visit: Visit) -> None:
    has_steps = StepRecord.objects.filter(run_id=visit.run_id, path=visit.path).exists()
    kept = KEPT_FACTS | {UNDO} if has_steps else (KEPT_FACTS | {UNDO}) - {OPERATIONS}
    facts = {name: value for name, value in (visit.data or {}).items() if name in kept}
    Visit.objects.filter(pk=visit.pk).update(
        state=VisitState.OPEN,
        outcome="",
        next_node="",
        error=None,
        started_at=Now(),
        ended_at=None,
        data=facts or None,
        changes={name: value for name, value in visit.changes.items() if name != "error"} if has_steps else {},
    )


def _start_clocks(cut: Iterable[Visit], forgotten: frozenset[str]) -> None:
    """Let the limits of visits that were cut short count anew; some facts are forgotten."""
    for visit in cut:
        facts = {name: value for name, value in (visit.data or {}).items() if name not in forgotten}
        Visit.objects.filter(pk=visit.pk).update(started_at=Now(), data=facts or None)


def _forget(run_id: UUID, visits: Iterable[Visit]) -> None:
    for visit in visits:
        below = Q(path=visit.path)
        for mark in ("[", ":", "/", "!", "~"):
            below |= Q(path__startswith=f"{visit.path}{mark}")
        for model in (Visit, StepRecord, Wait):
            model.objects.filter(below, run_id=run_id).delete()
