"""What changed between two documents, in the words of the language (CKP 6 and 8)."""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from procedures.ckp.actions import ACTIONS
from procedures.ckp.bind.contract import outputs_of
from procedures.ckp.bounds import Bounds, bounds
from procedures.ckp.bounds_of_nodes import SystemLimits
from procedures.ckp.compile import UNHASHED, load_document
from procedures.ckp.diff_kinds import ChangeKind, kind_of_field
from procedures.ckp.diff_nodes import renamed_nodes, with_new_ids
from procedures.ckp.document.root import Document
from procedures.ckp.edges import steps_of
from procedures.ckp.effects import is_call
from procedures.ckp.gates import gates
from procedures.ckp.notes import without_notes
from procedures.ckp.regions import map_regions
from procedures.ckp.registry import NOTHING_REGISTERED, Registry
from procedures.ckp.report import Path, pointer_of
from procedures.ckp.values import canonical_json

Move = Literal["added", "removed", "changed", "renamed"]
Bump = Literal["major", "minor", "patch"]

_MINOR: Final = frozenset({"variable", "output", "call"})
_NODE_DEPTH: Final = 3
"""Parts of the pointer of a whole node."""
_LONGEST: Final = 60


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `path` is a JSON pointer into the canonical form that has it, the newer one if both do."""

    kind: ChangeKind
    change: Move
    path: str
    sentence: str
    node_id: str | None = None
    before: Any = None
    after: Any = None
    breaking: bool = False

    @property
    def is_node(self) -> bool:
        """Whether a whole node changed."""
        return self.node_id is not None and self.path.count("/") == _NODE_DEPTH

    def as_dict(self) -> dict[str, Any]:
        """The change as the API shows it."""
        return {
            "kind": self.kind,
            "change": self.change,
            "path": self.path,
            "node_id": self.node_id,
            "before": self.before,
            "after": self.after,
            "breaking": self.breaking,
            "sentence": self.sentence,
        }


def diff(
    before: dict[str, Any],
    after: dict[str, Any],
    registry: Registry = NOTHING_REGISTERED,
    limits: SystemLimits | None = None,
) -> dict[str, Any]:
    """Compares two canonical forms without errors; notes, positions and the order of keys are no change."""
    old, new = _compared(before), _compared(after)
    both = load_document(before), load_document(after)
    spent = bounds(both[0], registry, limits), bounds(both[1], registry, limits)
    changes = [] if canonical_json(old) == canonical_json(new) else list(_changes(old, new, *both, spent))
    return {
        "from": both[0].version,
        "to": both[1].version,
        "identical": not changes,
        "text": _lines(old, new),
        "semantic": [change.as_dict() for change in changes],
        "summary": [change.sentence for change in changes],
        "suggested_bump": suggested_bump(changes),
        "bounds": {"before": spent[0].run.as_dict(), "after": spent[1].run.as_dict()},
    }


def _compared(canonical: dict[str, Any]) -> dict[str, Any]:
    plain = without_notes(canonical)
    return {key: value for key, value in plain.items() if key not in UNHASHED and key != "version"}


def _lines(old: dict[str, Any], new: dict[str, Any]) -> str:
    return "\n".join(difflib.unified_diff(_pretty(old), _pretty(new), "before", "after", lineterm=""))


def _pretty(tree: dict[str, Any]) -> list[str]:
    return json.dumps(tree, indent=2, sort_keys=True, ensure_ascii=False).splitlines()


def suggested_bump(changes: list[Change]) -> Bump | None:
    """The advice for the next version; none where nothing changed."""
    if any(change.breaking for change in changes):
        return "major"
    if any(change.change == "added" and (change.kind in _MINOR or change.is_node) for change in changes):
        return "minor"
    return "patch" if changes else None


def _changes(
    old: dict[str, Any], new: dict[str, Any], before: Document, after: Document, spent: tuple[Bounds, Bounds]
) -> Iterator[Change]:
    renamed = renamed_nodes(before, after, old, new)
    old = with_new_ids(old, renamed)
    yield from _variables(old, new)
    yield from _outputs(old, new, before, after)
    yield from _nodes(old, new, renamed)
    for path, left, right in _differences((), _rest(old), _rest(new)):
        yield _field_change(path, left, right, None, None)
    yield from _gates(before, after, renamed)
    yield from _cost(spent)


def _rest(tree: dict[str, Any]) -> dict[str, Any]:
    graph = {key: value for key, value in tree.get("workflow_graph", {}).items() if key != "nodes"}
    handled = ("variables_schema", "outputs_schema", "workflow_graph")
    rest = {key: value for key, value in tree.items() if key not in handled}
    return {**rest, "global_config": tree.get("global_config", {}), "workflow_graph": graph}


def _variables(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    left, right = old.get("variables_schema", {}), new.get("variables_schema", {})
    for name in dict.fromkeys([*left, *right]):
        path = pointer_of(("variables_schema", name))
        if name not in right:
            sentence = f"The input '{name}' was removed."
            yield Change("variable", "removed", path, sentence, before=left[name], breaking=True)
        elif name not in left:
            needed = _is_needed(right[name])
            sentence = f"The {'required' if needed else 'optional'} input '{name}' was added."
            yield Change("variable", "added", path, sentence, after=right[name], breaking=needed)
        elif canonical_json(left[name]) != canonical_json(right[name]):
            yield _changed_variable(name, left[name], right[name], path)


def _is_needed(meta: dict[str, Any]) -> bool:
    return bool(meta.get("required")) and "default" not in meta


def _changed_variable(name: str, left: dict[str, Any], right: dict[str, Any], path: str) -> Change:
    retyped = left.get("type") != right.get("type")
    newly_needed = _is_needed(right) and not _is_needed(left)
    if retyped:
        sentence = f"The input '{name}' is {right.get('type') or 'of any type'} instead of {left.get('type') or 'any'}."
    elif newly_needed:
        sentence = f"The input '{name}' is now required."
    else:
        sentence = f"The declaration of the input '{name}' changed."
    return Change("variable", "changed", path, sentence, None, left, right, retyped or newly_needed)


def _outputs(old: dict[str, Any], new: dict[str, Any], before: Document, after: Document) -> Iterator[Change]:
    left: dict[str, Any] = old.get("outputs_schema") or {name: {} for name in sorted(outputs_of(before) or ())}
    right: dict[str, Any] = new.get("outputs_schema") or {name: {} for name in sorted(outputs_of(after) or ())}
    for name in dict.fromkeys([*left, *right]):
        path = pointer_of(("outputs_schema", name))
        if name not in right:
            sentence = f"The output '{name}' was removed."
            yield Change("output", "removed", path, sentence, before=left[name], breaking=True)
        elif name not in left:
            yield Change("output", "added", path, f"The output '{name}' was added.", after=right[name])
        elif canonical_json(left[name]) != canonical_json(right[name]):
            retyped = left[name].get("type") != right[name].get("type")
            sentence = f"The output '{name}' {'has another type' if retyped else 'is declared differently'}."
            yield Change("output", "changed", path, sentence, None, left[name], right[name], retyped)


def _nodes(old: dict[str, Any], new: dict[str, Any], renamed: dict[str, str]) -> Iterator[Change]:
    left, right = old["workflow_graph"]["nodes"], new["workflow_graph"]["nodes"]
    for old_id, new_id in renamed.items():
        path = pointer_of(("workflow_graph", "nodes", new_id))
        sentence = f"The node '{old_id}' is now called '{new_id}'."
        yield Change("node", "renamed", path, sentence, new_id, old_id, new_id)
    for node_id in dict.fromkeys([*left, *right]):
        place: Path = ("workflow_graph", "nodes", node_id)
        if node_id not in right:
            yield _whole_node("removed", place, left[node_id])
        elif node_id not in left:
            yield _whole_node("added", place, right[node_id])
        else:
            type_name = right[node_id]["type"]
            for where, one, other in _differences(place, left[node_id], right[node_id]):
                yield _field_change(where, one, other, node_id, type_name)


_WHOLE: Final[dict[str, tuple[ChangeKind, str]]] = {
    "human_approval": ("approval", "approval"),
    "llm_action": ("call", "model call"),
    "subflow": ("call", "subflow"),
}


def _whole_node(change: Move, place: Path, node: dict[str, Any]) -> Change:
    node_id = str(place[2])
    kind, what = _WHOLE.get(node["type"], ("node", "node"))
    before, after = (node, None) if change == "removed" else (None, node)
    sentence = f"The {what} '{node_id}' was {change}."
    return Change(kind, change, pointer_of(place), sentence, node_id, before, after)


def _field_change(path: Path, left: Any, right: Any, node_id: str | None, type_name: str | None) -> Change:
    change: Move = "added" if left is None else "removed" if right is None else "changed"
    kind = kind_of_field(path, type_name)
    part = right if left is None else left
    if kind == "call" and isinstance(part, dict) and part.get("action") in ACTIONS:
        kind = "node"
    where = f" of '{node_id}'" if node_id else ""
    name = ".".join(str(part) for part in (path[3:] if node_id else path))
    sentence = f"'{name}'{where} {_described(change, left, right)}."
    return Change(kind, change, pointer_of(path), sentence, node_id, left, right)


def _described(change: Move, left: Any, right: Any) -> str:
    if change == "changed":
        return f"changed from {_short(left)} to {_short(right)}"
    return f"was {change}: {_short(right if change == 'added' else left)}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _differences(path: Path, left: Any, right: Any) -> Iterator[tuple[Path, Any, Any]]:
    """The smallest parts that differ; lists of objects are matched by their ids."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in dict.fromkeys([*left, *right]):
            yield from _differences((*path, key), left.get(key), right.get(key))
    elif isinstance(left, list) and isinstance(right, list) and _identified(left) and _identified(right):
        yield from _list_differences(path, left, right)
    elif left is None or right is None:
        if left is not right:
            yield path, left, right
    elif canonical_json(left) != canonical_json(right):
        yield path, left, right


_IDS: Final = ("step_id", "branch_id", "id", "value", "output_variable", "condition")


def _identified(items: list[Any]) -> bool:
    names = [_identity(item) for item in items]
    return None not in names and len(set(names)) == len(names)


def _identity(item: Any) -> str | None:
    found = next((item[key] for key in _IDS if isinstance(item, dict) and isinstance(item.get(key), str)), None)
    return str(found) if found is not None else None


def _list_differences(path: Path, left: list[Any], right: list[Any]) -> Iterator[tuple[Path, Any, Any]]:
    old = {_identity(item): (index, item) for index, item in enumerate(left)}
    new = {_identity(item): (index, item) for index, item in enumerate(right)}
    for name, (index, item) in old.items():
        if name not in new:
            yield (*path, index), item, None
        else:
            yield from _differences((*path, new[name][0]), item, new[name][1])
    for name, (index, item) in new.items():
        if name not in old:
            yield (*path, index), None, item
    kept = [name for name in old if name in new]
    if kept != [name for name in new if name in old]:
        yield path, kept, [name for name in new if name in old]


def _gates(before: Document, after: Document, renamed: dict[str, str]) -> Iterator[Change]:
    """Calls that won or lost a gate."""
    left = {
        _renamed_call(ref, renamed): {renamed.get(one, one) for one in found} for ref, found in _gated(before).items()
    }
    right = {ref: set(found) for ref, found in _gated(after).items()}
    for ref in [ref for ref in right if ref in left]:
        node_id = ref.partition("/")[0]
        path = pointer_of(("workflow_graph", "nodes", node_id))
        lost, won = sorted(left[ref] - right[ref]), sorted(right[ref] - left[ref])
        if lost and not right[ref]:
            sentence = f"The call '{ref}' lost its gate '{lost[0]}'."
            yield Change("gate", "removed", path, sentence, node_id, lost, None, breaking=True)
        elif won:
            sentence = f"The call '{ref}' is now behind the gate '{won[0]}'."
            yield Change("gate", "added", path, sentence, node_id, None, won)
        elif lost:
            sentence = f"The call '{ref}' is no longer behind '{lost[0]}'."
            yield Change("gate", "changed", path, sentence, node_id, lost, sorted(right[ref]), breaking=True)


def _renamed_call(ref: str, renamed: dict[str, str]) -> str:
    node_id, slash, step_id = ref.partition("/")
    return f"{renamed.get(node_id, node_id)}{slash}{step_id}"


def _gated(document: Document) -> dict[str, tuple[str, ...]]:
    passed = gates(document, map_regions(document))
    found = {}
    for node_id, node in document.nodes.items():
        for _, step in steps_of(node):
            if is_call(step, node):
                found[f"{node_id}/{step.step_id}"] = passed.get(node_id, ())
    return found


def _cost(spent: tuple[Bounds, Bounds]) -> Iterator[Change]:
    left, right = (one.run.cost_usd for one in spent)
    if left != right:
        sentence = f"A run may cost {_money(right)} instead of {_money(left)}."
        yield Change("cost", "changed", "", sentence, None, left.as_dict(), right.as_dict())


def _money(amount: Any) -> str:
    return "an unknown amount" if amount.reasons else f"at most {amount.most:.2f} USD"
