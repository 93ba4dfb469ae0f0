"""Notes: keys without effect. They stay in the stored document and leave for the hash and for the models."""

from typing import Any

from procedures.ckp.document.nodes import NODE_MODELS
from procedures.ckp.document.root import Document
from procedures.ckp.fields import MODELS, Table, table_of
from procedures.ckp.kinds import Either, Entries, Items, Kind, Record, json_types
from procedures.ckp.names import is_note
from procedures.ckp.values import kind_of


def without_notes(canonical: dict[str, Any]) -> dict[str, Any]:
    """The document without its notes; values that authors pass on are left as they are."""
    return _members(table_of(Document), canonical)


def _members(table: Table, value: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _value(table[key].kind, item) if key in table else item for key, item in value.items() if not is_note(key)
    }


def _value(kind: Kind, value: Any) -> Any:
    if isinstance(kind, Record) and isinstance(value, dict):
        return _record(kind, value)
    if isinstance(kind, Items) and isinstance(value, list):
        return [_value(kind.of, item) for item in value]
    if isinstance(kind, Entries) and isinstance(value, dict):
        return _entries(kind, value)
    if isinstance(kind, Either):
        found = kind_of(value)
        return next((_value(part, value) for part in kind.kinds if found in json_types(part)), value)
    return value


def _record(kind: Record, value: dict[str, Any]) -> dict[str, Any]:
    if kind.model == "Node":
        return _members(table_of(NODE_MODELS[value["type"]]), value)
    return _members(table_of(MODELS[kind.model]), value)


def _entries(kind: Entries, value: dict[str, Any]) -> dict[str, Any]:
    return {key: _value(kind.of, item) for key, item in value.items() if is_entry(kind, key, item)}


def is_entry(kind: Entries, key: str, item: Any) -> bool:
    """Whether a key of a map of names is an entry; names may begin like notes."""
    if not is_note(key):
        return True
    legal = kind.keys is None or kind.keys.fullmatch(key) is not None
    return legal and kind_of(item) in json_types(kind.of)
