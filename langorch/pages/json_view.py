"""A JSON value as coloured, escaped HTML. What is masked shows as a mark; what is long is folded."""

import json
import re
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

LONG_TEXT = 240
START_OF_TEXT = 80
LONG_LIST = 24
MOST_ITEMS = 500
DEEPEST = 40

_MASK = re.compile(r"(\*\*\*REDACTED\*\*\*|\[secret:[^\]\s]+\])")
_NOTHING = SafeString("")


def render(value: Any) -> SafeString:
    """`value` (what json.loads gives) as indented lines. Lists and objects show their first 500 members."""
    return _value(value, 0, "")


def _value(value: Any, depth: int, tail: str) -> SafeString:
    if isinstance(value, str):
        return _text(value, tail)
    if isinstance(value, dict):
        return _container("{", "}" + tail, [(_key(str(name)), item) for name, item in value.items()], depth)
    if isinstance(value, (list, tuple)):
        return _container("[", "]" + tail, [(_NOTHING, item) for item in value], depth)
    return format_html('<span class="n">{}</span>{}', json.dumps(value, default=str), tail)


def _key(name: str) -> SafeString:
    return format_html('<span class="k">{}</span>: ', json.dumps(name, ensure_ascii=False))


def _text(value: str, tail: str) -> SafeString:
    if _MASK.fullmatch(value):
        return format_html("{}{}", _mark(value), tail)
    quoted = json.dumps(value, ensure_ascii=False)
    body = format_html('<span class="s">{}</span>{}', _marked(quoted), tail)
    if len(value) <= LONG_TEXT:
        return body
    start, size = _marked(quoted[:START_OF_TEXT]), f"{len(value):,} characters"
    folded = '<details><summary><span class="s">{}…</span> <small>{}</small></summary>{}</details>'
    return format_html(folded, start, size, body)


def _marked(text: str) -> SafeString:
    """Escaped text in which each mask is a mark."""
    parts = ((_mark(part) if _MASK.fullmatch(part) else part,) for part in _MASK.split(text))
    return format_html_join("", "{}", parts)


def _mark(mask: str) -> SafeString:
    if mask.startswith("[secret:"):
        return format_html('<mark title="Secret, resolved at the call">secret: {}</mark>', mask[len("[secret:") : -1])
    return format_html('<mark title="Masked before it was stored">{}</mark>', "redacted")


def _container(start: str, end: str, members: list[tuple[SafeString, Any]], depth: int) -> SafeString:
    if not members:
        return format_html("{}{}", start, end)
    if depth >= DEEPEST:
        return format_html("{}<small>nested too deep to show</small>{}", start, end)
    body = _members(members, depth)
    if depth == 0 or len(members) <= LONG_LIST:
        return format_html('{}<div class="in">{}</div>{}', start, body, end)
    size = f"{len(members):,} {'fields' if start == '{' else 'items'}"
    folded = '<details><summary>{} <small>{}</small></summary><div class="in">{}</div>{}</details>'
    return format_html(folded, start, size, body, end)


def _members(members: list[tuple[SafeString, Any]], depth: int) -> SafeString:
    shown = members[:MOST_ITEMS]
    tails = [","] * (len(shown) - 1) + [""]
    rows = ((name, _value(item, depth + 1, tail)) for (name, item), tail in zip(shown, tails, strict=True))
    lines = format_html_join("", '<div class="ln">{}{}</div>', rows)
    hidden = len(members) - len(shown)
    if not hidden:
        return lines
    return format_html('{}<div class="ln"><small>… and {} more</small></div>', lines, f"{hidden:,}")
