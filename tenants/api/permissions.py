"""An endpoint answers those it declares, and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from langorch.lib.errors import NotAuthenticated
from tenants.access import ANY, PUBLIC
from tenants.actor import Actor
from tenants.permissions import PERMISSIONS

if TYPE_CHECKING:
    from rest_framework.views import APIView


class Declared(BasePermission):
    """Reads `view.access`: per method the permission it needs, `any` (signed in) or `public`.

    A permission must be held somewhere in the tenant; whether it holds on the object at hand is the service's question.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        needed = access_of(view, request.method or "")
        if needed == PUBLIC:
            return True
        actor = actor_of(request)
        if needed != ANY:
            actor.require(needed)
        return True


def access_of(view: APIView | type[APIView], method: str) -> str:
    """What `method` needs; `any` for one that the view does not answer. Raises for a method that is not declared."""
    name = "GET" if method == "HEAD" else method
    declared: str | None = getattr(view, "access", {}).get(name)
    if declared is None and name.lower() in view.http_method_names and hasattr(view, name.lower()):
        raise ImproperlyConfigured(f"{view} answers {name} but does not declare who may call it")
    if declared not in {None, ANY, PUBLIC, *PERMISSIONS}:
        raise ImproperlyConfigured(f"{view} declares {declared!r} for {name}, which is no permission")
    return declared or ANY


def actor_of(request: Request) -> Actor:
    """The identity behind a request. Raises `NotAuthenticated`."""
    actor: Actor | None = getattr(request._request, "actor", None)
    if request.user is None or not actor:
        raise NotAuthenticated("Log in, or send a token: Authorization: Bearer <token>.")
    return actor
