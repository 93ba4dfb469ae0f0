"""Subflows: pins, versions, recursion (CKP320 to CKP322, CKP327 to CKP329)."""

from collections.abc import Iterator, Sequence
from typing import Final

from procedures.ckp.checks.subject import Subject
from procedures.ckp.document.nodes import SubflowNode
from procedures.ckp.document.root import Document
from procedures.ckp.registry import ChildVersion, Registry
from procedures.ckp.report import Path
from procedures.ckp.versions import Pin, PinFault, precedence, read_pin

MOST_NESTED: Final = 10
_CHANNELS: Final = ("prod", "qa", "dev")


def pinned(subject: Subject) -> Iterator[tuple[SubflowNode, Path, Pin]]:
    """The subflow nodes whose pin can be read."""
    for _, node, place in subject.nodes_of(SubflowNode):
        pin = pin_of(node)
        if pin is not None and node.procedure_id:
            yield node, place, pin


def pin_of(node: SubflowNode) -> Pin | None:
    """The pin of a subflow; None when it cannot be read."""
    try:
        return read_pin(node.version)
    except PinFault:
        return None


def pins_can_be_read(subject: Subject) -> None:
    """CKP329, and CKP328 for the current version, whatever it is."""
    for _, node, place in subject.nodes_of(SubflowNode):
        where = (*place, "version") if "version" in subject.raw(place) else place
        try:
            pin = read_pin(node.version)
        except PinFault as fault:
            subject.report("CKP329", where, str(fault), hint="Write 1.2.3, ^1.2, ~1.2.3, >=1.1 <2, 1.x or latest.")
            continue
        if pin.latest:
            message = f"'{node.procedure_id}' is not pinned: each run takes the version that is current then."
            subject.report("CKP328", where, message, hint="Pin it, for example ^1.0.")


def children_exist(subject: Subject) -> None:
    """CKP320 and CKP321."""
    for node, place, pin in pinned(subject):
        if "{{" in node.procedure_id:
            continue
        versions = subject.registry.versions(node.procedure_id)
        if versions is None:
            continue
        if not versions:
            message = f"There is no procedure '{node.procedure_id}'."
            subject.report("CKP320", (*place, "procedure_id"), message)
        elif resolve(pin, versions, subject.registry.channel) is None:
            where = (*place, "version") if "version" in subject.raw(place) else place
            message = f"No version of '{node.procedure_id}' satisfies '{node.version}'."
            subject.report("CKP321", where, message)


def resolve(pin: Pin, versions: Sequence[ChildVersion], channel: str) -> str | None:
    """The version that a pin takes in a channel, or none."""
    usable = [one for one in versions if _usable(one, pin, channel)]
    if pin.latest:
        return _current(usable, channel)
    return pin.newest(one.version for one in usable)


def _usable(one: ChildVersion, pin: Pin, channel: str) -> bool:
    if channel in ("qa", "prod") and channel not in one.released_in | one.current_in:
        return False
    if pin.exact:
        return one.status in ("active", "deprecated") or (one.status == "draft" and channel == "dev")
    if pin.latest:
        return one.status == "active" or (one.status == "draft" and channel == "dev")
    return one.status == "active"


def _current(versions: Sequence[ChildVersion], channel: str) -> str | None:
    """The version current in the channel, else in the highest that has one, else in dev the newest draft."""
    for name in (channel, *_CHANNELS):
        for one in versions:
            if name in one.current_in:
                return one.version
    drafts = [one.version for one in versions if one.status == "draft"]
    ranked = sorted(drafts, key=lambda version: (precedence(version) is not None, precedence(version) or (0, 0, 0, ())))
    return ranked[-1] if ranked else None


def child_of(registry: Registry, node: SubflowNode) -> tuple[str, Document] | None:
    """The version and document that a subflow would run now; None when that is not known."""
    pin = pin_of(node)
    versions = registry.versions(node.procedure_id) if pin else None
    if pin is None or not versions:
        return None
    version = resolve(pin, versions, registry.channel)
    document = registry.document(node.procedure_id, version) if version else None
    return (version, document) if version and document else None


def nothing_recurs(subject: Subject) -> None:
    """CKP322 and CKP327, reported at the subflow that leads there."""
    own = subject.document.procedure_id
    for node, place, _ in pinned(subject):
        chain = _recursion(subject.registry, node, (own,))
        where = (*place, "procedure_id")
        if chain is None:
            continue
        shown = " → ".join(chain)
        if chain[-1] in chain[:-1]:
            subject.report("CKP322", where, f"The procedure would run itself: {shown}.")
        else:
            message = f"Subflows are nested more than {MOST_NESTED} deep: {shown}."
            subject.report("CKP327", where, message)


def _recursion(registry: Registry, node: SubflowNode, chain: tuple[str, ...]) -> tuple[str, ...] | None:
    """The chain of procedures that comes round or goes too deep; procedures that were looked at are not again."""
    waiting = [(node, chain)]
    seen: set[tuple[str, str]] = set()
    while waiting:
        one, before = waiting.pop()
        longer = (*before, one.procedure_id)
        if one.procedure_id in before or len(longer) > MOST_NESTED + 1:
            return longer
        child = child_of(registry, one)
        if child is None or (one.procedure_id, child[0]) in seen:
            continue
        seen.add((one.procedure_id, child[0]))
        inner = [below for below in child[1].nodes.values() if isinstance(below, SubflowNode)]
        waiting += [(below, longer) for below in reversed(inner)]
    return None
