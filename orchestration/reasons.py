"""The form that asks why."""

from typing import Any

from django import forms


class ReasonForm(forms.Form):
    """A reason, which is kept in the audit trail."""

    reason = forms.CharField(max_length=500, label="Reason", help_text="Kept in the audit trail and shown on the run.")

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, label_suffix="")
