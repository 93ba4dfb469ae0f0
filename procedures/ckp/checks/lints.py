"""Advice on design (CKP-L01 to CKP-L15, but for those that ask the registry)."""

from collections.abc import Iterator
from typing import Any, Final

from procedures.ckp.checks.graph import ending, reached_from_start
from procedures.ckp.checks.subject import Subject, node_path
from procedures.ckp.document.nodes import (
    HumanApprovalNode,
    LlmActionNode,
    LogicNode,
    LoopNode,
    ParallelNode,
    SequenceNode,
)
from procedures.ckp.effects import is_call
from procedures.ckp.regions import inner_edges
from procedures.ckp.report import Path
from procedures.ckp.taint import model_data, sensitive_data

MOST_OUTPUTS: Final = 8
MOST_NODES: Final = 60
_DATA_FIELDS: Final = frozenset({"prompt", "system_prompt", "attachments"})


def models_have_a_cap(subject: Subject) -> None:
    """CKP-L01."""
    config = subject.document.global_config
    if config.max_cost_usd is not None or config.llm_budget is not None:
        return
    for _, _, place in subject.nodes_of(LlmActionNode):
        message = "The procedure calls models, and neither 'max_cost_usd' nor 'llm_budget' limits what it spends."
        subject.report("CKP-L01", place, message, hint="Set global_config.max_cost_usd.")
        return


def branches_are_guarded(subject: Subject) -> None:
    """CKP-L02."""
    taint = model_data(subject) if any(True for _ in subject.nodes_of(LlmActionNode)) else None
    if taint is None:
        return
    for node_id, node, _ in subject.nodes_of(LogicNode, LoopNode):
        tainted = taint.entry.get(node_id, 0)
        program = subject.programs[node_id]
        deciding = [*program.begin, *program.iteration] if isinstance(node, LoopNode) else list(program.uses())
        for use in deciding:
            name = taint.reads(use, tainted) if use.path[-1] != "collect" else None
            if name:
                message = f"'{name}' comes from a model and decides the way, and nothing has checked it."
                hint = "Put a verification or an approval between."
                subject.report("CKP-L02", use.path, message, hint=hint)


def model_nodes_have_one_duty(subject: Subject) -> None:
    """CKP-L04."""
    for _, node, place in subject.nodes_of(LlmActionNode):
        if (node.orchestration_mode and node.outputs) or len(node.outputs) > MOST_OUTPUTS:
            message = "The model has several duties at once; nodes with one duty are easier to check."
            subject.report("CKP-L04", place, message)


def repetition_is_bounded(subject: Subject) -> None:
    """CKP-L05, but for what is an error anyway: no condition, no way to the cycle, or none out of it."""
    for node_id, node, place in subject.nodes_of(LoopNode):
        repeats = node.iterator is None and (node.continue_condition is not None or node.until is not None)
        if repeats and subject.lacks(place, "max_iterations"):
            subject.report("CKP-L05", place, f"The loop '{node_id}' has no max_iterations.")
    order = {node_id: index for index, node_id in enumerate(subject.document.nodes)}
    reached = reached_from_start(subject, subject.document.global_config.on_failure)
    ends = ending(subject)
    for cycle in cycles(subject):
        first = min(cycle, key=order.__getitem__)
        if first not in ends or (reached is not None and first not in reached):
            continue
        message = f"'{first}' can come round again outside a loop; only max_node_visits ends it."
        subject.report("CKP-L05", node_path(first), message, hint="Use a loop with max_iterations.")


def cycles(subject: Subject) -> list[list[str]]:
    """The cycles that are no loops: strongly connected nodes along edges that stay in a region, retries left out."""
    after = {
        node_id: [edge.target for edge in inner_edges(subject.document, node_id) if _counts(subject, node_id, edge)]
        for node_id in subject.document.nodes
    }
    return [part for part in _components(after) if len(part) > 1 or part[0] in after[part[0]]]


def _counts(subject: Subject, node_id: str, edge: Any) -> bool:
    if edge.target not in subject.document.nodes or edge.condition == "retry":
        return False
    return bool(edge.target != subject.region_map.home.get(node_id))


def _components(after: dict[str, list[Any]]) -> Iterator[list[str]]:
    """Strongly connected components, without recursion."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    on_path: set[str] = set()
    for root in after:
        stack = [(root, iter(after[root]))] if root not in index else []
        while stack:
            node, targets = stack[-1]
            if node not in index:
                index[node] = low[node] = len(index)
                path.append(node)
                on_path.add(node)
            target = next(targets, None)
            if target is None:
                stack.pop()
                if stack:
                    low[stack[-1][0]] = min(low[stack[-1][0]], low[node])
                if low[node] == index[node]:
                    yield _taken(path, on_path, node)
            elif target not in index:
                stack.append((target, iter(after[target])))
            elif target in on_path:
                low[node] = min(low[node], index[target])


def _taken(path: list[str], on_path: set[str], last: str) -> list[str]:
    """Takes a component from the end of the path."""
    component: list[str] = []
    while not component or component[-1] != last:
        component.append(path.pop())
    on_path.difference_update(component)
    return component[::-1]


def people_decide(subject: Subject) -> None:
    """CKP-L06."""
    for _, node, place in subject.nodes_of(HumanApprovalNode):
        if node.timeout_action == "auto_approve":
            message = "At the due time the approval is given without a person."
            subject.report("CKP-L06", (*place, "timeout_action"), message)


def prompts_have_data(subject: Subject) -> None:
    """CKP-L08."""
    for node_id, node, place in subject.nodes_of(LlmActionNode):
        if node.prompt is not None and not _has_data(subject, node_id, node, place):
            subject.report("CKP-L08", place, "The prompt holds no data: a rule may do instead of a model.")


def _has_data(subject: Subject, node_id: str, node: LlmActionNode, place: Path) -> bool:
    """Whether a placeholder stands in what a model is given, or a block or attachment reads something."""
    given = (node.prompt, node.system_prompt, *(attachment.source for attachment in node.attachments))
    if any(isinstance(text, str) and "{{" in text for text in given):
        return True
    if any((*place, field) in subject.report.refused for field in _DATA_FIELDS):
        return True
    return any(use.path[3] in _DATA_FIELDS and use.reads for use in subject.uses.nodes[node_id])


def not_too_many_nodes(subject: Subject) -> None:
    """CKP-L09."""
    count = len(subject.document.nodes)
    if count > MOST_NODES:
        message = f"The procedure has {count} nodes; subflows would make it easier to read."
        subject.report("CKP-L09", ("workflow_graph", "nodes"), message)


def calls_have_a_limit(subject: Subject) -> None:
    """CKP-L11."""
    for where, has_limit in _calls(subject):
        if not has_limit:
            subject.report("CKP-L11", where, "The call has no timeout_ms; the system's own limit holds.")


def _calls(subject: Subject) -> Iterator[tuple[Path, bool]]:
    """Every call with whether it has a time limit."""
    for node, step, place in subject.steps:
        if step.action and is_call(step, node):
            limits = (step.timeout_ms, step.timeout_policy, node.timeout_ms, node.timeout_policy)
            yield place, any(limit is not None for limit in limits)
    for _, node, place in subject.nodes_of(LlmActionNode):
        yield place, node.timeout_ms is not None or node.timeout_policy is not None


def failures_are_handled(subject: Subject) -> None:
    """CKP-L12."""
    if subject.document.global_config.on_failure:
        return
    for node in subject.document.nodes.values():
        if node.on_error or (isinstance(node, SequenceNode) and node.error_handlers):
            return
    for place, _ in _calls(subject):
        message = "The procedure calls outside, and no handler, on_error or on_failure says what to do when that fails."
        subject.report("CKP-L12", place[:3], message)
        return


def json_answers_have_a_schema(subject: Subject) -> None:
    """CKP-L13."""
    for _, node, place in subject.nodes_of(LlmActionNode):
        takes_json = any(mapping.startswith(("json", "$")) for mapping in node.outputs.values())
        if takes_json and node.output_schema is None and (*place, "output_schema") not in subject.report.refused:
            message = "Parts of the answer are taken as JSON, and no output_schema says what it must look like."
            subject.report("CKP-L13", (*place, "outputs"), message)


def prompts_hold_nothing_sensitive(subject: Subject) -> None:
    """CKP-L14."""
    if not any(True for _ in subject.nodes_of(LlmActionNode)):
        return
    taint = sensitive_data(subject)
    for node_id, _, _ in subject.nodes_of(LlmActionNode):
        tainted = taint.entry.get(node_id, 0)
        for use in subject.uses.nodes[node_id]:
            name = taint.reads(use, tainted) if use.path[3] in _DATA_FIELDS else None
            if name:
                subject.report("CKP-L14", use.path, f"The sensitive '{name}' goes into a prompt.")


def branch_errors_are_read(subject: Subject) -> None:
    """CKP-L15."""
    reads = {read.path[0] for use in subject.uses.all() for read in use.reads}
    if "parallel_results" in reads:
        return
    for _, node, place in subject.nodes_of(ParallelNode):
        if node.branch_failure == "continue":
            message = "Failed branches go on, and nothing reads parallel_results.errors."
            subject.report("CKP-L15", place, message)
