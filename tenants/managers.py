"""Access is a queryset filter; in a view, a query that was not scoped to an actor raises."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self, TypeVar

from django.db import models

from tenants.actor import Actor
from tenants.choices import Capability

Row = TypeVar("Row", bound=models.Model)

_scope_required: ContextVar[bool] = ContextVar("scope_required", default=False)


class UnscopedQuery(RuntimeError):
    """A view asked for rows of a tenant without saying on whose behalf."""


@contextmanager
def scope_required() -> Iterator[None]:
    """Inside the block, `Model.objects` answers only after `visible_to` (or `with_capability`)."""
    token = _scope_required.set(True)
    try:
        yield
    finally:
        _scope_required.reset(token)


class ScopedQuerySet(models.QuerySet[Row]):
    """Rows of tenants. `visible_to(actor)` is the door; services use `Model.system` instead."""

    _scoped = False

    def visible_to(self, actor: Actor) -> Self:
        """The rows `actor` may see."""
        return self.with_capability(actor, Capability.VIEW)

    def with_capability(self, actor: Actor, capability: str) -> Self:
        """The rows on whose project or tenant `actor` holds `capability`."""
        found = self.filter(self.model.reach(actor, capability))  # type: ignore[attr-defined]
        found._scoped = True
        return found

    def marked_scoped(self) -> Self:
        """For model-specific doors that have filtered by actor themselves."""
        found = self.all()
        found._scoped = True
        return found

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]
        clone._scoped = self._scoped
        return clone

    def _require_scope(self) -> None:
        if _scope_required.get() and not self._scoped:
            raise UnscopedQuery(f"{self.model.__name__}.objects needs visible_to(actor) in a view")

    def _fetch_all(self) -> None:
        self._require_scope()
        super()._fetch_all()

    def count(self) -> int:
        self._require_scope()
        return super().count()

    def exists(self) -> bool:
        self._require_scope()
        return super().exists()

    def aggregate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        self._require_scope()
        return super().aggregate(*args, **kwargs)

    def update(self, **kwargs: Any) -> int:
        self._require_scope()
        return super().update(**kwargs)

    def delete(self) -> tuple[int, dict[str, int]]:
        self._require_scope()
        return super().delete()

    def iterator(self, *args: Any, **kwargs: Any) -> Iterator[Row]:
        self._require_scope()
        return super().iterator(*args, **kwargs)
