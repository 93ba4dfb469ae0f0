"""The page that forks a run: choose where, edit the variables, give a reason."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from langorch.lib.errors import Conflict, Invalid
from orchestration import fork_form, masking, selectors, sentences, services
from orchestration.fork_form import Field, ForkPoints, Point
from orchestration.mode_words import mode_words
from orchestration.models import Run
from orchestration.reasons import ReasonForm
from procedures import selectors as procedures
from tenants.access import actor_of, page
from tenants.actor import Actor

POINTS_PER_PAGE = 200
MOST_VERSIONS = 50


@require_http_methods(["GET", "POST"])
@page("runs.operate")
def fork(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Choose a visit, then edit the variables as they were before it."""
    actor = actor_of(request)
    run = selectors.run_among(selectors.runs_visible_to(actor).select_related("document"), run_id)
    actor.require("runs.operate", run)
    verdict = selectors.verbs(actor, run)["fork"]
    context: dict[str, Any] = {"run": run, "mode": mode_words(run), "why_not": "" if verdict is True else verdict}
    if context["why_not"]:
        return render(request, "runs/fork.html", context, status=200 if request.method == "GET" else 409)
    points = ForkPoints(run)
    path = request.POST.get("path") or request.GET.get("path", "")
    point = _point(points, path)
    if point is None:
        return render(request, "runs/fork.html", context | _choice(request, points, path))
    fields = points.fields(point.visit, masking.redactor_of(run.document))
    context |= {"point": point, "versions": _versions(actor, run)}
    if request.method == "GET":
        return render(request, "runs/fork.html", context | {"fields": fields, "form": ReasonForm()})
    return _forked(request, actor, run, fields, context)


def _forked(request: HttpRequest, actor: Actor, run: Run, fields: list[Field], context: dict[str, Any]) -> HttpResponse:
    posted, form = request.POST.dict(), ReasonForm(request.POST)
    changes, errors = fork_form.changed(fields, posted)
    detail = ""
    if form.is_valid() and not errors:
        version = posted.get("procedure_version") or None
        try:
            new = services.fork_run(actor, run, context["point"].path, form.cleaned_data["reason"], changes, version)
        except Invalid as refusal:
            errors, detail = _told(refusal)
        except Conflict as refusal:
            messages.error(request, refusal.detail)
            return redirect("run", run.pk)
        else:
            messages.success(request, "The fork is queued.")
            return redirect("run", new.pk)
    shown = fork_form.filled(fields, posted, errors)
    faults = [field for field in shown if field.error]
    given = {"fields": shown, "faults": faults, "detail": detail, "form": form}
    wanted = {"wanted_version": posted.get("procedure_version", "")}
    return render(request, "runs/fork.html", context | given | wanted, status=422)


def _told(refusal: Invalid) -> tuple[dict[str, str], str]:
    """What is wrong with single variables, and with the rest."""
    errors = {
        place.field.removeprefix("changes."): place.message
        for place in refusal.places
        if place.field and place.field.startswith("changes.")
    }
    return errors, "" if errors else refusal.detail


def _point(points: ForkPoints, path: str) -> Point | None:
    visit = points.visit(path)
    return Point(path, sentences.place(path, points.name), visit) if visit else None


def _choice(request: HttpRequest, points: ForkPoints, path: str) -> dict[str, Any]:
    """The visits to choose from, the latest first."""
    text = request.GET.get("before", "")
    stop = min(int(text), len(points.visits)) if text.isdecimal() and len(text) < 10 else len(points.visits)
    first = max(0, stop - POINTS_PER_PAGE)
    listed = [Point(visit.path, sentences.place(visit.path, points.name), visit) for visit in points.visits[first:stop]]
    return {"points": listed[::-1], "earlier": first, "unknown": bool(path)}


def _versions(actor: Actor, run: Run) -> list[str]:
    """The other versions that the new run may take."""
    others = procedures.versions_for(actor).filter(procedure=run.procedure_id).exclude(version=run.procedure_version)
    return list(others.values_list("version", flat=True)[:MOST_VERSIONS])
