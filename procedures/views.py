"""Pages about procedures: the list, a version, and the import of a document."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from langorch.lib.errors import Refusal
from procedures import selectors, services, version_page
from procedures.catalogue import PAGE_SIZE, catalogue
from procedures.ckp.compile import Compiled, compile_document
from procedures.graph.picture import picture
from procedures.listing import listing
from procedures.models import ProcedureVersion
from tenants.access import actor_of, page
from tenants.models import Project
from tenants.selectors import projects_visible_to


@require_GET
@page("view")
def procedures(request: HttpRequest) -> HttpResponse:
    """The list of procedures with the version each channel uses."""
    actor = actor_of(request)
    search = request.GET.get("q", "").strip()
    rows = catalogue(actor, search=search, project_id=_project_id(request), after=request.GET.get("after", ""))
    shown = rows[:PAGE_SIZE]
    older = shown[-1].procedure.procedure_id if len(rows) > PAGE_SIZE else None
    return render(request, "procedures/list.html", {"rows": shown, "search": search, "older": older})


@require_GET
@page("view")
def procedure(request: HttpRequest, procedure_id: str) -> HttpResponse:
    """The current version of a procedure."""
    version = selectors.version_for(actor_of(request), procedure_id, "latest")
    return redirect("version", procedure_id, version.version)


@require_GET
@page("view")
def version(request: HttpRequest, procedure_id: str, version: str) -> HttpResponse:
    """One version: graph, document, variables, problems, its sisters."""
    found = selectors.version_for(actor_of(request), procedure_id, version)
    tab = request.GET.get("tab", "graph")
    shown = version_page.of(
        found, tab=tab, node_id=request.GET.get("node", ""), errors=request.GET.get("errors") == "1"
    )
    context = {"version": found, "page": shown, "tab": tab, "verbs": _verbs(request, found)}
    return render(request, "procedures/version.html", context)


@require_POST
@page("procedures.edit")
def change_status(request: HttpRequest, procedure_id: str, version: str) -> HttpResponse:
    """Publish, deprecate, archive, or take one of these back."""
    actor = actor_of(request)
    found = selectors.version_for(actor, procedure_id, version)
    changed = services.change_status(actor, found, request.POST.get("status", ""))
    messages.success(request, f"{procedure_id} {version} is {changed.status} now.")
    return redirect("version", procedure_id, version)


@require_http_methods(["GET", "POST"])
@page("procedures.edit")
def import_page(request: HttpRequest) -> HttpResponse:
    """Paste or upload a document; what is wrong with it stands beside its lines, and nothing is stored."""
    projects = list(projects_visible_to(actor_of(request)))
    if request.method == "GET":
        return render(request, "procedures/import.html", {"text": "", "projects": projects, "editing": True})
    text = _given(request)
    if request.POST.get("do") == "save":
        return _save(request, text, projects)
    return _checked(request, text, projects, compile_document(text))


def _save(request: HttpRequest, text: str | bytes, projects: list[Project]) -> HttpResponse:
    chosen = next((project for project in projects if str(project.pk) == request.POST.get("project")), None)
    try:
        imported = services.import_document(actor_of(request), text, chosen)
    except Refusal as refusal:
        if refusal.status not in (409, 422):
            raise
        return _checked(request, text, projects, compile_document(text), refusal)
    found = imported.version
    word = "imported" if imported.created else "was here already, unchanged"
    messages.success(request, f"{found.procedure.procedure_id} {found.version} {word}.")
    return redirect("version", found.procedure.procedure_id, found.version)


def _checked(
    request: HttpRequest,
    given: str | bytes,
    projects: list[Project],
    compiled: Compiled,
    refusal: Refusal | None = None,
) -> HttpResponse:
    text = given.decode("utf-8", errors="replace") if isinstance(given, bytes) else given
    problems = [problem.as_dict() for problem in compiled.problems]
    if refusal and compiled.ok:
        problems = [*refusal.extra.get("problems", []), *problems]
    only = request.POST.get("only", "")
    counts = {severity: _count(problems, severity) for severity in ("error", "warning", "info")}
    shown = [problem for problem in problems if not only or problem["severity"] == only]
    context = {
        "text": text,
        "name": request.POST.get("name", "") or _file_name(request),
        "projects": projects,
        "project": request.POST.get("project", ""),
        "compiled": compiled,
        "refusal": refusal,
        "counts": counts,
        "total": len(problems),
        "only": only,
        "rows": listing(text, shown, whole=request.POST.get("whole") == "1"),
        "lines": text.count("\n") + 1,
        "picture": picture(compiled.document, href="#") if compiled.ok and compiled.document else None,
    }
    return render(request, "procedures/import.html", context, status=200 if compiled.ok and not refusal else 422)


def _given(request: HttpRequest) -> str | bytes:
    uploaded = request.FILES.get("file")
    if isinstance(uploaded, UploadedFile):
        content: bytes = uploaded.read()
        return content
    return request.POST.get("text", "").replace("\r\n", "\n")


def _project_id(request: HttpRequest) -> UUID | None:
    try:
        return UUID(request.GET.get("project", ""))
    except ValueError:
        return None


def _file_name(request: HttpRequest) -> str:
    uploaded = request.FILES.get("file")
    return uploaded.name or "" if isinstance(uploaded, UploadedFile) else ""


def _count(problems: list[Any], severity: str) -> int:
    return sum(1 for problem in problems if problem["severity"] == severity)


def _verbs(request: HttpRequest, found: ProcedureVersion) -> list[Mapping[str, str]]:
    if not actor_of(request).may("procedures.edit", found):
        return []
    address = reverse("version-status", args=[found.procedure.procedure_id, found.version])
    return [
        {"label": label, "value": status, "url": address, "icon": icon}
        for status, label, icon in services.status_moves(found)
    ]
