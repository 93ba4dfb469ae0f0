"""Every address below /api: those of the apps, the schema, health, and the answer at all others."""

from django.urls import URLPattern, URLResolver, include, path, re_path

from langorch import health
from langorch.api import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("health", health.Health.as_view(), name="api-health"),
    path("schema", views.Schema.as_view(), name="api-schema"),
    path("docs", views.docs, name="api-docs"),
    path("", include("tenants.api.urls")),
    path("", include("approvals.api.urls")),
    path("", include("procedures.api.urls")),
    path("", include("orchestration.api.urls")),
    re_path(r"^.*$", views.Nothing.as_view(), name="api-nothing"),
]
