"""Rows that are written to see whether the database has room for any."""

from django.db import models


class SpaceProbe(models.Model):
    """A row that is deleted as soon as it is written."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    content = models.BinaryField()

    def __str__(self) -> str:
        return f"probe of {self.at:%Y-%m-%d %H:%M:%S}"
