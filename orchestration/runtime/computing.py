"""Which nodes do nothing but compute: no call, no wait, no look at the database, no effect (runtime 5)."""

import json
from collections.abc import Mapping
from typing import Any, Final

from procedures.ckp.document import (
    LogicNode,
    Node,
    Operation,
    ProcessingNode,
    SequenceNode,
    Step,
    TransformNode,
)
from procedures.ckp.operations import OPERATIONS

_LOOKING: Final = frozenset({"decrypt", "encrypt", "hash", "parse_csv", "parse_excel_data", "parse_xml"})
"""Operations that may read a key or a file."""
_ACTIONS: Final = OPERATIONS - _LOOKING
_OF_NODES: Final = frozenset(
    """type description next_node rules default_next_node transformations operations steps inputs outputs
    validations""".split()
)
_OF_STEPS: Final = frozenset({"step_id", "action", "params", "outputs", "output_variable", "id"})
_READ_ELSEWHERE: Final = ("secret", "telemetry")


def computes(node: Node, drawn: Mapping[str, Any]) -> bool:
    """Whether visits of a node, which stands in its document as `drawn`, do nothing but compute."""
    if not isinstance(node, LogicNode | ProcessingNode | SequenceNode | TransformNode):
        return False
    if not node.model_fields_set <= _OF_NODES or any(word in json.dumps(drawn) for word in _READ_ELSEWHERE):
        return False
    units: list[Step | Operation] = [*getattr(node, "steps", ()), *getattr(node, "operations", ())]
    return all(unit.action in _ACTIONS and _said(unit) <= _OF_STEPS for unit in units)


def _said(unit: Step | Operation) -> set[str]:
    """What a step says beside the parameters of its action."""
    return unit.model_fields_set & type(unit).model_fields.keys()
