"""The inputs of a start: defaults, then every constraint, all faults together (runtime 3, step 4)."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from langorch.lib.errors import Invalid, Place, TooLarge
from langorch.lib.storable import unstorable
from orchestration.choices import ExecutionMode
from orchestration.models import Run, SearchValue
from orchestration.models.search import LONGEST_TEXT
from orchestration.services.request import StartRequest
from orchestration.stubs import holds_stub
from procedures.ckp.document import Document, VariableMeta
from procedures.ckp.expressions import EvaluationError, Scope, compile_value
from procedures.ckp.inputs import CheckedInputs, check_inputs, shown_name
from procedures.ckp.values import canonical_json


def check(document: Document, wanted: StartRequest, run: Run) -> CheckedInputs:
    """The values with defaults filled in. Raises `Invalid` with one place per faulty name, or `TooLarge`."""
    spoiled = _unstorable(wanted.input_vars)
    if spoiled:
        raise refused(spoiled)
    limit: int = settings.ENV.MAX_INPUT_BYTES
    if len(canonical_json(dict(wanted.input_vars)).encode()) > limit:
        raise TooLarge(f"The inputs have more than {limit} bytes.")
    scope, unknowable = scope_of(document, run, wanted), _unknowable(document, wanted, run)
    checked = check_inputs(
        {name: meta for name, meta in document.variables_schema.items() if name not in unknowable},
        {name: value for name, value in wanted.input_vars.items() if name not in unknowable},
        from_text=wanted.from_text,
        render=lambda value: compile_value(value).render(scope),
    )
    errors = _unstorable(checked.values) | dict(checked.errors)
    if document.global_config.extra_inputs == "reject":
        errors |= {name: f"{name} is not an input of this procedure." for name in checked.unknown}
    if errors:
        raise refused(errors)
    return checked._replace(values={**checked.values, **unknowable})


def _unstorable(values: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with values that no database can keep."""
    found = {name: unstorable([name, value]) for name, value in values.items()}
    return {name: f"{name} holds {what}, which cannot be stored." for name, what in found.items() if what}


def _unknowable(document: Document, wanted: StartRequest, run: Run) -> dict[str, Any]:
    """What the child of a dry run is given in place of results: no constraint says anything about it."""
    if run.execution_mode != ExecutionMode.DRY_RUN or wanted.cause.parent is None:
        return {}
    declared = set(wanted.input_vars) & set(document.variables_schema)
    return {name: wanted.input_vars[name] for name in declared if holds_stub(wanted.input_vars[name])}


def refused(errors: Mapping[str, str]) -> Invalid:
    """The refusal of inputs, in the shape that clients of old read (api 1)."""
    places = [Place(text, field=name, pointer=f"/input_vars/{name}") for name, text in errors.items()]
    detail = {"message": "Invalid input_vars", "errors": dict(errors)}
    return Invalid("; ".join(errors.values()), places=places, extra={"detail": detail})


def scope_of(document: Document, run: Run, wanted: StartRequest) -> Scope:
    """What defaults see: the built-ins of the start (CKP 1.2)."""
    cause = wanted.cause
    trigger = {
        "type": run.trigger_type,
        "id": None,
        "by": run.triggered_by,
        "fired_at": run.created_at.isoformat(),
        "scheduled_for": None,
        "payload": cause.payload,
        "attributes": cause.attributes,
    }
    builtins: dict[str, Any] = {
        "run_id": str(run.pk),
        "procedure_id": run.procedure_key,
        "procedure_version": run.procedure_version,
        "trigger": trigger,
        "trigger_type": run.trigger_type,
        "triggered_by": run.triggered_by,
    }
    return Scope({}, builtins, timezone=document.global_config.timezone or "UTC", now=run.created_at)


def key_text(source: str, run: Run, document: Document, pointer: str) -> str:
    """The canonical text of a key over the inputs. Raises `Invalid`, beside the input that lacks, when it lacks one."""
    zone = document.global_config.timezone or "UTC"
    scope = Scope(run.input_vars, strict=True, timezone=zone, now=run.created_at)
    try:
        return canonical_json(compile_value(source).render(scope))
    except EvaluationError as error:
        name = (error.name or "").partition(".")[0]
        meta = document.variables_schema.get(name)
        said = error.message if meta is None else f"{shown_name(name, meta)} is needed: runs are told apart by it."
        place = Place(said, error.error_class, field=name if meta else None, pointer=pointer)
        raise Invalid(f"The key at {pointer} cannot be made of these inputs: {error.message}", places=[place]) from None


def search_values(run: Run, document: Document) -> list[SearchValue]:
    """The rows by which the run is found: its searchable inputs, sensitive ones never."""
    return [
        SearchValue(run=run, name=name, text=search_text(value), number=_number(value))
        for name, value in run.input_vars.items()
        if value is not None and _searchable(document.variables_schema.get(name))
    ]


def search_text(value: Any) -> str:
    """A value as it is looked for: texts as they are, other values as JSON."""
    return (value if isinstance(value, str) else canonical_json(value))[:LONGEST_TEXT]


def _searchable(meta: VariableMeta | None) -> bool:
    return meta is not None and meta.searchable and not meta.is_sensitive


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
