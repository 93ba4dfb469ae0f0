"""What models and agents are told, and the same as it may be shown: rendered again from masked values (runtime 20)."""

from collections.abc import Callable, Mapping

from langorch.lib.redaction import REDACTED, Redactor
from orchestration.artifacts import detection
from orchestration.runtime import intake
from orchestration.runtime.context import File, Place, Told
from orchestration.runtime.outcomes import Json
from orchestration.runtime.records import to_json
from orchestration.runtime.values import Values
from orchestration.runtime.visiting import Visit
from procedures.ckp.expressions import EvaluationError


def text(visit: Visit, source: str, place: tuple[Place, ...]) -> Told:
    """The text of a prompt template. Raises `EvaluationError`."""
    return _told(visit, lambda values: values.text(source, place))


def value(visit: Visit, source: Json, place: tuple[Place, ...]) -> Told:
    """A value, or the variable that it names; a `File` where that is an artifact of the run.

    Raises `EvaluationError`, `StepFailed`.
    """
    told = _told(visit, lambda values: values.given(source, place))
    content = intake.file_of(visit, told.value)
    if content is None:
        return told
    said = told.value.get("name") if isinstance(told.value, dict) else None
    mime = detection.mime_type(content, str(said or ""))
    file = File(detection.title(said, "file", mime), mime, content)
    return Told(file, f"({file.name}, {len(content)} bytes)")


def shown(visit: Visit, source: Json, place: tuple[Place, ...]) -> Json:
    """A value as people may see it. Raises `EvaluationError`."""
    return _told(visit, lambda values: values.value(source, place)).shown


def parameters(visit: Visit, sources: Mapping[str, Json], place: tuple[Place, ...]) -> Told:
    """The parameters of a call: marks stand for secrets, and references to them where they are shown.

    Raises `EvaluationError`, and `NotStorable` for what could not be recorded.
    """
    secrets = visit.drive.secrets

    def render(values: Values) -> Json:
        return {name: values.parameter(source, (*place, name), secrets.mark) for name, source in sources.items()}

    if not visit.drive.program.hidden_names:
        rendered = render(visit.values)
        to_json(rendered)
        return Told(rendered, visit.drive.journal.redactor.redact(secrets.shown(rendered)))
    told = _told(visit, render)
    to_json(told.value)
    return Told(told.value, secrets.shown(told.shown))


def answered(visit: Visit, answer: str) -> Told:
    """What a model answered."""
    return Told(answer, knowing(visit).text(answer))


def knowing(visit: Visit) -> Redactor:
    """What masks the values of sensitive variables inside any text."""
    hidden = visit.drive.program.hidden_names
    known = [leaf for name in hidden if name in visit.variables for leaf in _leaves(visit.variables[name])]
    return Redactor(hidden, known)


def _told(visit: Visit, render: Callable[[Values], Json]) -> Told:
    rendered = render(visit.values)
    redactor = visit.drive.journal.redactor
    variables = redactor.redact(dict(visit.variables))
    if not isinstance(variables, dict):
        return Told(rendered, REDACTED)
    try:
        shown = render(visit.values.seeing(variables))
    except EvaluationError:
        return Told(rendered, REDACTED)
    return Told(rendered, knowing(visit).redact(redactor.redact(shown)))


def _leaves(value: Json) -> list[str]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [] if value is None or isinstance(value, bool) else [str(value)]
