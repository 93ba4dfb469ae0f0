"""The tables of fields, read from the models once: name in JSON, kind, required or not."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from procedures.ckp.document import base, config, nodes, root, steps, triggers, variables
from procedures.ckp.document.base import Shape, kind_of
from procedures.ckp.kinds import REQUIRED, Either, Entries, Items, Kind, Record, Target
from procedures.ckp.report import Path


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a table."""

    kind: Kind
    required: bool = False


Table = Mapping[str, Field]


def _models() -> dict[str, type[Shape]]:
    modules = (base, config, nodes, root, steps, triggers, variables)
    found = [item for module in modules for item in vars(module).values() if isinstance(item, type)]
    return {model.__name__: model for model in found if issubclass(model, Shape)}


MODELS: Final[dict[str, type[Shape]]] = _models()


@cache
def table_of(model: type[Shape]) -> Table:
    """The fields of a model by the name they have in JSON."""
    table = {}
    for name, info in model.model_fields.items():
        kind = kind_of(info.metadata)
        if kind is not None:
            table[info.alias or name] = Field(kind, REQUIRED in info.metadata)
    return table


def may_name_nodes(table: Table, path: Path) -> bool:
    """Whether what stands at a place below a table may name nodes."""
    kind = table[str(path[0])].kind if path[0] in table else None
    for part in path[1:]:
        kind = _below(kind, part)
    return kind is not None and _holds_target(kind)


def _below(kind: Kind | None, part: str | int) -> Kind | None:
    if isinstance(kind, Either):
        return next((found for one in kind.kinds if (found := _below(one, part))), None)
    if isinstance(kind, Items | Entries):
        return kind.of
    table = table_of(MODELS[kind.model]) if isinstance(kind, Record) else {}
    return table[str(part)].kind if part in table else None


def _holds_target(kind: Kind) -> bool:
    if isinstance(kind, Either):
        return any(_holds_target(part) for part in kind.kinds)
    if isinstance(kind, Items | Entries):
        return _holds_target(kind.of)
    if isinstance(kind, Record) and kind.model != "Step":
        return any(_holds_target(field.kind) for field in table_of(MODELS[kind.model]).values())
    return isinstance(kind, Target)
