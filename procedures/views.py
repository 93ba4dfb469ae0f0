"""Pages about procedures: the list, a version, and the import of a document."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from langorch.lib.errors import Conflict, Refusal
from procedures import catalogue, import_page, selectors, services, version_page
from procedures.import_page import Given, ImportPage
from procedures.models import ProcedureVersion
from procedures.services.checking import compile_for
from tenants.access import actor_of, page, project_of, projects_of
from tenants.models import Project
from tenants.permissions import PERMISSIONS


@require_GET
@page("view")
def procedures(request: HttpRequest) -> HttpResponse:
    """The list of procedures with the version each channel uses."""
    search, after = request.GET.get("q", "").strip(), request.GET.get("after", "")
    found = catalogue.catalogue(actor_of(request), project_of(request), search=search, after=after)
    return render(request, "procedures/list.html", {"page": found, "search": search})


@require_GET
@page("view")
def procedure(request: HttpRequest, procedure_id: str) -> HttpResponse:
    """The current version of a procedure: that of its highest channel, else the newest."""
    version = selectors.current_for(actor_of(request), procedure_id)
    return redirect("version", procedure_id, version.version)


@require_GET
@page("view")
def version(request: HttpRequest, procedure_id: str, version: str) -> HttpResponse:
    """One version: graph, document, variables, problems, its sisters."""
    found = selectors.version_for(actor_of(request), procedure_id, version)
    context = {
        "version": found,
        "page": version_page.of(found, request.GET.dict()),
        "may_start": actor_of(request).may("runs.start", found) and found.status in ("draft", "active"),
        "moves": _moves(request, found),
    }
    return render(request, "procedures/version.html", context)


@require_POST
@page("procedures.edit")
def change_status(request: HttpRequest, procedure_id: str, version: str) -> HttpResponse:
    """Publish, deprecate, archive, or take one of these back."""
    actor = actor_of(request)
    found = selectors.version_for(actor, procedure_id, version)
    try:
        changed = services.change_status(actor, found, request.POST.get("status", ""))
    except Conflict as refusal:
        messages.error(request, f"{version} stays {found.status}. {refusal.detail}")
    else:
        messages.success(request, f"{procedure_id} {version} is {changed.status} now.")
    return redirect("version", procedure_id, version)


@require_http_methods(["GET", "POST"])
@page("procedures.edit")
def import_document(request: HttpRequest) -> HttpResponse:
    """Paste or upload a document; what is wrong with it stands beside its lines, and nothing is stored."""
    if request.method == "GET":
        return _form(request)
    given = import_page.given(request)
    if given.blank:
        return _form(request, {"blank": True}, status=422)
    if request.POST.get("do") == "save":
        return _save(request, given)
    return _checked(request, given)


def _save(request: HttpRequest, given: Given) -> HttpResponse:
    try:
        imported = services.import_document(actor_of(request), given.content, _target(request))
    except Refusal as refusal:
        if refusal.status not in (409, 422):
            raise
        return _checked(request, given, refusal)
    found = imported.version
    word = "imported" if imported.created else "was here already, unchanged"
    messages.success(request, f"{found.procedure.procedure_id} {found.version} {word}.")
    return redirect("version", found.procedure.procedure_id, found.version)


def _checked(request: HttpRequest, given: Given, refusal: Refusal | None = None) -> HttpResponse:
    """What the compiler says; 422 when something was to be stored and was not."""
    compiled = compile_for(given.content, actor_of(request).tenant_id, _target(request))
    whole = request.POST.get("whole") == "1"
    shown = request.POST.get("show") or (request.POST.get("was", "") if whole else "")
    checked = ImportPage(given, compiled, shown, whole, refusal)
    return _form(request, {"page": checked, "text": given.text}, status=422 if refusal else 200)


def _form(request: HttpRequest, more: Mapping[str, Any] | None = None, status: int = 200) -> HttpResponse:
    actor = actor_of(request)
    choices = import_page.targets(actor, projects_of(request))
    nowhere = actor.holds(PERMISSIONS["procedures.edit"])
    chosen = _target(request) or project_of(request) or (None if nowhere or not choices else choices[0])
    context = {"projects": choices, "nowhere": nowhere, "chosen": chosen, **(more or {})}
    return render(request, "procedures/import.html", context, status=status)


def _target(request: HttpRequest) -> Project | None:
    """The project that was chosen in the form."""
    wanted = request.POST.get("project", "")
    return next((project for project in projects_of(request) if str(project.pk) == wanted), None)


def _moves(request: HttpRequest, found: ProcedureVersion) -> list[Mapping[str, str]]:
    if not actor_of(request).may("procedures.edit", found):
        return []
    address = reverse("version-status", args=[found.procedure.procedure_id, found.version])
    return [
        {"label": label, "value": status, "url": address, "icon": icon}
        for status, label, icon in services.status_moves(found)
    ]
