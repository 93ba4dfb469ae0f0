"""A pattern of ours as the browser reads it in `pattern="…"`, or none: what only we can read is checked by us alone."""

import re

PLAIN_ESCAPES = frozenset("dDwWsSnrtfv")
SYNTAX = frozenset("^$\\.*+?()[]{}|/-")
IN_CLASS = frozenset("()[{}/|")
OTHER_GRAMMAR = re.compile(r"\(\?(?!:|=|!)|[*+?}]\+|&&|--|~~|\|\|.*\]")


class _Unreadable(ValueError):
    pass


def browser_pattern(regex: str) -> str | None:
    """`regex` in the stricter grammar of browsers (flag v), which want more escapes inside of brackets."""
    if OTHER_GRAMMAR.search(regex):
        return None
    try:
        return "".join(_parts(regex))
    except _Unreadable:
        return None


def _parts(regex: str) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(regex):
        if regex[at] == "[":
            end = _end_of_class(regex, at)
            found.append(_class(regex[at + 1 : end]))
            at = end + 1
        elif regex[at] == "\\":
            found.append(_escape(regex[at + 1 : at + 2]))
            at += 2
        else:
            found.append(regex[at])
            at += 1
    return found


def _end_of_class(regex: str, start: int) -> int:
    at = start + 1 + (regex[start + 1 : start + 2] == "^")
    at += regex[at : at + 1] == "]"
    while at < len(regex) and regex[at] != "]":
        at += 2 if regex[at] == "\\" else 1
    if at >= len(regex):
        raise _Unreadable
    return at


def _class(inside: str) -> str:
    negated = inside.startswith("^")
    body = inside[1:] if negated else inside
    found: list[str] = []
    at = 0
    while at < len(body):
        if body[at] == "\\":
            found.append(_escape(body[at + 1 : at + 2]))
            at += 2
            continue
        outermost = at in (0, len(body) - 1)
        bare = body[at] in IN_CLASS or body[at] == "]" or (body[at] == "-" and outermost)
        found.append(f"\\{body[at]}" if bare else body[at])
        at += 1
    return f"[{'^' if negated else ''}{''.join(found)}]"


def _escape(char: str) -> str:
    if char in PLAIN_ESCAPES or char in SYNTAX:
        return f"\\{char}"
    if not char or char.isalnum():
        raise _Unreadable
    return char
