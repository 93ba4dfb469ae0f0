"""What a file is, told by its bytes, and a name that every storage takes. Pure."""

import json
import mimetypes
import re
from pathlib import PurePosixPath
from typing import Final

UNKNOWN: Final = "application/octet-stream"
LONGEST_NAME: Final = 100
LONGEST_TITLE: Final = 255
_SIGNATURES: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
)
_CONTAINERS: Final = frozenset({"application/zip", "application/x-ole-storage"})
_OFFICE: Final = {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".doc": "application/msword",
    ".xls": "application/vnd.ms-excel",
    ".ppt": "application/vnd.ms-powerpoint",
}
_MARKUP: Final = (("<!doctype html", "text/html"), ("<html", "text/html"), ("<svg", "image/svg+xml"))
_PLAIN_TEXTS: Final = {".csv": "text/csv", ".tsv": "text/tab-separated-values", ".md": "text/markdown"}
_ENDINGS: Final = {"text/plain": ".txt", "image/jpeg": ".jpg", "application/json": ".json", UNKNOWN: ".bin"}
_MIME: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
_HEAD: Final = 2048


def mime_type(content: bytes, name: str) -> str:
    """The type of a file by its content; its name decides only between types that look alike."""
    ending = PurePosixPath(name).suffix.lower()
    for signature, found in _SIGNATURES:
        if content.startswith(signature):
            return _OFFICE.get(ending, found) if found in _CONTAINERS else found
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return UNKNOWN
    return UNKNOWN if "\x00" in text else _text_type(text, ending)


def mime_type_of_link(said: object, name: str) -> str:
    """The type of what is not here: as it was said, else as the name says."""
    if isinstance(said, str) and _MIME.fullmatch(said.strip().lower()):
        return said.strip().lower()
    return mimetypes.guess_type(name)[0] or UNKNOWN


def title(name: object, kind: str, mime: str) -> str:
    """What people read for a file: its own name without folders, else one made of its kind."""
    text = str(name) if isinstance(name, str) else ""
    plain = _UNSEEN.sub("", text.replace("\\", "/").rpartition("/")[2]).strip()
    return plain[:LONGEST_TITLE] or kind + (_ENDINGS.get(mime) or mimetypes.guess_extension(mime) or "")


def safe_name(name: str) -> str:
    """A name that every storage and every address takes as it is."""
    path = PurePosixPath(_UNSAFE.sub("_", name).lstrip("._-") or "file")
    ending = path.suffix[:20]
    return path.stem[: LONGEST_NAME - len(ending)] + ending


def _text_type(text: str, ending: str) -> str:
    head = text[:_HEAD].lstrip().lower()
    for start, found in _MARKUP:
        if head.startswith(start) or (head.startswith("<?xml") and start in head):
            return found
    if head.startswith("<?xml"):
        return "application/xml"
    if ending in _PLAIN_TEXTS:
        return _PLAIN_TEXTS[ending]
    return "application/json" if _is_json(text, ending) else "text/plain"


def _is_json(text: str, ending: str) -> bool:
    if ending != ".json" and not text.lstrip().startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
