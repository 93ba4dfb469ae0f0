"""The icon sprite: one static file, symbols by name."""

import re
from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

SPRITE = "icons.svg"


@cache
def names() -> frozenset[str]:
    """The names of all symbols in the sprite."""
    path = finders.find(SPRITE)
    if path is None:
        raise FileNotFoundError(f"Static file {SPRITE} is missing")
    return frozenset(re.findall(r'<symbol id="([^"]+)"', Path(path).read_text(encoding="utf-8")))


def svg(name: str, tone: str = "", label: str = "") -> SafeString:
    """The symbol `name`, hidden from readers beside a word; with a `label` it speaks for itself.

    Raises LookupError for a name the sprite does not have.
    """
    if name not in names():
        raise LookupError(f"No icon {name!r} in {SPRITE}")
    classes = f"i {tone}".rstrip()
    href = f"{static(SPRITE)}#{name}"
    spoken = format_html('role="img" aria-label="{}"', label) if label else SafeString('aria-hidden="true"')
    return format_html('<svg class="{}" width="16" height="16" {}><use href="{}"/></svg>', classes, spoken, href)
