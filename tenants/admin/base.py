"""What every admin page shares: rows an actor may see, read-only unless said otherwise, deeds through services."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from unfold.admin import ModelAdmin

from langorch.lib.errors import Refusal
from tenants.access import actor_of
from tenants.actor import Actor

Deed = Callable[[Any, str], object]


class ScopedAdmin(ModelAdmin):  # type: ignore[misc]
    """Rows of tenants, as the actor of the request may see them. Nothing can be added, changed or deleted here.

    `needs` is the permission to look, `path_to_run` leads from rows without a tenant to the run they belong to.
    """

    needs: ClassVar[str] = "view"
    show_full_result_count = False
    list_per_page = 50
    list_filter_submit = False
    compressed_fields = True

    def visible_to(self, actor: Actor) -> models.QuerySet[Any]:
        """The rows `actor` may see."""
        found: models.QuerySet[Any] = self.model.objects.visible_to(actor)
        return found

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        found = self.visible_to(actor_of(request))
        return found.order_by(*ordering) if (ordering := self.get_ordering(request)) else found

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return actor_of(request).may(self.needs)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def formfield_for_foreignkey(
        self, db_field: "models.ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Offer only rows the actor may see."""
        related = self.admin_site._registry.get(db_field.remote_field.model)
        if related is not None:
            kwargs["queryset"] = related.get_queryset(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class PlatformAdmin(ScopedAdmin):
    """Rows of the installation itself, for its superusers."""

    def visible_to(self, actor: Actor) -> models.QuerySet[Any]:
        found: models.QuerySet[Any] = self.model._default_manager.all()
        return found if actor.platform else found.none()

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return actor_of(request).platform


def confirmed(
    model_admin: ScopedAdmin, request: HttpRequest, rows: models.QuerySet[Any], verb: str, deed: Deed
) -> HttpResponse | None:
    """Ask for a reason on a page of its own, then do `deed(row, reason)` to each of `rows` and say how it went."""
    reason = request.POST.get("reason", "").strip()
    if "confirmed" in request.POST and reason:
        _report(model_admin, request, verb, [_attempt(deed, row, reason) for row in rows])
        return None
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.model._meta,
        "title": f"{verb}: {rows.count()} {_noun(model_admin, rows)}",
        "verb": verb,
        "rows": rows,
        "action": request.POST.get("action", ""),
        "checkbox": ACTION_CHECKBOX_NAME,
        "missing": "confirmed" in request.POST,
    }
    return render(request, "admin/confirm_action.html", context)


def at_once(model_admin: ScopedAdmin, request: HttpRequest, rows: models.QuerySet[Any], verb: str, deed: Deed) -> None:
    """Do `deed(row, "")` to each of `rows` and say how it went."""
    _report(model_admin, request, verb, [_attempt(deed, row, "") for row in rows])


def _attempt(deed: Deed, row: models.Model, reason: str) -> str:
    try:
        deed(row, reason)
    except Refusal as refusal:
        return f"{row}: {refusal.detail}"
    return ""


def _report(model_admin: ScopedAdmin, request: HttpRequest, verb: str, refusals: Iterable[str]) -> None:
    answers = list(refusals)
    refused = [answer for answer in answers if answer]
    if done := len(answers) - len(refused):
        model_admin.message_user(request, f"{verb}: {done} done", messages.SUCCESS)
    for answer in refused:
        model_admin.message_user(request, answer, messages.ERROR)


def _noun(model_admin: ScopedAdmin, rows: models.QuerySet[Any]) -> str:
    meta = model_admin.model._meta
    return str(meta.verbose_name if rows.count() == 1 else meta.verbose_name_plural)


__all__ = ["PlatformAdmin", "ScopedAdmin", "admin", "at_once", "confirmed"]
