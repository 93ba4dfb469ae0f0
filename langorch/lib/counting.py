"""Counts inside other queries, up to a limit: a list of a million runs says "10k+" without counting them."""

from typing import Any

from django.db.models import IntegerField, QuerySet, Subquery

MOST_COUNTED = 10_000


class CountUpTo(Subquery):
    """How many rows `rows` has, counted up to one more than `limit`."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()

    def __init__(self, rows: QuerySet[Any], limit: int = MOST_COUNTED, **more: Any) -> None:
        super().__init__(rows.order_by().values("pk")[: limit + 1], **more)


class Median(Subquery):
    """The middle of the values of `rows`, which have one column; of two in the middle their mean. Null for no rows."""

    template = (
        "(SELECT AVG(value) FROM (SELECT value, ROW_NUMBER() OVER (ORDER BY value) place, COUNT(*) OVER () number"
        " FROM (%(subquery)s) valued) placed WHERE place IN ((number + 1) / 2, (number + 2) / 2))"
    )
