"""Lists: plain arrays, cut by limit and offset, or followed by a cursor that never skips or repeats a row."""

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import FieldDoesNotExist
from django.core.exceptions import ValidationError as ModelValidationError
from django.db.models import Model, Q, QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from langorch.lib.errors import Invalid, Place

DEFAULT_LIMIT, HIGHEST_LIMIT, HIGHEST_OFFSET = 100, 500, 10_000
COUNTED = 10_000
NEWEST_FIRST = ("created_at", "id")


class PageQuery(serializers.Serializer[Any]):
    """The query parameters of a list; lists with filters of their own inherit from it."""

    limit = serializers.IntegerField(min_value=1, max_value=HIGHEST_LIMIT, default=DEFAULT_LIMIT)
    offset = serializers.IntegerField(min_value=0, max_value=HIGHEST_OFFSET, default=0)
    cursor = serializers.CharField(required=False, help_text="X-Next-Cursor of the page before.")
    order = serializers.ChoiceField(choices=["asc", "desc"], default="desc")


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a list in order, and the headers that lead to the rest."""

    rows: list[Any]
    headers: dict[str, str]

    def answer(self, shown: Iterable[Any]) -> Response:
        """The array of the rows as they are `shown`."""
        return Response(list(shown), headers=self.headers)

    def each(self, show: Callable[[Any], Any]) -> Response:
        """The array of what `show` makes of each row."""
        return self.answer(show(row) for row in self.rows)


def page(request: Request, rows: QuerySet[Any], wanted: dict[str, Any], keyset: Sequence[str] = NEWEST_FIRST) -> Page:
    """The part of `rows` that `wanted` (checked `PageQuery` parameters) asks for, in the order of `keyset`.

    `keyset` are not-null columns that end in a unique one. Raises `Invalid` for a cursor that is not one of this list.
    """
    total = rows.order_by().values("pk")[: COUNTED + 1].count()
    sign = "" if wanted["order"] == "asc" else "-"
    ordered = rows.order_by(*(f"{sign}{column}" for column in keyset))
    start = wanted["offset"]
    if cursor := wanted.get("cursor"):
        ordered, start = ordered.filter(_after(rows.model, cursor, keyset, rising=not sign)), 0
    found = list(ordered[start : start + wanted["limit"] + 1])
    shown = found[: wanted["limit"]]
    headers = {"X-Total-Count": str(total) if total <= COUNTED else f"{COUNTED}+"}
    if len(found) > len(shown):
        following = _cursor(shown[-1], keyset)
        headers |= {"X-Next-Cursor": following, "Link": _next_link(request, following)}
    return Page(shown, headers)


def _cursor(row: Any, keyset: Sequence[str]) -> str:
    values = [row[column] if isinstance(row, dict) else getattr(row, column) for column in keyset]
    text = json.dumps([value.isoformat() if hasattr(value, "isoformat") else str(value) for value in values])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _after(model: type[Model], cursor: str, keyset: Sequence[str], *, rising: bool) -> Q:
    step = "gt" if rising else "lt"
    values = _values(model, cursor, keyset)
    rest = Q(pk__in=[])
    for column, value in reversed(list(zip(keyset, values, strict=True))):
        rest = Q(**{f"{column}__{step}": value}) | Q(**{column: value}) & rest
    return Q(**{f"{keyset[0]}__{step}e": values[0]}) & rest


def _values(model: type[Model], cursor: str, keyset: Sequence[str]) -> list[Any]:
    try:
        texts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        pairs = zip(keyset, texts, strict=True)
        return [model._meta.get_field(column).to_python(text) for column, text in pairs]  # type: ignore[union-attr]
    except (ValueError, TypeError, FieldDoesNotExist, ModelValidationError):
        place = Place("This cursor does not belong to this list.", field="cursor", hint="Send X-Next-Cursor unchanged.")
        raise Invalid(place.message, places=[place]) from None


def _next_link(request: Request, cursor: str) -> str:
    kept = {name: value for name, value in request.query_params.items() if name not in ("cursor", "offset")}
    return f'<{request.path}?{urlencode({**kept, "cursor": cursor})}>; rel="next"'
