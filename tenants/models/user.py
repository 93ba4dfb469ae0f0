"""People and the programs that act for them."""

from django.contrib.auth.models import AbstractUser
from django.db import models

from langorch.lib import ids


class User(AbstractUser):
    """A person. Rights come from memberships, never from this row."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    full_name = models.CharField(max_length=150, blank=True)
    email = models.EmailField(blank=True)
    timezone = models.CharField(max_length=64, default="UTC")

    class Meta:
        ordering = ["username"]

    def __str__(self) -> str:
        return self.full_name or self.username

    def get_full_name(self) -> str:
        return self.full_name or self.username

    def get_short_name(self) -> str:
        return (self.full_name or self.username).split(" ")[0]
