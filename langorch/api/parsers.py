"""Reading JSON bodies strictly: within limits of size, depth and count, and only what a database can keep."""

import json
import math
import re
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from django.conf import settings
from rest_framework.parsers import BaseParser

from langorch.api.errors import MalformedRequest
from langorch.lib.errors import TooLarge
from langorch.lib.storable import unstorable

_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
_STRUCTURE = re.compile(rb"[\[\]{},]")
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89abAB])")


class StrictJSONParser(BaseParser):
    """JSON in UTF-8, a byte order mark apart. Refuses NaN and infinities, lone surrogates and the character NUL."""

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        limit: int = settings.ENV.MAX_REQUEST_BYTES
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise TooLarge(f"The request body has more than {limit} bytes.")
        return read(body)


def read(body: bytes) -> Any:
    """The value of a JSON text. Raises `MalformedRequest`, or `TooLarge` past the limits of depth and members."""
    _require_limits(body)
    try:
        value = json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant, parse_float=_finite)
    except ValueError as error:
        raise MalformedRequest(f"The body is not JSON: {error}.") from None
    _require_storable(body, value)
    return value


def _require_limits(body: bytes) -> None:
    deepest: int = settings.ENV.MAX_JSON_DEPTH + 1  # a document of full depth may stand inside one object
    most: int = settings.ENV.MAX_JSON_KEYS
    depth = members = 0
    for mark in _STRUCTURE.finditer(_TEXT.sub(b"", body)):
        if mark[0] in b"]}":
            depth -= 1
            continue
        members += 1
        depth += mark[0] in b"[{"
        if depth > deepest:
            raise TooLarge(f"The body is nested deeper than {deepest} levels.")
        if members > most:
            raise TooLarge(f"The body has more than {most} keys and list elements.")


def _require_storable(body: bytes, value: Any) -> None:
    if _SUSPECT.search(body) and (found := unstorable(value)):
        raise MalformedRequest(f"The body holds {found}, which cannot be stored.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:40]} is too large")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
