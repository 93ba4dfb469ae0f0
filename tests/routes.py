"""Every address of the site, found by walking the URL configuration, with what each declares about who may call it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.urls import URLPattern, URLResolver, get_resolver

from langorch.api.views import Nothing

ANY, PUBLIC = "any", "public"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ADMIN = "runs.operate"
"""What the admin site asks of everybody who enters."""

_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)")


class Undeclared(AssertionError):
    """An address that does not say who may call it."""


@dataclass(frozen=True)
class Route:
    """An address with `{name}` parameters, and per method the permission, `any`, or `public`.

    `kind` is api, page or admin; `model` is set for pages of the admin about one model.
    """

    path: str
    access: dict[str, str]
    kind: str
    model: Any = None

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.path)

    def filled(self, values: dict[str, Any]) -> str:
        """The address with sample values. Raises `KeyError` for a parameter there is no sample of."""
        return "/" + self.path.format(**{name: values[name] for name in self.parameters})


def routes(patterns: Iterable[URLPattern | URLResolver] | None = None, before: str = "") -> Iterator[Route]:
    """All addresses in order. Raises `Undeclared` for the first that does not say who may call it."""
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        path = before + _readable(str(entry.pattern))
        if isinstance(entry, URLResolver):
            yield from routes(entry.url_patterns, path)
        elif getattr(entry.callback, "cls", None) is not Nothing:
            yield _route(path, entry.callback)


def _route(path: str, callback: Any) -> Route:
    view = getattr(callback, "cls", None)
    if view is not None:
        return Route(path, dict(_declared_methods(path, view)), "api")
    if path.startswith("admin/") and _of_admin(callback):
        model = getattr(getattr(callback, "model_admin", None), "model", None)
        return Route(path, {"GET": ADMIN, "POST": ADMIN}, "admin", model)
    access = getattr(callback, "access", None) or getattr(getattr(callback, "view_class", None), "access", None)
    if access is None:
        raise Undeclared(f"/{path} does not declare who may see it")
    return Route(path, {"GET": access, "POST": access}, "admin" if path.startswith("admin/") else "page")


def _declared_methods(path: str, view: Any) -> Iterator[tuple[str, str]]:
    for method in METHODS:
        if method.lower() in view.http_method_names and hasattr(view, method.lower()):
            if method not in getattr(view, "access", {}):
                raise Undeclared(f"{method} /{path} does not declare who may call it")
            yield method, view.access[method]


def _of_admin(callback: Any) -> bool:
    """Whether the admin site guards this view: its own, or one of a model's admin."""
    owner = getattr(callback, "admin_site", None) or getattr(callback, "__self__", None)
    return isinstance(owner, AdminSite) or hasattr(callback, "model_admin")


def _readable(pattern: str) -> str:
    plain = pattern.removeprefix("^").removesuffix("$").replace("\\Z", "")
    return _PARAMETER.sub(lambda found: "{" + (found[1] or found[2]) + "}", plain)
