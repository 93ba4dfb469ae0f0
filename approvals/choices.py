"""The words of approvals (api 6)."""

from django.db import models


class Status(models.TextChoices):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"


class DecisionType(models.TextChoices):
    APPROVE_REJECT = "approve_reject"
    SELECT_OPTION = "select_option"
    PROVIDE_INPUT = "provide_input"


class AssignmentKind(models.TextChoices):
    """`fallback` stands for the administrators of the place, asked because nobody else was found."""

    USER = "user"
    GROUP = "group"
    ROLE = "role"
    FALLBACK = "fallback"
    BARRED = "barred"


class Verdict(models.TextChoices):
    APPROVED = "approved"
    REJECTED = "rejected"
    TIMEOUT = "timeout"


class Via(models.TextChoices):
    PAGE = "page"
    API = "api"
    MAIL = "mail"
    BULK = "bulk"
    SYSTEM = "system"


class NoticeState(models.TextChoices):
    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    CANCELED = "canceled"
