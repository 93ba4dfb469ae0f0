"""CKP601 to CKP608: what is read as something else."""

from typing import Any

from tests.unit.ckp.catalogue.case import Case, error, info, warning
from tests.unit.ckp.compiling import approval, at, change, doc, inputs, logic, seq

N: dict[str, Any] = {"variables_schema": inputs(n="number")}
LIST = {"procedure_id": "p", "procedure_version": "1.0.0", "start_node_id": "a"}
ENTRY = {"id": "p", "version": "1.0.0", "entry": "a"}
LAST = {"node_id": "b", "node_type": "terminate"}


def listed(*transitions: dict[str, Any], **root: Any) -> dict[str, Any]:
    """A document in the list dialect."""
    first = {"node_id": "a", "node_type": "sequence", "steps": [], "transitions": list(transitions)}
    return {**LIST, "nodes": [first, LAST], **root}


def entered(**fields: Any) -> dict[str, Any]:
    """A document in the entry dialect."""
    return {
        **ENTRY,
        "nodes": [{"id": "a", "type": "sequence", "steps": [], **fields}, {"id": "b", "type": "terminate"}],
    }


def without(source: dict[str, Any], *keys: str) -> dict[str, Any]:
    """A document that lacks some keys."""
    return {key: item for key, item in source.items() if key not in keys}


def other(what: str, pointer: str, beyond: dict[str, Any], within: dict[str, Any], **more: Any) -> Case:
    """An older name whose meaning differs."""
    return warning("CKP603", what, pointer, beyond, within, **more)


def one(node: dict[str, Any], **root: Any) -> dict[str, Any]:
    """A document with one node."""
    return doc({"a": node}, **root)


def mapped(text: str) -> dict[str, Any]:
    """A document with a map."""
    return one(change("map", expression=text), variables_schema=inputs(rows="array"))


def repeated(**fields: Any) -> dict[str, Any]:
    """A document with a loop over declared things."""
    node = {"type": "loop", "body_node": "b", "next_node": "z", **fields}
    return doc({"a": node, "b": seq(to="a")}, variables_schema=inputs(rows="array"))


ALWAYS = {"condition": "always", "target_node_id": "b"}
RULE = {"condition": "n > 1", "target_node_id": "b"}

SHAPES: list[Case] = [
    info("CKP601", "list", "", listed(ALWAYS), doc()),
    info("CKP601", "entry", "", entered(next_node="b"), doc()),
    warning(
        "CKP605",
        "order of the list",
        "/nodes/0",
        entered(),
        entered(next_node="b"),
        beside=("CKP601",),
        left=("CKP601",),
    ),
    warning(
        "CKP605", "not in the list dialect", "/nodes/0", entered(), listed(ALWAYS), beside=("CKP601",), left=("CKP601",)
    ),
    warning(
        "CKP606",
        "a condition",
        "/nodes/0/transitions",
        listed(RULE, ALWAYS, **N),
        listed(ALWAYS),
        beside=("CKP601",),
        left=("CKP601",),
    ),
    warning(
        "CKP608",
        "version of the list dialect",
        "",
        without(doc(procedure_version="1.0.0"), "version"),
        doc(),
        beside=("CKP602",),
    ),
    warning(
        "CKP608",
        "nodes of the list dialect",
        "",
        doc() | {"workflow_graph": {"start_node": "b", "nodes": [LAST]}},
        listed(ALWAYS),
        left=("CKP601",),
        beside=("CKP602", "CKP602"),
    ),
    info("CKP607", "yes", at("a", "rules", 0, "condition"), one(logic(("yes", "z"))), one(logic(("true", "z")))),
    info(
        "CKP607", "capitals", at("a", "rules", 0, "condition"), one(logic(("FALSE", "z"))), one(logic(("false", "z")))
    ),
    error(
        "CKP604",
        "successor",
        at("a", "next"),
        doc({"a": seq(to="b", next="z"), "b": seq()}),
        doc({"a": seq(to="b", next="b"), "b": seq()}),
        left=("CKP602",),
    ),
    error(
        "CKP604",
        "retries",
        at("a", "retry", "max_attempts"),
        *(one(seq(retry={"max_retries": 2, "max_attempts": count})) for count in (4, 3)),
        left=("CKP602",),
    ),
]


MEANING: list[Case] = [
    other("approved", "/status", doc(status="approved"), doc(status="active")),
    other("inactive", "/status", doc(status="inactive"), doc(status="draft"), beside=("CKP106",)),
    other("no type", at("a"), one({"steps": [], "next_node": "z"}), one(seq())),
    other(
        "list and item mixed up",
        at("a", "iterator_variable"),
        *(repeated(iterator_var=a, iterator_variable=b) for a, b in (("row", "rows"), ("rows", "row"))),
        left=("CKP602",),
    ),
    other(
        "operations of a transform",
        at("a", "type"),
        *(one({"type": name, "operations": [], "next_node": "z"}) for name in ("transform", "processing")),
    ),
    other("map of text", at("a", "transformations", 0, "expression"), mapped("Mr {{name}}"), mapped("'Mr {{name}}'")),
    other(
        "check of its own",
        at("a", "validations", 0, "check"),
        *(
            doc({"a": seq(validations=[check])}, **N)
            for check in ({"check": "n > 1"}, {"check": "custom", "condition": "n > 1"})
        ),
    ),
    *(
        other(
            f"level {level}",
            at("a", "approval_level"),
            one(approval(approval_level=level)),
            one(approval(approvers={"roles": ["approver"]})),
        )
        for level in ("standard", "manager", "executive")
    ),
]

CASES: list[Case] = [*SHAPES, *MEANING]
