"""Every page declares who may see it; a route without a declaration fails the build."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase

from langorch.lib.errors import Denied
from tenants.actor import Actor
from tenants.models import Project
from tenants.selectors import projects_visible_to

ANY = "any"
PUBLIC = "public"

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def page(permission: str) -> Callable[[View], View]:
    """Declare that a page needs `permission` somewhere in the tenant, a signed-in person (`any`), or nobody (`public`).

    Nobody is sent to the login page and comes back afterwards; a person without the permission gets `Denied`.
    """

    def declare(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if permission != PUBLIC:
                if not request.user.is_authenticated:
                    return redirect_to_login(request.get_full_path())
                _check(request, permission)
            return view(request, *args, **kwargs)

        guarded.access = permission  # type: ignore[attr-defined]
        return cast(View, guarded)

    return declare


def actor_of(request: HttpRequest) -> Actor:
    """The actor of a signed-in person. Raises `Denied` for somebody who belongs to no tenant."""
    actor: Any = getattr(request, "actor", None)
    if not actor:
        raise Denied("view", detail="You belong to no tenant yet; an administrator can add you to one.")
    found: Actor = actor
    return found


def projects_of(request: HttpRequest) -> list[Project]:
    """The projects the person may see, with their tenant; read once per request."""
    if not hasattr(request, "visible_projects"):
        actor = actor_of(request)
        known = not (actor.platform or actor.everywhere) and len(actor.places) == len(actor.by_project)
        found = actor.places if known else projects_visible_to(actor).select_related("tenant")
        request.visible_projects = list(found)  # type: ignore[attr-defined]
    projects: list[Project] = request.visible_projects  # type: ignore[attr-defined]
    return projects


def project_of(request: HttpRequest) -> Project | None:
    """The project that `?project=<id>` narrows a page to; None for all that the person may see."""
    wanted = request.GET.get("project", "")
    return next((project for project in projects_of(request) if str(project.pk) == wanted), None)


def _check(request: HttpRequest, permission: str) -> None:
    actor = actor_of(request)
    if permission != ANY:
        actor.require(permission)
