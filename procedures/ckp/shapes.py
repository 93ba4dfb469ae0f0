"""Keys of values whose shape is known when a document is compiled (CKP 3.6, 5)."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from procedures.ckp.document.nodes import (
    HumanApprovalNode,
    LlmActionNode,
    Node,
    ParallelNode,
    TransformNode,
    VerificationNode,
)
from procedures.ckp.document.root import Document
from procedures.ckp.failures import OperationError
from procedures.ckp.operations.aggregates import read_items

Shape = Mapping[str, Any] | None
"""The keys of an object with the shapes of their values; None where nothing is known."""


def _keys(names: str) -> dict[str, Shape]:
    return dict.fromkeys(names.split())


ERROR: Final[Shape] = _keys(
    "message class error_type code http_status node_id step_id path attempt agent details metadata"
)
BUILT_INS: Final[dict[str, Shape]] = {
    "error": ERROR,
    "telemetry": _keys("total_duration steps retries tokens cost_usd"),
    "trigger": _keys("type id by fired_at scheduled_for payload attributes"),
    "compensates": _keys("step_id node_id path parameters result"),
}
APPROVAL: Final[Shape] = _keys("approval_id decision selected_option payload comment decided_by decided_at via votes")
VERIFICATION: Final[Shape] = _keys("passed failed warnings")
VALIDATION: Final[Shape] = _keys("valid errors")


def known_shapes(document: Document) -> dict[str, Shape]:
    """Shapes of variables by name; a name that is written twice, or given as input, is not known."""
    found: dict[str, Shape] = {}
    written: dict[str, int] = {}
    for node in document.nodes.values():
        for name, shape in _node_shapes(node):
            written[name] = written.get(name, 0) + 1
            found[name] = shape
    shapes = {name: shape for name, shape in found.items() if written[name] == 1 or name == "approval"}
    for name, meta in document.variables_schema.items():
        if meta.origin != "system_captured" or meta.json_schema is not None:
            shapes[name] = schema_shape(meta.json_schema) if name not in found else None
    return {**shapes, **BUILT_INS}


def schema_shape(schema: Any) -> Shape:
    """The keys that a schema allows, when it allows no others."""
    if not isinstance(schema, dict) or schema.get("additionalProperties") is not False:
        return None
    if "patternProperties" in schema or not isinstance(schema.get("properties"), dict):
        return None
    return {name: schema_shape(below) for name, below in schema["properties"].items()}


def _node_shapes(node: Node) -> Iterable[tuple[str, Shape]]:
    if isinstance(node, HumanApprovalNode):
        yield "approval", APPROVAL
        if node.output_variable != "approval":
            yield node.output_variable, APPROVAL
    elif isinstance(node, VerificationNode):
        yield node.output_variable, VERIFICATION
    elif isinstance(node, ParallelNode):
        branches = {branch.branch_id: None for branch in node.branches}
        yield "parallel_results", {"branches": branches, "errors": branches}
    elif isinstance(node, LlmActionNode):
        yield from _model_shapes(node)
    elif isinstance(node, TransformNode):
        for one in node.transformations:
            aggregated = one.type == "aggregate"
            yield one.output_variable, aggregate_shape(one.expression, one.parameters) if aggregated else None
    else:
        yield from _unit_shapes(node)


def _model_shapes(node: LlmActionNode) -> Iterable[tuple[str, Shape]]:
    whole = schema_shape(node.output_schema)
    if not node.outputs:
        yield "llm_output", whole
    for name, mapping in node.outputs.items():
        yield name, whole if mapping in ("text", "raw", "content", "llm_response") and node.output_schema else None


def _unit_shapes(node: Any) -> Iterable[tuple[str, Shape]]:
    for unit in [*getattr(node, "steps", ()), *getattr(node, "operations", ())]:
        result = getattr(unit, "output_variable", None) or unit.parameters.get("output_variable")
        if isinstance(result, str):
            yield result, _action_shape(unit.action, unit.parameters)
        name = unit.parameters.get("variable") if unit.action == "set_variable" else None
        if isinstance(name, str):
            yield name.partition(".")[0], None
    for name in getattr(node, "outputs", {}):
        yield name, None


def _action_shape(action: str, parameters: Mapping[str, Any]) -> Shape:
    if action == "validate_schema":
        return VALIDATION
    return aggregate_shape(parameters.get("expression"), parameters) if action == "aggregate" else None


def aggregate_shape(expression: Any, parameters: Mapping[str, Any]) -> Shape:
    """The keys that an aggregate gives; None for one item, for groups, and for what cannot be read."""
    try:
        items = read_items(expression)
    except OperationError:
        return None
    return None if parameters.get("group_by") or len(items) < 2 else {item.name: None for item in items}


def missing_key(shape: Shape, path: tuple[str | int, ...]) -> str | None:
    """The first key of a path that a known shape does not have."""
    for part in path:
        if shape is None or isinstance(part, int):
            return None
        if part not in shape:
            return part
        shape = shape[part]
    return None
