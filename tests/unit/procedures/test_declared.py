"""Variables keep the order of the text, whatever order they were stored in."""

import json

from procedures.declared import in_declared_order


def names(schema, *stored):
    return list(in_declared_order(dict.fromkeys(stored, 0), json.dumps({"variables_schema": schema})))


def test_variables_stand_as_the_text_declares_them():
    assert names({"to": {}, "amount": {"type": "number"}, "by": {}}, "by", "to", "amount") == ["to", "amount", "by"]


def test_blocks_of_required_and_optional_are_read_too():
    assert names({"required": {"z": {}}, "optional": {"a": {}}}, "a", "z") == ["z", "a"]


def test_what_the_text_does_not_show_comes_last():
    assert names({"b": {}}, "new", "b") == ["b", "new"]
