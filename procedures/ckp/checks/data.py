"""Fields of operations and transformations that name columns and functions (CKP011, CKP402, CKP415)."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from procedures.ckp.checks.subject import Subject
from procedures.ckp.document.nodes import ProcessingNode, TransformNode
from procedures.ckp.effects import is_internal
from procedures.ckp.failures import OperationError
from procedures.ckp.operations.aggregates import read_items
from procedures.ckp.operations.rows import names_of, reader
from procedures.ckp.report import Path

Read = Callable[[Any], object]


def _columns(value: Any) -> None:
    for name in names_of(value):
        reader(name.removeprefix("-").strip())


def _keys(value: Any) -> None:
    for side in str(value).split("=="):
        reader(side.strip())


_READERS: Final[dict[str, tuple[tuple[str, str, Read], ...]]] = {
    "aggregate": (
        ("expression", "CKP402", read_items),
        ("group_by", "CKP415", _columns),
        ("field", "CKP415", _columns),
    ),
    "sort": (("expression", "CKP415", _columns), ("key", "CKP415", _columns)),
    "unique": (("expression", "CKP415", _columns),),
    "join": (("expression", "CKP415", _keys),),
    "pivot": (("index", "CKP415", _columns), ("columns", "CKP415", _columns), ("values", "CKP415", _columns)),
}
"""Per kind of work its fields, the code of a fault, and what reads them."""


def columns_can_be_read(subject: Subject) -> None:
    """CKP402 for aggregates, CKP415 for paths to columns."""
    for name, fields, place in _works(subject):
        for field, code, read in _READERS.get(name, ()):
            if fields.get(field) is None:
                continue
            try:
                read(fields[field])
            except OperationError as error:
                subject.report(code, (*place, field), error.message)


def keyed_digests_have_a_key(subject: Subject) -> None:
    """CKP011."""
    for name, fields, place in _works(subject):
        if name == "hash" and fields.get("algorithm") == "hmac-sha256" and "key_reference" not in fields:
            subject.report("CKP011", place, "'hmac-sha256' needs 'key_reference', the alias of its key.")


def _works(subject: Subject) -> Iterator[tuple[str, Mapping[str, Any], Path]]:
    """Every transformation, operation and internal step: its name, fields and place."""
    for _, node, place in subject.nodes_of(TransformNode):
        for index, one in enumerate(node.transformations):
            fields = {"expression": one.expression, **one.parameters}
            yield one.type, fields, (*place, "transformations", index)
    for _, node, place in subject.nodes_of(ProcessingNode):
        for index, operation in enumerate(node.operations):
            yield operation.action, operation.parameters, (*place, "operations", index)
    for node, step, place in subject.steps:
        if step.action and is_internal(step, node):
            yield step.action, step.parameters, place
