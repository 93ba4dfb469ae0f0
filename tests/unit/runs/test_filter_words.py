"""The filter box understands fields, keeps free words, and names what it does not know."""

from datetime import UTC, datetime

from orchestration.filter_words import read

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_fields_become_declared_filters():
    found = read("status:failed procedure:invoice node:post", NOW)
    assert found.params == {"status": "failed", "procedure_id": "invoice", "node_id": "post"}
    assert found.unknown == []


def test_statuses_add_up():
    assert read("status:failed status:canceled", NOW).params == {"status": "failed,canceled"}


def test_free_words_are_searched_for_together():
    assert read('batch "20 Nov" status:failed', NOW).params == {"search": "batch 20 Nov", "status": "failed"}


def test_a_length_of_time_becomes_a_moment():
    assert read("since:24h", NOW).params == {"created_from": "2026-02-28T12:00:00+00:00"}


def test_unknown_fields_and_lengths_are_named():
    assert read("colour:red since:soon", NOW).unknown == ["colour:red", "since:soon"]


def test_each_chip_knows_the_rest():
    chips = read("status:failed batch", NOW).chips
    assert [(chip.text, chip.rest) for chip in chips] == [("status:failed", "batch"), ("batch", "status:failed")]


def test_values_of_variables_are_filters_too():
    assert read("var.invoice:INV-7", NOW).params == {"var.invoice": "INV-7"}
