"""Visits every object of a tree by the tables, outer ones first, and applies the rules of its model."""

from typing import Any, Final

from procedures.ckp.dialects import nodes, settings, steps
from procedures.ckp.dialects.nodes import Rule
from procedures.ckp.dialects.rewriter import Members, Rewriter
from procedures.ckp.document.nodes import NODE_MODELS
from procedures.ckp.document.root import Document
from procedures.ckp.fields import MODELS, Table, table_of
from procedures.ckp.kinds import Condition, Either, Entries, Items, Kind, Record, json_types
from procedures.ckp.report import Path
from procedures.ckp.values import kind_of

_CONSTANTS: Final = {"true": True, "yes": True, "false": False, "no": False}
_PLAIN: Final = frozenset({"true", "false"})

RULES: Final[dict[str, Rule]] = {
    "GlobalConfig": settings.global_config,
    "RateLimiting": settings.rate_limiting,
    "SecretsConfig": settings.secrets_config,
    "VariableMeta": settings.variable,
    "RetrievalMetadata": settings.retrieval_metadata,
    "Release": settings.release,
    "Trigger": settings.trigger,
    "Telemetry": nodes.telemetry,
    "Rule": nodes.rule,
    "Branch": nodes.branch,
    "RetryPolicy": steps.retry_policy,
    "Step": steps.step,
    "Operation": steps.operation,
    "Transformation": steps.transformation,
    "StepValidation": steps.validation,
}


class Walker:
    """Rewrites one document."""

    def __init__(self, rewriter: Rewriter) -> None:
        self._rewriter = rewriter
        self._declared_lists: frozenset[str] = frozenset()

    def document(self, tree: Members) -> None:
        """Rewrites everything below a root that has its canonical shape."""
        settings.variable_sections(self._rewriter, tree)
        self._members({"variables_schema": table_of(Document)["variables_schema"]}, tree, ())
        self._declared_lists = _lists_of(tree)
        self._members({key: field for key, field in table_of(Document).items() if key != "variables_schema"}, tree, ())
        graph = tree.get("workflow_graph")
        if isinstance(graph, dict) and isinstance(graph.get("nodes"), dict):
            self._nodes(graph["nodes"], ("workflow_graph", "nodes"))

    def _nodes(self, members: Members, path: Path) -> None:
        for node_id, node in list(members.items()):
            if isinstance(node, dict):
                nodes.node(self._rewriter, node, (*path, node_id))
                routed = nodes.transitions(self._rewriter, node, (*path, node_id))
                self._node(node, (*path, node_id))
                if routed:
                    members[routed[0]] = routed[1]
                    self._node(routed[1], (*path, routed[0]))

    def _node(self, node: Members, path: Path) -> None:
        type_name = node.get("type")
        model = NODE_MODELS.get(type_name) if isinstance(type_name, str) else None
        if model is None:
            return
        if type_name == "loop":
            nodes.iterator(self._rewriter, node, path, self._declared_lists)
        self._members(table_of(model), node, path)
        if type_name == "logic":
            nodes.last_rule(self._rewriter, node, path)

    def _members(self, table: Table, members: Members, path: Path) -> None:
        for key in [key for key in members if key in table]:
            members[key] = self._value(table[key].kind, members[key], (*path, key))

    def _value(self, kind: Kind, value: Any, path: Path) -> Any:
        if isinstance(kind, Record) and isinstance(value, dict):
            self._record(kind.model, value, path)
        elif isinstance(kind, Items) and isinstance(value, list):
            return [self._value(kind.of, item, (*path, index)) for index, item in enumerate(value)]
        elif isinstance(kind, Entries) and isinstance(value, dict):
            return {key: self._value(kind.of, item, (*path, key)) for key, item in value.items()}
        elif isinstance(kind, Either):
            found = kind_of(value)
            part = next((part for part in kind.kinds if found in json_types(part)), None)
            return self._value(part, value, path) if part else value
        elif isinstance(kind, Condition) and isinstance(value, str):
            return self._condition(value, path)
        return value

    def _record(self, model: str, value: Members, path: Path) -> None:
        if model == "Node":
            return
        rule = RULES.get(model)
        if rule:
            rule(self._rewriter, value, path)
        self._members(table_of(MODELS[model]), value, path)

    def _condition(self, text: str, path: Path) -> Any:
        word = text.strip()
        constant = _CONSTANTS.get(word.lower())
        if constant is None or word in _PLAIN:
            return text
        shown = "true" if constant else "false"
        self._rewriter.report("CKP607", path, f"The condition '{word}' was read as the constant {shown}.")
        return shown


def _lists_of(tree: Members) -> frozenset[str]:
    schema = tree.get("variables_schema")
    entries = schema.items() if isinstance(schema, dict) else ()
    return frozenset(name for name, meta in entries if isinstance(meta, dict) and meta.get("type") == "array")
