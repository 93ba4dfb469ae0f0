"""Older names in nodes."""

from collections.abc import Callable
from typing import Any, Final

from procedures.ckp.dialects.rewriter import Members, Rewriter
from procedures.ckp.report import Path

_TYPES: Final = {"step": "sequence", "end": "terminate", "human_in_the_loop": "human_approval"}
_ALWAYS: Final = frozenset({"always", "", "true"})
_TARGETS: Final = ("target_node_id", "target", "next")
_MINUTE_MS: Final = 60_000

Rule = Callable[[Rewriter, Members, Path], None]


def node(rewriter: Rewriter, members: Members, path: Path) -> None:
    """The type, the successor, and what all nodes share."""
    if "type" not in members and "steps" in members:
        members["type"] = "sequence"
        rewriter.report("CKP603", path, "A node without type that has steps was read as a sequence.")
    rewriter.respell(members, path, "type", _TYPES)
    if members.get("type") == "transform" and "operations" in members and "transformations" not in members:
        members["type"] = "processing"
        message = "A transform node with operations was read as a processing node."
        rewriter.report("CKP603", (*path, "type"), message)
    for alias in ("next", "next_node_id"):
        rewriter.rename(members, path, alias, "next_node")
    rewriter.rename(members, path, "workflow_dispatch_mode", "dispatch_mode")
    rule = _BY_TYPE.get(members["type"]) if isinstance(members.get("type"), str) else None
    if rule:
        rule(rewriter, members, path)


def telemetry(rewriter: Rewriter, members: Members, path: Path) -> None:
    """Metrics as one object."""
    metrics = members.get("custom_metrics")
    if isinstance(metrics, dict) and isinstance(metrics.get("metric_type"), str) and len(metrics) == 1:
        members["custom_metrics"] = [metrics["metric_type"]]
        rewriter.move((*path, "custom_metrics", 0), (*path, "custom_metrics", "metric_type"))
        message = f"The object with 'metric_type' was read as the list of names ['{metrics['metric_type']}']."
        rewriter.report("CKP602", (*path, "custom_metrics"), message)


def transitions(rewriter: Rewriter, members: Members, path: Path) -> tuple[str, Members] | None:
    """A list of transitions becomes the successor, or a routing node that is returned with its id."""
    listed = members.get("transitions")
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        return None
    del members["transitions"]
    for index, one in enumerate(listed):
        for alias in (*_TARGETS, "next_node_id", "to"):
            _quiet_rename(rewriter, one, (*path, "transitions", index), alias, "next_node")
    if members.get("type") == "logic":
        _as_rules(rewriter, members, path, listed)
        return None
    if len(listed) == 1 and is_always(listed[0].get("condition")):
        fresh = "next_node" not in members
        rewriter.put(members, path, "transitions", "next_node", listed[0].get("next_node"))
        if fresh:
            rewriter.move((*path, "next_node"), (*path, "transitions", 0, "next_node"))
        return None
    return _route(rewriter, members, path, listed) if listed else None


def _quiet_rename(rewriter: Rewriter, members: Members, path: Path, alias: str, name: str) -> None:
    """Renames what the announced dialect covers."""
    covered, rewriter.covered = rewriter.covered, rewriter.covered | {alias}
    rewriter.rename(members, path, alias, name)
    rewriter.covered = covered


def is_always(condition: Any) -> bool:
    """Whether a transition holds without condition."""
    return condition is None or condition is True or (isinstance(condition, str) and condition.lower() in _ALWAYS)


def _as_rules(rewriter: Rewriter, members: Members, path: Path, listed: list[Members]) -> None:
    rules = list(listed)
    if rules and is_always(rules[-1].get("condition")):
        default = rules.pop()
        rewriter.move((*path, "default_next_node"), (*path, "transitions", len(rules), "next_node"))
        members.setdefault("default_next_node", default.get("next_node"))
    if rules:
        _move_rules(rewriter, path, path, len(rules))
        members.setdefault("rules", rules)


def _move_rules(rewriter: Rewriter, place: Path, path: Path, count: int) -> None:
    """The rules at `place` were the transitions at `path`."""
    rewriter.move((*place, "rules"), (*path, "transitions"))
    for index in range(count):
        rewriter.move((*place, "rules", index, "next_node"), (*path, "transitions", index, "next_node"))


def _route(rewriter: Rewriter, members: Members, path: Path, listed: list[Members]) -> tuple[str, Members]:
    node_id = f"{path[-1]}__route"
    place: Path = (*path[:-1], node_id)
    rewriter.move(place, (*path, "transitions"))
    route: Members = {"type": "logic"}
    rules = list(listed)
    if is_always(rules[-1].get("condition")):
        rewriter.move((*place, "default_next_node"), (*path, "transitions", len(rules) - 1, "next_node"))
        route["default_next_node"] = rules.pop().get("next_node")
    route["rules"] = [{**rule, "condition": rule.get("condition", True)} for rule in rules]
    _move_rules(rewriter, place, path, len(rules))
    members["next_node"] = node_id
    rewriter.move((*path, "next_node"), (*path, "transitions"))
    rewriter.report("CKP606", place, f"The logic node '{node_id}' was inserted for the transitions of '{path[-1]}'.")
    return node_id, route


def _logic(rewriter: Rewriter, members: Members, path: Path) -> None:
    for alias in ("default_next", "default_next_node_id"):
        rewriter.rename(members, path, alias, "default_next_node")
    if "rules" not in members:
        rewriter.rename(members, path, "branches", "rules")
    if "on_true" in members and "condition" in members and "rules" not in members:
        _two_ways(rewriter, members, path)


def _two_ways(rewriter: Rewriter, members: Members, path: Path) -> None:
    rule = {"condition": members.pop("condition"), "next_node": members.pop("on_true")}
    members["rules"] = [rule]
    for name, origin in (("condition", "condition"), ("next_node", "on_true")):
        rewriter.move((*path, "rules", 0, name), (*path, origin))
    rewriter.move((*path, "rules"), (*path, "condition"))
    rewriter.replaced((*path, "rules"), "condition, on_true", "rules")
    rewriter.rename(members, path, "on_false", "default_next_node")


def last_rule(rewriter: Rewriter, members: Members, path: Path) -> None:
    """A last rule that is always true becomes the default; called when the rules have their canonical names."""
    rules = members.get("rules")
    if not isinstance(rules, list) or not rules or members.get("default_next_node") is not None:
        return
    last = rules[-1]
    if isinstance(last, dict) and last.get("condition") in (True, "true") and "next_node" in last:
        place = (*path, "rules", len(rules) - 1)
        members["default_next_node"] = last["next_node"]
        rewriter.move((*path, "default_next_node"), (*place, "next_node"))
        members["rules"] = rules[:-1]
        rewriter.report("CKP602", place, "The last rule is always true; it was read as the default.")


def rule(rewriter: Rewriter, members: Members, path: Path) -> None:
    """Condition and target of a case."""
    rewriter.rename_any(members, path, ("condition_expr", "expression"), "condition")
    rewriter.rename_any(members, path, _TARGETS, "next_node")


def _loop(rewriter: Rewriter, members: Members, path: Path) -> None:
    rewriter.rename(members, path, "items", "iterator")
    rewriter.rename_any(members, path, ("loop_body", "body_node_id"), "body_node")
    rewriter.rename(members, path, "while", "continue_condition")


def iterator(rewriter: Rewriter, members: Members, path: Path, declared_lists: frozenset[str]) -> None:
    """`iterator_var` names the list; where it was mixed up with `iterator_variable` the two are exchanged."""
    if "iterator_var" not in members:
        return
    named, bound = members["iterator_var"], members.get("iterator_variable")
    listed = [isinstance(name, str) and name in declared_lists for name in (bound, named)]
    mixed_up = listed == [True, False]
    if mixed_up and "iterator" not in members:
        del members["iterator_var"]
        members["iterator"], members["iterator_variable"] = bound, named
        rewriter.move((*path, "iterator"), (*path, "iterator_variable"))
        rewriter.move((*path, "iterator_variable"), (*path, "iterator_var"))
        message = f"'{bound}' is the declared list: 'iterator_var' and 'iterator_variable' were exchanged."
        rewriter.report("CKP603", (*path, "iterator"), message)
    else:
        rewriter.rename(members, path, "iterator_var", "iterator")


def _parallel(rewriter: Rewriter, members: Members, path: Path) -> None:
    branches = members.get("branches")
    if isinstance(branches, list):
        for index, one in enumerate(branches):
            if isinstance(one, str):
                branches[index] = {"branch_id": one, "start_node": one}
                rewriter.move((*path, "branches", index, "start_node"), (*path, "branches", index))
                message = f"The node id '{one}' was read as a branch that begins there."
                rewriter.report("CKP602", (*path, "branches", index), message)
    waits = members.pop("wait_all", None)
    if isinstance(waits, bool):
        rewriter.put(members, path, "wait_all", "wait_strategy", "all" if waits else "any")
    elif waits is not None:
        rewriter.report("CKP012", (*path, "wait_all"), "'wait_all' must be true or false.")
    rewriter.respell(members, path, "branch_failure", {"stop": "fail", "fail_immediately": "fail"})


def branch(rewriter: Rewriter, members: Members, path: Path) -> None:
    """Id and begin of a branch."""
    rewriter.rename_any(members, path, ("id", "name"), "branch_id")
    rewriter.rename_any(members, path, ("entry_node", "start_node_id", "target", "next_node"), "start_node")


def _approval(rewriter: Rewriter, members: Members, path: Path) -> None:
    rewriter.rename(members, path, "approval_message", "prompt")
    rewriter.rename(members, path, "on_approved", "on_approve")
    rewriter.rename(members, path, "on_rejected", "on_reject")
    minutes = rewriter.take_number(members, path, "timeout_minutes")
    if minutes is not None:
        rewriter.put(members, path, "timeout_minutes", "timeout_ms", round(minutes * _MINUTE_MS))
    rewriter.respell(members, path, "decision_type", {"pick_one": "select_option"})
    if members.get("decision_type") == "acknowledge":
        members["decision_type"] = "select_option"
        members.setdefault("options", ["acknowledged"])
        rewriter.replaced((*path, "decision_type"), "acknowledge", "select_option")
    _approval_level(rewriter, members, path)


def _approval_level(rewriter: Rewriter, members: Members, path: Path) -> None:
    level = members.get("approval_level")
    if level not in ("standard", "manager", "executive"):
        return
    del members["approval_level"]
    place = (*path, "approval_level")
    if "approvers" in members:
        rewriter.report("CKP603", place, "'approval_level' has no effect beside 'approvers'.")
        return
    by_group = level != "standard" and rewriter.registry.has_person("group", level)
    members["approvers"] = {"groups": [level]} if by_group else {"roles": ["approver"]}
    rewriter.move((*path, "approvers"), place)
    who = f"the group {level}" if by_group else "the role approver"
    rewriter.report("CKP603", (*path, "approvers"), f"The approval level '{level}' was read as {who}.")


def _subflow(rewriter: Rewriter, members: Members, path: Path) -> None:
    rewriter.rename(members, path, "subflow_id", "procedure_id")
    rewriter.respell(members, path, "on_failure", {"ignore": "continue"})


def _terminate(rewriter: Rewriter, members: Members, path: Path) -> None:
    rewriter.rename(members, path, "terminal_status", "status")
    rewriter.respell(members, path, "status", {"completed": "success", "failure": "failed", "error": "failed"})


_BY_TYPE: Final[dict[str, Rule]] = {
    "logic": _logic,
    "loop": _loop,
    "parallel": _parallel,
    "human_approval": _approval,
    "subflow": _subflow,
    "terminate": _terminate,
}
