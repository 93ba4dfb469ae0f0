"""XML texts as trees. Document type declarations are refused, and with them every entity."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from xml.parsers import expat

from procedures.ckp.failures import invalid
from procedures.ckp.values import MAX_DEPTH

MAX_ELEMENTS: Final = 500_000
_BETWEEN_LOOKS: Final = 64


@dataclass(slots=True)
class Element:
    """One element: its attributes, and its children and texts in order."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    content: "list[Element | str]" = field(default_factory=list)

    @property
    def children(self) -> "Iterator[Element]":
        """The elements directly inside."""
        return (part for part in self.content if isinstance(part, Element))

    def text(self) -> str:
        """All text inside, at any depth."""
        return "".join(part if isinstance(part, str) else part.text() for part in self.content)

    def own_text(self) -> str:
        """The text directly inside."""
        return "".join(part for part in self.content if isinstance(part, str))


class File(Protocol):
    """Bytes, piece by piece."""

    def read(self, size: int = ..., /) -> bytes:
        """The next bytes, none at the end."""


class Reader(Protocol):
    """Takes what an XML text holds, in order."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def end(self, name: str) -> None:
        """An element ends."""

    def text(self, text: str) -> None:
        """Text inside the innermost element."""


class Tree:
    """Collects a whole XML text below an element without name, `root`; `look` is called now and then."""

    def __init__(self, look: Callable[[], None] | None = None) -> None:
        self._look = look
        self.root = Element("")
        self._open = [self.root]
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS or len(self._open) > MAX_DEPTH:
            raise invalid(f"The XML has more than {MAX_ELEMENTS} elements or {MAX_DEPTH} levels.")
        if self._look is not None and not self._count % _BETWEEN_LOOKS:
            self._look()
        element = Element(name, attributes)
        self._open[-1].content.append(element)
        self._open.append(element)

    def end(self, name: str) -> None:
        self._open.pop()

    def text(self, text: str) -> None:
        self._open[-1].content.append(text)


def parse_xml(source: str, look: Callable[[], None] | None = None) -> Element:
    """The document: an element without name that holds the root element; `look` is called now and then.

    Raises OperationError (invalid_value), and what `look` raises.
    """
    tree = Tree(look)
    read_xml(source, tree)
    return tree.root


def read_xml(source: str | File, reader: Reader) -> None:
    """Report the elements and texts of an XML text, in order. Raises OperationError (invalid_value)."""
    parser = expat.ParserCreate("utf-8" if isinstance(source, str) else None)
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse
    try:
        if isinstance(source, str):
            parser.Parse(source.encode("utf-8", "replace"), True)
        else:
            parser.ParseFile(source)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise invalid(f"The text is not XML: {error}.") from None


def _refuse(*declared: Any) -> None:
    raise invalid("The XML has a document type declaration; those and entities are refused.")
