"""The schema says what the code does, and the committed copy says what the schema says."""

from pathlib import Path

import pytest
import yaml
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.validation import validate_schema

from tests.routes import PUBLIC, routes

COMMITTED = Path(__file__).resolve().parent.parent.parent / "docs" / "reference" / "openapi.yaml"
OPERATIONS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(scope="module")
def schema():
    GENERATOR_STATS.reset()
    return SchemaGenerator().get_schema(request=None, public=True)


def operations(schema):
    return {
        f"{method.upper()} {path}": operation
        for path, item in schema["paths"].items()
        for method, operation in item.items()
        if method in OPERATIONS
    }


def declared():
    return {
        f"{method} /{route.path}": needed
        for route in routes()
        for method, needed in route.access.items()
        if route.kind == "api" and route.path.startswith("api/")
    }


def test_the_schema_is_valid_and_was_made_without_warnings(schema):
    validate_schema(schema)
    assert schema["openapi"].startswith("3.1")
    assert dict(GENERATOR_STATS._warn_cache) == dict(GENERATOR_STATS._error_cache) == {}


def test_every_endpoint_is_in_it(schema):
    assert set(operations(schema)) == set(declared())


def test_it_says_who_may_call(schema):
    found = operations(schema)
    for name, needed in declared().items():
        assert bool(found[name].get("security")) == (needed != PUBLIC), name
        if needed not in (PUBLIC, "any"):
            assert f"`{needed}`" in found[name]["description"], name
            assert "403" in found[name]["responses"], name


def test_the_committed_copy_is_up_to_date(schema):
    fresh = yaml.safe_load(OpenApiYamlRenderer().render(schema, renderer_context={}))
    kept = yaml.safe_load(COMMITTED.read_text(encoding="utf-8"))
    assert kept == fresh, f"run: manage.py spectacular --file {COMMITTED.relative_to(COMMITTED.parents[2])}"


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_it_is_served(house, api, schema, form):
    answer = api(house.viewer).get(f"/api/schema?format={form}")
    assert answer.status_code == 200
    assert set(yaml.safe_load(answer.content)["paths"]) == set(schema["paths"])
    assert api(house.viewer).get("/api/schema?format=xml").status_code == 422
