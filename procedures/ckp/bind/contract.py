"""What a subflow gives to its child and takes from it (CKP323 to CKP326)."""

from collections.abc import Iterator
from typing import Any, Final

from procedures.ckp.bind.children import child_of
from procedures.ckp.checks.subject import Subject
from procedures.ckp.checks.variables import holds_template
from procedures.ckp.document.nodes import SubflowNode, TerminateNode
from procedures.ckp.document.root import Document
from procedures.ckp.document.variables import VariableMeta
from procedures.ckp.inputs import check_value
from procedures.ckp.names import VARIABLE_NAME
from procedures.ckp.report import Path

_KINDS: Final = {
    "string": "text",
    "password": "text",
    "date": "text",
    "datetime": "text",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "array": "list",
    "object": "object",
}


def _children(subject: Subject) -> Iterator[tuple[str, SubflowNode, Path, Document]]:
    for node_id, node, place in subject.nodes_of(SubflowNode):
        child = child_of(subject.registry, node)
        if child is not None and child[1].procedure_id != subject.document.procedure_id:
            yield node_id, node, place, child[1]


def inputs_are_supplied(subject: Subject) -> None:
    """CKP323."""
    for node_id, node, place, child in _children(subject):
        inherited = _inherited(subject, node_id) if node.inherit_context else set()
        where = (*place, "input_mapping") if node.input_mapping else place
        for name, meta in child.variables_schema.items():
            supplied = name in node.input_mapping or name in inherited
            if meta.required and not meta.has_default and not supplied:
                message = f"'{node.procedure_id}' requires the input '{name}', and nothing supplies it."
                subject.report("CKP323", where, message, hint=f"Map '{name}' in input_mapping.")


def _inherited(subject: Subject, node_id: str) -> set[str]:
    """The names that the parent may have defined when it comes to a node."""
    entry = subject.flow.entry.get(node_id)
    return set(subject.flow.names.of(entry.may)) if entry else set()


def inputs_are_declared(subject: Subject) -> None:
    """CKP324."""
    for _, node, place, child in _children(subject):
        for name in node.input_mapping:
            if name not in child.variables_schema:
                near = subject.report.nearest(name, child.variables_schema)
                hint = f"Did you mean '{near}'?" if near else None
                message = f"'{node.procedure_id}' declares no input '{name}'."
                subject.report("CKP324", (*place, "input_mapping", name), message, hint=hint)


def types_fit(subject: Subject) -> None:
    """CKP325."""
    for _, node, place, child in _children(subject):
        for name, value in node.input_mapping.items():
            meta = child.variables_schema.get(name)
            fault = _type_fault(subject, value, meta) if meta else None
            if fault:
                message = f"The input '{name}' of '{node.procedure_id}' {fault}."
                subject.report("CKP325", (*place, "input_mapping", name), message)


def _type_fault(subject: Subject, value: Any, meta: VariableMeta) -> str | None:
    named = _variable(value)
    own = subject.document.variables_schema.get(named) if named else None
    if own is not None:
        given, wanted = _KINDS.get(own.type or ""), _KINDS.get(meta.type or "")
        return f"is {meta.type}, and '{named}' is {own.type}" if given and wanted and given != wanted else None
    if holds_template(value) or value is None or named in subject.flow.names.of(subject.flow.everything):
        return None
    return check_value(meta, value)[1]


def _variable(value: Any) -> str | None:
    """The variable that a mapped value stands for, when it is nothing else."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    if text.startswith("{{") and text.endswith("}}"):
        text = text[2:-2].strip()
    return text if VARIABLE_NAME.fullmatch(text) else None


def outputs_exist(subject: Subject) -> None:
    """CKP326."""
    for node_id, node, place, child in _children(subject):
        known = outputs_of(child)
        if known is None:
            continue
        for use in subject.uses.nodes[node_id]:
            if use.path[:4] != (*place, "output_mapping"):
                continue
            for read in use.reads:
                name = str(read.path[0])
                if name not in known:
                    near = subject.report.nearest(name, known)
                    hint = f"Did you mean '{near}'?" if near else None
                    message = f"'{node.procedure_id}' has no output '{name}'."
                    subject.report("CKP326", use.path, message, hint=hint, offset=read.offset)


def outputs_of(document: Document) -> set[str] | None:
    """The names of a procedure's outputs; None when they are whatever variables it has."""
    if document.outputs_schema is not None:
        return set(document.outputs_schema)
    ends = [node for node in document.nodes.values() if isinstance(node, TerminateNode)]
    if not ends or any(not node.outputs for node in ends if node.status == "success"):
        return None
    return {name for node in ends for name in node.outputs}
