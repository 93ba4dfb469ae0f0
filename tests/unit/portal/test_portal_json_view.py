"""JSON on pages: escaped, coloured, folded, masked."""

import re

import pytest

from langorch.pages import json_view

NASTY = "</div><script>alert(1)</script>"


def text_of(html: str) -> str:
    return re.sub(r"<[^>]+>", "", html)


def test_kinds_have_their_colours():
    html = json_view.render({"name": "Ines", "n": 2.5, "yes": True, "none": None})
    assert '<span class="k">&quot;name&quot;</span>: <span class="s">&quot;Ines&quot;</span>,' in html
    assert '<span class="n">2.5</span>,' in html
    assert '<span class="n">true</span>,' in html
    assert html.endswith('<span class="n">null</span></div></div>}')


@pytest.mark.parametrize("value", [NASTY, {NASTY: 1}, [NASTY], {"deep": [{"x": NASTY}]}, f"***REDACTED***{NASTY}"])
def test_nothing_becomes_markup(value):
    html = json_view.render(value)
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_masked_values_are_marks():
    html = json_view.render({"iban": "***REDACTED***", "key": "[secret:erp]", "header": "Bearer ***REDACTED***, once"})
    assert html.count(">redacted</mark>") == 2
    assert ">secret: erp</mark>" in html
    assert "REDACTED" not in html
    assert "Bearer <mark" in html


def test_long_texts_are_folded_and_whole():
    letter = "A sentence. " * 40
    html = json_view.render([letter])
    assert "<details><summary>" in html
    assert "480 characters" in html
    assert letter in text_of(html)


def test_long_lists_are_folded_but_never_the_outermost():
    rows = list(range(30))
    assert "<details>" not in json_view.render(rows)
    assert "<small>30 items</small>" in json_view.render({"rows": rows})


def test_what_is_left_out_is_counted():
    assert "… and 1,500 more" in json_view.render(list(range(2000)))


@pytest.mark.parametrize(("value", "html"), [({}, "{}"), ([], "[]"), ("", '<span class="s">&quot;&quot;</span>')])
def test_empty_values(value, html):
    assert json_view.render(value) == html


def test_bottomless_values_end():
    value: list[object] = []
    for _ in range(300):
        value = [value]
    assert "nested too deep to show" in json_view.render(value)
