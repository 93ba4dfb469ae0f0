"""What artifacts a result names, in every shape that agents send (protocols 2). Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Json = Any
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """An artifact as a result names it. `place` is where it stands in the result, none for one beside it.

    `whole`: all that stands there is about the artifact. `quiet`: it is none when its uri is no link.
    """

    said: Mapping[str, Json]
    place: Place = ()
    whole: bool = False
    quiet: bool = False


Extractor = Callable[[Mapping[str, Json]], list[Named]]


def several(result: Mapping[str, Json]) -> list[Named]:
    """`artifacts: [{…}]`."""
    entries = result.get("artifacts")
    if not isinstance(entries, list):
        return []
    return [Named(entry, ("artifacts", at), whole=True) for at, entry in enumerate(entries) if isinstance(entry, dict)]


def one(result: Mapping[str, Json]) -> list[Named]:
    """`artifact: {…}`."""
    entry = result.get("artifact")
    return [Named(entry, ("artifact",), whole=True)] if isinstance(entry, dict) else []


def by_uri(result: Mapping[str, Json]) -> list[Named]:
    """`artifact_uri`, or `uri`, with `artifact_kind`; a `uri` alone may be anything."""
    for name in ("artifact_uri", "uri"):
        uri = result.get(name)
        if isinstance(uri, str) and uri:
            kind = result.get("artifact_kind")
            named = {"uri": uri, "kind": kind, "name": result.get("artifact_name")}
            return [Named(named, (name,), quiet=name == "uri" and kind is None)]
    return []


def screenshot(result: Mapping[str, Json]) -> list[Named]:
    """`screenshot: "text or uri"`; the text is a picture in base64, or words."""
    text = result.get("screenshot")
    if isinstance(text, dict):
        return [Named({"kind": "screenshot", **text}, ("screenshot",), whole=True)]
    if not isinstance(text, str) or not text.strip():
        return []
    return [Named({"kind": "screenshot", "text": text}, ("screenshot",))]


EXTRACTORS: Final[tuple[Extractor, ...]] = (several, one, by_uri, screenshot)


def named_in(result: Json, beside: Sequence[Json] = ()) -> list[Named]:
    """All artifacts that a result names, and those that stand `beside` it in the reply."""
    found = [Named(entry) for entry in beside if isinstance(entry, dict)]
    if isinstance(result, dict):
        found += [named for extract in EXTRACTORS for named in extract(result)]
    return found


def with_references(result: Json, references: Mapping[Place, Json]) -> Json:
    """The result with each place replaced; what was content is a reference now."""
    for place, reference in references.items():
        result = _replaced(result, place, reference)
    return result


def _replaced(value: Json, place: Place, reference: Json) -> Json:
    if not place:
        return reference
    copy: Any = list(value) if isinstance(value, list) else dict(value)
    copy[place[0]] = _replaced(copy[place[0]], place[1:], reference)
    return copy
