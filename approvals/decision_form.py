"""The form under a question: comment, choice, input, corrections; made from the question, read as an answer."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from approvals import selectors
from approvals.evidence import text, words
from approvals.models import Approval
from approvals.rules.answers import REJECTED, SPELLINGS, Answer
from langorch.lib.errors import Place

INPUT, EDIT = "in.", "edit."
LONG_TEXT = 200
HIDDEN = "What is there is hidden. Leave this empty to keep it."
TEXT_INPUTS = {"date": "date", "email": "email", "uri": "url", "date-time": "text", "time": "time"}
VERBS = {"approve_reject": "Approve", "select_option": "Choose", "provide_input": "Send"}
COMMENT_HINTS = {
    "always": "needed",
    "on_reject": "needed to reject",
    "never": "optional",
}


class DecisionForm(forms.Form):
    """What a decider fills in. Parsing happens here; what a decision must contain is checked by its rules."""

    comment = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, approval: Approval, data: Mapping[str, Any] | None = None, prefix_id: str = "d") -> None:
        super().__init__(data, auto_id=f"{prefix_id}-%s", label_suffix="")
        self.approval = approval
        self.fields["comment"].label = "Comment"
        if approval.decision_type == "select_option":
            self.fields["selected_option"] = _choice(approval.options)
        for name, schema in _properties(approval).items():
            required = name in (approval.form or {}).get("required", [])
            self.fields[INPUT + name] = _field(name, schema, required, schema.get("default"))
        self._before = {part["name"]: part["value"] for part in approval.editable} | _shown_corrections(approval)
        for part in approval.editable:
            self.fields[EDIT + part["name"]] = _edited(part, self._before[part["name"]])

    @property
    def comment_hint(self) -> str:
        return COMMENT_HINTS[self.approval.rules["comment_required"]]

    @property
    def inputs(self) -> list[forms.BoundField]:
        """The fields of the form that is asked for."""
        return [self[name] for name in self.fields if name.startswith(INPUT)]

    @property
    def edits(self) -> list[forms.BoundField]:
        """The fields of variables that can be corrected."""
        return [self[name] for name in self.fields if name.startswith(EDIT)]

    @property
    def single_option(self) -> Mapping[str, str] | None:
        """The only option, which needs a button and no choice."""
        options: list[Mapping[str, str]] = self.approval.options
        return options[0] if self.approval.decision_type == "select_option" and len(options) == 1 else None

    @property
    def verb(self) -> str:
        """What the button of the decision says."""
        if self.single_option is not None:
            return words(self.single_option["label"])
        return VERBS[self.approval.decision_type]

    def read(self) -> Answer | None:
        """What was sent, or None when a field cannot be read; a rejection needs nothing but its comment."""
        verdict = SPELLINGS.get(str(self.data.get("decision", "")).strip().lower(), "")
        comment = str(self.data.get("comment", ""))
        if verdict == REJECTED:
            self._errors, self.cleaned_data = forms.utils.ErrorDict(), {}
            return Answer(verdict, comment)
        if not self.is_valid():
            return None
        return Answer(
            verdict,
            comment,
            selected_option=self.cleaned_data.get("selected_option") or None,
            payload=self._payload() if self.approval.decision_type == "provide_input" else None,
            edits=self._edits(),
        )

    def mark(self, places: Iterable[Place]) -> None:
        """Show what the rules found beside the fields."""
        for place in places:
            pointer = place.pointer or ""
            prefix = INPUT if pointer.startswith("/payload") else EDIT if pointer.startswith("/edits") else ""
            name = f"{prefix}{place.field}"
            self.add_error(name if name in self.fields else None, place.message)

    def _payload(self) -> dict[str, Any]:
        given = {name: self.cleaned_data.get(INPUT + name) for name in _properties(self.approval)}
        return {name: value for name, value in given.items() if value not in (None, "")}

    def _edits(self) -> dict[str, Any]:
        before = self._before
        after = {name: self.cleaned_data.get(EDIT + name) for name in before}
        return {name: value for name, value in after.items() if value != (before[name] if before[name] != "" else None)}


class Radios(forms.RadioSelect):
    """Radio buttons, named by the first of them, so that a link to a fault leads there."""

    def id_for_label(self, id_: str, index: str | None = None) -> str:
        return super().id_for_label(id_, index or "0")


class SchemaChoice(forms.TypedChoiceField):
    """One of the values of an `enum`, which need not be texts."""

    def __init__(self, values: list[Any], **options: Any) -> None:
        self._values = values
        choices = [("", "–"), *((str(place), text("", value)) for place, value in enumerate(values))]
        super().__init__(choices=choices, coerce=lambda place: values[int(place)], empty_value=None, **options)

    def prepare_value(self, value: Any) -> Any:
        return str(self._values.index(value)) if value in self._values else value


class Json(forms.JSONField):
    """Any JSON value; nothing shows as nothing, not as "null"."""

    default_error_messages = {"invalid": "This is not JSON."}

    def prepare_value(self, value: Any) -> Any:
        return "" if value is None else super().prepare_value(value)


class Text(forms.CharField):
    """A text; one that was left empty is not there."""

    def __init__(self, **options: Any) -> None:
        super().__init__(strip=False, empty_value=None, **options)


def _properties(approval: Approval) -> dict[str, dict[str, Any]]:
    if approval.decision_type != "provide_input":
        return {}
    properties: dict[str, Any] = (approval.form or {}).get("properties", {})
    return {name: schema if isinstance(schema, dict) else {} for name, schema in properties.items()}


def _choice(options: list[dict[str, str]]) -> forms.ChoiceField:
    choices = [(option["value"], option["label"]) for option in options]
    return forms.ChoiceField(
        choices=choices,
        required=False,
        widget=Radios,
        label="Your choice",
        initial=options[0]["value"] if len(options) == 1 else None,
    )


def _shown_corrections(approval: Approval) -> dict[str, Any]:
    """What voters have corrected so far, hidden values left out."""
    hidden = {part["name"] for part in approval.editable if part.get("hidden")}
    return {name: value for name, value in selectors.corrections(approval).items() if name not in hidden}


def _edited(part: Mapping[str, Any], value: Any) -> forms.Field:
    """The field of a variable that can be corrected; one without a value, or with a hidden one, can be left empty."""
    schema = part["schema"]
    if value is None and schema.get("type") == "boolean":
        schema = {**schema, "enum": [True, False]}
    if part.get("hidden"):
        schema = {**schema, "description": HIDDEN}
    return _field(part["name"], schema, value not in (None, ""), value, part["label"])


def _field(name: str, schema: dict[str, Any], required: bool, initial: Any, label: str = "") -> forms.Field:
    options: dict[str, Any] = {
        "label": schema.get("title") or words(label or name),
        "help_text": schema.get("description", ""),
        "required": required,
        "initial": initial,
    }
    if isinstance(schema.get("enum"), list):
        return SchemaChoice(schema["enum"], **options)
    match schema.get("type"):
        case "boolean":
            return forms.BooleanField(**options | {"required": False})
        case "integer":
            return forms.IntegerField(**options)
        case "number":
            return forms.FloatField(widget=forms.NumberInput(attrs={"step": "any"}), **options)
        case "string":
            return Text(widget=_text_widget(schema), **options)
    return Json(widget=forms.Textarea(attrs={"rows": 3, "class": "mono"}), **options)


def _text_widget(schema: dict[str, Any]) -> forms.Widget:
    if schema.get("maxLength", 0) > LONG_TEXT or schema.get("format") == "textarea":
        return forms.Textarea(attrs={"rows": 3})
    return forms.TextInput(attrs={"type": TEXT_INPUTS.get(schema.get("format", ""), "text")})
