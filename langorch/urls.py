"""Every address of the site."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from langorch import health
from langorch.api.views import Nothing

handler403 = "langorch.pages.errors.permission_denied"
handler404 = "langorch.pages.errors.not_found"
handler500 = "langorch.api.errors.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("langorch.pages.urls")),
    path("", include("approvals.urls")),
    path("", include("orchestration.urls")),
    path("", include("procedures.urls")),
    path("api", Nothing.as_view()),
    path("api/", include("langorch.api.urls")),
    path("healthz", health.Health.as_view(), name="healthz"),
    path("admin/", admin.site.urls),
    path("readyz", health.Ready.as_view(), name="readyz"),
]
