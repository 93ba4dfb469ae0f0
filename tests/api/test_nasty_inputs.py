"""Nasty values in every parameter and field that the schema names: refused or taken, but nothing breaks."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.db import transaction
from drf_spectacular.generators import SchemaGenerator

from orchestration import services as runs
from procedures import services as procedures
from tests import people
from tests.documents import hello
from tests.questions import question

NASTY_TEXTS = ["", "%00", "\U0001f600", "x" * 20_000, "-1", "1e400", "9" * 40, "NaN", "'\"--;", "{{ 1 }}"]
NASTY_VALUES: list[Any] = [None, True, -1, 2**70, 1.5, "", "x" * 20_000, [], [[]], {}, {"": {}}]
NASTY_PATHS = ["0", "-", "..", "%00", "x" * 300, "%F0%9F%98%80", "00000000-0000-0000-0000-000000000000", "latest"]


class Samples(dict[str, Any]):
    """Values of path parameters; a name without a sample stands for itself."""

    def __missing__(self, name: str) -> str:
        return name


@pytest.fixture(scope="module")
def operations() -> list[tuple[str, str, dict[str, Any]]]:
    schema = SchemaGenerator().get_schema(request=None, public=True)
    found = []
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            if not path.endswith("/stream"):
                found.append((method, path, {**operation, "fields": fields_of(operation, schema)}))
    return found


def fields_of(operation: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    reference = content.get("schema", {}).get("$ref", "")
    component = schema["components"]["schemas"].get(reference.rsplit("/", 1)[-1], {})
    return list(component.get("properties", {}))


@pytest.fixture
def values(house) -> Samples:
    actor = people.actor(house.operator)
    version = procedures.import_document(actor, json.dumps(hello()), house.project).version
    run = runs.start_run(actor, runs.StartRequest(procedure_id="hello")).run
    approval = question(house.tenant, house.project, house.operator)
    found = {"procedure_id": "hello", "version": version.version, "run_id": run.pk, "approval_id": approval.pk}
    return Samples(found)


def addresses(path: str, operation: dict[str, Any], values: Samples) -> Iterator[str]:
    """The address with each parameter made nasty in turn, in the path and in the query."""
    for name in values:
        if f"{{{name}}}" in path:
            yield from (path.format_map(Samples(values | {name: nasty})) for nasty in NASTY_PATHS)
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query":
            for nasty in NASTY_TEXTS:
                yield f"{path.format_map(values)}?{parameter['name']}={quote(nasty)}"


def bodies(operation: dict[str, Any]) -> Iterator[Any]:
    """Bodies with each field made nasty in turn, and nasty bodies."""
    if "requestBody" in operation:
        yield from NASTY_VALUES
        yield from (dict.fromkeys(operation["fields"], nasty) for nasty in NASTY_VALUES)
        for field in operation["fields"]:
            yield from (dict.fromkeys(operation["fields"], "x") | {field: nasty} for nasty in NASTY_VALUES[::2])


def test_nothing_breaks(house, api, operations, values):
    operator = api(house.operator)
    operator.raise_request_exception = False
    broken = []
    for method, path, operation in operations:
        calls = [(address, None) for address in addresses(path, operation, values)]
        calls += [(path.format_map(values), body) for body in bodies(operation)]
        for address, body in calls:
            with transaction.atomic():
                answer = operator.generic(
                    method.upper(), address, json.dumps(body), content_type="application/json", HTTP_IDEMPOTENCY_KEY=""
                )
                transaction.set_rollback(True)
            if answer.status_code >= 500:
                broken.append(f"{method} {address[:200]} {json.dumps(body)[:200]}: {answer.status_code}")
    assert not broken, "\n".join(broken[:30])
