"""Bounds of a run: the dearest path, with loops, branches, retries and children (CKP 6)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from procedures.ckp.amounts import Amount, Amounts, side_by_side, total
from procedures.ckp.bind.children import child_of
from procedures.ckp.bounds_of_nodes import SystemLimits, node_amounts
from procedures.ckp.document.nodes import LoopNode, ParallelNode, SubflowNode, VerificationNode
from procedures.ckp.document.root import Document
from procedures.ckp.expressions import EvaluationError, ExpressionProblem, Scope, compile_expression
from procedures.ckp.regions import MAIN, RegionMap, inner_edges, map_regions
from procedures.ckp.registry import Registry
from procedures.ckp.retries import node_retries

MOST_NESTED = 10


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of a whole run, and of one visit of each node (a loop's with its iterations)."""

    run: Amounts
    by_node: dict[str, Amounts] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The bounds as explain shows them."""
        by_node = {node_id: amounts.as_dict() for node_id, amounts in self.by_node.items()}
        return {**self.run.as_dict(), "by_node": by_node}


def bounds(document: Document, registry: Registry, limits: SystemLimits | None = None, nested: int = 0) -> Bounds:
    """Worst case of a run of a document without errors."""
    return _Calculation(document, registry, limits or SystemLimits(), nested).run()


def along(document: Document, found: Bounds, home: Mapping[str, str], nodes: Iterable[str]) -> Amounts:
    """Worst case of one way. What stands in a loop or branch (`home`) counts once, with its owner."""
    counted = (node_id for node_id in nodes if home.get(node_id, MAIN) == MAIN and node_id in found.by_node)
    return capped(document, total(found.by_node[node_id] for node_id in counted))


def capped(document: Document, amounts: Amounts) -> Amounts:
    """The amounts under the caps that the document sets for a run."""
    config = document.global_config
    budget = config.llm_budget
    return Amounts(
        amounts.cost_usd.capped(config.max_cost_usd),
        amounts.tokens.capped(budget.max_tokens_per_run if budget else None),
        amounts.active_ms.capped(config.timeout_ms),
        amounts.waiting_ms,
    )


class _Calculation:
    def __init__(self, document: Document, registry: Registry, limits: SystemLimits, nested: int) -> None:
        self.document = document
        self.registry = registry
        self.limits = limits
        self.nested = nested
        self.map: RegionMap = map_regions(document)
        self.by_node: dict[str, Amounts] = {}

    def run(self) -> Bounds:
        for owner in reversed(self._outer_first()):
            members = self.map.regions[owner].members
            self.by_node.update((node_id, self._node(node_id)) for node_id in members)
            for node_id in members:
                self.by_node[node_id] = self.by_node[node_id] + self._repeated(owner, node_id)
        dearest = self._dearest(MAIN, [self.document.start_node])
        on_failure = self.document.global_config.on_failure
        if on_failure:
            dearest = dearest + self._dearest(MAIN, [on_failure])
        in_order = {node_id: self.by_node[node_id] for node_id in self.document.nodes if node_id in self.by_node}
        return Bounds(capped(self.document, dearest), in_order)

    def _outer_first(self) -> list[str]:
        inner: dict[str | None, list[str]] = {}
        for owner, region in self.map.regions.items():
            inner.setdefault(region.enclosing, []).append(owner)
        listed = list(inner.get(None, ()))
        for owner in listed:
            listed.extend(inner.get(owner, ()))
        return listed

    def _node(self, node_id: str) -> Amounts:
        node = self.document.nodes[node_id]
        if isinstance(node, LoopNode):
            return self._loop(node_id, node)
        if isinstance(node, ParallelNode):
            branches = (self._dearest(node_id, [branch.start_node]) for branch in node.branches)
            tries = len(node_retries(node, self.document.global_config)) if node.branch_failure == "retry" else 0
            return side_by_side(branches).times(1 + tries)
        if isinstance(node, SubflowNode):
            return self._child(node_id, node)
        return node_amounts(self.document, node_id, self.registry, self.limits)

    def _loop(self, node_id: str, node: LoopNode) -> Amounts:
        once = self._dearest(node_id, [node.body_node])
        counts = [count for count in (node.max_iterations, _literal_length(node.iterator)) if count is not None]
        if not counts:
            return once.unknown(f"the loop '{node_id}' has no max_iterations")
        return once.times(min(counts))

    def _child(self, node_id: str, node: SubflowNode) -> Amounts:
        child = child_of(self.registry, node)
        if child is None or self.nested >= MOST_NESTED:
            reason = (f"the child of '{node_id}' is not known",)
            unknown = Amount(0, reason)
            return Amounts(unknown, unknown, unknown, unknown)
        tries = len(node_retries(node, self.document.global_config)) if node.on_failure == "retry" else 0
        return bounds(child[1], self.registry, self.limits, self.nested + 1).run.times(1 + tries)

    def _repeated(self, owner: str, node_id: str) -> Amounts:
        """What a verification may spend by going back."""
        node = self.document.nodes[node_id]
        if not isinstance(node, VerificationNode) or not any(check.on_fail == "retry" for check in node.checks):
            return Amounts()
        members = self.map.regions[owner].members
        begin = node.retry_node or next((one for one in members if self._leads(one, node_id)), node_id)
        return self._dearest(owner, [begin], until=node_id).times(node.max_retries)

    def _leads(self, source: str, target: str) -> bool:
        return any(edge.target == target for edge in inner_edges(self.document, source))

    def _dearest(self, owner: str, starts: Iterable[str], until: str | None = None) -> Amounts:
        """The dearest way through a region, from where it begins to any of its ends, or to one node."""
        inside = set(self.map.regions[owner].members)
        return _Paths(inside, self._successors(owner, inside, until), self.by_node.__getitem__).dearest(starts)

    def _successors(self, owner: str, inside: set[str], until: str | None) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for node_id in inside:
            targets = [
                edge.target
                for edge in inner_edges(self.document, node_id)
                if edge.target in inside and edge.condition != "retry" and edge.target != owner
            ]
            found[node_id] = [] if node_id == until else [str(target) for target in targets]
        return found


def _literal_length(iterator: Any) -> int | None:
    """The length of a list that is written out."""
    try:
        compiled = compile_expression(iterator)
        value = compiled.evaluate(Scope({})) if compiled.constant else None
    except (ExpressionProblem, EvaluationError):
        return None
    return len(value) if isinstance(value, list) else None


class _Paths:
    """Dearest ways over nodes, cycles taken as one node whose repetition has no known end."""

    def __init__(self, nodes: set[str], after: dict[str, list[str]], weight: Callable[[str], Amounts]) -> None:
        self.nodes = nodes
        self.after = after
        self.weight = weight

    def dearest(self, starts: Iterable[str]) -> Amounts:
        order = self._finished(starts)
        found: dict[str, Amounts] = {}
        part_of = self._cycles(order)
        for node_id in order:
            cycle = part_of[node_id]
            if cycle[0] != node_id:
                continue
            own = total(self.weight(member) for member in cycle)
            if len(cycle) > 1 or node_id in self.after[node_id]:
                own = own.unknown(f"the cycle through '{min(cycle)}' has no bound")
            further = Amounts()
            for member in cycle:
                for target in self.after[member]:
                    if part_of[target] is not cycle:
                        further = further.dearer(found[part_of[target][0]])
            found[node_id] = own + further
        best = Amounts()
        for start in starts:
            if start in part_of:
                best = best.dearer(found[part_of[start][0]])
        return best

    def _finished(self, starts: Iterable[str]) -> list[str]:
        """Nodes in the order in which depth-first search leaves them."""
        done: list[str] = []
        seen: set[str] = set()
        for start in starts:
            stack = [(start, iter(self.after[start]))] if start in self.nodes and start not in seen else []
            seen.add(start)
            while stack:
                node_id, targets = stack[-1]
                target = next((one for one in targets if one not in seen), None)
                if target is None:
                    done.append(node_id)
                    stack.pop()
                else:
                    seen.add(target)
                    stack.append((target, iter(self.after[target])))
        return done

    def _cycles(self, order: list[str]) -> dict[str, list[str]]:
        """For each node the strongly connected part it belongs to, its first member the one left first."""
        before: dict[str, list[str]] = {node_id: [] for node_id in order}
        for node_id in order:
            for target in self.after[node_id]:
                before[target].append(node_id)
        position = {node_id: index for index, node_id in enumerate(order)}
        part_of: dict[str, list[str]] = {}
        for root in reversed(order):
            if root in part_of:
                continue
            part: list[str] = []
            waiting = [root]
            part_of[root] = part
            while waiting:
                node_id = waiting.pop()
                part.append(node_id)
                for source in before[node_id]:
                    if source not in part_of:
                        part_of[source] = part
                        waiting.append(source)
            part.sort(key=position.__getitem__)
        return part_of
