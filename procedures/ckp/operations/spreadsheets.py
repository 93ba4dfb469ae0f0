"""Reading `.xlsx` workbooks: cells as JSON values, dates as ISO texts."""

import base64
import binascii
import io
import re
import zipfile
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import IO, Any, Final

from procedures.ckp.expressions.moments import moment_text
from procedures.ckp.failures import OperationError, invalid
from procedures.ckp.operations.reading import header_names
from procedures.ckp.operations.work import MAX_ROWS, Work
from procedures.ckp.values import Json, plain_number, read_index, read_number
from procedures.ckp.xmltree import Element, Reader, Tree, read_xml

MAX_FILE: Final = 20 * 1024 * 1024
MAX_PART: Final = 100 * 1024 * 1024
MAX_COLUMNS: Final = 16_384

_DATE_FORMATS: Final = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
_NOT_IN_DATES: Final = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.|[^ymdhs]', re.IGNORECASE)
_REFERENCE: Final = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_EPOCH: Final = datetime(1899, 12, 30)
_EPOCH_1904: Final = datetime(1904, 1, 1)


def parse_excel_data(work: Work, source: Json) -> Json:
    """Rows of one or several workbooks as objects; a list of objects is passed through."""
    read_file = work.tools.read_file
    sources = source if isinstance(source, list) else [source]
    contents = [_content(one, read_file(one) if read_file else None) for one in sources]
    if isinstance(source, list) and not any(contents) and all(isinstance(row, dict) for row in source):
        return source
    name = work.value("sheet_name") if "sheet_name" in work.fields else None
    rows: list[Json] = []
    for content in contents:
        if content is None:
            raise invalid("The source is neither a workbook nor a list of objects.")
        rows += Workbook(content, work.scope.look).objects(name, int(work.literal("header_row", 1)))
    return rows


def _content(source: Json, file: bytes | None) -> bytes | None:
    if file is not None:
        content = file
    elif isinstance(source, str):
        try:
            content = base64.b64decode(source.partition("base64,")[2] or source, validate=True)
        except (binascii.Error, ValueError):
            raise invalid("The source is neither an artifact nor base64.") from None
    else:
        return None
    if len(content) > MAX_FILE:
        raise OperationError("result_too_large", "A workbook has at most 20 MB.")
    return content


class Workbook:
    """The sheets of one workbook; `look` is called now and then. Every fault is an OperationError (invalid_value)."""

    def __init__(self, content: bytes, look: Callable[[], None] | None) -> None:
        self._look = look
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
        except zipfile.BadZipFile:
            raise invalid("The file is no .xlsx workbook.") from None
        workbook = self._tree("xl/workbook.xml")
        properties = _named(workbook, "workbookPr")
        self._epoch = (
            _EPOCH_1904 if properties and properties[0].attributes.get("date1904") in ("1", "true") else _EPOCH
        )
        self._sheets = {sheet.attributes.get("name", ""): sheet for sheet in _named(workbook, "sheet")}
        self._texts = self._shared_texts()
        self._dates = self._date_styles()

    def objects(self, sheet_name: Any, header_row: int) -> list[Json]:
        """Rows below the header as objects; empty rows are left out."""
        rows = self._rows(self._part_of(sheet_name))
        header = rows.get(header_row, {})
        names = header_names([header.get(column) for column in range(1, max(header, default=0) + 1)])
        found: list[Json] = []
        for number in sorted(row for row in rows if row > header_row):
            cells = [rows[number].get(column) for column in range(1, len(names) + 1)]
            if any(cell is not None for cell in cells):
                found.append(dict(zip(names, cells, strict=True)))
        return found

    def _part_of(self, sheet_name: Any) -> str:
        name = next(iter(self._sheets), None) if sheet_name is None else sheet_name
        if name not in self._sheets:
            raise invalid(f"There is no sheet “{name}”; sheets are {', '.join(self._sheets)}.")
        attributes = self._sheets[name].attributes
        reference = next((value for key, value in attributes.items() if key.endswith(":id")), "")
        relations = _named(self._tree("xl/_rels/workbook.xml.rels"), "Relationship")
        target = next(
            (one.attributes.get("Target", "") for one in relations if one.attributes.get("Id") == reference), ""
        )
        return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"

    def _rows(self, part: str) -> dict[int, dict[int, Json]]:
        reader = _SheetReader(self._value)
        self._read(part, reader)
        return reader.rows

    def _value(self, kind: str, style: str, text: str) -> Json:
        if kind == "s":
            return self._shared(text)
        if kind in ("str", "inlineStr", "d"):
            return text
        if kind == "b":
            return text == "1"
        number = read_number(text.strip()) if kind != "e" else None
        if number is None:
            return None
        plain = plain_number(number)
        return self._date(plain) if style in self._dates else plain

    def _shared(self, text: str) -> Json:
        index = read_index(text)
        if index is None or index >= len(self._texts):
            raise invalid("A cell points at a text that is not there.")
        return self._texts[index]

    def _date(self, days: int | float) -> Json:
        try:
            moment = self._epoch + timedelta(days=days)
        except OverflowError:
            raise invalid("A cell holds a date outside the years 1 to 9999.") from None
        rounded = (moment + timedelta(milliseconds=500)).replace(microsecond=0)
        return moment_text(rounded) if rounded.time() != datetime.min.time() else rounded.date().isoformat()

    def _shared_texts(self) -> list[str]:
        if "xl/sharedStrings.xml" not in self._archive.namelist():
            return []
        return [
            "".join(text.text() for text in _named(one, "t"))
            for one in _named(self._tree("xl/sharedStrings.xml"), "si")
        ]

    def _date_styles(self) -> frozenset[str]:
        if "xl/styles.xml" not in self._archive.namelist():
            return frozenset()
        styles = self._tree("xl/styles.xml")
        own = {
            one.attributes.get("numFmtId", ""): one.attributes.get("formatCode", "") for one in _named(styles, "numFmt")
        }
        cells = [one for group in _named(styles, "cellXfs") for one in _named(group, "xf")]
        return frozenset(
            str(index) for index, one in enumerate(cells) if _is_date(one.attributes.get("numFmtId", "0"), own)
        )

    def _tree(self, part: str) -> Element:
        tree = Tree()
        self._read(part, tree)
        return tree.root

    def _read(self, part: str, reader: Reader) -> None:
        try:
            with self._archive.open(part) as file:
                read_xml(_Limited(file, self._look), reader)
        except (KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError):
            raise invalid(f"The workbook has no readable part {part}.") from None


class _Limited:
    """A file that ends with an error past the size of a part; `look` is called with each piece."""

    def __init__(self, file: IO[bytes], look: Callable[[], None] | None) -> None:
        self._file = file
        self._look = look
        self._left = MAX_PART

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        if self._look is not None:
            self._look()
        found = self._file.read(size)
        self._left -= len(found)
        if self._left < 0:
            raise OperationError("result_too_large", "A part of the workbook is too large.")
        return found


def _is_date(format_id: str, own: dict[str, str]) -> bool:
    if format_id in own:
        return bool(_NOT_IN_DATES.sub("", own[format_id]))
    return read_index(format_id) in _DATE_FORMATS


def _named(element: Element, name: str) -> list[Element]:
    """Elements of a name at any depth, whatever their prefix."""
    found: list[Element] = []
    for child in element.children:
        if child.name.rpartition(":")[2] == name:
            found.append(child)
        found += _named(child, name)
    return found


class _SheetReader:
    """Collects the cells of a sheet while it is read."""

    def __init__(self, value: Any) -> None:
        self.rows: dict[int, dict[int, Json]] = {}
        self._value = value
        self._row = 0
        self._column = 0
        self._kind = ""
        self._style = ""
        self._texts: list[str] | None = None
        self._found: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(":")[2]
        if tag == "row":
            self._next_row(attributes)
        elif tag == "c":
            self._next_cell(attributes)
        elif tag in ("v", "t"):
            self._texts = []

    def _next_row(self, attributes: dict[str, str]) -> None:
        number = read_index(attributes.get("r", ""))
        self._row = self._row + 1 if number is None else number
        self._column = 0
        if len(self.rows) > MAX_ROWS:
            raise OperationError("result_too_large", f"The sheet has more than {MAX_ROWS} rows.")
        self.rows[self._row] = {}

    def _next_cell(self, attributes: dict[str, str]) -> None:
        reference = _REFERENCE.fullmatch(attributes.get("r", ""))
        self._column = _column_number(reference[1]) if reference else self._column + 1
        self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "")
        self._found = []

    def text(self, text: str) -> None:
        if self._texts is not None:
            self._texts.append(text)

    def end(self, name: str) -> None:
        tag = name.rpartition(":")[2]
        if tag in ("v", "t") and self._texts is not None:
            self._found.append("".join(self._texts))
            self._texts = None
        elif tag == "c":
            self._keep()

    def _keep(self) -> None:
        if self._column > MAX_COLUMNS:
            raise invalid("The sheet has too many columns.")
        if self._found:
            value = self._value(self._kind, self._style, "".join(self._found))
            self.rows.setdefault(self._row, {})[self._column] = value


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number
