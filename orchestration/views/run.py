"""The page of one run, and the verbs that stand on it."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from langorch.lib.errors import Refusal
from orchestration import run_page, selectors, services
from orchestration.models import Run
from tenants.access import actor_of, page


class ReasonForm(forms.Form):
    """A reason, which is kept in the audit trail."""

    reason = forms.CharField(max_length=500, label="Reason", help_text="Kept in the audit trail and shown on the run.")

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, label_suffix="")


@require_GET
@page("view")
def run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """One run: its state in a sentence, the path, the timeline, its events."""
    actor = actor_of(request)
    found = run_page.run_for(actor, run_id)
    context = {"run": found, "page": run_page.RunPage(actor, found, request.GET.dict())}
    return render(request, "runs/run.html", context)


@require_http_methods(["GET", "POST"])
@page("runs.operate")
def cancel(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Ask for a reason, then cancel."""
    found = selectors.run_for(actor_of(request), run_id)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        services.cancel_run(actor_of(request), found, form.cleaned_data["reason"])
        messages.success(request, "Cancel was asked for; the run ends at its next step at the latest.")
        return redirect("run", run_id)
    context = {
        "title": "Cancel this run",
        "text": "What is done stays done. The run ends, its open questions are withdrawn, and nothing further is sent.",
        "rows": [{"name": str(found), "kind": "run", "status": found.status, "what": "is canceled"}],
        "verb": "Cancel 1 run",
        "back_label": "Keep it",
        "form": form,
    }
    return _confirm(request, found, context)


@require_http_methods(["GET", "POST"])
@page("runs.operate")
def retry(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Retry from the failed step, or from the start as a new run."""
    found = selectors.run_for(actor_of(request), run_id)
    if request.method == "GET":
        context = {"run": found, "can": selectors.verbs(actor_of(request), found)}
        return render(request, "runs/retry.html", context)
    reason = request.POST.get("reason", "")
    try:
        again = services.retry_run(actor_of(request), found, mode=request.POST.get("mode") or None, reason=reason)
    except Refusal as refusal:
        if refusal.status != 409:
            raise
        messages.error(request, refusal.detail)
        return redirect("run", run_id)
    messages.success(request, "The run is queued again." if again.pk == found.pk else "A new run is queued.")
    return redirect("run", again.pk)


def _confirm(request: HttpRequest, found: Run, context: dict[str, Any]) -> HttpResponse:
    address = reverse("run", args=[found.pk])
    status = 200 if request.method == "GET" else 422
    crumbs = {"crumb": str(found), "crumb_url": address, "back_url": address}
    return render(request, "portal/confirm.html", context | crumbs, status=status)
