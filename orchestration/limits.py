"""How many runs there are, counted from live rows each time, so that a slot cannot leak (runtime 3)."""

from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from orchestration.choices import OPEN, PARKED, RunStatus, WaitKind, WaitState
from orchestration.models import Run, Wait

FOR_PEOPLE = (WaitKind.APPROVAL, WaitKind.BUDGET, WaitKind.OPERATOR)


def open_of_tenant(tenant_id: UUID) -> QuerySet[Run]:
    """The runs of a tenant that have not ended."""
    return Run.system.filter(tenant_id=tenant_id, status__in=OPEN)


def open_of_project(project_id: UUID) -> QuerySet[Run]:
    """The runs of a project that have not ended."""
    return Run.system.filter(project_id=project_id, status__in=OPEN)


def occupying(procedure_id: UUID, key: str = "", *, count_waiting: bool = False) -> QuerySet[Run]:
    """The runs of a procedure (and of one concurrency key) that occupy a place.

    Those at work, and those that have started and are queued again or wait for anything but a person;
    `count_waiting` counts those that wait for a person too.
    """
    runs = Run.system.filter(procedure_id=procedure_id, status__in=OPEN)
    if key:
        runs = runs.filter(concurrency_key=key)
    begun = Q(status=RunStatus.RUNNING) | Q(started_at__isnull=False)
    if count_waiting:
        return runs.filter(begun)
    person = Wait.objects.filter(run=OuterRef("pk"), state=WaitState.OPEN, kind__in=FOR_PEOPLE)
    return runs.filter(begun).exclude(Q(status__in=PARKED) & Q(Exists(person)))
