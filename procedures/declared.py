"""The order in which a document declares its variables: a database may keep the document, but not the order of keys."""

from collections.abc import Mapping
from typing import TypeVar

from procedures.ckp.positions import places

BLOCKS = ("", "required/", "optional/")

Meta = TypeVar("Meta")


def in_declared_order(schema: Mapping[str, Meta], source: str) -> dict[str, Meta]:
    """`schema` as the text declares it; names the text does not show come last."""
    pointers = {f"/variables_schema/{block}{_escaped(name)}": name for name in schema for block in BLOCKS}
    found = {pointers[pointer]: offset for pointer, offset in places(source, set(pointers)).items()}
    return {name: schema[name] for name in sorted(schema, key=lambda name: found.get(name, len(source)))}


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
