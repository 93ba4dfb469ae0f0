"""The page of one run, and the verbs that stand on it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from langorch.lib.errors import Conflict
from orchestration import run_page, selectors, services, verbs
from orchestration.choices import RunStatus
from orchestration.models import Run
from orchestration.reasons import ReasonForm
from orchestration.verbs import RETRY_MODES
from tenants.access import actor_of, page

PARTS = {
    "timeline": "runs/part_timeline.html",
    "events": "runs/part_events.html",
    "event": "runs/part_event.html",
    "changes": "runs/part_changes.html",
    "attempts": "runs/part_attempts.html",
    "artifact": "runs/part_artifact.html",
}
"""What `?section=` answers alone: earlier rows of long lists, and what is fetched when it is opened."""


@require_GET
@page("view")
def run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """One run: its state in a sentence, the path, the timeline, its events."""
    actor = actor_of(request)
    found = run_page.run_for(actor, run_id)
    context = {"run": found, "page": run_page.RunPage(actor, found, request.GET.dict())}
    part = PARTS.get(request.GET.get("section", ""))
    return render(request, part or "runs/run.html", context)


@require_http_methods(["GET", "POST"])
@page("runs.operate")
def cancel(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Ask for a reason, then cancel."""
    actor = actor_of(request)
    found = selectors.run_for(actor, run_id)
    actor.require("runs.operate", found)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        return _done(request, found, lambda: services.cancel_run(actor, found, form.cleaned_data["reason"]))
    verdict = selectors.verbs(actor, found)["cancel"]
    context = {
        "title": "Cancel this run?",
        "text": "What is done stays done. The run ends, its open questions are withdrawn, and nothing further is sent.",
        "rows": [_row(found, verdict)],
        "verb": "Cancel 1 run",
        "back_label": "Keep it",
        "form": form,
    }
    return _confirm(request, found, context)


@require_http_methods(["GET", "POST"])
@page("runs.operate")
def retry(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Retry from the failed step, or from the start as a new run."""
    actor = actor_of(request)
    found = selectors.run_for(actor, run_id)
    actor.require("runs.operate", found)
    if request.method == "GET":
        now = selectors.situation(actor, found, selectors.version_statuses([found]))
        why_not = {mode: verbs.why_not_retry(now, mode) for mode in RETRY_MODES}
        context = {"run": found, "why_not": why_not, "can": selectors.verbs(actor, found)["retry"] is True}
        return render(request, "runs/retry.html", context)
    mode, reason = request.POST.get("mode") or None, request.POST.get("reason", "")
    return _done(request, found, lambda: services.retry_run(actor, found, mode=mode, reason=reason))


@require_http_methods(["GET", "POST"])
@page("runs.operate")
def compensate(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Ask for a reason, then undo what the run had done."""
    actor = actor_of(request)
    found = selectors.run_for(actor, run_id)
    actor.require("runs.operate", found)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        return _done(request, found, lambda: services.compensate_run(actor, found, form.cleaned_data["reason"]))
    verdict = selectors.verbs(actor, found)["compensate"]
    context = {
        "title": "Undo this run?",
        "text": "What it had done is undone, the last first. Then it ends as it is now, and it cannot be retried.",
        "rows": [_row(found, verdict, "is undone")],
        "verb": "Undo 1 run",
        "back_label": "Keep it",
        "form": form,
    }
    return _confirm(request, found, context)


@require_POST
@page("runs.operate")
def pause(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Hold a run at its next boundary."""
    actor = actor_of(request)
    found = selectors.run_for(actor, run_id)
    return _done(request, found, lambda: services.pause_run(actor, found))


@require_POST
@page("runs.operate")
def resume(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Let a held run go on."""
    actor = actor_of(request)
    found = selectors.run_for(actor, run_id)
    return _done(request, found, lambda: services.resume_run(actor, found))


def _done(request: HttpRequest, run: Run, act: Callable[[], Run]) -> HttpResponse:
    """Act and go to the page of the run; a verb that came too late is told there."""
    try:
        changed = act()
    except Conflict as refusal:
        messages.error(request, refusal.detail)
        return redirect("run", run.pk)
    messages.success(request, "A new run is queued." if changed.pk != run.pk else _SAID[RunStatus(changed.status)])
    return redirect("run", changed.pk)


_SAID = {
    RunStatus.CREATED: "The run is queued.",
    RunStatus.RUNNING: "Asked for; the run obeys at its next step.",
    RunStatus.WAITING_APPROVAL: "The run waits for a decision again.",
    RunStatus.PAUSED: "The run is on hold.",
    RunStatus.COMPLETED: "The run had completed before.",
    RunStatus.FAILED: "The run had failed before.",
    RunStatus.CANCELED: "The run is canceled.",
}


def _row(run: Run, verdict: Any, what: str = "is canceled") -> dict[str, Any]:
    name = run.title or str(run)
    if verdict is True:
        return {"kind": "run", "status": run.status, "name": name, "what": what}
    return {"kind": "run", "status": run.status, "name": name, "what": verdict, "left_out": True}


def _confirm(request: HttpRequest, found: Run, context: dict[str, Any]) -> HttpResponse:
    address = reverse("run", args=[found.pk])
    status = 200 if request.method == "GET" else 422
    crumbs = {"crumb": found.title or str(found), "crumb_url": address, "back_url": address}
    return render(request, "portal/confirm.html", context | crumbs, status=status)
