"""What the shell itself keeps: who leads."""

from django.db import models


class Leadership(models.Model):
    """Which process does a job that one should do. The others stand by until `until` has passed."""

    name = models.CharField(max_length=32, primary_key=True)
    holder = models.CharField(max_length=150)
    until = models.DateTimeField()

    class Meta:
        verbose_name_plural = "leaderships"

    def __str__(self) -> str:
        return f"{self.name}: {self.holder}"
