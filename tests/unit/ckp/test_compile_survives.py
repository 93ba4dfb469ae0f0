"""Whatever a document holds, the compiler answers with problems and never fails itself."""

import copy
import json
import random

import pytest

from procedures.ckp.explain import explain
from procedures.ckp.graph import graph
from procedures.ckp.positions import unescape, values
from tests.unit.ckp.compiling import compiled, doc, found, logic, seq
from tests.unit.ckp.registries import Registered
from tests.unit.ckp.test_dialect_names import CASES as OLDER
from tests.unit.ckp.test_dialects import ENTRY, LIST
from tests.unit.ckp.test_schema import RICH, places, replaced
from tests.unit.ckp.test_validate_flow import ALL as FLOWS
from tests.unit.ckp.test_validate_nodes import FAULTY as NODES
from tests.unit.ckp.test_validate_settings import ALL as SETTINGS
from tests.unit.ckp.test_validate_shape import FAULTY as SHAPES
from tests.unit.ckp.test_validate_shapes_and_types import ALL as VALUES

SOURCES = [RICH, LIST, ENTRY, *(case[1] for case in OLDER + FLOWS + VALUES + NODES + SETTINGS + SHAPES)]
SMALL = [source for source in SOURCES if len(json.dumps(source)) < 5_000]
STRANGE = (
    ...,
    5,
    -1,
    True,
    None,
    "text",
    "a",
    "z",
    "",
    [],
    {},
    [5],
    ["a"],
    {"a": 5},
    [[]],
    {"type": []},
    "{{x}}",
    "{{",
    2.5,
    10**20,
)


def mutated(chance):
    """A document with up to three strange values."""
    source = copy.deepcopy(chance.choice(SMALL))
    for _ in range(chance.randint(1, 3)):
        path = chance.choice(list(places(source))[1:] or [()])
        source = replaced(source, path, chance.choice(STRANGE)) if path else source
    return source


@pytest.mark.parametrize("seed", range(8))
def test_strange_documents_get_an_answer(seed):
    chance = random.Random(seed)
    nothing = Registered(**{name: {} for name in ("offers", "people", "models", "profiles", "members", "task_classes")})
    for _ in range(40):
        made = compiled(mutated(chance), nothing)
        assert made.ok == (made.document is not None)
        assert (made.document_hash is None) == bool(made.errors)
        if made.draft:
            assert len(graph(made.draft)["nodes"]) == len(made.draft.nodes)
        if made.ok:
            assert explain(made, nothing)["document_hash"] == made.document_hash


def test_pointers_resolve_in_the_text():
    chance = random.Random(99)
    for _ in range(60):
        source = mutated(chance)
        places_of = {value.pointer for value in values(json.dumps(source))}
        pointers = [problem.pointer for problem in compiled(source).problems]
        assert all(pointer in places_of or pointer.rpartition("/")[0] in places_of for pointer in pointers)


@pytest.mark.parametrize(
    "text",
    ['"\\u00e4"', '"\\ud83d\\ude00"', '"\\ud83d\\ud83d"', '"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"plain"', '"\\u0041\\ud800"'],
)
def test_escapes_are_read_as_json_reads_them(text):
    assert unescape(text) == json.loads(text)


def test_keys_with_escapes_are_found():
    graph_text = '"workflow_graph": {"start_node": "z", "nodes": {"z": {"type": "terminate"}}}'
    text = '{"procedure_id": "p", "version": "1.0.0", "a\\u002fb~": 1, ' + graph_text + "}"
    assert found(text) == [("CKP010", "/a~1b~0")]


def test_deep_values_in_every_place_are_refused_not_followed():
    deep = "[" * 70 + "]" * 70
    assert found('{"procedure_id": ' + deep + "}") == [("CKP006", "")]
    assert found(doc({"a": logic((5, "z"), ({"a": []}, "z"))})) == [("CKP212", "/workflow_graph/nodes/a/rules/1")]
    assert found(doc({"a": seq()})) == []
