from django.apps import AppConfig


class LangorchConfig(AppConfig):
    name = "langorch"
    verbose_name = "LangOrch"
