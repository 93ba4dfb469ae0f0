"""What of a document is kept beside it for lists: tags, and texts to search in."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from procedures.ckp.document import Document
from procedures.ckp.document.nodes import SubflowNode

LONGEST = 100_000


class Index(NamedTuple):
    """The first two texts are in lower case. `metadata_text` has one line per text of the metadata, tags marked by `#`;
    `calls_text` one per procedure that subflows run.
    """

    tags: list[str]
    search_text: str
    metadata_text: str
    calls_text: str


def index_of(document: Document) -> Index:
    """The index of a compiled document."""
    found = document.retrieval_metadata
    metadata = found.model_dump(mode="json", exclude_none=True) if found else {}
    tags = list(dict.fromkeys(found.tags)) if found else []
    texts = [*_texts(metadata)]
    named = [document.procedure_id, document.version, document.title, document.description or ""]
    search_text = "\n".join([*named, *texts, *(node.description or "" for node in document.nodes.values())])
    lines = [tag_line(tag) for tag in tags] + [f" {text.lower()}" for text in texts]
    called = sorted({node.procedure_id for node in document.nodes.values() if isinstance(node, SubflowNode)})
    return Index(tags, search_text.lower()[:LONGEST], _lines(lines)[:LONGEST], _lines(called))


def _lines(texts: list[str]) -> str:
    return "\n".join(["", *texts, ""])


def tag_line(tag: str) -> str:
    """How a tag stands in `metadata_text`, between line breaks."""
    return f"#{tag.strip().lower()}"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield " ".join(value.split())
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
