from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "tenants"
    verbose_name = "People and projects"

    def ready(self) -> None:
        from tenants.auth import trail  # noqa: F401, PLC0415  models must be loaded first
