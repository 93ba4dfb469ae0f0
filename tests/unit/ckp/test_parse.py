"""Text to tree: encoding, JSON, limits, and the place of every fault."""

import json
import time

import pytest

from procedures.ckp.parse import MOST_BYTES, parse


def faults(source: str | bytes) -> list[tuple[str, str, int | None, int | None]]:
    return [(fault.code, fault.pointer, fault.line, fault.column) for fault in parse(source).problems]


def test_a_document_is_read_as_text_bytes_and_dict():
    tree = {"procedure_id": "a", "list": [1, 2.5, True, None, "ü"]}
    text = json.dumps(tree, ensure_ascii=False)
    assert parse(text).tree == parse(text.encode()).tree == parse(tree).tree == tree
    assert parse(text).source_hash == parse(text.encode()).source_hash


def test_a_byte_order_mark_is_no_part_of_the_text():
    assert parse(b"\xef\xbb\xbf{}").tree == {}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (b'{"a": "\xff"}', ("CKP001", "", 1, 8)),
        (b'\xef\xbb\xbf{"a": 1,\r\n "b": "\xc3\xbc\xff"}', ("CKP001", "", 2, 9)),
        ("\ufeff".encode("utf-16-le"), ("CKP001", "", 1, 1)),
        ('{"a": 1,}', ("CKP001", "", 1, 9)),
        ('{\n "a": tru}', ("CKP001", "", 2, 7)),
        ('{"a": "\\ud800"}', ("CKP001", "/a", 1, 7)),
        ('{"a": "\\u0000"}', ("CKP001", "/a", 1, 7)),
        ('{"a": 1,\n "a": 2}', ("CKP002", "/a", 2, 7)),
        ('{"b": [{"a/b": {"x": 1, "x": 1}}]}', ("CKP002", "/b/0/a~1b/x", 1, 30)),
        ("[]", ("CKP003", "", 1, 1)),
        ('{"a": 1e999}', ("CKP004", "/a", 1, 7)),
        ('{"a": NaN}', ("CKP004", "/a", 1, 7)),
        ('{"a": 0.12345678901234567890123456789}', ("CKP004", "/a", 1, 7)),
        ('{"a": -12345678901234567890123456789}', ("CKP004", "/a", 1, 7)),
        ('{"a": ' + "[" * 64 + "]" * 64 + "}", ("CKP006", "", 1, 70)),
        ("[" * 100_000, ("CKP006", "", 1, 65)),
        ("[[],{}," + "[" * 100_000, ("CKP006", "", 1, 71)),
        ('{"a": [' + "0," * 100_000 + "0]}", ("CKP007", "", 1, 1)),
        ('{"a": "' + "x" * (256 * 1024 + 1) + '"}', ("CKP008", "/a", 1, 7)),
        ('{"' + "k" * 257 + '": 1}', ("CKP008", "/" + "k" * 257, 1, 263)),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(source, expected):
    assert faults(source) == [expected]


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("", "Give one JSON object."),
        (b"\xff", "Save the file as UTF-8."),
        ('{"a": [1, 2,]}', "Take out the comma before it."),
        ('{"a": 1,}', "Take out the comma before it."),
        ('{"a": 1} // note', "Nothing may follow the object."),
        ('{ // note\n"a": 1}', "JSON has no comments; write them as values of keys that begin with _."),
        ("{'a': 1}", 'Write keys and texts in double quotes: "…".'),
        ('{"a": 1 "b": 2}', "A comma or closing bracket is missing before it."),
        ('{"a": "x\ty"}', "Write a line end inside a text as \\n, a tab as \\t."),
        ('{"a": tru}', None),
    ],
)
def test_slips_of_the_hand_are_hinted(source, hint):
    (fault,) = parse(source).problems
    assert (fault.code, fault.hint) == ("CKP001", hint)
    assert fault.message.endswith(".")
    assert not fault.message.endswith(" at.")


@pytest.mark.parametrize(
    "source",
    [
        '{"a": 1234567890123456789012345678}',
        '{"a": 0.1000000000000000000000000000000000}',
        '{"a": ' + "[" * 63 + "]" * 63 + "}",
        '{"a": "' + "x" * (256 * 1024) + '"}',
        '{"' + "k" * 256 + '": 1}',
        '{"a": "\\ud83d\\ude00 \\" \\\\ \\/ \\n"}',
    ],
)
def test_what_stands_at_a_limit_is_read(source):
    assert parse(source).problems == ()


def test_too_many_bytes_are_refused_unread():
    assert faults(b" " * (MOST_BYTES + 1)) == [("CKP005", "", 1, 1)]
    assert faults(b'{"a": 1}') == []
    assert parse(b'{"a": 1}', most_bytes=4).problems[0].code == "CKP005"


@pytest.mark.parametrize(
    "source",
    [
        "[" * 1_000_000,
        '{"a":' * 200_000,
        '"' + "\\" * 1_000_000,
        "[" + "1e5," * 250_000 + "1]",
        "{" + '"a":1,' * 160_000 + '"a":1}',
        "1" * 1_000_000,
    ],
    ids=["brackets", "objects", "backslashes", "numbers", "duplicates", "digits"],
)
def test_a_hostile_text_is_refused_in_a_second(source):
    begin = time.process_time()
    assert parse(source).problems
    assert time.process_time() - begin < 1
