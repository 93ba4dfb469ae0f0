from django.apps import AppConfig

from langorch import celery

__all__ = ["LangorchConfig", "celery"]


class LangorchConfig(AppConfig):
    name = "langorch"
    verbose_name = "LangOrch"
