"""The form that starts a run, and what the run will do before it does it."""

from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from langorch.lib.errors import Refusal
from orchestration import selectors, services, start_form
from orchestration.models import Run
from procedures import selectors as procedures
from procedures.ckp.compile import load_document
from procedures.ckp.document import Document, HumanApprovalNode, SequenceNode
from procedures.models import ProcedureVersion
from tenants.access import actor_of, page

HOUSE_AGENTS = ("masteragent", "llmagent")


@require_http_methods(["GET", "POST"])
@page("runs.start")
def start(request: HttpRequest, procedure_id: str, version: str) -> HttpResponse:
    """Ask for the inputs, and start; what does not fit comes back beside its field."""
    found = procedures.version_for(actor_of(request), procedure_id, version)
    actor_of(request).require("runs.start", found)
    document = load_document(found.document.canonical)
    if request.method == "GET":
        return _form(request, found, document, _given_before(request))
    try:
        run = _start(request, found, document)
    except Refusal as refusal:
        if refusal.status not in (409, 422, 429):
            raise
        return _form(request, found, document, request.POST.dict(), refusal)
    messages.success(request, "The run is queued.")
    return redirect("run", run.pk)


def _start(request: HttpRequest, found: ProcedureVersion, document: Document) -> Run:
    actor, posted = actor_of(request), request.POST
    inputs = start_form.given_inputs(document, posted.dict())
    if posted.get("retry_of"):
        earlier = selectors.run_for(actor, posted["retry_of"])
        return services.retry_run(
            actor, earlier, mode="new_run", input_vars=inputs, procedure_version=found.version, from_text=True
        )
    wanted = services.StartRequest(
        procedure_id=found.procedure.procedure_id,
        procedure_version=found.version,
        input_vars=inputs,
        from_text=True,
        title=posted.get("title", ""),
        priority=int(posted.get("priority", "0")) if posted.get("priority", "0").lstrip("-").isdigit() else 0,
    )
    return services.start_run(actor, wanted).run


def _given_before(request: HttpRequest) -> dict[str, str]:
    """The inputs of the run that is to be retried, so that people change only what was wrong."""
    if not request.GET.get("retry_of"):
        return {}
    earlier = selectors.run_for(actor_of(request), request.GET["retry_of"])
    return {f"input.{name}": start_form.as_text(value) for name, value in earlier.input_vars.items()}


def _form(
    request: HttpRequest,
    found: ProcedureVersion,
    document: Document,
    given: Mapping[str, str],
    refusal: Refusal | None = None,
) -> HttpResponse:
    errors = _errors(refusal) if refusal else {}
    fields = start_form.fields_of(document, given, errors)
    detail = refusal.detail if refusal and not errors else ""
    context = {
        "version": found,
        "fields": fields,
        "faults": [field for field in fields if field.error],
        "has_more": any(field.more for field in fields),
        "more_open": any(field.more and field.error for field in fields),
        "detail": detail,
        "given": given,
        "retry_of": request.GET.get("retry_of") or request.POST.get("retry_of"),
        "facts": _facts(document),
    }
    return render(request, "runs/start.html", context, status=refusal.status if refusal else 200)


def _errors(refusal: Refusal) -> dict[str, str]:
    return {place.field: place.message for place in refusal.places if place.field}


def _facts(document: Document) -> list[dict[str, str]]:
    nodes = document.workflow_graph.nodes.values()
    steps = sum(len(node.steps) for node in nodes if isinstance(node, SequenceNode))
    agents = sorted({node.agent for node in nodes if node.agent and node.agent.lower() not in HOUSE_AGENTS})
    people = [node for node in nodes if isinstance(node, HumanApprovalNode)]
    facts = [{"icon": "runs", "tone": "muted", "text": f"{len(nodes)} nodes, {steps} steps"}]
    if agents:
        facts.append({"icon": "agent", "tone": "muted", "text": f"Calls {', '.join(agents)}"})
    if people:
        facts.append({"icon": "s-person", "tone": "warn", "text": f"Asks a person {_times(len(people))}"})
    else:
        facts.append({"icon": "s-person", "tone": "muted", "text": "Asks nobody"})
    return facts


def _times(number: int) -> str:
    return "once" if number == 1 else f"up to {number} times"
