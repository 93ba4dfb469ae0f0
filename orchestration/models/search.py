"""Values of declared variables by which runs are found."""

from django.db import models

from orchestration.models.run import Run

LONGEST_TEXT = 200


class SearchValue(models.Model):
    """The value of one searchable variable of one run, as text and, where it is one, as a number."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="search_values")
    name = models.CharField(max_length=64)
    text = models.CharField(max_length=LONGEST_TEXT)
    number = models.FloatField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="search_value_once")]
        indexes = [
            models.Index(fields=["name", "text"], name="search_by_text"),
            models.Index(fields=["name", "number"], name="search_by_number"),
        ]

    def __str__(self) -> str:
        return f"{self.name}={self.text}"
