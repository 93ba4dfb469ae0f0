"""Every text of a document that holds an expression, condition, template or mapping, with its place and kind."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from procedures.ckp.actions import ACTIONS, TRANSFORMS
from procedures.ckp.document.nodes import NODE_MODELS
from procedures.ckp.document.root import Document
from procedures.ckp.document.steps import Operation, Step, Transformation
from procedures.ckp.fields import MODELS, Table, table_of
from procedures.ckp.kinds import (
    Anything,
    Condition,
    Either,
    Entries,
    Expression,
    Form,
    Given,
    Items,
    JsonPath,
    JsonSchema,
    Kind,
    Mapping,
    Record,
    Scope,
    Text,
    json_types,
)
from procedures.ckp.names import is_note
from procedures.ckp.notes import is_entry
from procedures.ckp.records import internal_action
from procedures.ckp.report import Path
from procedures.ckp.values import kind_of


@dataclass(frozen=True, slots=True)
class Place:
    """One text. `whole` is false for a text deep in a value; `as_key` for a key of an object."""

    path: Path
    kind: Kind
    text: str
    whole: bool = True
    as_key: bool = False

    @property
    def scope(self) -> Scope:
        """Which names are seen here."""
        return self.kind.scope


def root_texts(canonical: dict[str, Any]) -> Iterator[Place]:
    """The texts outside of the graph."""
    table = {key: field for key, field in table_of(Document).items() if key != "workflow_graph"}
    return _Finder().members(table, canonical, ())


def node_texts(node_id: str, node: dict[str, Any]) -> Iterator[Place]:
    """The texts of one node, fields without effect left out."""
    model = NODE_MODELS[node["type"]]
    table = {key: field for key, field in table_of(model).items() if key not in model.WITHOUT_EFFECT}
    return _Finder(node.get("agent")).members(table, node, ("workflow_graph", "nodes", node_id))


class _Finder:
    def __init__(self, agent: Any = None) -> None:
        self._agent = agent if isinstance(agent, str) else None

    def members(self, table: Table, members: dict[str, Any], path: Path) -> Iterator[Place]:
        for key, value in members.items():
            if key in table:
                yield from self.value(table[key].kind, value, (*path, key))

    def value(self, kind: Kind, value: Any, path: Path) -> Iterator[Place]:
        if isinstance(kind, Either):
            found = kind_of(value)
            kind = next((part for part in kind.kinds if found in json_types(part)), kind)
        if isinstance(kind, Record) and isinstance(value, dict):
            yield from self.record(kind, value, path)
        elif isinstance(kind, Items) and isinstance(value, list):
            for index, item in enumerate(value):
                yield from self.value(kind.of, item, (*path, index))
        elif isinstance(kind, Entries) and isinstance(value, dict):
            yield from self._entries(kind, value, path)
        elif isinstance(value, str):
            if kind.form is not Form.PLAIN or isinstance(kind, Expression | Condition | Mapping | JsonPath):
                yield Place(path, kind, value)
        elif isinstance(kind, Anything) and kind.form is not Form.PLAIN:
            yield from _deep(kind, value, path)
        elif isinstance(kind, JsonSchema) and kind.form is not Form.PLAIN:
            yield from _defaults(value, path)

    def _entries(self, kind: Entries, value: dict[str, Any], path: Path) -> Iterator[Place]:
        templated = kind.of.form is not Form.PLAIN
        for key, item in value.items():
            if is_entry(kind, key, item):
                if templated and "{{" in key:
                    yield Place((*path, key), kind.of, key, as_key=True)
                yield from self.value(kind.of, item, (*path, key))

    def record(self, kind: Record, value: dict[str, Any], path: Path) -> Iterator[Place]:
        if kind.model == "Step":
            yield from self._step(value, path)
        elif kind.model == "Operation":
            action = ACTIONS[value["action"]] if value.get("action") in ACTIONS else None
            yield from self.members({**table_of(Operation), **(action.fields if action else {})}, value, path)
        elif kind.model == "Transformation":
            fields = TRANSFORMS.get(value.get("type", ""), {})
            yield from self.members({**table_of(Transformation), **fields}, value, path)
        else:
            yield from self.members(table_of(MODELS[kind.model]), value, path)

    def _step(self, value: dict[str, Any], path: Path) -> Iterator[Place]:
        table = table_of(Step)
        action = internal_action(value, self._agent)
        if action is not None:
            yield from self.members({**action.fields, **table}, value, path)
            return
        yield from self.members(table, value, path)
        parameter = Anything(form=Form.VALUE, scope="call")
        for key, item in value.items():
            if key not in table and not is_note(key):
                yield from _keyed(parameter, key, item, path)


def _keyed(kind: Kind, key: str, item: Any, path: Path) -> Iterator[Place]:
    place = (*path, key)
    if "{{" in key:
        yield Place(place, kind, key, as_key=True)
    if isinstance(item, str):
        yield Place(place, kind, item)
    else:
        yield from _deep(kind, item, place)


def _deep(kind: Kind, value: Any, path: Path) -> Iterator[Place]:
    """The texts inside a list or object."""
    inner = Anything(form=kind.form, scope=kind.scope) if isinstance(kind, Given) else kind
    if isinstance(value, dict):
        for key, item in value.items():
            for place in _keyed(inner, key, item, path):
                yield replace(place, whole=False)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, str):
                yield Place((*path, index), inner, item, whole=False)
            else:
                yield from _deep(inner, item, (*path, index))


def _defaults(schema: Any, path: Path) -> Iterator[Place]:
    """The texts in the defaults of a schema."""
    inner = Anything(form=Form.VALUE)
    for key, item in schema.items() if isinstance(schema, dict) else enumerate(schema):
        if key == "default":
            yield from _keyed(inner, "default", item, path)
        elif isinstance(item, dict | list):
            yield from _defaults(item, (*path, key))


def is_prompt(kind: Kind) -> bool:
    """Whether a text is a prompt template."""
    return isinstance(kind, Text) and kind.form is Form.PROMPT
