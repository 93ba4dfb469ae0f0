"""The template tags, as templates use them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.template import Context, Template
from django.test import RequestFactory

from langorch.lib import clock

NOW = datetime(2026, 11, 20, 13, 32, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _time_stands():
    with clock.use(clock.FixedClock(NOW)):
        yield


def drawn(source: str, **context) -> str:
    return Template("{% load portal %}" + source).render(Context(context))


def at_address(source: str, query: str, **context) -> str:
    return drawn(source, request=RequestFactory().get(f"/runs?{query}"), **context)


def test_status_is_icon_word_and_tone():
    html = drawn("{% status 'run' 'waiting_approval' %}")
    assert 'class="st warn"' in html
    assert "icons.svg#s-person" in html
    assert html.endswith("Needs approval</span>")


def test_status_takes_another_word_but_escapes_it():
    assert "Waiting for &lt;b&gt;" in drawn("{% status 'approval' 'soon' text=words %}", words="Waiting for <b>")


def test_icons_speak_only_when_alone():
    assert 'aria-hidden="true"' in drawn("{% icon 'copy' %}")
    assert 'role="img" aria-label="Copy"' in drawn("{% icon 'copy' label='Copy' %}")
    with pytest.raises(LookupError):
        drawn("{% icon 'unicorn' %}")


def test_times_carry_the_exact_moment():
    html = drawn("{% ago then suffix='ago' %}", then=NOW - timedelta(hours=2, minutes=34))
    assert html == (
        '<time datetime="2026-11-20T10:58:00+00:00" title="2026-11-20 10:58:00 UTC" data-t="ago 2 ago">'
        "2 h 34 min ago</time>"
    )
    assert drawn("{% at then %}", then=NOW).endswith(">13:32</time>")
    assert ">in 10 min, at 13:42<" in drawn("{% due then %}", then=NOW + timedelta(minutes=10))


@pytest.mark.parametrize("tag", ["ago none", "due none", "at none", "length none", "duration none", "money none"])
def test_what_is_not_there_is_a_dash(tag):
    assert drawn("{% " + tag + " %}", none=None) == "–"


@pytest.mark.parametrize(("minutes", "tone"), [(-20, "st bad"), (70, "st warn"), (300, "st")])
def test_due_chip_is_coloured_by_what_is_left(minutes, tone):
    html = drawn("{% due_chip then %}", then=NOW + timedelta(minutes=minutes))
    assert f'<span class="{tone}">' in html


def test_length_runs_until_now_while_there_is_no_end():
    start = NOW - timedelta(seconds=48)
    assert drawn("{% length start %}", start=start) == "48 s"
    assert drawn("{% length start end %}", start=start, end=start + timedelta(seconds=4.1)) == "4.1 s"


def test_ids_keep_both_ends():
    html = drawn("{% short_id id copy=True %}", id="0197c3e2-7c1a-7d0e-9a55-5be4f0a12c11")
    assert ">0197c3e2…2c11</code>" in html
    assert 'data-copy="0197c3e2-7c1a-7d0e-9a55-5be4f0a12c11"' in html
    assert drawn("{% short_id 'INV-1' %}") == '<code title="INV-1">INV-1</code>'


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (Decimal("14380"), "EUR", "14,380.00 EUR"),
        (Decimal("0.43"), "USD", "$0.43"),
        (Decimal("0.0004"), "USD", "&lt; $0.01"),
        (0, "USD", "$0.00"),
        (-2.5, "USD", "−$2.50"),
    ],
)
def test_money_has_two_places_and_a_currency(amount, currency, text):
    assert drawn("{% money amount currency %}", amount=amount, currency=currency) == text


@pytest.mark.parametrize(("n", "text"), [(0, "0"), (1284, "1,284"), (10_000, "10,000"), (10_001, "10k+")])
def test_counts_stop_at_ten_thousand(n, text):
    assert drawn("{% count n %}", n=n) == text


def test_query_with_changes_one_key_and_turns_to_the_first_page():
    address = at_address("{% query_with status='failed' %}", "project=7&status=running&before=abc")
    assert address == "?project=7&amp;status=failed"


def test_query_with_removes_what_is_empty_and_quotes_the_rest():
    assert at_address("{% query_with status=None q='' %}", "status=failed&q=x&tag=a&tag=b") == "?tag=a&amp;tag=b"
    assert at_address("{% query_with q=q %}", "", q='"><script>') == "?q=%22%3E%3Cscript%3E"


def test_pager_has_links_only_where_there_are_pages():
    html = at_address("{% pager older='c2' %}", "status=failed&after=c1")
    assert 'href="?status=failed&amp;before=c2"' in html
    assert html.count("<a ") == 1
    assert html.count("disabled") == 1


def test_json_is_a_named_region_for_readers():
    html = drawn("{% json value label='What was sent' %}", value={"a": 1})
    assert html.startswith('<div class="json" tabindex="0" role="region" aria-label="What was sent">{')


def test_problem_note_says_sentence_hint_code_and_place():
    problem = {
        "severity": "error",
        "code": "CKP205",
        "message": "Node <b> does not exist.",
        "hint": "Did you mean c?",
        "line": 9,
        "pointer": "/a",
    }
    html = drawn("{% problem_note problem where=True %}", problem=problem)
    assert "Node &lt;b&gt; does not exist." in html
    assert "Did you mean c?" in html
    assert "CKP205" in html
    assert "line 9" in html
    assert "line 9" not in drawn("{% problem_note problem %}", problem=problem)


def test_bars_stay_inside_their_track():
    html = drawn("{% bar 170 'warn' mark=80 %}")
    assert 'class="b-warn" width="100%"' in html
    assert 'x="80%"' in html
    with pytest.raises(ValueError, match="pink"):
        drawn("{% bar 10 'pink' %}")


@pytest.mark.parametrize(("seconds", "tone", "width"), [(30, "ok", "40"), (70, "ok", "93.33"), (90, "warn", "100")])
def test_a_duration_is_judged_by_the_usual(seconds, tone, width):
    html = drawn("{% duration_bar seconds 60 'ok' %}", seconds=seconds)
    assert f'class="b-{tone}" width="{width}%"' in html
    assert 'x="80%"' in html
    assert "<svg" not in drawn("{% duration_bar seconds None %}", seconds=seconds)


def test_sparks_share_one_scale():
    html = drawn("{% spark now before %}", now=[0, 5, 10], before=[5, 5, 5])
    assert 'class="spark last" points="0.0,13.0 56.0,13.0 112.0,13.0"' in html
    assert 'class="spark" points="0.0,23.0 56.0,13.0 112.0,3.0"' in html
    assert "<polyline" in drawn("{% spark now %}", now=[0, 0])


def test_tiers_have_their_shape():
    assert drawn("{% tier 'control' n=7 %}") == '<span class="tier ctl">control 7</span>'
