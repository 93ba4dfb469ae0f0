"""The shortest path from the start on which a variable is not set."""

from collections import deque
from typing import Final

from procedures.ckp.checks.subject import Subject
from procedures.ckp.document.nodes import LlmActionNode
from procedures.ckp.edges import Edge
from procedures.ckp.programs import bound_names

MOST_NAMES: Final = 100
"""Names for which paths are looked for in one document."""


class MissingRoutes:
    """Looks for paths, once per name."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._before: dict[str, dict[str, str]] = {}

    def route(self, name: str, node_id: str) -> tuple[str, ...]:
        """Node ids from the start to a node; empty when none is found."""
        if name not in self._before:
            if len(self._before) >= MOST_NAMES:
                return ()
            self._before[name] = self._search(name)
        before = self._before[name]
        if node_id not in before:
            return ()
        route = [node_id]
        while before[route[-1]]:
            route.append(before[route[-1]])
        return tuple(reversed(route))

    def _search(self, name: str) -> dict[str, str]:
        """The predecessor of each node on its shortest path without the name."""
        document = self._subject.document
        before = {document.start_node: ""} if document.start_node in document.nodes else {}
        waiting = deque(before)
        while waiting:
            node_id = waiting.popleft()
            for edge in self._subject.outgoing[node_id]:
                target = edge.target
                if target in document.nodes and target not in before and not self._sets(name, edge):
                    before[target] = node_id
                    waiting.append(target)
            on_failure = document.global_config.on_failure
            if node_id == document.start_node and on_failure in document.nodes and on_failure not in before:
                before[on_failure] = node_id
                waiting.append(on_failure)
        return before

    def _sets(self, name: str, edge: Edge) -> bool:
        """Whether the name is surely set behind an edge."""
        node = self._subject.document.nodes[edge.source]
        if edge.kind == "error" or (isinstance(node, LlmActionNode) and edge.condition == "default"):
            return False
        if edge.condition == "loop_body":
            return any(bound == name for bound, _ in bound_names(node))
        if edge.condition and edge.condition.startswith("branch:"):
            return False
        flow = self._subject.flow
        if flow.leaves.get(edge.source, 0) & flow.names.known(name):
            return True
        return any(write.name == name and write.sure for write in self._subject.programs[edge.source].writes())
