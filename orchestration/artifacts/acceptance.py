"""Whether a named artifact is taken: content that is in the reply, or a link that is kept as it is. Pure."""

import base64
import binascii
import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from orchestration.artifacts import detection
from orchestration.choices import Classification

Json = Any
OURS: Final = "/api/artifacts/"
"""Where stored artifacts are found; a link to there is ours to give, not an agent's."""
LONGEST_KIND: Final = 32
LONGEST_LINK: Final = 2000
_LINKS: Final = frozenset({"http", "https", "memory"})
_INLINE: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*;base64,", re.ASCII)
_PATHLIKE: Final = re.compile(r"(?:[/~\\.]|[A-Za-z]:[/\\]|[A-Za-z][A-Za-z0-9+.-]*:)\S*|\S*\.\w{1,8}")
_SHORTEST_PICTURE: Final = 32


class Rejected(Exception):
    """The artifact is not taken; the reason is for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest content of a reply in bytes, and the hosts under which this portal is reached."""

    most_bytes: int
    hosts: Collection[str]


@dataclass(frozen=True, slots=True)
class Accepted:
    """An artifact to keep: with its `content`, or as a link (`uri`)."""

    kind: str
    name: str
    mime_type: str
    classification: str
    size_bytes: int
    sha256: str
    content: bytes | None = None
    uri: str = ""


def accept(said: Mapping[str, Json], limits: Limits) -> Accepted:
    """The artifact as it will be kept. Raises `Rejected`."""
    if "artifact_id" in said:
        raise Rejected("there is no upload of this name")
    content = _content(said, limits)
    return _link(said, limits) if content is None else _file(said, content, limits)


def _file(said: Mapping[str, Json], content: bytes, limits: Limits) -> Accepted:
    if len(content) > limits.most_bytes:
        raise Rejected(f"the content has {len(content)} bytes; a reply may hold {limits.most_bytes}")
    digest = hashlib.sha256(content).hexdigest()
    given = said.get("sha256")
    if isinstance(given, str) and given and given.lower() != digest:
        raise Rejected("the content does not have the sha256 that was given")
    kind = _kind(said)
    mime = detection.mime_type(content, str(said.get("name") or ""))
    name = detection.title(said.get("name"), kind, mime)
    return Accepted(kind, name, mime, _classification(said), len(content), digest, content)


def _link(said: Mapping[str, Json], limits: Limits) -> Accepted:
    uri = said.get("uri") or said.get("text")
    if not isinstance(uri, str) or not uri.strip():
        raise Rejected("there is neither content nor a link")
    uri = uri.strip()
    _require_link(uri, limits)
    kind = _kind(said)
    named = said.get("name") or unquote(urlsplit(uri).path.rpartition("/")[2])
    mime = detection.mime_type_of_link(said.get("mime_type"), str(named))
    size, digest = said.get("size_bytes"), said.get("sha256")
    return Accepted(
        kind,
        detection.title(named, kind, mime),
        mime,
        _classification(said),
        size if isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**63 else 0,
        digest.lower() if isinstance(digest, str) and re.fullmatch("[0-9a-fA-F]{64}", digest) else "",
        uri=uri,
    )


def is_link(uri: str, limits: Limits) -> bool:
    """Whether a uri is one that is kept."""
    try:
        _require_link(uri, limits)
    except Rejected:
        return False
    return True


def _require_link(uri: str, limits: Limits) -> None:
    parts = _parts(uri)
    if parts.scheme not in _LINKS:
        raise Rejected("only http, https and memory links are kept, no path of a file")
    if len(uri) > LONGEST_LINK or any(character.isspace() for character in uri):
        raise Rejected(f"a link has at most {LONGEST_LINK} characters, and no blanks")
    if parts.scheme == "memory":
        return
    if not parts.hostname:
        raise Rejected("the link names no host")
    if parts.username or parts.password:
        raise Rejected("a link must not hold a password")
    if parts.hostname.rstrip(".") in limits.hosts and _reached(parts.path).startswith(OURS):
        raise Rejected("a link into the storage of this portal is not taken")


def _reached(path: str) -> str:
    """The path that a browser and a server ask for: without empty and dotted parts, slashes the right way round."""
    found: list[str] = []
    for part in unquote(path).replace("\\", "/").split("/"):
        if part == "..":
            del found[-1:]
        elif part not in ("", "."):
            found.append(part)
    return f"/{'/'.join(found)}"


def _parts(uri: str) -> Any:
    try:
        parts = urlsplit(uri)
        _ = parts.hostname, parts.port
    except ValueError:
        raise Rejected("the link cannot be read") from None
    return parts


def _content(said: Mapping[str, Json], limits: Limits) -> bytes | None:
    """The bytes that the reply holds itself; None when it holds a link at most."""
    given = said.get("content_base64")
    if isinstance(given, str):
        return _decoded(given, limits)
    text = said.get("text", said.get("uri"))
    if not isinstance(text, str):
        return None
    if inline := _INLINE.match(text):
        return _decoded(text[inline.end() :], limits)
    return _shot(text, limits) if "text" in said else None


def _shot(text: str, limits: Limits) -> bytes | None:
    """A screenshot that is neither link nor path: a picture in base64, or words."""
    picture = _picture(text, limits)
    if picture is not None:
        return picture
    return None if _PATHLIKE.fullmatch(text.strip()) else text.encode(errors="replace")


def _picture(text: str, limits: Limits) -> bytes | None:
    if len(text) < _SHORTEST_PICTURE:
        return None
    try:
        content = _decoded(text, limits)
    except Rejected:
        return None
    return content if detection.mime_type(content, "").startswith("image/") else None


def _decoded(text: str, limits: Limits) -> bytes:
    if len(text) * 3 // 4 > limits.most_bytes + 1024:
        raise Rejected(f"the content has more than {limits.most_bytes} bytes; a reply may hold no more")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Rejected("the content is not base64") from None


def _kind(said: Mapping[str, Json]) -> str:
    kind = said.get("kind")
    return kind.strip()[:LONGEST_KIND] or "file" if isinstance(kind, str) else "file"


def _classification(said: Mapping[str, Json]) -> str:
    """As it was said; a word that nobody knows is taken for the strictest."""
    given = said.get("classification")
    if given is None:
        return Classification.INTERNAL
    return str(given) if given in Classification.values else Classification.RESTRICTED
