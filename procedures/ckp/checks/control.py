"""Nodes that decide: logic, loop, parallel, verification, human approval, model routes (CKP204, CKP210 to CKP225)."""

from typing import Any

from procedures.ckp.checks.subject import Subject
from procedures.ckp.document.nodes import (
    HumanApprovalNode,
    LlmActionNode,
    LogicNode,
    LoopNode,
    ParallelNode,
    SequenceNode,
    SubflowNode,
    TerminateNode,
    VerificationNode,
)
from procedures.ckp.expressions import Condition, EvaluationError, ExpressionProblem, Scope, compile_condition
from procedures.ckp.report import Path


def ids_are_unique(subject: Subject) -> None:
    """CKP210 for branches, checks, options, validations and operations; steps have a check of their own."""
    lists = {"branches": "branch_id", "checks": "id", "options": "value", "validations": "id", "operations": "id"}
    for _, node, place in subject.all_nodes():
        for field, key in lists.items():
            _unique(subject, getattr(node, field, None) or [], (*place, field), key)


def _unique(subject: Subject, entries: list[Any], path: Path, key: str) -> None:
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        name = entry if isinstance(entry, str) else getattr(entry, key, None)
        if not name:
            continue
        if name in seen:
            place = (*path, index) if isinstance(entry, str) else (*path, index, key)
            subject.report("CKP210", place, f"The {key} '{name}' stands twice.")
        seen.add(name)


def constant_of(condition: Any) -> bool | None:
    """The truth of a condition that is the same whatever the variables; None when it depends on them."""
    try:
        compiled = compile_condition(condition)
        return compiled.test(Scope({})) if isinstance(compiled, Condition) and compiled.constant else None
    except (ExpressionProblem, EvaluationError):
        return None


def rules_can_win(subject: Subject) -> None:
    """CKP212."""
    for _, node, place in subject.nodes_of(LogicNode):
        seen: set[str] = set()
        always = False
        for index, rule in enumerate(node.rules):
            text = repr(rule.condition.strip() if isinstance(rule.condition, str) else rule.condition)
            if always:
                message = "The rule stands behind one that is always true and never wins."
                subject.report("CKP212", (*place, "rules", index), message)
            elif text in seen:
                message = "The condition repeats an earlier rule and never wins."
                subject.report("CKP212", (*place, "rules", index), message)
            seen.add(text)
            always = always or constant_of(rule.condition) is True


def logic_has_default(subject: Subject) -> None:
    """CKP213."""
    for node_id, _, place in subject.nodes_of(LogicNode):
        if subject.lacks(place, "default_next_node"):
            message = f"'{node_id}' has no default; when no rule is true it fails with no_route."
            subject.report("CKP213", place, message, hint="Give it a default_next_node.")


def outcomes_have_routes(subject: Subject) -> None:
    """CKP214 for approvals."""
    for node_id, node, place in subject.nodes_of(HumanApprovalNode):
        if subject.lacks(place, "on_approve"):
            _without_approval_route(subject, node_id, node, place)
        if subject.lacks(place, "on_reject"):
            message = f"'{node_id}' has no on_reject; a rejection fails it with no_route."
            subject.report("CKP214", place, message, severity="warning")


def _without_approval_route(subject: Subject, node_id: str, node: HumanApprovalNode, place: Path) -> None:
    if node.decision_type != "select_option":
        subject.report("CKP214", place, f"'{node_id}' has no on_approve: an approval has no route.")
        return
    for index, option in enumerate(node.choices):
        if not option.next_node and not subject.refused((*place, "options", index), "next_node"):
            message = f"The option '{option.value}' has no next_node, and '{node_id}' has no on_approve."
            subject.report("CKP214", (*place, "options", index), message)


def retries_have_a_target(subject: Subject) -> None:
    """CKP214 for verifications."""
    for node_id, node, place in subject.nodes_of(VerificationNode):
        asking = [index for index, check in enumerate(node.checks) if check.on_fail == "retry"]
        if not asking or node.retry_node or not subject.is_whole:
            continue
        before = {
            edge.source
            for edge in subject.edges
            if edge.target == node_id and edge.kind != "error" and edge.source != node_id
        }
        if len(before) != 1:
            message = f"'{node_id}' has {len(before)} predecessors; where a retry goes is unclear."
            subject.report("CKP214", (*place, "checks", asking[0]), message, hint="Give it a retry_node.")


def loops_have_an_end(subject: Subject) -> None:
    """CKP215, and CKP204 for more than one iteration at once."""
    for node_id, node, place in subject.nodes_of(LoopNode):
        raw = subject.raw(place)
        if not any(raw.get(key) is not None for key in ("iterator", "continue_condition", "until")):
            message = f"The loop '{node_id}' has neither a list nor a condition."
            subject.report("CKP215", place, message, hint="Give it an iterator, a continue_condition or until.")
        if node.max_concurrency > 1:
            message = "More than one iteration at once is reserved for later."
            subject.report("CKP204", (*place, "max_concurrency"), message, hint="Leave it out.")


def handlers_can_match(subject: Subject) -> None:
    """CKP223."""
    for _, node, place in subject.nodes_of(SequenceNode):
        seen: set[str] = set()
        everything = False
        for index, handler in enumerate(node.error_handlers):
            types = sorted(normal_error_type(name) for name in handler.error_types)
            trigger = handler.trigger.model_dump() if handler.trigger else None
            key = repr((types, trigger))
            if everything or key in seen:
                why = "behind one that matches everything" if everything else "behind one with the same conditions"
                subject.report("CKP223", (*place, "error_handlers", index), f"The handler stands {why}.")
            seen.add(key)
            everything = everything or (not types and trigger is None)


def normal_error_type(name: str) -> str:
    """An error type in the form in which types are compared: `TimeoutException` is `timeout`."""
    plain = "".join(char for char in name.lower() if char not in "_-. ")
    for ending in ("error", "exception"):
        if plain.endswith(ending) and plain != ending:
            return plain[: -len(ending)]
    return plain


def outcomes_have_one_rule(subject: Subject) -> None:
    """CKP225."""
    for _, node, place in subject.nodes_of(HumanApprovalNode):
        if node.timeout_action in ("auto_approve", "auto_reject") and node.on_timeout:
            message = f"'{node.timeout_action}' decides at the due time; on_timeout is then not taken."
            subject.report("CKP225", (*place, "on_timeout"), message)
        if node.timeout_ms is not None and node.due_in is not None:
            subject.report("CKP225", (*place, "due_in"), "'timeout_ms' and 'due_in' both set the due time.")
        for index, step in enumerate(node.escalation):
            if step.after and step.before_due:
                message = "'after' and 'before_due' both set the time of the step."
                subject.report("CKP225", (*place, "escalation", index, "before_due"), message)


def needed_together(subject: Subject) -> None:
    """CKP011 and CKP014 for fields that another field makes necessary."""
    for _, node, place in subject.nodes_of(LlmActionNode):
        if node.prompt is None and subject.lacks(place, "prompt_ref") and not subject.refused(place, "prompt"):
            subject.report("CKP011", place, "One of 'prompt' and 'prompt_ref' is required.")
        if node.orchestration_mode and subject.lacks(place, "branches"):
            subject.report("CKP011", place, "Orchestration mode needs 'branches' for the model to choose from.")
    for _, node, place in subject.nodes_of(HumanApprovalNode):
        if node.decision_type == "select_option" and subject.lacks(place, "options"):
            subject.report("CKP011", place, "'select_option' needs 'options'.")
        if node.decision_type == "provide_input" and node.min_approvers > 1:
            message = "An approval that asks for input takes one answer."
            subject.report("CKP014", (*place, "min_approvers"), message)
    for _, node, place in subject.nodes_of(VerificationNode):
        for index in range(len(node.checks)):
            where = (*place, "checks", index)
            if subject.lacks(where, "condition") and any(subject.lacks(where, part) for part in ("source", "schema")):
                subject.report("CKP011", where, "A check needs 'condition', or 'source' with 'schema'.")
    for _, node, place in subject.nodes_of(SequenceNode):
        _validations(subject, node, place)


def _validations(subject: Subject, node: SequenceNode, place: Path) -> None:
    for index, validation in enumerate(node.validations):
        where = (*place, "validations", index)
        range_parts = ("source", "expected_values")
        if validation.check == "custom" and subject.lacks(where, "condition"):
            subject.report("CKP011", where, "A custom check needs 'condition'.")
        elif validation.check == "value_in_range" and any(subject.lacks(where, part) for part in range_parts):
            subject.report("CKP011", where, "A check of a range needs 'source' and 'expected_values'.")
        elif validation.check in ("screen_text_contains", "element_exists") and not node.agent:
            subject.report("CKP501", where, f"'{validation.check}' is sent to the agent of the node; there is none.")


def fields_have_effect(subject: Subject) -> None:
    """CKP015 for fields that another field makes idle."""
    for _, node, place in subject.all_nodes():
        raw = subject.raw(place)
        for field, idle in _idle_fields(node, raw):
            if raw.get(field) is not None:
                subject.report("CKP015", (*place, field), f"'{field}' has no effect {idle}.")


def _idle_fields(node: Any, raw: dict[str, Any]) -> list[tuple[str, str]]:
    idle: list[tuple[str, str]] = []
    if "idempotency_policy" in raw:
        idle.append(("idempotency_key", "beside 'idempotency_policy'"))
    if isinstance(node, LlmActionNode):
        idle += _idle_model_fields(node)
    elif isinstance(node, LoopNode):
        idle += [] if node.iterator is not None else [("iterator_variable", "without 'iterator'")]
        idle += [] if node.collect_variable else [("collect", "without 'collect_variable'")]
    elif isinstance(node, ParallelNode) and node.branch_failure != "retry":
        idle.append(("retry", "unless 'branch_failure' is retry"))
    elif isinstance(node, VerificationNode) and node.on_pass:
        idle.append(("next_node", "beside 'on_pass'"))
    elif isinstance(node, SubflowNode) and node.on_failure != "retry":
        idle.append(("retry", "unless 'on_failure' is retry"))
    elif isinstance(node, TerminateNode) and node.status == "success":
        idle.append(("error_actions", "when the status is success"))
    elif isinstance(node, HumanApprovalNode):
        idle += _idle_approval_fields(node)
    return idle


def _idle_model_fields(node: LlmActionNode) -> list[tuple[str, str]]:
    idle = []
    if not node.orchestration_mode:
        without = "without 'orchestration_mode'"
        idle += [("branches", without), ("default_branch", without)]
    else:
        idle.append(("next_node", "in orchestration mode"))
    if node.prompt is not None:
        idle.append(("prompt_ref", "beside 'prompt'"))
    if not (node.json_mode or node.output_schema is not None or node.orchestration_mode):
        idle.append(("repair", "without 'json_mode' or 'output_schema'"))
    return idle


def _idle_approval_fields(node: HumanApprovalNode) -> list[tuple[str, str]]:
    idle = []
    if node.decision_type != "select_option":
        idle.append(("options", "unless 'decision_type' is select_option"))
    if node.decision_type != "provide_input":
        idle.append(("form", "unless 'decision_type' is provide_input"))
    if node.timeout_ms is None and node.due_in is None:
        idle.append(("timeout_action", "without 'timeout_ms' or 'due_in'"))
    return idle


def terminates_have_no_escalation(subject: Subject) -> None:
    """CKP015 for an escalation handler where nothing follows."""
    for _, node, place in subject.nodes_of(TerminateNode):
        if node.sla and node.sla.escalation_handler:
            message = "'escalation_handler' has no effect on a terminate node."
            subject.report("CKP015", (*place, "sla", "escalation_handler"), message)
