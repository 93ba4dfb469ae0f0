"""The context of a question as people read it."""

from approvals import evidence
from approvals.evidence import Cell, Fact


def test_plain_values_become_facts_with_readable_labels():
    found = evidence.read({"invoice_count": 3, "total_amount": 14380.0, "matched": True, "note": None, "year": 2026})
    assert found.facts == [
        Fact("Invoice count", "3"),
        Fact("Total amount", "14,380.00"),
        Fact("Matched", "yes"),
        Fact("Note", "–"),
        Fact("Year", "2026"),
    ]


def test_lists_of_words_stand_on_one_line():
    assert evidence.read({"tags": ["a", "b"]}).facts == [Fact("Tags", "a, b")]


def test_a_flat_object_is_spread():
    assert evidence.read({"vendor": {"name": "Kestrel", "city": "Oslo"}}).facts == [
        Fact("Vendor, name", "Kestrel"),
        Fact("Vendor, city", "Oslo"),
    ]


def test_lists_of_like_objects_become_tables():
    (table,) = evidence.read({"lines": [{"text": "Road", "price": 9760.0}, {"text": "Storage", "price": 3120}]}).tables
    assert (table.label, table.columns) == ("Lines", [Cell("Text"), Cell("Price", numeric=True)])
    assert [[cell.text for cell in row] for row in table.rows] == [["Road", "9,760.00"], ["Storage", "3,120"]]
    assert table.more == 0


def test_a_long_table_is_cut_and_says_so():
    (table,) = evidence.read({"lines": [{"n": number} for number in range(80)]}).tables
    assert (len(table.rows), table.more) == (50, 30)


def test_artifacts_are_files_in_whatever_shape_a_result_holds_them():
    one, other = {"artifact_id": "a1", "uri": "/x", "size_bytes": 8}, {"artifact_id": "a2", "uri": "/y"}
    context = {"scan": one, "both": [one, other], "result": {"artifacts": [other]}, "shot": {"screenshot": one}}
    found = evidence.read(context)
    assert found.files == ["a1", "a1", "a2", "a2", "a1"]
    assert (found.facts, found.tables, found.nested) == ([], [], [])
    assert evidence.artifacts_in(context) == {"a1", "a2"}


def test_what_holds_more_than_files_is_shown_as_it_is():
    value = {"artifact": {"artifact_id": "a1"}, "pages": 3}
    found = evidence.read({"scan": value, "none": {"artifacts": []}})
    assert (found.files, [part.value for part in found.nested]) == ([], [value, {"artifacts": []}])


def test_what_is_neither_stays_whole():
    value = {"a": {"b": [1]}}
    (nested,) = evidence.read({"deep": value}).nested
    assert (nested.label, nested.value) == ("Deep", value)
    assert not evidence.read({})
