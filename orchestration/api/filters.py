"""Which runs a list shows: every filter is declared here and done in the database, for API and pages alike."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import django_filters
from django import forms
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.fields.json import KeyTransform

from langorch.lib.errors import Invalid, Place
from orchestration import selectors
from orchestration.choices import RunStatus, TriggerType, WaitKind, WaitState
from orchestration.models import Run, SearchValue, Wait
from orchestration.services.inputs import search_text
from tenants.actor import Actor

OLDER_STATUSES = {
    "succeeded": RunStatus.COMPLETED,
    "cancelled": RunStatus.CANCELED,
    "pending": RunStatus.CREATED,
    "queued": RunStatus.CREATED,
}
VARIABLE = "var."
COMPARED = re.compile(r"(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?)")
WHOLE = re.compile(r"\s*[+-]?\d[\d_]*\s*")
LOOKUPS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}

Runs = QuerySet[Run]


class StatusesField(forms.CharField):
    """Statuses of a comma list; the spellings of older clients are read too."""

    def clean(self, value: Any) -> list[RunStatus]:
        wanted = [part.strip() for part in str(super().clean(value) or "").split(",") if part.strip()]
        for part in wanted:
            if part not in RunStatus.values and part not in OLDER_STATUSES:
                known = ", ".join(RunStatus.values)
                raise forms.ValidationError(f"There is no status {part}; there are {known}.", code="invalid_status")
        return [OLDER_STATUSES.get(part) or RunStatus(part) for part in wanted]


class StatusesFilter(django_filters.Filter):  # type: ignore[misc]
    """Runs in one of several statuses."""

    field_class = StatusesField

    def filter(self, runs: Runs, value: list[RunStatus]) -> Runs:
        return runs.filter(status__in=value) if value else runs


class RunFilter(django_filters.FilterSet):  # type: ignore[misc]
    """The filters of runs by name; `var.<name>` looks at searchable variables, with `>` and the like at numbers."""

    procedure_id = django_filters.CharFilter("procedure_key")
    procedure_version = django_filters.CharFilter()
    project_id = django_filters.UUIDFilter("project_id")
    case_id = django_filters.CharFilter()
    status = StatusesFilter(help_text="One or several statuses, comma-separated.")
    created_from = django_filters.IsoDateTimeFilter("created_at", "gte")
    created_to = django_filters.IsoDateTimeFilter("created_at", "lt")
    trigger_type = django_filters.ChoiceFilter(choices=TriggerType.choices)
    triggered_by = django_filters.CharFilter()
    parent_run_id = django_filters.UUIDFilter("parent_run_id")
    waiting_for = django_filters.ChoiceFilter(choices=WaitKind.choices, method="by_wait")
    error_class = django_filters.CharFilter()
    node_id = django_filters.CharFilter("last_node_id", help_text="The node the run reached last.")
    label = django_filters.CharFilter(method="by_label", help_text="A name, or name:text.")
    search = django_filters.CharFilter(method="by_text", help_text="In title, procedure, starter, and run id.")

    class Meta:
        model = Run
        fields: tuple[str, ...] = ()

    def filter_queryset(self, queryset: Runs) -> Runs:
        found: Runs = super().filter_queryset(queryset)
        for name, value in self.data.items():
            if name.startswith(VARIABLE):
                found = found.filter(Exists(_variable(name.removeprefix(VARIABLE), str(value))))
        return found

    def by_wait(self, runs: Runs, name: str, kind: str) -> Runs:
        opened = Q(Exists(Wait.objects.filter(run=OuterRef("pk"), state=WaitState.OPEN, kind=kind)))
        return runs.filter(opened | Q(status=RunStatus.CREATED) if kind == WaitKind.CAPACITY else opened)

    def by_label(self, runs: Runs, name: str, value: str) -> Runs:
        label, colon, text = value.partition(":")
        found = runs.filter(labels__has_key=label)
        if not colon:
            return found
        if WHOLE.fullmatch(label):  # a path of JSON would take it for a place in a list
            return found.none()
        return found.alias(label_value=KeyTransform(label, "labels")).filter(label_value=text)

    def by_text(self, runs: Runs, name: str, value: str) -> Runs:
        columns = ("title", "procedure_key", "triggered_by")
        anywhere = Q(*((f"{column}__icontains", value) for column in columns), _connector=Q.OR)
        return runs.filter(anywhere | _by_id(value))


def filtered(actor: Actor, parameters: Mapping[str, str]) -> Runs:
    """The runs `actor` may see that `parameters` ask for. Raises `Invalid` with one place per value it cannot read."""
    wanted = RunFilter(dict(parameters), queryset=selectors.runs_visible_to(actor))
    if not wanted.is_valid():
        errors: Mapping[str, Iterable[Any]] = wanted.form.errors.as_data()
        places = [
            Place(" ".join(fault.messages), fault.code or "invalid", field=name)
            for name, faults in errors.items()
            for fault in faults
        ]
        raise Invalid("; ".join(f"{place.field}: {place.message}" for place in places), places=places)
    found: Runs = wanted.qs
    return found


def unknown(parameters: Iterable[str]) -> list[str]:
    """The names that are no filter."""
    return sorted(name for name in parameters if name not in RunFilter.base_filters and not name.startswith(VARIABLE))


def _variable(name: str, value: str) -> QuerySet[SearchValue]:
    rows = SearchValue.objects.filter(run=OuterRef("pk"), name=name)
    compared = COMPARED.fullmatch(value.strip())
    if compared:
        return rows.filter(**{f"number__{LOOKUPS[compared[1]]}": float(compared[2])})
    return rows.filter(text=search_text(value))


def _by_id(text: str) -> Q:
    """The run whose id begins with `text`, when it can be the beginning of one."""
    digits = text.replace("-", "").lower()
    if not 6 <= len(digits) <= 32 or set(digits) - set("0123456789abcdef"):
        return Q()
    low, high = digits.ljust(32, "0"), digits.ljust(32, "f")
    return Q(pk__gte=low, pk__lte=high)
