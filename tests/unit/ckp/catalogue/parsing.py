"""CKP001 to CKP009: the text itself, and what is counted in it."""

import json
from typing import Any

from procedures.ckp.parse import MOST_BYTES, MOST_TEXT_BYTES
from tests.unit.ckp.catalogue.case import Case, error, info
from tests.unit.ckp.compiling import END, approval, at, change, doc, inputs, logic, model, parallel, seq, step

CAP = {"max_cost_usd": 1}
TEXT = json.dumps(doc())
ROOM = 100_000 - len(("procedure_id", "version", "workflow_graph", "start_node", "nodes", "z", "type", "_note"))
"""List elements that a note may hold."""


def noted(note: str) -> str:
    """The smallest document with a note, which is a JSON text."""
    return f'{TEXT[:-1]}, "_note": {note}}}'


def listed(dialect_id: str) -> dict[str, Any]:
    """A document in the list dialect, with two nodes."""
    first = {"node_id": "a", "node_type": "sequence", "steps": [], "next_node": "b"}
    nodes = [first, {"node_id": "b", "node_type": "terminate"}, {"node_id": dialect_id, "node_type": "terminate"}]
    return {"procedure_id": "p", "procedure_version": "1.0.0", "start_node_id": "a", "nodes": nodes}


def declared(section: str, name: str) -> dict[str, Any]:
    """A document with a required input, and another one in a section."""
    sections = {"required": {"n": {}}, "optional": {}}
    sections[section][name] = {}
    return doc(variables_schema=sections, outputs_schema={"n": {}, name: {}})


def steps(count: int) -> list[dict[str, Any]]:
    """Many steps."""
    return [step(step_id=f"s{index}") for index in range(count)]


def operations(count: int) -> dict[str, Any]:
    """Many operations."""
    return doc({"a": {"type": "processing", "operations": [{"action": "log", "value": 1}] * count, "next_node": "z"}})


def transformations(count: int) -> dict[str, Any]:
    """Many transformations."""
    node = change("unique")
    return doc(
        {"a": node | {"transformations": node["transformations"] * count}}, variables_schema=inputs(rows="array")
    )


def checks(count: int) -> dict[str, Any]:
    """Many checks."""
    node = {"type": "verification", "checks": [{"condition": "n > 1"}] * count, "next_node": "z"}
    return doc({"a": node}, variables_schema=inputs(n="number"))


def rules(count: int) -> dict[str, Any]:
    """Many rules."""
    return doc({"a": logic(*[(f"n > {index}", "z") for index in range(count)])}, variables_schema=inputs(n="number"))


def branches(count: int) -> dict[str, Any]:
    """Many branches."""
    names = [f"b{index}" for index in range(count)]
    node = parallel(*names)
    for branch in node["branches"]:
        branch["start_node"] = "b"
    return doc({"a": node, "b": seq()})


def options(count: int) -> dict[str, Any]:
    """Many options."""
    return doc({"a": approval(decision_type="select_option", options=[f"o{index}" for index in range(count)])})


def handlers(count: int) -> dict[str, Any]:
    """Many handlers."""
    return doc({"a": seq(error_handlers=[{"error_type": f"t{index}"} for index in range(count)])})


def choices(count: int) -> dict[str, Any]:
    """Many branches of a model."""
    ends = {f"e{index}": END for index in range(count - 1)}
    node = model(to=None, orchestration_mode=True, branches=[*ends, "z"])
    return doc({"a": node, **ends}, variables_schema=inputs(topic="string"), global_config=CAP)


def variables(count: int) -> dict[str, Any]:
    """Many variables."""
    names: dict[str, Any] = {f"v{index}": {} for index in range(count)}
    return doc(variables_schema=names, outputs_schema=names)


def nodes(count: int) -> dict[str, Any]:
    """Many nodes, each of which is reached."""
    deciding = range(11)
    ends = [f"e{index}" for index in range(count - len(deciding) - 1)]
    ways = {
        f"a{one}": logic(*[(f"n > {end}", end) for end in ends[one::11]], default=f"a{one + 1}") for one in deciding
    }
    ways["a10"]["default_next_node"] = "z"
    source = doc({**ways, **{end: {"type": "terminate"} for end in ends}}, variables_schema=inputs(n="number"))
    return json.loads(json.dumps(source).replace("n > e", "n > "))


def unknown(count: int) -> dict[str, Any]:
    """A document with many problems."""
    return doc(**{f"field_number_{index}": 1 for index in range(count)})


CASES: list[Case] = [
    error("CKP001", "a byte that is no UTF-8", "", noted('"ü"').encode("latin-1"), noted('"ü"').encode()),
    error("CKP001", "a comma too many", "", f"{TEXT[:-1]},}}", TEXT),
    error("CKP001", "half of a surrogate pair", "/_note", noted('"\\ud83d"'), noted('"\\ud83d\\ude00"')),
    error("CKP001", "a text with U+0000", "/_note", noted('"\\u0000"'), noted('"\\u0001"')),
    error("CKP002", "one key twice", "/_note/a", noted('{"a": 1, "a": 1}'), noted('{"a": 1, "b": 1}')),
    error("CKP002", "a node id twice in a list", "/nodes/2", listed("b"), doc(), beside=("CKP601",)),
    error(
        "CKP002",
        "a variable in both sections",
        "/variables_schema/optional/n",
        declared("optional", "n"),
        declared("optional", "m"),
    ),
    error("CKP003", "a list around the document", "", f"[{TEXT}]", TEXT),
    error("CKP004", "29 digits", "/_note", noted("1" * 29), noted("1" * 28)),
    error("CKP004", "29 digits behind the point", "/_note", noted("0." + "1" * 29), noted("0." + "1" * 28 + "00")),
    error("CKP004", "too large for a double", "/_note", noted("1e309"), noted("1e308")),
    error("CKP004", "not a number", "/_note", noted("NaN"), noted("null")),
    error(
        "CKP005",
        "one byte too many",
        "",
        TEXT + " " * (MOST_BYTES + 1 - len(TEXT)),
        TEXT + " " * (MOST_BYTES - len(TEXT)),
    ),
    error("CKP006", "65 levels", "", noted("[" * 64 + "]" * 64), noted("[" * 63 + "]" * 63)),
    error("CKP007", "keys and list elements", "", noted(json.dumps([0] * (ROOM + 1))), noted(json.dumps([0] * ROOM))),
    error("CKP007", "nodes", "/workflow_graph/nodes", nodes(5_001), nodes(5_000), left=("CKP-L09",)),
    error("CKP007", "steps", at("a", "steps"), doc({"a": seq(*steps(1_001))}), doc({"a": seq(*steps(1_000))})),
    error("CKP007", "operations", at("a", "operations"), operations(1_001), operations(1_000)),
    error("CKP007", "transformations", at("a", "transformations"), transformations(1_001), transformations(1_000)),
    error("CKP007", "rules", at("a", "rules"), rules(501), rules(500)),
    error("CKP007", "branches", at("a", "branches"), branches(101), branches(100)),
    error("CKP007", "checks", at("a", "checks"), checks(501), checks(500)),
    error("CKP007", "options", at("a", "options"), options(501), options(500)),
    error("CKP007", "handlers", at("a", "error_handlers"), handlers(501), handlers(500)),
    error(
        "CKP007",
        "branches of a model",
        at("a", "branches"),
        choices(501),
        choices(500),
        left=("CKP-L09",),
        beside=("CKP-L09",),
    ),
    error("CKP007", "variables", "/variables_schema", variables(1_001), variables(1_000)),
    error(
        "CKP008",
        "the bytes of a text",
        "/_note",
        noted(json.dumps("ü" * (MOST_TEXT_BYTES // 2) + "x", ensure_ascii=False)),
        noted(json.dumps("ü" * (MOST_TEXT_BYTES // 2), ensure_ascii=False)),
    ),
    error(
        "CKP008",
        "the characters of a key",
        f"/_note/{'ü' * 257}",
        noted(json.dumps({"ü" * 257: 1}, ensure_ascii=False)),
        noted(json.dumps({"ü" * 256: 1}, ensure_ascii=False)),
    ),
    info("CKP009", "501 problems", "", unknown(501), unknown(500), beside=("CKP010",) * 500, left=("CKP010",) * 500),
]
