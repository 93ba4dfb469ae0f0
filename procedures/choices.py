"""The words of versions and channels (CKP 8)."""

from django.db import models


class VersionStatus(models.TextChoices):
    DRAFT = "draft"
    ACTIVE = "active"
    DEPRECATED = "deprecated"
    ARCHIVED = "archived"


class Channel(models.TextChoices):
    DEV = "dev"
    QA = "qa"
    PROD = "prod"


ENVIRONMENTS = {Channel.DEV: "dev", Channel.QA: "staging", Channel.PROD: "production"}
