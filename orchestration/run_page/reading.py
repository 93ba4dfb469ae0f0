"""Reading a run with what its page says about its surroundings, in one query."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Case, CharField, DurationField, ExpressionWrapper, F, OuterRef, Q, QuerySet, Subquery, When

from approvals.models import Approval
from langorch.lib import clock
from langorch.lib.counting import CountUpTo, Median
from orchestration import selectors
from orchestration.choices import OPEN, RunStatus
from orchestration.models import Artifact, Event, Run, StepRecord
from procedures.models import ProcedureVersion
from tenants.actor import Actor

SEEN_BEFORE = timedelta(days=7)
MOST_COUNTED = 99
TYPICAL_OF = 20
LOOPS = ("loop_iteration", "loop_completed")

Runs = QuerySet[Run]


def run_for(actor: Actor, run_id: UUID) -> Run:
    """The run with what its page shows of it. Raises `NotFound` like `selectors.run_for`."""
    runs = selectors.runs_visible_to(actor).select_related("procedure", "document", "job")
    return selectors.run_among(_with_neighbours(actor, _with_counts(runs)), run_id)


def also(run: Run, name: str) -> Any:
    """A value that `run_for` read along with the run."""
    return vars(run)[name]


def _with_counts(runs: Runs) -> Runs:
    failed = Run.system.filter(procedure=OuterRef("procedure"), status=RunStatus.FAILED)
    same = failed.filter(error_class=OuterRef("error_class"), ended_at__gte=clock.now() - SEEN_BEFORE)
    return runs.annotate(
        same_failures=CountUpTo(same.exclude(pk=OuterRef("pk")), MOST_COUNTED),
        step_count=CountUpTo(StepRecord.objects.filter(run=OuterRef("pk"))),
        approval_count=CountUpTo(Approval.system.filter(run_id=OuterRef("pk"))),
        artifact_count=CountUpTo(Artifact.system.filter(run=OuterRef("pk"))),
        child_count=CountUpTo(Run.system.filter(parent_run=OuterRef("pk")), MOST_COUNTED),
    )


def _with_neighbours(actor: Actor, runs: Runs) -> Runs:
    """The status of its version, later tries, how long such runs take, and how far its outermost loop has come."""
    version = ProcedureVersion.system.filter(procedure=OuterRef("procedure"), version=OuterRef("procedure_version"))
    again = Run.system.filter(retry_of=OuterRef("pk")).order_by("-created_at")
    parent = selectors.runs_visible_to(actor).filter(pk=OuterRef("parent_run"))
    title = Case(When(title="", then=F("procedure__name")), default=F("title"), output_field=CharField())
    return runs.annotate(
        version_status=Subquery(version.values("status")[:1]),
        next_try=Subquery(again.values("pk")[:1]),
        parent_title=Subquery(parent.annotate(shown=title).values("shown")[:1]),
        typical=Case(When(status__in=sorted(OPEN), then=_typical(actor)), output_field=DurationField()),
        loop=_of_outermost_loop("payload"),
        loop_node=_of_outermost_loop("node_id"),
    )


def _typical(actor: Actor) -> Median:
    """The middle of what the last completed runs of the procedure took, waits included."""
    runs = selectors.runs_visible_to(actor).filter(procedure=OuterRef("procedure"), status=RunStatus.COMPLETED)
    took = ExpressionWrapper(F("ended_at") - F("started_at"), DurationField())
    latest = runs.filter(started_at__isnull=False, is_test=OuterRef("is_test")).order_by("-created_at")
    return Median(latest.annotate(value=took).values("value")[:TYPICAL_OF], output_field=DurationField())


def _of_outermost_loop(column: str) -> Case:
    """What was told last about a loop that stands in no other, unless the run completed."""
    told = Event.objects.filter(run=OuterRef("pk"), event_type__in=LOOPS).exclude(path__contains="[")
    return Case(When(~Q(status=RunStatus.COMPLETED), then=Subquery(told.order_by("-seq").values(column)[:1])))
