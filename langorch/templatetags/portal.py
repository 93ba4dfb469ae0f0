"""Template tags of the portal: `{% load portal %}`.

Status and looks (`langorch.pages.looks`; an unknown kind or status raises)
    {% status 'run' run.status %}        chip: icon, word, colour. Kinds: run, step, approval, agent, pool, version,
                                         problem. `text='…'` replaces the word
    {% status_icon 'run' run.status %}   the coloured icon alone, hidden from readers: a word must stand beside it
    {% icon 'copy' %}                    symbol of the sprite; `tone='bad'` colours it, `label='…'` lets it speak
    {% tier 'intelligent' %}             the shape and name of a tier; `n=3` adds a number

Time (datetimes are aware, lengths are seconds; null gives a dash)
    {% ago dt %}                         "2 h 34 min", from a week on "12 Nov"; `suffix='ago'`, `units=1`
    {% due dt %}                         "in 1 h 10 min, at 15:42"; "20 min overdue, since 15:42"
    {% due_chip dt %}                    the due time as a chip: grey, amber under 2 h, red when overdue
    {% at dt %}                          "14:02", with the date unless it is today; `seconds=True`
    {% duration seconds %}               "4 min 2 s"; `units=1`
    {% length start end %}               the duration between two moments; without an end until now
    {% duration_bar seconds typical %}   duration over a bar with a tick at the typical time, amber beyond 1.2 times of
                                         it; `tone='ok'`

Values
    {% short_id id %}                    first eight and last four, the whole in the title; `copy=True` adds a button
    {% json value %}                     JSON viewer; `label='What was sent'` names it for readers
    {% money amount 'EUR' %}             "14,380.00 EUR"; without a currency US dollars, "$0.43"
    {% count n %}                        "1,284"; above ten thousand "10k+"
    {% bar percent 'ok' %}               filled track; tones ok, bad, warn, live, idle; `mark=80`, `cut=25`, `height=10`
    {% spark values before %}            line of today over a dotted line of last week

Addresses (the query string is the page's state)
    {% query_with status='failed' %}     this page with keys changed; None or '' removes a key. Goes to the first page
                                         unless `after` or `before` is among the keys
    {% pager newer=… older=… %}          links `?after=<newer>` and `?before=<older>`; null disables

Problems
    {% problem_note problem %}           icon, sentence, hint, code of one problem (severity, message, hint, code, line,
                                         pointer); `where=True` adds line and pointer

Blocks of `shell.html`
    title                                text of the browser's tab; " · LangOrch" follows
    crumb, heading, facts, verbs, why    parts of the page head; or replace `head` whole
    main                                 the page
    styles, scripts                      further files; call `{{ block.super }}` in `styles`
`bare.html` (log in, errors) has title, main, styles, body.

Components: `{% include "components/<name>.html" with … %}`
    empty         title, text, icon, action_url, action_label, action_icon: what would stand here, the one next step
    note          text, title, tone (ok, warn, bad or none), icon, focus: a banner
    field         field (a BoundField), wide: label, control, error, hint
    form_errors   form, title: links to each field and takes the focus
    tabs          tabs ({label, url, count, current, tone}), label
    chips         chips ({text, remove_url}), clear_url
    verb          label, url, icon, tone (go, no, stop), method='post', name, value, why: `why` disables and says why
    tile          label, value, tone, values, before, words: one figure inside `<div class="tiles">`
    live_state    section: whether the page is live, and a pause button for the section of that id
Page `portal/confirm.html` for destructive verbs: title, text, rows ({kind, status, name, what, left_out}), form (holds
the reason), verb, back_url, back_label, crumb, crumb_url.

Live sections: `<section id="timeline" data-section="run:…:timeline" data-version="41" data-src="?tab=timeline">`.
`data-version` makes it live, `data-section` is a name of `orchestration.live_sections` (a list: `runs:…`), `data-src`
defaults to this page. `js/live.js` fetches a stale section again and swaps it by its id.

Lists: the main link of a row is `class="rowlink"`: j and k move, Enter and a click on the row open. A selection is
`<form data-bulk>` with `.bulk`, `[data-bulk-count]`, `<button data-verb="retry">Retry…</button>`, `[data-select-all]`
and rows `<tr data-can="retry cancel"><td class="x"><input type="checkbox" …>`.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.http import HttpRequest
from django.template.context import Context
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from langorch.lib import clock, moments
from langorch.pages import drawings, icons, json_view
from langorch.pages.looks import Look, look

register = template.Library()

PAGING_KEYS = ("after", "before")
MANY = 10_000
TIERS = {"deterministic": "", "intelligent": " int", "control": " ctl"}
NONE = "–"
TYPICAL_AT = 80
LONGER = 1.2


@register.simple_tag
def status(kind: str, value: str, text: str = "") -> SafeString:
    """The chip of a status. `text` stands in for the usual word."""
    return _chip(look(kind, str(value)), text)


@register.simple_tag
def status_icon(kind: str, value: str) -> SafeString:
    """The icon of a status in its colour; its word must stand beside it."""
    found = look(kind, str(value))
    return icons.svg(found.icon, found.tone or "muted")


def _chip(shown: Look, text: Any = "") -> SafeString:
    classes = f"st {shown.tone}".rstrip()
    return format_html('<span class="{}">{}{}</span>', classes, icons.svg(shown.icon), text or shown.word)


@register.simple_tag
def icon(name: str, tone: str = "", label: str = "") -> SafeString:
    """A symbol of the sprite."""
    return icons.svg(name, tone, label)


@register.simple_tag
def tier(name: str, n: int | None = None) -> SafeString:
    """The shape of a tier beside its name. Raises KeyError for a name that is no tier."""
    return format_html('<span class="tier{}">{}{}</span>', TIERS[name], name, "" if n is None else f" {n}")


@register.simple_tag
def ago(moment: datetime | None, suffix: str = "", units: int = 2) -> SafeString | str:
    """How long a moment is past."""
    if moment is None:
        return NONE
    return _time(moment, moments.ago(moment, clock.now(), _zone(), suffix=suffix, units=units), f"ago {units} {suffix}")


@register.simple_tag
def due(moment: datetime | None) -> SafeString | str:
    """How long until a moment, and when that is."""
    return NONE if moment is None else _time(moment, moments.until(moment, clock.now(), _zone()), "due")


@register.simple_tag
def due_chip(moment: datetime | None) -> SafeString:
    """The due time of an open approval as its status."""
    if moment is None:
        return _chip(look("approval", "pending"), "no due time")
    now = clock.now()
    words = _time(moment, moments.due(moment, now, _zone()), "chip")
    return _chip(look("approval", moments.urgency(moment, now)), words)


@register.simple_tag
def at(moment: datetime | None, seconds: bool = False) -> SafeString | str:
    """The time of day, with the date unless it is today."""
    return NONE if moment is None else _time(moment, moments.at(moment, clock.now(), _zone(), seconds=seconds))


@register.simple_tag
def clock_text(moment: datetime, seconds: bool = False) -> str:
    """The time of day as bare text, for drawings."""
    return moments.at(moment, clock.now(), _zone(), seconds=seconds)


def _time(moment: datetime, text: str, relative: str = "") -> SafeString:
    """`relative` tells the script how to keep the text true while the page stays open."""
    title = moments.exact(moment, _zone())
    keep = format_html(' data-t="{}"', relative.rstrip()) if relative else ""
    return format_html('<time datetime="{}" title="{}"{}>{}</time>', moment.isoformat(), title, keep, text)


def _zone() -> moments.Zone:
    return moments.Zone(timezone.get_current_timezone(), timezone.get_current_timezone_name())


@register.simple_tag
def duration(seconds: float | None, units: int = 2) -> str:
    """A length of time in words."""
    return moments.duration(seconds, units=units)


@register.simple_tag
def length(start: datetime | None, end: datetime | None = None) -> str:
    """The time between two moments, or from `start` until now."""
    if start is None:
        return NONE
    return moments.duration(((end or clock.now()) - start).total_seconds())


@register.simple_tag
def duration_bar(seconds: float | None, typical: float | None = None, tone: str = "live") -> SafeString | str:
    """A duration against the usual one."""
    words = moments.duration(seconds)
    if seconds is None or not typical:
        return words
    shown = "warn" if seconds > LONGER * typical else tone
    return format_html("{}{}", words, drawings.bar(TYPICAL_AT * seconds / typical, shown, mark=TYPICAL_AT))


@register.simple_tag
def short_id(value: Any, copy: bool = False) -> SafeString:
    """An id that fits a line; the whole of it in the title, and for the clipboard with `copy`."""
    whole = str(value)
    short = whole if len(whole) <= 13 else f"{whole[:8]}…{whole[-4:]}"
    code = format_html('<code title="{}">{}</code>', whole, short)
    if not copy:
        return code
    button = '{}<button type="button" class="btn s bare needs-js" data-copy="{}">{}</button>'
    return format_html(button, code, whole, icons.svg("copy", label=f"Copy {whole}"))


@register.simple_tag(name="json")
def json_tag(value: Any, label: str = "JSON") -> SafeString:
    """A value as JSON: coloured, folded, masked values as marks."""
    body = json_view.render(value)
    return format_html('<div class="json" tabindex="0" role="region" aria-label="{}">{}</div>', label, body)


@register.simple_tag
def money(amount: Decimal | float | None, currency: str = "USD") -> str:
    """An amount with two places and its currency."""
    if amount is None:
        return NONE
    if currency != "USD":
        return f"{amount:,.2f} {currency}"
    if 0 < amount < Decimal("0.005"):
        return "< $0.01"
    return f"−${-amount:,.2f}" if amount < 0 else f"${amount:,.2f}"


@register.simple_tag
def count(n: int) -> str:
    """A number with its thousands parted; lists are counted up to ten thousand."""
    return f"{MANY // 1000}k+" if n > MANY else f"{n:,}"


@register.simple_tag
def bar(percent: float, tone: str, mark: float | None = None, cut: float = 0, height: int = 8) -> SafeString:
    """A filled track."""
    return drawings.bar(percent, tone, mark=mark, cut=cut, height=height)


@register.simple_tag
def spark(values: Sequence[float], before: Sequence[float] = ()) -> SafeString:
    """A small line chart."""
    return drawings.spark(values, before)


@register.simple_tag(takes_context=True)
def query_with(context: Context, **changes: Any) -> str:
    """The query string of this page with some keys changed."""
    request: HttpRequest = context["request"]
    query = request.GET.copy()
    for name in PAGING_KEYS:
        query.pop(name, None)
    for name, value in changes.items():
        query.pop(name, None)
        if value not in (None, ""):
            query[name] = str(value)
    return f"?{query.urlencode()}"


@register.inclusion_tag("components/pager.html", takes_context=True)
def pager(context: Context, newer: str | None = None, older: str | None = None) -> dict[str, Any]:
    """Newer and Older of a keyset page."""
    return {
        "newer": query_with(context, after=newer) if newer else None,
        "older": query_with(context, before=older) if older else None,
    }


@register.inclusion_tag("components/problem_note.html")
def problem_note(problem: Any, where: bool = False) -> dict[str, Any]:
    """One problem of a document."""
    return {"problem": problem, "where": where}
