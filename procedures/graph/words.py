"""What stands in a box: a short name, and one line about what the node does."""

from procedures.ckp.document import (
    HumanApprovalNode,
    LlmActionNode,
    LogicNode,
    LoopNode,
    NodeBase,
    ParallelNode,
    ProcessingNode,
    SequenceNode,
    SubflowNode,
    TerminateNode,
    TransformNode,
    VerificationNode,
)

LABEL_LENGTH = 18
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def name(node_id: str, description: str | None) -> str:
    """What people call a node: its description, else its id in words."""
    return description or node_id.replace("_", " ").replace("-", " ").strip().capitalize()


def label(node_id: str, node: NodeBase) -> str:
    """The name as it fits into a box: the description when it is short, else the id in words; cut at 18 characters."""
    short = node.description if len(node.description or "") <= LABEL_LENGTH else None
    return shortened(name(node_id, short), LABEL_LENGTH)


def shortened(words: str, length: int = 60) -> str:
    """Words that fit a line, with an ellipsis where some are left out."""
    return words if len(words) <= length else words[: length - 1].rstrip() + "…"


def note(node: NodeBase) -> str:
    """One line: "2 steps", "3 rules", "ends completed"."""
    match node:
        case SequenceNode():
            return _with_agent(node, _many(len(node.steps), "step"))
        case LogicNode():
            return _many(len(node.rules), "rule")
        case LoopNode():
            return f"at most {node.max_iterations}" if node.max_iterations else "for each"
        case ParallelNode():
            return _many(len(node.branches), "branch", "branches")
        case ProcessingNode():
            return _many(len(node.operations), "operation")
        case TransformNode():
            return _many(len(node.transformations), "transform")
        case VerificationNode():
            return _many(len(node.checks), "check")
        case LlmActionNode():
            return "model call"
        case HumanApprovalNode():
            return _approval(node)
        case SubflowNode():
            return node.procedure_id
        case TerminateNode():
            return "ends failed" if node.status == "failed" else "ends completed"
        case _:
            return ""


def repetition(node: LoopNode) -> str:
    """What stands at the border of a loop's body."""
    item = node.iterator_variable
    return f"For each {item.replace('_', ' ')}" if item else "Repeated"


def _with_agent(node: NodeBase, words: str) -> str:
    outside = node.agent and node.agent.lower() not in ("masteragent", "llmagent")
    return f"{node.agent} · {words}" if outside else words


def _approval(node: HumanApprovalNode) -> str:
    due = node.due_in or (_duration(node.timeout_ms) if isinstance(node.timeout_ms, int) else "")
    return f"a person · {due}" if due else "a person decides"


def _duration(milliseconds: int) -> str:
    for size, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if milliseconds >= size:
            return f"{milliseconds / size:.3g} {unit}"
    return f"{milliseconds / 1000:.3g} s"


def _many(number: int, one: str, many: str = "") -> str:
    return f"{number} {one}" if number == 1 else f"{number} {many or one + 's'}"
