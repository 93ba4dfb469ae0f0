"""Shape of the objects whose fields depend on one of them: nodes, steps, operations, transformations, the graph."""

from typing import Any, Final

from procedures.ckp.actions import ACTIONS, APPROVALS, SOURCE_NOT_A_LIST, TRANSFORMS, WAITS, Action
from procedures.ckp.document.nodes import NODE_MODELS, RESERVED_TYPES
from procedures.ckp.document.root import Document, WorkflowGraph
from procedures.ckp.document.steps import Operation, Step, Transformation
from procedures.ckp.document.triggers import TRIGGER_BLOCKS, Trigger
from procedures.ckp.fields import Field, Table, table_of
from procedures.ckp.kinds import Name
from procedures.ckp.names import NODE_ID, is_note
from procedures.ckp.report import Path, Report
from procedures.ckp.shape import BAD, Reader, TypedReader

MOST_NODES: Final = 5_000
MOST_VARIABLES: Final = 1_000
SHOWN_AGENTS: Final = frozenset({"masteragent", "llmagent"})
"""Agents that a node without steps may name: the system itself."""
_NAMING: Final = ("output_variable", "variable", "array", "collect_variable")
_NAMING_KEYS: Final = ("outputs", "output_mapping")
_UNASKED: Final = frozenset({"llm_output", "approval", "verification_result", "parallel_results", "subflow_output"})
"""What nodes write without being told the name."""


class DocumentReader(Reader):
    """Reads a whole document and remembers what could not be read."""

    def __init__(self, report: Report, most_nodes: int = MOST_NODES) -> None:
        super().__init__(report, _RECORDS)
        self.most_nodes = most_nodes
        self.unread_nodes: list[str] = []
        self.lost_names: set[str] = set()
        self.node_agent: str | None = None

    def document(self, tree: dict[str, Any]) -> dict[str, Any]:
        """The part of the tree that fits the tables."""
        return self.members(table_of(Document), tree, ())

    def lose(self, value: Any) -> Any:
        """Gives up a part; the variables that it would set are remembered."""
        waiting = [value]
        while waiting:
            part = waiting.pop()
            if isinstance(part, dict):
                named = [part[key].partition(".")[0] for key in _NAMING if isinstance(part.get(key), str)]
                keyed = [name for key in _NAMING_KEYS if isinstance(part.get(key), dict) for name in part[key]]
                self.lost_names.update(named, keyed)
            waiting += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        return BAD


def _graph(reader: Reader, value: dict[str, Any], path: Path) -> Any:
    assert isinstance(reader, DocumentReader)
    graph = {key: item for key, item in value.items() if key != "start_node" or item is not None}
    nodes = graph.pop("nodes", None)
    table = {key: Field(field.kind) for key, field in table_of(WorkflowGraph).items()}
    sound = reader.members(table, graph, path)
    if nodes is None or nodes == {}:
        reader.report("CKP201", path, "The workflow graph has no nodes.")
    elif not isinstance(nodes, dict):
        reader.value(table["nodes"].kind, nodes, (*path, "nodes"))
    else:
        sound["nodes"] = _nodes(reader, nodes, (*path, "nodes"))
    return sound


def _nodes(reader: DocumentReader, nodes: dict[str, Any], path: Path) -> dict[str, Any]:
    if len(nodes) > reader.most_nodes:
        message = f"The document has {len(nodes)} nodes; at most {reader.most_nodes} are allowed."
        reader.report("CKP007", path, message)
        return {}
    sound = {}
    for node_id, node in nodes.items():
        place = (*path, node_id)
        if is_note(node_id) and not (isinstance(node, dict) and NODE_ID.fullmatch(node_id)):
            sound[node_id] = node
            continue
        read = _node(reader, node_id, node, place)
        if read is BAD:
            reader.unread_nodes.append(node_id)
            reader.lose(node)
            reader.lost_names |= _UNASKED
        else:
            sound[node_id] = read
    return sound


def _node(reader: DocumentReader, node_id: str, node: Any, path: Path) -> Any:
    if not NODE_ID.fullmatch(node_id):
        reader.report("CKP120", path, f"'{node_id[:80]}' is not a node id: letters, digits and _ . : - only.")
        return BAD
    if not isinstance(node, dict):
        reader.report("CKP012", path, "A node must be an object.")
        return BAD
    type_name = node.get("type")
    if not isinstance(type_name, str) or type_name not in NODE_MODELS:
        _unknown_type(reader, type_name, path)
        return BAD
    model = NODE_MODELS[type_name]
    reader.node_agent = _agent_of(node)
    rest = {key: item for key, item in node.items() if key != "type"}
    idle = {key: rest.pop(key) for key in sorted(model.WITHOUT_EFFECT & rest.keys())}
    for key, item in idle.items():
        if item is not None:
            reader.report("CKP015", (*path, key), f"'{key}' has no effect on a node of type {type_name}.")
    _shown_agent(reader, type_name, node, path)
    return {"type": type_name, **reader.members(table_of(model), rest, path)}


def _unknown_type(reader: Reader, type_name: Any, path: Path) -> None:
    if type_name is None:
        reader.report("CKP011", path, "The required field 'type' is missing.")
    elif not isinstance(type_name, str):
        reader.report("CKP012", (*path, "type"), "'type' must be a text.")
    elif type_name in RESERVED_TYPES:
        reader.report("CKP204", (*path, "type"), f"The node type '{type_name}' is reserved for later.")
    else:
        near = reader.report.nearest(type_name, NODE_MODELS)
        hint = near or f"Use one of: {', '.join(NODE_MODELS)}."
        reader.report("CKP203", (*path, "type"), f"'{type_name[:80]}' is not a node type.", hint=hint)


def _agent_of(node: dict[str, Any]) -> str | None:
    agent = node.get("agent")
    return agent if isinstance(agent, str) and agent.strip().lower() not in SHOWN_AGENTS else None


def _shown_agent(reader: Reader, type_name: str, node: dict[str, Any], path: Path) -> None:
    has_steps = type_name == "sequence" or node.get("cleanup_actions") or node.get("error_actions")
    if _agent_of(node) is not None and not has_steps:
        reader.report("CKP015", (*path, "agent"), f"A node of type {type_name} has no steps; its agent is only shown.")


def internal_action(step: dict[str, Any], node_agent: str | None) -> Action | None:
    """The internal action that a step means, or none when it goes to an agent."""
    action = ACTIONS.get(step.get("action", "")) if isinstance(step.get("action"), str) else None
    if action is None or step.get("binding") == "agent":
        return None
    if action.name == "screenshot" and (_agent_of(step) if step.get("agent") else node_agent):
        return None
    return action


def _step(reader: Reader, value: dict[str, Any], path: Path) -> Any:
    assert isinstance(reader, DocumentReader)
    action = internal_action(value, reader.node_agent)
    if action is None:
        return reader.members(table_of(Step), value, path, open_ended=True)
    step_table = table_of(Step)
    for key in value.get("params") or {} if isinstance(value.get("params"), dict) else ():
        if not is_note(key):
            reader.unknown(key, action.fields, (*path, "params"))
    return _one_of(reader, action.name, value, path, reader.members({**action.fields, **step_table}, value, path))


def _operation(reader: Reader, value: dict[str, Any], path: Path) -> Any:
    assert isinstance(reader, DocumentReader)
    name = value.get("action")
    if not isinstance(name, str):
        return reader.members(table_of(Operation), value, path, open_ended=True)
    action = ACTIONS.get(name)
    if name in WAITS | APPROVALS or (action is None and "agent" in value):
        instead = "Use a node of type human_approval." if name in APPROVALS else "Use a sequence."
        reader.report("CKP222", (*path, "action"), f"'{name[:80]}' is not allowed in operations.", hint=instead)
        return reader.lose(value)
    if action is None:
        near = reader.report.nearest(name, ACTIONS)
        hint = f"Did you mean '{near}'?" if near else None
        reader.report("CKP504", (*path, "action"), f"'{name[:80]}' is not an operation.", hint=hint)
        return reader.lose(value)
    table: Table = {**table_of(Operation), **action.fields, **_result_field(action)}
    return _one_of(reader, name, value, path, reader.members(table, value, path))


def _result_field(action: Action) -> dict[str, Field]:
    return {} if action.result == "none" else {"output_variable": Field(Name(), action.result == "required")}


_EITHER_OF: Final[dict[str, tuple[str, ...]]] = {
    "log": ("message", "value"),
    "wait": ("duration_ms", "duration"),
    "map": ("expression", "fields"),
    "aggregate": ("expression", "op"),
    "sort": ("expression", "key"),
}


def _one_of(reader: Reader, name: str, value: dict[str, Any], path: Path, sound: Any) -> Any:
    """One of several fields must be there."""
    needed = _EITHER_OF.get(name)
    if needed and not any(key in value for key in needed):
        reader.report("CKP011", path, f"'{name}' needs one of: {', '.join(needed)}.")
    return sound


def _transformation(reader: Reader, value: dict[str, Any], path: Path) -> Any:
    assert isinstance(reader, DocumentReader)
    name = value.get("type")
    common = table_of(Transformation)
    if not isinstance(name, str):
        return reader.members(common, value, path, open_ended=True)
    fields = TRANSFORMS.get(name)
    if fields is None:
        near = reader.report.nearest(name, TRANSFORMS)
        hint = f"Did you mean '{near}'?" if near else f"Use one of: {', '.join(TRANSFORMS)}."
        reader.report("CKP013", (*path, "type"), f"'{name[:80]}' is not a transformation.", hint=hint)
        return reader.lose(value)
    source = Field(common["source_variable"].kind, required=name not in SOURCE_NOT_A_LIST or name == "json_path")
    table = {**common, "source_variable": source, **fields}
    return _one_of(reader, name, value, path, reader.members(table, value, path))


def _trigger(reader: Reader, value: dict[str, Any], path: Path) -> Any:
    rest = {**value}
    type_name = value.get("type")
    for key, owner in TRIGGER_BLOCKS.items():
        if key in rest and isinstance(type_name, str) and owner != type_name:
            del rest[key]
            reader.report(
                "CKP015", (*path, key), f"'{key}' belongs to triggers of type {owner}; it has no effect here."
            )
    return reader.members(table_of(Trigger), rest, path)


_RECORDS: Final[dict[str, TypedReader]] = {
    "WorkflowGraph": _graph,
    "Step": _step,
    "Operation": _operation,
    "Transformation": _transformation,
    "Trigger": _trigger,
}
