"""Template tags of the portal: `{% load portal %}`.

Status and looks
    {% status 'run' run.status %}               chip with icon, word and colour; kinds: run, step, approval, agent,
    {% status 'run' run.status text='…' %}      pool, version, problem (`langorch.pages.looks`); `text` replaces the word
    {% status_icon 'run' run.status %}          the coloured icon alone, hidden from readers: a word must stand beside it
    {% icon 'copy' %}                           symbol of the sprite; `tone='bad'` colours it, `label='…'` lets it speak
    {% tier 'intelligent' %}                    the shape and name of a tier; `n=3` adds a number

Time (datetimes are aware, durations are seconds; a null datetime gives a dash)
    {% ago dt %}                                "2 h 34 min", from a week on "12 Nov"; `suffix='ago'`, `units=1`
    {% due dt %}                                "in 1 h 10 min, at 15:42" or "20 min overdue, since 15:42"
    {% due_chip dt %}                           the due time as a chip: grey, amber under 2 h, red when overdue
    {% at dt %}                                 "14:02", with the date unless it is today; `seconds=True`
    {% clock_text dt %}                         the same without markup, for the text of a drawing
    {% duration seconds %}                      "4 min 2 s"; `units=1`
    {% length start end %}                      the duration between two moments; without an end until now

Values
    {% short_id id %}                           first eight and last four, the whole in the title; `copy=True` adds a button
    {% json value %}                            JSON viewer; `label='What was sent'` names it for readers
    {% money amount 'EUR' %}                    "14,380.00 EUR"; without a currency US dollars: "$0.43"; null gives a dash
    {% count n %}                               "1,284", above ten thousand "10k+"
    {% bar percent 'ok' %}                      filled track; tones ok, bad, warn, live, idle; `mark=80`, `cut=25`, `height=10`
    {% spark values before %}                   line of 24 hours over a dotted line of last week

Addresses (the query string is the page's state)
    {% query_with status='failed' %}            this page with keys changed; None or '' removes a key. Turns back to the
                                                first page unless `after` or `before` is among the keys
    {% pager newer=page.newer older=page.older %}   Newer and Older as links `?after=` and `?before=`; null disables

Problems
    {% problem_note problem %}                  one CKP problem: icon, sentence, hint, code. Reads severity, message, hint,
                                                code, docs, line, pointer; `where=True` adds the line or pointer

Blocks of `shell.html`
    title         text of the tab, " · LangOrch" follows
    head          whole page head; or fill its parts: crumb, heading, facts (below the heading), verbs, why
    main          the page
    body_class    `solo` for a page of an approver (no nav is drawn when shell.only_approver)
    scripts       further `<script type="module" src=…>`
    live          attributes of `<body>` of a live page: `data-live="{% url 'live' %}"`
`bare.html` (login, 500): blocks title, main.

Components: `{% include "components/<name>.html" with … %}`
    empty         title text icon action_url action_label          says what would stand here and the one next step
    note          text tone title icon focus                       banner; tone ok, bad or none
    field         field wide                                       BoundField: label, control, error, hint
    form_errors   form title                                       summary that links to each field and takes the focus
    tabs          tabs label                                       tabs: {label, url, count, current, tone}
    chips         chips clear_url                                  chips: {text, remove_url}
    verb          label url icon tone method name value why        a link or a POST button; `why` disables it and says why
    duration_bar  seconds typical tone                             duration against the usual; amber beyond 1.2 times of it
    tile          label value tone values before words             one health figure in `<div class="tiles">`
    confirm page  extend `portal/confirm.html`: context title text rows verb back_url back_label crumb crumb_url form
                  rows: {name, kind, status, what, left_out}

Live sections: `<section id="timeline" data-section="run:…:timeline" data-version="41" data-src="?tab=timeline">`. The name
defaults to the id, the source to this page. `js/live.js` fetches a stale section again and swaps it by its id.
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
def clock_text(moment: datetime) -> str:
    """The time of day as bare text, for drawings."""
    return moments.at(moment, clock.now(), _zone())


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
