"""The filter box understands fields, keeps free words, and names what it does not know."""

from datetime import UTC, datetime

import pytest

from orchestration.filter_words import read, without

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_fields_become_declared_filters():
    found = read("status:failed procedure:invoice node:post", NOW)
    assert found.params == {"status": "failed", "procedure_id": "invoice", "node_id": "post"}
    assert found.faults == []


def test_statuses_add_up():
    found = read("status:failed status:canceled", NOW)
    assert found.params == {"status": "failed,canceled"}
    assert found.origins == {"status": "status:failed status:canceled"}


def test_free_words_are_searched_for_together():
    assert read('batch "20 Nov" status:failed', NOW).params == {"search": "batch 20 Nov", "status": "failed"}


def test_a_length_of_time_becomes_a_moment():
    assert read("since:24h", NOW).params == {"created_from": "2026-02-28T12:00:00+00:00"}


def test_unknown_fields_and_lengths_are_named_with_what_would_do():
    colour, since = read("colour:red since:soon", NOW).faults
    assert (colour.word, since.word) == ("colour:red", "since:soon")
    assert "no field colour" in colour.reason
    assert "procedure" in colour.reason
    assert "since:24h" in since.reason


def test_each_chip_knows_the_rest():
    chips = read("status:failed batch", NOW).chips
    assert [(chip.text, chip.rest) for chip in chips] == [("status:failed", "batch"), ("batch", "status:failed")]


@pytest.mark.parametrize(
    ("word", "value"),
    [("var.invoice:INV-7", "INV-7"), ("var.invoice>10000", ">10000"), ("var.invoice<=5", "<=5")],
)
def test_values_of_variables_are_filters_too(word, value):
    assert read(word, NOW).params == {"var.invoice": value}


def test_a_comparison_is_for_variables_alone():
    assert [fault.word for fault in read("status>failed", NOW).faults] == ["status>failed"]


def test_words_of_a_field_can_be_taken_out():
    assert without("status:failed since:7d batch", ["since"]) == "status:failed batch"


def test_odd_text_is_searched_for_as_it_is():
    assert read('a" <b> : ::', NOW).params == {"search": "a <b> : ::"}
