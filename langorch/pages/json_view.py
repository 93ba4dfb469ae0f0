"""A JSON value as coloured, escaped HTML. What is masked shows as a mark; what is long is folded."""

import json
import re
from collections.abc import Iterable
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

LONG_TEXT = 240
LONG_LIST = 24
MOST_ITEMS = 500
DEEPEST = 40

_MASK = re.compile(r"\*\*\*REDACTED\*\*\*|\[secret:[^\]\s]+\]")


def render(value: Any) -> SafeString:
    """`value` (what json.loads gives) as indented lines. Lists and objects show their first 500 members."""
    return _value(value, 0)


def _value(value: Any, depth: int) -> SafeString:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        members = [(_key(str(name)), item) for name, item in value.items()]
        return _container("{", "}", members, depth)
    if isinstance(value, (list, tuple)):
        return _container("[", "]", [(SafeString(""), item) for item in value], depth)
    return format_html('<span class="n">{}</span>', json.dumps(value, default=str))


def _key(name: str) -> SafeString:
    return format_html('<span class="k">{}</span>: ', json.dumps(name, ensure_ascii=False))


def _text(value: str) -> SafeString:
    if _MASK.fullmatch(value):
        return _mark(value)
    quoted = json.dumps(value, ensure_ascii=False)
    body = format_html('<span class="s">{}</span>', _marked(quoted))
    if len(value) <= LONG_TEXT:
        return body
    start = _marked(quoted[:80])
    size = f"{len(value):,} characters"
    return format_html(
        '<details><summary><span class="s">{}…</span> <small>{}</small></summary>{}</details>', start, size, body
    )


def _marked(text: str) -> SafeString:
    """Escaped text in which each mask is a mark."""
    parts: list[SafeString] = []
    position = 0
    for found in _MASK.finditer(text):
        parts.append(format_html("{}", text[position : found.start()]))
        parts.append(_mark(found.group()))
        position = found.end()
    parts.append(format_html("{}", text[position:]))
    return _joined(parts)


def _mark(mask: str) -> SafeString:
    if mask.startswith("[secret:"):
        return format_html('<mark title="Secret, resolved at the call">secret: {}</mark>', mask[8:-1])
    return format_html('<mark title="{}">redacted</mark>', "Masked before it was stored")


def _container(start: str, end: str, members: list[tuple[SafeString, Any]], depth: int) -> SafeString:
    if not members:
        return format_html("{}{}", start, end)
    if depth >= DEEPEST:
        return format_html("{}<small>nested too deep to show</small>{}", start, end)
    body = _members(members, depth)
    if depth == 0 or len(members) <= LONG_LIST:
        return format_html('{}<div class="in">{}</div>{}', start, body, end)
    size = f"{len(members):,} {'fields' if start == '{' else 'items'}"
    return format_html(
        '<details><summary>{} <small>{}</small></summary><div class="in">{}</div>{}</details>', start, size, body, end
    )


def _members(members: list[tuple[SafeString, Any]], depth: int) -> SafeString:
    shown = members[:MOST_ITEMS]
    commas = [","] * (len(shown) - 1) + [""]
    rows = ((name, _value(item, depth + 1), comma) for (name, item), comma in zip(shown, commas, strict=True))
    lines = format_html_join("", '<div class="ln">{}{}{}</div>', rows)
    hidden = len(members) - len(shown)
    if not hidden:
        return lines
    return format_html('{}<div class="ln"><small>… and {} more</small></div>', lines, f"{hidden:,}")


def _joined(parts: Iterable[SafeString]) -> SafeString:
    return mark_safe("".join(parts))  # noqa: S308  every part is escaped already
