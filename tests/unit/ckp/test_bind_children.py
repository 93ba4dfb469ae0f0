"""Subflows: pins, versions, recursion, and the contract with the child."""

import pytest

from procedures.ckp.bind.children import resolve
from procedures.ckp.registry import ChildVersion
from procedures.ckp.versions import PinFault, precedence, read_pin
from tests.unit.ckp.compiling import at, doc, found, inputs, only, seq
from tests.unit.ckp.registries import Registered


def child(version="1.0.0", procedure_id="child", ends=None, **root):
    """A child procedure."""
    outputs = {"outputs_schema": {name: {} for name in root.get("variables_schema", {})}} if ends is None else {}
    return {
        **doc({"z": ends or {"type": "terminate"}}, **{**outputs, **root}),
        "procedure_id": procedure_id,
        "version": version,
    }


def parent(version="1.0.0", to="child", **fields):
    """A procedure with one subflow."""
    root = fields.pop("root", {})
    node = {"type": "subflow", "procedure_id": to, "version": version, "next_node": "z", **fields}
    return {**doc({"a": node}, **root), "procedure_id": "parent"}


def test_a_child_must_exist():
    assert found(parent(), Registered()) == [("CKP320", at("a", "procedure_id"))]
    assert only("CKP320", parent(), Registered(), prod=True).severity == "error"


def test_a_version_must_satisfy_the_pin():
    registry = Registered().add(child("1.0.0"))
    assert found(parent("1.0.0"), registry) == []
    assert found(parent("^2"), registry) == [("CKP321", at("a", "version"))]


@pytest.mark.parametrize("pin", ["1 2", "^", "~x", ">", "*", ">=1 <x", "=>1"])
def test_a_pin_must_be_readable(pin):
    assert found(parent(pin)) == [("CKP329", at("a", "version"))]


def test_an_unpinned_child_is_advised_against():
    node = {"type": "subflow", "procedure_id": "child", "next_node": "z"}
    assert found({**doc({"a": node})}) == [("CKP328", at("a"))]
    assert found(parent("latest")) == [("CKP328", at("a", "version"))]


VERSIONS = [
    ChildVersion("1.1.0", "active"),
    ChildVersion("1.4.2", "active", released_in=frozenset({"qa"})),
    ChildVersion("1.5.0", "deprecated"),
    ChildVersion("1.6.0", "archived"),
    ChildVersion("2.0.0-rc.1", "active"),
    ChildVersion("2.0.0", "draft"),
    ChildVersion("nightly", "active", current_in=frozenset({"prod"})),
]


@pytest.mark.parametrize(
    ("pin", "channel", "expected"),
    [
        ("^1.1", "dev", "1.4.2"),
        ("~1.1.0", "dev", "1.1.0"),
        (">=1.2 <2", "dev", "1.4.2"),
        ("<=1.1.0", "dev", "1.1.0"),
        (">1.1.0", "dev", "2.0.0-rc.1"),
        ("=1.4.2", "dev", "1.4.2"),
        (">=2.0.0-rc.1", "dev", "2.0.0-rc.1"),
        ("1.x", "dev", "1.4.2"),
        ("2.x", "dev", None),
        ("1.5.0", "dev", "1.5.0"),
        ("1.6.0", "dev", None),
        ("2.0.0", "dev", "2.0.0"),
        ("2.0.0", "qa", None),
        ("^1.1", "qa", "1.4.2"),
        ("^1.1", "prod", None),
        ("latest", "dev", "nightly"),
        ("latest", "prod", "nightly"),
        ("latest", "qa", None),
    ],
)
def test_a_pin_selects_one_version(pin, channel, expected):
    assert resolve(read_pin(pin), VERSIONS, channel) == expected


def test_without_a_current_version_the_newest_draft_is_taken():
    drafts = [ChildVersion(version, "draft") for version in ("odd", "1.9.0", "1.10.0")]
    assert resolve(read_pin("latest"), drafts, "dev") == "1.10.0"
    assert resolve(read_pin("latest"), drafts, "prod") is None


def test_semantic_order_knows_pre_releases():
    ordered = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0", "1.0.1"]
    assert sorted([*ordered[4:], *ordered[:4]], key=lambda version: precedence(version) or ()) == ordered
    assert precedence("1.0") is None
    with pytest.raises(PinFault):
        read_pin(" ")


@pytest.mark.parametrize(
    ("pin", "accepted", "refused"),
    [
        ("^0.2", "0.2.9", "0.3.0"),
        ("^0.0.3", "0.0.3", "0.0.4"),
        ("^0", "0.9.0", "1.0.0"),
        ("~2", "2.0.5", "2.1.0-rc"),
        ("1.2.x", "1.2.7", "1.3.0"),
        ("<2", "1.9.9", "2.0.0-rc.1"),
    ],
)
def test_ranges_have_both_ends(pin, accepted, refused):
    assert read_pin(pin).accepts(accepted)
    assert not read_pin(pin).accepts(refused)


def test_recursion_is_found_over_other_procedures():
    registry = Registered().add({**parent(to="parent"), "procedure_id": "child", "version": "1.0.0"})
    problem = only("CKP322", parent(), registry)
    assert problem.message == "The procedure would run itself: parent → child → parent."
    assert only("CKP322", parent(to="parent"), Registered()).message.endswith("parent → parent.")


def test_recursion_among_children_is_found_too():
    registry = Registered().add({**parent(to="c"), "procedure_id": "b"}).add({**parent(to="b"), "procedure_id": "c"})
    assert only("CKP322", parent(to="b"), registry).message.endswith("parent → b → c → b.")


def test_nesting_has_an_end():
    registry = Registered()
    for level in range(12):
        registry.add({**parent(to=f"c{level + 1}"), "procedure_id": f"c{level}"})
    assert only("CKP327", parent(to="c0"), registry).pointer == at("a", "procedure_id")
    assert found(parent(to="c9"), registry.add(child(procedure_id="c12"))) == []


def test_two_ways_to_one_child_are_no_recursion():
    registry = Registered().add(child(procedure_id="leaf")).add({**parent(to="leaf"), "procedure_id": "b"})
    nodes = {
        "a": {"type": "subflow", "procedure_id": "b", "version": "1.0.0", "next_node": "c"},
        "c": {"type": "subflow", "procedure_id": "leaf", "version": "1.0.0", "next_node": "z"},
    }
    assert found(doc(nodes), registry) == []


REQUIRED = inputs(invoice="object", currency="string")
WITH_INPUTS = {"invoice": "{{inv}}", "currency": "EUR"}
OWN = {"variables_schema": inputs(inv="object")}


def contract(root=OWN, **fields):
    """What is said of a parent whose child wants an invoice and a currency."""
    return found(parent(root=root, **fields), Registered().add(child(variables_schema=REQUIRED)))


def test_required_inputs_must_be_supplied():
    assert contract(input_mapping=WITH_INPUTS) == []
    assert contract(input_mapping={"invoice": "inv"}) == [("CKP323", at("a", "input_mapping"))]
    assert contract(root={}) == [("CKP323", at("a"))] * 2


def test_inherited_variables_supply_inputs():
    assert contract(root={"variables_schema": REQUIRED}, inherit_context=True) == []
    assert contract(root={"variables_schema": inputs(invoice="object")}, inherit_context=True) == [("CKP323", at("a"))]


def test_mapped_names_must_be_declared():
    mapping = {**WITH_INPUTS, "curency": "EUR"}
    assert contract(input_mapping=mapping) == [("CKP324", at("a", "input_mapping", "curency"))]
    registry = Registered().add(child(variables_schema=REQUIRED))
    assert only("CKP324", parent(root=OWN, input_mapping=mapping), registry).hint == "Did you mean 'currency'?"


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("EUR", True),
        (5, False),
        ("{{inv}}", False),
        ("inv", False),
        ("{{inv.currency}}", True),
        (None, True),
        ("{{ inv }} x", True),
    ],
)
def test_types_must_fit(value, fits):
    expected = [] if fits else [("CKP325", at("a", "input_mapping", "currency"))]
    assert contract(input_mapping={**WITH_INPUTS, "currency": value}) == expected


def outputs(root, read="total"):
    """What is said of a parent that reads an output."""
    registry = Registered().add(child(**root))
    return found(parent(output_mapping={"t": f"{read} + 1"}), registry)


def test_read_outputs_must_exist():
    missing = [("CKP326", at("a", "output_mapping", "t"))]
    assert outputs({"outputs_schema": {"total": {}}}) == []
    assert outputs({"outputs_schema": {"sum": {}}}) == missing
    assert outputs({"ends": {"type": "terminate", "outputs": {"total": 1}}}) == []
    assert outputs({"ends": {"type": "terminate", "outputs": {"totl": 1}}}) == missing
    assert outputs({"ends": {"type": "terminate"}}) == []


def test_a_procedure_that_runs_itself_has_no_contract_to_check():
    assert [code for code, _ in found(parent(to="parent"), Registered())] == ["CKP320", "CKP322"]


def test_a_child_chosen_at_run_time_is_not_looked_up():
    source = parent(to="{{which}}")
    assert ("CKP320", at("a", "procedure_id")) not in found(source, Registered())
    assert found(doc({"a": seq()})) == []
