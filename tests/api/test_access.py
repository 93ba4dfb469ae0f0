"""Every address, called as everybody: who may not, cannot; and what nobody declared is not there."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import path

from orchestration import history
from orchestration import services as runs
from orchestration.artifacts.acceptance import OURS
from orchestration.choices import BulkVerb
from orchestration.models import Run, Visit
from procedures import services as procedures
from tenants.access import page
from tenants.actor import Actor
from tenants.models import User
from tests import people
from tests.artifacts import stored_artifact
from tests.documents import hello
from tests.people import House
from tests.questions import ask, parked_run
from tests.routes import PUBLIC, Route, Undeclared, routes

MARK = "kept-inside-acme"
EVERYBODY = ["anonymous", "viewer", "operator", "approver", "admin", "guest", "stranger"]
OUTSIDE = {"guest", "stranger"}
"""People to whom the objects of the world do not exist: of another project, of another tenant."""

OPEN = {
    "GET /api/health",
    "GET /healthz",
    "GET /readyz",
    "POST /api/auth/login",
    "GET /login",
    "POST /login",
}
"""What answers without identity (api 2)."""

PROVEN = {"GET /approve/{token}", "POST /approve/{token}"}
"""What asks for a proof of its own; its tests stand beside the proof."""


STREAMS_ELSEWHERE = 501
"""Streams need the ASGI server; the test client is none. Access is asked first."""

SHOWN = {200, 302, 405, STREAMS_ELSEWHERE}

DOORS = {"logout", "api/auth/logout", "admin/logout/", "admin/login/"}
"""Ways in and out; they have tests of their own."""

OBJECTS = {"procedure_id", "run_id", "other_id", "approval_id", "object_id", "artifact_path", "bulk_id"}
"""Parameters that name an object of the world."""

UNKNOWN = dict.fromkeys(OBJECTS, str(UUID(int=7)))

QUERIES = {
    "api/procedures/{procedure_id}/diff": "?from=1.0.0&to=1.0.0",
    "api/runs/cleanup/history": "?before=2020-01-01",
}
"""What an address needs besides its path."""

FOR_STAFF = {"gallery", "mailbox", "mailbox/{name}"}
"""Pages that ask further than a declaration can say: embedded only, staff only."""


@dataclass(frozen=True)
class World:
    """The house, and one object of each kind in its project."""

    house: House
    values: dict[str, Any]

    def address(self, route: Route) -> str:
        found = self.values | {"object_id": self._object_of(route.model)}
        return route.filled(found) + QUERIES.get(route.path, "")

    def nowhere(self, route: Route) -> str:
        """The address of an object that does not exist at all."""
        return route.filled(self.values | UNKNOWN) + QUERIES.get(route.path, "")

    def _object_of(self, model: Any) -> str:
        if model is None:
            return "1"
        if model is User:
            return str(self.house.operator.pk)
        rows = model._base_manager.all()
        if "tenant" in {field.name for field in model._meta.fields}:
            rows = rows.filter(tenant=self.house.tenant)
        found = rows.first()
        return str(found.pk) if found else "1"


@pytest.fixture
def world(house: House) -> World:
    operator = people.actor(house.operator)
    document = json.dumps(hello(MARK, name=MARK))
    version = procedures.import_document(operator, document, house.project).version
    run = runs.start_run(operator, runs.StartRequest(procedure_id=MARK, title=MARK)).run
    at = {"started_at": run.created_at, "ended_at": run.created_at}
    Visit.objects.create(run=run, path="greet", node_id="greet", pos=1, state="done", outcome="done", **at)
    asking = parked_run(house.tenant, house.project, house.operator)
    artifact = stored_artifact(asking, "note.txt", MARK.encode())
    approval = ask(asking, title=MARK, context_data={"note": {"artifact_id": str(artifact.pk)}})
    bulk = runs.start_bulk(operator, BulkVerb.TAG, [run.pk], MARK, MARK)
    values = {
        "bulk_id": bulk.pk,
        "artifact_path": artifact.uri.removeprefix(OURS),
        "procedure_id": MARK,
        "version": version.version,
        "run_id": run.pk,
        "other_id": run.pk,
        "checkpoint_id": history.checkpoint_id(run.pk, "", 1),
        "approval_id": approval.pk,
        "token": "x" * 43,
        "name": "nothing.log",
        "app_label": "tenants",
        "content_type_id": 1,
        "url": "nothing-here",
    }
    return World(house, values)


def client_of(world: World, who: str, kind: str) -> Any:
    user = None if who == "anonymous" else getattr(world.house, who)
    client = people.api_client(user) if kind == "api" else people.browser(user)
    client.raise_request_exception = False
    return client


def call(client: Any, method: str, address: str) -> HttpResponse:
    """Call an address and take back what it did."""
    with transaction.atomic():
        answer: HttpResponse = getattr(client, method.lower())(address)
        transaction.set_rollback(True)
    return answer


def leads_to_login(answer: HttpResponse) -> bool:
    return answer.status_code == 302 and answer.headers["Location"].startswith(("/login", "/admin/login"))


def fault(route: Route, method: str, who: str, actor: Actor | None, answer: HttpResponse) -> str | None:
    """What is wrong with an answer, if anything."""
    needed, status = route.access[method], answer.status_code
    if status >= 500 and status != STREAMS_ELSEWHERE:
        return "broke"
    if needed == PUBLIC:
        return "is public, but was refused" if status in (401, 403) or leads_to_login(answer) else None
    if actor is None:
        refused = status == 401 if route.kind == "api" else leads_to_login(answer) or status == 405
        return None if refused else "answered nobody"
    if needed != "any" and not actor.may(needed):
        closed = status in (403, 404, 405) or leads_to_login(answer)
        return None if closed else f"needs {needed}, which {who} does not have"
    return None if who in OUTSIDE else _missing(route, method, needed, answer)


def leak(route: Route, answer: HttpResponse, about_nothing: Callable[[], HttpResponse]) -> str | None:
    """What is wrong with an answer to somebody for whom the object does not exist, beside that about an unknown one."""
    if OBJECTS & set(route.parameters):
        nowhere = about_nothing().status_code
        if answer.status_code < 300 or answer.status_code != nowhere:
            return f"answered otherwise than about nothing ({nowhere})"
    echoed = answer.status_code == 404
    if not echoed and not answer.streaming and MARK in answer.content.decode(errors="replace"):
        return "tells of an object that does not exist for them"
    return None


def _missing(route: Route, method: str, needed: str, answer: HttpResponse) -> str | None:
    status = answer.status_code
    if leads_to_login(answer) or status == 401 or (status == 403 and needed != "any" and route.kind != "admin"):
        return "was refused although they may"
    if method == "GET" and route.kind != "admin" and route.path not in FOR_STAFF and status not in SHOWN:
        return "should have answered"
    return None


def cases(world: World, kind: str) -> Iterator[tuple[Route, str, str]]:
    for route in routes():
        if route.kind == kind:
            for method in route.access:
                yield route, method, world.address(route)


@pytest.mark.parametrize("who", EVERYBODY)
@pytest.mark.parametrize("kind", ["api", "page", "admin"])
def test_every_address_answers_as_declared(world, kind, who):
    client = client_of(world, who, kind)
    actor = None if who == "anonymous" else people.actor(getattr(world.house, who))
    found = []
    for route, method, address in cases(world, kind):
        if route.path in DOORS:
            continue
        answer = call(client, method, address)
        wrong = fault(route, method, who, actor, answer)
        if who in OUTSIDE and not wrong:
            wrong = leak(route, answer, partial(call, client, method, world.nowhere(route)))
        if wrong:
            found.append(f"{method} {address}: {answer.status_code}, {wrong}")
    assert not found, "\n".join(found)


def test_only_the_named_addresses_are_public():
    public = {
        f"{method} /{route.path}" for route in routes() for method, needed in route.access.items() if needed == PUBLIC
    }
    assert public == OPEN | PROVEN


def test_a_new_address_must_declare_its_access():
    def forgotten(request: Any) -> HttpResponse:
        return HttpResponse()

    (declared,) = routes([path("new", page("view")(forgotten))])
    assert declared.access["GET"] == "view"
    with pytest.raises(Undeclared):
        list(routes([path("new", forgotten)]))


ENDINGS = ["/", "//", ".json", ";x=1", "%20", "%2f", "%00", "/.", "/..", "/%2e%2e/health", "?x=1", "?format=json", "#x"]


def mutated(address: str) -> Iterator[str]:
    for ending in ENDINGS:
        yield address + ending
    yield from (f"/{address}", address.upper(), address.replace("/", "/./", 1), address.replace("a", "%61"))


def test_nobody_gets_in_by_mutating_addresses(world):
    client = Client(raise_request_exception=False)
    public = {entry.split()[1] for entry in OPEN}
    got_in = []
    for route in routes():
        if route.kind == "admin" and "{" in route.path:
            continue
        for address in mutated(world.address(route)):
            answer = client.get(address)
            plain = unquote(address.split("?")[0].split("#")[0])
            if answer.status_code >= 500 or (answer.status_code < 300 and plain.removesuffix("/") not in public):
                got_in.append(f"{address}: {answer.status_code}")
    assert not got_in, "\n".join(got_in)
    assert Run.system.count() == 2
