"""Operations look now and then whether they may go on; what the look raises ends them (runtime 10)."""

import base64
import time
from typing import Any

import pytest

from procedures.ckp.operations import run_operation, run_transformations
from tests.unit.ckp.evaluating import scope_of
from tests.unit.ckp.test_operations_spreadsheets import workbook

ROWS = [{"k": number % 7, "n": number} for number in range(400)]
XML = "<all>" + "<one>1</one>" * 400 + "</all>"
CSV = "k,n\n" + "1,2\n" * 400


class OverError(Exception):
    """The time is over."""


def ended(operation: dict[str, Any], *, looks: int) -> bool:
    """Whether an operation is ended by its look, when that says so after so many."""
    left = [looks]

    def look() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OverError

    variables = {
        "rows": ROWS,
        "xml": XML,
        "csv": CSV,
        "text": "a b " * 400,
        "book": base64.b64encode(workbook()).decode(),
    }
    try:
        run_operation({"output_variable": "out", **operation}, scope_of(variables, look=look))
    except OverError:
        return True
    return False


OPERATIONS: dict[str, dict[str, Any]] = {
    "filter": {"action": "filter", "source": "rows", "expression": "n > 3"},
    "map": {"action": "map", "source": "rows", "expression": "n + 1"},
    "map of fields": {"action": "map", "source": "rows", "fields": {"m": "n + 1"}},
    "reduce": {"action": "reduce", "source": "rows", "expression": "n"},
    "join": {"action": "join", "source": "rows", "with": "rows", "expression": "n == n"},
    "sort": {"action": "sort", "source": "rows", "expression": "-k, n"},
    "unique": {"action": "unique", "source": "rows", "expression": "k"},
    "aggregate": {"action": "aggregate", "source": "rows", "expression": "sum(n)", "group_by": "k"},
    "pivot": {"action": "pivot", "source": "rows", "index": "n", "columns": "k", "values": "n"},
    "csv": {"action": "parse_csv", "source": "csv", "types": {"n": "integer"}, "on_error": "null"},
    "csv without header": {"action": "parse_csv", "source": "csv", "header": False},
    "xml": {"action": "parse_xml", "source": "xml", "on_error": "null"},
    "workbook": {"action": "parse_excel_data", "source": "book", "on_error": "null"},
    "pattern": {"action": "extract_regex", "source": "text", "pattern": "a", "all": True},
    "schema": {"action": "validate_schema", "source": "rows", "schema": {"items": {"required": ["k", "n"]}}},
    "value": {"action": "set_variable", "variable": "all", "value": {str(n): "{{ rows.length }}" for n in range(9)}},
    "text": {"action": "format_string", "template": "{% for row in rows %}{{ row.n }}{{ row.k }} {% endfor %}"},
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_ended_by_its_look(name: str) -> None:
    assert ended(OPERATIONS[name], looks=0)
    assert ended(OPERATIONS[name], looks=2)
    assert not ended(OPERATIONS[name], looks=100_000)


def test_nothing_of_transformations_is_kept_when_their_look_ends_them() -> None:
    seen: list[int] = []

    def look() -> None:
        seen.append(1)
        if len(seen) > 2:
            raise OverError

    one = {"type": "expression", "source_variable": "rows", "expression": "value.length", "output_variable": "n"}
    with pytest.raises(OverError):
        run_transformations([one] * 5, scope_of({"rows": ROWS}, look=look))


def test_a_header_of_very_many_columns_is_read_at_once() -> None:
    columns = ",".join(f"c{number}" for number in range(60_000))
    began = time.thread_time()
    found = run_operation(
        {"action": "parse_csv", "source": "csv", "output_variable": "rows"}, scope_of({"csv": columns})
    )
    assert found == {"rows": []}
    assert time.thread_time() - began < 2
