"""The form that starts a run, and what the run will do before it does it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from langorch.lib.errors import Refusal
from orchestration import selectors, services, start_form
from orchestration.models import Run
from procedures import selectors as procedures
from procedures.ckp.compile import load_document
from procedures.ckp.document import Document, HumanApprovalNode, LlmActionNode, SequenceNode
from procedures.declared import in_declared_order
from procedures.models import ProcedureVersion
from tenants.access import actor_of, page

HOUSE_AGENTS = ("masteragent", "llmagent")
SHOWN_AGAIN = (409, 413, 422, 429)


@dataclass(frozen=True, slots=True)
class Fact:
    """One line about what a run will do."""

    icon: str
    text: str
    tone: str = "muted"


@require_http_methods(["GET", "POST"])
@page("runs.start")
def start(request: HttpRequest, procedure_id: str, version: str) -> HttpResponse:
    """Ask for the inputs, and start; what does not fit comes back beside its field."""
    found = procedures.version_for(actor_of(request), procedure_id, version)
    actor_of(request).require("runs.start", found)
    document = load_document(found.document.canonical)
    earlier = _earlier(request)
    if request.method == "GET":
        return _form(request, found, document, earlier, _prefilled(request, document, earlier))
    try:
        started = _start(request, found, document, earlier)
    except Refusal as refusal:
        if refusal.status not in SHOWN_AGAIN:
            raise
        given = request.POST.dict() | {"posted": "1"}
        return _form(request, found, document, earlier, given, refusal)
    if started.deduplicated:
        messages.info(request, "Nothing new was started: this run was started with the same key before.")
    else:
        messages.success(request, "The run is queued.")
    return redirect("run", started.run.pk)


def _earlier(request: HttpRequest) -> Run | None:
    """The run that is to be retried with changed inputs. Raises `NotFound`."""
    wanted = request.POST.get("retry_of") or request.GET.get("retry_of")
    return selectors.run_for(actor_of(request), wanted) if wanted else None


def _start(request: HttpRequest, found: ProcedureVersion, document: Document, earlier: Run | None) -> services.Started:
    actor, posted = actor_of(request), request.POST
    inputs = start_form.given_inputs(document, posted.dict())
    if earlier:
        again = services.retry_run(
            actor, earlier, mode="new_run", input_vars=inputs, procedure_version=found.version, from_text=True
        )
        return services.Started(again)
    priority = posted.get("priority", "")
    wanted = services.StartRequest(
        procedure_id=found.procedure.procedure_id,
        procedure_version=found.version,
        input_vars=inputs,
        from_text=True,
        title=posted.get("title", ""),
        priority=int(priority) if priority.removeprefix("-").isdecimal() else 0,
    )
    return services.start_run(actor, wanted)


def _prefilled(request: HttpRequest, document: Document, earlier: Run | None) -> dict[str, str]:
    """What stands in the fields before anybody types: the inputs of an earlier run, or the examples."""
    if earlier:
        return start_form.from_run(document, earlier.input_vars) | {"posted": "1"}
    return start_form.examples(document) if request.GET.get("fill") == "examples" else {}


def _form(
    request: HttpRequest,
    found: ProcedureVersion,
    document: Document,
    earlier: Run | None,
    given: Mapping[str, str],
    refusal: Refusal | None = None,
) -> HttpResponse:
    errors = {place.field: place.message for place in refusal.places if place.field} if refusal else {}
    schema = in_declared_order(document.variables_schema, found.source)
    fields = start_form.fields_of(schema, given, errors)
    faults = [field for field in fields if field.error]
    context: dict[str, Any] = {
        "version": found,
        "groups": start_form.grouped(field for field in fields if not field.more),
        "more": [field for field in fields if field.more],
        "more_open": any(field.more and field.error for field in fields),
        "faults": faults,
        "detail": _detail(refusal, faults) if refusal else "",
        "given": given,
        "earlier": earlier,
        "has_examples": bool(start_form.examples(document)) and not given,
        "facts": list(_facts(found, document)),
    }
    return render(request, "runs/start.html", context, status=refusal.status if refusal else 200)


def _detail(refusal: Refusal, faults: list[start_form.StartField]) -> str:
    """What of a refusal stands beside no field."""
    if not faults:
        return refusal.detail
    beside = {field.name for field in faults}
    return " ".join(place.message for place in refusal.places if place.field not in beside)


def _facts(found: ProcedureVersion, document: Document) -> Iterator[Fact]:
    nodes = document.nodes.values()
    steps = sum(len(node.steps) for node in nodes if isinstance(node, SequenceNode))
    yield Fact("runs", f"{_many(len(nodes), 'node')}, {_many(steps, 'step')}")
    agents = sorted({node.agent for node in nodes if node.agent and node.agent.lower() not in HOUSE_AGENTS})
    if agents:
        yield Fact("agent", f"Calls {', '.join(agents)}")
    models = sum(1 for node in nodes if isinstance(node, LlmActionNode))
    if models:
        yield Fact("model", f"Asks a model at {_many(models, 'node')}")
    people = sum(1 for node in nodes if isinstance(node, HumanApprovalNode))
    if people:
        yield Fact("s-person", f"May ask a person at {_many(people, 'node')}", "warn")
    else:
        yield Fact("s-person", "Asks nobody")
    if found.status == "draft":
        yield Fact("s-draft", "This version is a draft; the run counts as a test run.")


def _many(number: int, one: str) -> str:
    return f"{number} {one}{'' if number == 1 else 's'}"
