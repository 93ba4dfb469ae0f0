"""The text of a document is taken from a body exactly as it was sent."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procedures.api.source import document_text

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def text_of(body: str) -> str:
    return document_text(body.encode(), json.loads(body))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('{"a": 1}', '{"a": 1}'),
        (" [1, 2]\n", " [1, 2]\n"),
        ('{"ckp_json": {"a" :1.0} }', '{"a" :1.0}'),
        ('{"x": {"ckp_json": 1}, "ckp_json"\t:\n[ ], "y": "}"}', "[ ]"),
        ('{"ckp_json": 1, "ckp_json": 2}', "2"),
        ('{"ckp_j\\u0073on": {"b":"\\"}"}}', '{"b":"\\"}"}'),
        ('{"ckp_json": "{\\"a\\": 1}"}', '{"a": 1}'),
        ('{"ckp_json": null}', "null"),
    ],
)
def test_examples(body, text):
    assert text_of(body) == text


@given(
    document=JSON.filter(lambda value: not isinstance(value, str)),
    before=JSON,
    after=JSON,
    indent=st.none() | st.integers(0, 3),
)
def test_what_is_cut_out_reads_as_what_was_sent(document, before, after, indent):
    body = json.dumps({"before": before, "ckp_json": document, "after": after}, indent=indent)
    assert json.loads(text_of(body)) == document
