"""The admin: the other face of the portal, with the same login, people and colours."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from unfold.sites import UnfoldAdminSite

from langorch.middleware import POLICY
from tenants.access import actor_of

# The theme's scripts (Alpine) evaluate attributes and set sizes on elements; inline scripts stay forbidden.
ADMIN_POLICY = (
    POLICY.replace("script-src 'self'", "script-src 'self' 'unsafe-eval'") + "; style-src-attr 'unsafe-inline'"
)


ENTRY = "runs.operate"


class PortalAdminSite(UnfoldAdminSite):  # type: ignore[misc]
    """Operators and administrators may enter; each page asks again what they may see."""

    def has_permission(self, request: HttpRequest) -> bool:
        actor: Any = getattr(request, "actor", None)
        return bool(actor) and actor.may(ENTRY)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Nobody logs in here: the portal's login page leads back."""
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"))

    def admin_view(
        self, view: Callable[..., HttpResponseBase], cacheable: bool = False
    ) -> Callable[..., HttpResponseBase]:
        guarded = super().admin_view(view, cacheable)

        def with_policy(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.user.is_authenticated:
                actor_of(request).require(ENTRY)
            response: HttpResponseBase = guarded(request, *args, **kwargs)
            response.headers["Content-Security-Policy"] = ADMIN_POLICY
            return response

        with_policy.access = ENTRY  # type: ignore[attr-defined]
        return with_policy

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Colours come from our style sheet, not from a style element in the page."""
        return {**super().each_context(request), "colors": None}
