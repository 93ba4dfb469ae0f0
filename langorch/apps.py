from django.apps import AppConfig
from django.contrib.admin import apps as admin

from langorch import celery

__all__ = ["AdminConfig", "LangorchConfig", "celery"]


class AdminConfig(admin.AdminConfig):
    default = False
    default_site = "langorch.admin_site.PortalAdminSite"


class LangorchConfig(AppConfig):
    name = "langorch"
    verbose_name = "LangOrch"

    def ready(self) -> None:
        from langorch import checks  # noqa: F401, PLC0415  models must be loaded first
