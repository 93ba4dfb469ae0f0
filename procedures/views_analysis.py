"""Pages that analyse versions: what a run would do, what changed, who calls it and what is open."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from langorch.lib.errors import Invalid
from procedures import analysis, diff_page, explain_page, selectors, version_tabs
from procedures.impact import impact
from procedures.models import ProcedureVersion
from tenants.access import actor_of, page


@require_GET
@page("view")
def explain(request: HttpRequest, procedure_id: str, version: str) -> HttpResponse:
    """What a run of a version needs, calls and may cost, and which ways it may take."""
    found = selectors.version_for(actor_of(request), procedure_id, version)
    try:
        explained = analysis.explain_version(found)
    except Invalid as refusal:
        return _refused(request, found, refusal)
    shown = explain_page.of(explained, every_route=request.GET.get("routes") == "all")
    return render(request, "procedures/explain.html", {"page": shown, **_around(found, "explain")})


@require_GET
@page("view")
def diff(request: HttpRequest, procedure_id: str) -> HttpResponse:
    """The versions of a procedure, and what changed between two of them."""
    shown = diff_page.of(
        actor_of(request), procedure_id, request.GET.get("from", "").strip(), request.GET.get("to", "").strip()
    )
    return render(request, "procedures/diff.html", {"page": shown, **_around(shown.after, "diff")})


@require_GET
@page("view")
def callers(request: HttpRequest, procedure_id: str, version: str) -> HttpResponse:
    """Who calls a version, what a change of it would break, and which runs of it are open."""
    actor = actor_of(request)
    found = selectors.version_for(actor, procedure_id, version)
    context = {"impact": impact(actor, found), **_around(found, "callers")}
    return render(request, "procedures/callers.html", context)


def _refused(request: HttpRequest, version: ProcedureVersion, refusal: Invalid) -> HttpResponse:
    """What was fine when it was stored may have errors now, such as a child that is gone."""
    errors = [problem for problem in refusal.extra["problems"] if problem["severity"] == "error"]
    context = {"errors": errors, **_around(version, "explain")}
    return render(request, "procedures/explain_refused.html", context, status=refusal.status)


def _around(version: ProcedureVersion, tab: str) -> dict[str, Any]:
    """What the head of each of these pages needs."""
    return {"version": version, "tabs": version_tabs.tabs(version, tab)}
