"""Acting on several runs from their list: what will happen, then a bulk job and how it goes; and the clean-up."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from langorch.lib.errors import Invalid
from orchestration import bulk_selectors, live_sections, run_list, selectors, services
from orchestration.bulk_selectors import Forecast
from orchestration.choices import ENDED, BulkVerb, ItemState, RunStatus
from orchestration.models import Run
from tenants.access import actor_of, page, project_of

MOST_SHOWN = 200
DONE = {
    BulkVerb.CANCEL: "is canceled",
    BulkVerb.RETRY: "is tried again",
    BulkVerb.PAUSE: "is held",
    BulkVerb.RESUME: "goes on",
    BulkVerb.DELETE: "is deleted with its children, events, records, approvals and files",
    BulkVerb.TAG: "gets the label",
}


class BulkForm(forms.Form):
    """What is to be done and why, with all that says to which runs; `confirmed` is how many a person was told of."""

    verb = forms.CharField(widget=forms.HiddenInput)
    run = forms.CharField(required=False, widget=forms.MultipleHiddenInput)
    every = forms.CharField(required=False, widget=forms.HiddenInput)
    f = forms.CharField(required=False, widget=forms.HiddenInput)
    status = forms.CharField(required=False, widget=forms.HiddenInput)
    confirmed = forms.CharField(widget=forms.HiddenInput)
    label = forms.CharField(max_length=401, help_text="A name, or name:text.")
    reason = forms.CharField(max_length=500, help_text="Kept in the audit trail of each run.")

    def __init__(self, request: HttpRequest, total: int, *, asked: bool) -> None:
        """`asked`: the person has seen this form before."""
        given = request.POST.copy()
        given["confirmed"] = str(total)
        super().__init__(given if asked else None, initial=_lists(given), label_suffix="")
        if given.get("verb") != BulkVerb.TAG:
            del self.fields["label"]


class CleanUpForm(forms.Form):
    """Before which time, and which ended runs."""

    before = forms.DateField(
        widget=forms.DateInput(attrs={"type": "date"}), help_text="Runs that ended before this day."
    )
    status = forms.ChoiceField(
        required=False, choices=[("", "Every ended run"), *((one, RunStatus(one).label) for one in sorted(ENDED))]
    )


@require_POST
@page("runs.operate")
def bulk(request: HttpRequest) -> HttpResponse:
    """Say what a verb does to the chosen runs; with a reason and the same number of runs, begin."""
    actor, verb, runs = actor_of(request), _verb(request), _chosen(request)
    found = bulk_selectors.forecast(actor, verb, runs)
    asked = "confirmed" in request.POST
    same = request.POST.get("confirmed") == str(found.total)
    form = BulkForm(request, found.total, asked=asked)
    if asked and same and form.is_valid():
        given = form.cleaned_data
        job = services.start_bulk(actor, verb, runs, given["reason"], given.get("label", ""))
        return redirect("bulk-job", job.pk)
    return _confirm(request, verb, found, form, 422 if asked else 200)


@require_GET
@page("runs.operate")
def bulk_job(request: HttpRequest, bulk_id: UUID) -> HttpResponse:
    """How far a bulk job has come, and with which runs it went wrong."""
    actor = actor_of(request)
    job = bulk_selectors.bulk_for(actor, bulk_id)
    wrong = bulk_selectors.results(job, MOST_SHOWN, (ItemState.FAILED, ItemState.SKIPPED))
    context = {
        "job": job,
        "progress": bulk_selectors.progress(job),
        "wrong": wrong,
        "version": live_sections.runs_version(actor),
    }
    return render(request, "runs/bulk.html", context)


@require_POST
@page("runs.operate")
def bulk_cancel(request: HttpRequest, bulk_id: UUID) -> HttpResponse:
    """Leave the rest of a bulk job undone."""
    actor = actor_of(request)
    services.cancel_bulk(actor, bulk_selectors.bulk_for(actor, bulk_id))
    return redirect("bulk-job", bulk_id)


@require_http_methods(["GET", "POST"])
@page("runs.cleanup")
def clean_up(request: HttpRequest) -> HttpResponse:
    """Count the runs that ended before a day; remove them with a reason, if they are as many as were told."""
    form = CleanUpForm(request.GET if "before" in request.GET else None, label_suffix="")
    if not form.is_valid():
        return render(request, "runs/clean_up.html", {"form": form}, status=422 if form.is_bound else 200)
    actor, before = actor_of(request), _before(form)
    statuses = [RunStatus(form.cleaned_data["status"])] if form.cleaned_data["status"] else []
    count = services.old_runs(actor, before, statuses).count()
    reason = request.POST.get("reason", "").strip()[:500]
    if request.method == "POST" and reason and request.POST.get("confirmed") == str(count):
        removed = services.clean_up_runs(actor, before, statuses, reason)
        messages.success(request, f"{_many(removed)} deleted.")
        return redirect("runs")
    asked = request.method == "POST"
    context = {"form": form, "count": count, "many": _many(count), "before": before, "missing": asked}
    return render(request, "runs/clean_up.html", context, status=422 if asked else 200)


def _before(form: CleanUpForm) -> datetime:
    return timezone.make_aware(datetime.combine(form.cleaned_data["before"], datetime.min.time()))


def _lists(given: QueryDict) -> dict[str, Any]:
    return {name: given.getlist(name) if name == "run" else given[name] for name in given}


def _verb(request: HttpRequest) -> BulkVerb:
    verb = request.POST.get("verb", "")
    if verb not in BulkVerb.values:
        raise Invalid(f"There is no verb {verb[:40]!r} for several runs.")
    return BulkVerb(verb)


def _chosen(request: HttpRequest) -> QuerySet[Run]:
    """The runs that were ticked, or all that match. Raises `Invalid` when that is none."""
    actor = actor_of(request)
    if request.POST.get("every"):
        return run_list.matching(actor, project_of(request), request.POST.dict())
    try:
        chosen = [UUID(text) for text in request.POST.getlist("run")]
    except ValueError:
        raise Invalid("A chosen run has an id that is none.") from None
    if not chosen:
        raise Invalid("Choose at least one run first.")
    return selectors.runs_visible_to(actor).filter(pk__in=chosen)


def _confirm(request: HttpRequest, verb: BulkVerb, found: Forecast, form: BulkForm, status: int) -> HttpResponse:
    rows = [
        {
            "kind": "run",
            "status": run.status,
            "name": str(run),
            "what": DONE[verb] if verdict is True else verdict,
            "left_out": verdict is not True,
        }
        for run, verdict in found.rows
    ]
    name, back = verb.label, reverse("runs") + _kept(request)
    context = {
        "title": f"{name} {_many(found.able)}?",
        "text": _sentence(found),
        "rows": rows,
        "verb": f"{name} {_many(found.able)}",
        "back_label": "Back to the list",
        "form": form,
        "crumb": "Runs",
        "crumb_url": back,
        "back_url": back,
    }
    return render(request, "portal/confirm.html", context, status=status)


def _sentence(found: Forecast) -> str:
    words = f"{_many(found.total)} chosen."
    for reason, count in found.refusals.most_common(5):
        words += f" Left out: {_many(count)}. {reason}"
    if found.total > len(found.rows):
        words += f" The first {len(found.rows)} are shown."
    return words


def _kept(request: HttpRequest) -> str:
    kept = {name: request.POST.get(name, "") for name in ("f", "status")} | {"project": request.GET.get("project", "")}
    given = {name: value for name, value in kept.items() if value}
    return f"?{urlencode(given)}" if given else ""


def _many(number: int) -> str:
    return f"{number:,} run{'' if number == 1 else 's'}"
