"""A region as a LangGraph graph: one node per member, entered anywhere, routed by what each visit says.

There are no fixed edges and no checkpointer: the records are the truth, and what is recorded never passes through
here again. Nodes that neither wait for people nor own regions are plain: they may follow one another in one superstep,
as they may share a write. Between two of them LangGraph has nothing to decide, and a superstep costs more than such a
visit. For the same reason the graph of an iteration or a branch is entered at its first node that is not plain.
Only this module and `checkpoints` import langgraph, and only workers import them.
"""

import contextvars
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final, Protocol, TypedDict

from langchain_core.runnables.config import RunnableConfig, var_child_runnable_config
from langgraph.constants import END, START
from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, interrupt

from orchestration.runtime.outcomes import Json

_RESERVED: Final = str.maketrans({":": "%3A", "|": "%7C", "%": "%25"})
_WITHOUT_LIMIT: Final = 10_000_000
MOST_TOGETHER: Final = 20


@dataclass(frozen=True, slots=True)
class Moved:
    """What a visit did: the variables it set, and the next node of the region, none when the region is through."""

    changes: Mapping[str, Json]
    next_node: str | None
    parked: bool = False


class Flow(Protocol):
    """Carries out the visits of a region."""

    def visit(self, node_id: str, variables: Mapping[str, Json]) -> Moved:
        """Visit a node with the variables as they are."""


def _merge(old: Mapping[str, Json], new: Mapping[str, Json]) -> dict[str, Json]:
    return {**old, **new}


@dataclass(frozen=True, slots=True)
class Carrier:
    """What LangGraph hands to every node beside the state."""

    flow: Flow


class State(TypedDict):
    """All that LangGraph carries from node to node."""

    vars: Annotated[dict[str, Json], _merge]
    next: str


Graph = CompiledStateGraph[State, Carrier, State, State]


def compile_region(
    members: Iterable[str], targets: Mapping[str, tuple[str | None, ...]], plain: Container[str]
) -> Graph:
    """The graph of a region.

    `targets` are the document's own edges, for drawing; `plain` nodes may follow another in its superstep.
    """
    graph = StateGraph(State, context_schema=Carrier)
    nodes = list(members)
    for node_id in nodes:
        ways = tuple(node_name(target) for target in targets[node_id] if target is not None)
        graph.add_node(node_name(node_id), _node(node_id, plain), destinations=(*ways, END))
    names = [node_name(node_id) for node_id in nodes]
    graph.add_conditional_edges(START, _entry, names)
    return graph.compile()


def run(graph: Graph, flow: Flow, entry: str, variables: Mapping[str, Json]) -> None:
    """Drive a region from `entry` until it ends or waits; the flow knows how.

    The config variable of LangGraph is cleared in a copied context: else a region would count as nested in the node
    that drives it, and its interrupt would be thrown through that node.
    """
    config: RunnableConfig = {"recursion_limit": _WITHOUT_LIMIT}
    context = contextvars.copy_context()
    context.run(var_child_runnable_config.set, None)
    state: State = {"vars": dict(variables), "next": node_name(entry)}
    context.run(lambda: graph.invoke(state, config, context=Carrier(flow)))


def together(flow: Flow, node_id: str, variables: Mapping[str, Json], plain: Container[str]) -> Moved:
    """Visit a node and the plain ones that follow it, at most `MOST_TOGETHER`; what they did as one."""
    changes, current = dict[str, Json](), node_id
    for _ in range(MOST_TOGETHER):
        moved = flow.visit(current, {**variables, **changes})
        changes.update(moved.changes)
        if moved.next_node is None:
            return Moved(changes, None, moved.parked)
        current = moved.next_node
        if current not in plain:
            break
    return Moved(changes, current)


def _node(node_id: str, plain: Container[str]) -> Any:
    def visit(state: State, runtime: Runtime[Carrier]) -> Command[Any]:
        moved = together(runtime.context.flow, node_id, state["vars"], plain)
        if moved.parked:
            interrupt(node_id)
        goto = END if moved.next_node is None else node_name(moved.next_node)
        return Command(update={"vars": moved.changes}, goto=goto)

    return visit


def _entry(state: State) -> str:
    return state["next"]


@cache
def node_name(node_id: str) -> str:
    """The name of a node in LangGraph, which refuses some of the characters that ids may have."""
    return "n." + node_id.translate(_RESERVED)
