"""What a changed field is about."""

from typing import Final, Literal

from procedures.ckp.document.nodes import NODE_MODELS
from procedures.ckp.fields import MODELS, table_of
from procedures.ckp.kinds import Either, Entries, Items, Kind, Record, Target
from procedures.ckp.report import Path

ChangeKind = Literal[
    "approval", "gate", "failure", "timing", "cost", "variable", "output", "call", "trigger", "node", "edge", "config"
]

_FAILURE: Final = frozenset(
    "error_handlers on_failure compensate_with compensation compensate continue_on_error branch_failure on_fail "
    "recovery_steps error_actions on_error".split()
)
_TIMING: Final = frozenset(
    "retry retry_policy retry_config retry_on_failure max_retries retry_delay_ms backoff_multiplier timeout_ms "
    "queue_timeout_ms timeout_policy sla wait_ms wait_after_ms max_iterations duration duration_ms until due_in".split()
)
_COST: Final = frozenset(
    "max_cost_usd llm_budget max_cost_per_llm_call_usd max_tokens fallback_model fallback_models model repair".split()
)
_CALLS: Final = frozenset({"steps", "cleanup_actions", "procedure_id", "version", "input_mapping", "prompt"})
_SHOWN: Final = frozenset({"description", "title", "prompt"})


def kind_of_field(path: Path, type_name: str | None) -> ChangeKind:
    """The kind of a change at a place of the canonical form; `type_name` for the fields of a node."""
    if type_name is None:
        return _root_kind(path)
    names = {str(part) for part in path[3:]}
    field = str(path[3]) if len(path) > 3 else ""
    if type_name == "human_approval" and field not in _SHOWN:
        return "approval"
    if names & _FAILURE:
        return "failure"
    if is_target(type_name, path[3:]):
        return "edge"
    if names & _TIMING:
        return "timing"
    if names & _COST:
        return "cost"
    if type_name == "terminate" and field == "outputs":
        return "output"
    return "call" if field in _CALLS else "node"


def _root_kind(path: Path) -> ChangeKind:
    first = str(path[0]) if path else ""
    if first in ("trigger", "triggers"):
        return "trigger"
    if first == "workflow_graph":
        return "edge"
    names = {str(part) for part in path}
    if names & _FAILURE:
        return "failure"
    if names & _COST:
        return "cost"
    return "timing" if names & _TIMING else "config"


def is_target(type_name: str, below: Path) -> bool:
    """Whether a field of a node names another node."""
    kind: Kind | None = Record(model=NODE_MODELS[type_name].__name__)
    for part in below:
        kind = _inside(kind, part)
    return isinstance(kind, Target)


def _inside(kind: Kind | None, part: str | int) -> Kind | None:
    if isinstance(kind, Either):
        return next((found for one in kind.kinds if (found := _inside(one, part)) is not None), None)
    if isinstance(kind, Record) and kind.model in MODELS:
        field = table_of(MODELS[kind.model]).get(str(part))
        return field.kind if field else None
    if isinstance(kind, Items | Entries):
        return kind.of
    return None
