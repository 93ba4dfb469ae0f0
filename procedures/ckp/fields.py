"""The tables of fields, read from the models once: name in JSON, kind, required or not."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from procedures.ckp.document import base, config, nodes, root, steps, triggers, variables
from procedures.ckp.document.base import Shape, kind_of
from procedures.ckp.kinds import REQUIRED, Kind


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
