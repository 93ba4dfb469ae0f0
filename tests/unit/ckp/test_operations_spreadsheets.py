"""Reading spreadsheets (CKP 2.6, parse_excel_data)."""

import base64
import io
import zipfile
from typing import Any

import pytest

from procedures.ckp.operations import OperationError, Tools, run_operation
from tests.unit.ckp.evaluating import scope_of

WORKBOOK = """<workbook xmlns:r="r">{properties}<sheets><sheet name="First" sheetId="1" r:id="rId1"/>
<sheet name="Second" sheetId="2" r:id="rId2"/></sheets></workbook>"""
RELATIONS = """<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.xml"/>
<Relationship Id="rId2" Target="/xl/worksheets/sheet2.xml"/></Relationships>"""
TEXTS = "<sst><si><t>name</t></si><si><r><t>am</t></r><r><t>ount</t></r></si><si><t>Ä &amp; B</t></si></sst>"
STYLES = """<styleSheet><numFmts><numFmt numFmtId="164" formatCode="dd.mm.yyyy"/>
<numFmt numFmtId="165" formatCode="[Red]0.00&quot;d&quot;\\m"/></numFmts>
<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>
<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/></cellXfs></styleSheet>"""
FIRST = """<worksheet><sheetData>
<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c>
<c r="D1" t="inlineStr"><is><t>day</t></is></c></row>
<row r="2"><c r="A2" t="s"><v>2</v></c><c r="B2"><v>12.50</v></c><c r="C2" t="b"><v>1</v></c>
<c r="D2" s="1"><v>46062</v></c></row>
<row r="3"/>
<row r="4"><c r="A4" t="str"><f>1+1</f><v>two</v></c><c r="B4" s="3"><v>3</v></c><c r="C4" t="e"><v>#N/A</v></c>
<c r="D4" s="2"><v>46062.4375</v></c><c r="F4"><v>9</v></c></row>
<row><c><v>plain</v></c><c t="d"><v>2026-02-09</v></c></row>
</sheetData></worksheet>"""
SECOND = """<worksheet><sheetData><row r="1"><c r="A1"><v>0</v></c></row>
<row r="2"><c r="A2" t="str"><v>k</v></c></row><row r="3"><c r="A3"><v>5</v></c></row></sheetData></worksheet>"""


def workbook(**parts: str | None) -> bytes:
    """A workbook; parts given by name replace or remove those of the model."""
    known: dict[str, str | None] = {
        "workbook": WORKBOOK.format(properties=""),
        "_rels/workbook": RELATIONS,
        "sharedStrings": TEXTS,
        "styles": STYLES,
        "worksheets/sheet1": FIRST,
        "worksheets/sheet2": SECOND,
        **{name.replace("__", "/"): text for name, text in parts.items()},
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in known.items():
            if text is not None:
                archive.writestr(f"xl/{name}.xml{'.rels' if name.startswith('_rels') else ''}", text)
    return file.getvalue()


def read(content: bytes, **fields: Any) -> Any:
    """Rows of a workbook given as base64."""
    variables = {"file": base64.b64encode(content).decode()}
    operation = {"action": "parse_excel_data", "source": "file", "output_variable": "rows", **fields}
    return run_operation(operation, scope_of(variables))["rows"]


def failure(content: bytes, **fields: Any) -> str:
    """Error class that reading fails with."""
    with pytest.raises(OperationError) as failed:
        read(content, **fields)
    return failed.value.error_class


ROWS = [
    {"name": "Ä & B", "amount": 12.5, "column_3": True, "day": "2026-02-09"},
    {"name": "two", "amount": 3, "column_3": None, "day": "2026-02-09T10:30:00"},
    {"name": None, "amount": "2026-02-09", "column_3": None, "day": None},
]


def test_first_sheet() -> None:
    assert read(workbook()) == ROWS


def test_named_sheet_and_header_row() -> None:
    assert read(workbook(), sheet_name="Second", header_row=2) == [{"k": 5}]
    assert read(workbook(), sheet_name="Second", header_row=9) == []


def test_days_count_from_1904_where_the_workbook_says_so() -> None:
    book = workbook(workbook=WORKBOOK.format(properties='<workbookPr date1904="1"/>'))
    assert read(book)[0]["day"] == "2030-02-10"


def test_texts_and_styles_may_be_absent() -> None:
    book = workbook(sharedStrings=None, styles=None, worksheets__sheet1=SECOND)
    assert read(book, header_row=2) == [{"k": 5}]


def test_artifacts_are_read_through_the_port() -> None:
    files = {"one": workbook(), "two": workbook(worksheets__sheet1=SECOND.replace('r="2"', 'r="1"'))}
    tools = Tools(read_file=lambda value: files.get(value["artifact"]) if isinstance(value, dict) else None)
    operation = {"action": "parse_excel_data", "source": "{{files}}", "output_variable": "rows"}
    single = run_operation(operation, scope_of({"files": {"artifact": "one"}}), tools)
    assert single == {"rows": ROWS}
    both = run_operation(operation, scope_of({"files": [{"artifact": "one"}, {"artifact": "two"}]}), tools)
    assert both == {"rows": [*ROWS, {"k": 5}]}


def test_list_of_objects_is_passed_through() -> None:
    operation = {"action": "parse_excel_data", "source": "{{rows}}", "output_variable": "out"}
    assert run_operation(operation, scope_of({"rows": [{"a": 1}]})) == {"out": [{"a": 1}]}
    assert run_operation(operation, scope_of({"rows": []})) == {"out": []}


@pytest.mark.parametrize("source", [5, "no base64!", [1], None, [{"a": 1}, "eA=="]])
def test_source_that_is_no_workbook(source: Any) -> None:
    operation = {"action": "parse_excel_data", "source": "{{x}}", "output_variable": "out"}
    with pytest.raises(OperationError) as failed:
        run_operation(operation, scope_of({"x": source}))
    assert failed.value.error_class == "invalid_value"
    assert run_operation({**operation, "on_error": "null"}, scope_of({"x": source})) == {"out": None}


def test_faults_in_a_workbook() -> None:
    assert failure(b"no archive") == "invalid_value"
    assert failure(workbook(workbook=None)) == "invalid_value"
    assert failure(workbook(workbook="<workbook/>")) == "invalid_value"
    assert failure(workbook(), sheet_name="Third") == "invalid_value"
    assert failure(workbook(worksheets__sheet1=None)) == "invalid_value"
    assert failure(workbook(worksheets__sheet1="<worksheet>")) == "invalid_value"
    assert failure(workbook(worksheets__sheet1="<!DOCTYPE x><worksheet/>")) == "invalid_value"
    assert failure(workbook(sharedStrings=None)) == "invalid_value"
    assert failure(workbook(worksheets__sheet1=FIRST.replace("<v>46062</v>", "<v>99999999</v>"))) == "invalid_value"
    assert failure(workbook(worksheets__sheet1=FIRST.replace("F4", "ZZZ4"))) == "invalid_value"


def test_damaged_archive() -> None:
    content = bytearray(workbook())
    middle = content.find(b"sheet1.xml") + 30
    content[middle : middle + 40] = b"\xff" * 40
    assert failure(bytes(content)) == "invalid_value"


def test_sizes() -> None:
    assert failure(b"x" * (20 * 1024 * 1024 + 1)) == "result_too_large"
    rows = "<worksheet>" + "<row/>" * 100_002 + "</worksheet>"
    assert failure(workbook(worksheets__sheet1=rows)) == "result_too_large"
    blanks = "<worksheet>" + " " * 105_000_000 + "</worksheet>"
    assert failure(workbook(worksheets__sheet1=blanks)) == "result_too_large"
