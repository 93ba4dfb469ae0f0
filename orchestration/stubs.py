"""What a dry run or a mock puts in place of a result. Pure."""

from typing import Any


def holds_stub(value: Any) -> bool:
    """Whether a value is, or holds somewhere, what stands in place of a result."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if is_stub(one):
                return True
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
    return False


def is_stub(value: Any) -> bool:
    """Whether a value is what stands in place of a result."""
    return isinstance(value, dict) and "binding" in value and True in (value.get("dry_run"), value.get("mocked"))
