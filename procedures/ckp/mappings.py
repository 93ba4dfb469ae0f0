"""Mappings: how a part of a result is taken (CKP 3.6)."""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from procedures.ckp.expressions.errors import EvaluationError, ExpressionProblem
from procedures.ckp.expressions.evaluation import MISSING, Evaluation, Scope, Undefined, Value
from procedures.ckp.expressions.functions.choice import read_json
from procedures.ckp.expressions.functions.texts import group_of, hit_text
from procedures.ckp.expressions.paths import member
from procedures.ckp.expressions.patterns import OPERATION_WORK, compile_pattern
from procedures.ckp.failures import OperationError
from procedures.ckp.values import Json, canonical_json, read_index
from procedures.ckp.xmltree import Element, parse_xml

WHOLE: Final = frozenset({"text", "raw", "content", "llm_response"})
_PREFIXED: Final = re.compile(r"(json|json_extract|regex|xpath):\s*(.*)", re.DOTALL)
_JSON_PART: Final = re.compile(
    r"\.?([^.\[\]'\"\s*]+)|\[(-?[0-9]{1,9})\]|\['([^']*)'\]|\[\"([^\"]*)\"\]|(?:\[\*\]|\.?\*)"
)
_STEP: Final = re.compile(
    r"(//?)(?:(text\(\))|@([\w.:-]+)|([\w.:-]+|\*)((?:\[(?:[1-9][0-9]{0,8}|@[\w.:-]+=(?:'[^']*'|\"[^\"]*\"))\])*))"
)
_PREDICATE: Final = re.compile(r"\[(?:([0-9]+)|@([\w.:-]+)=['\"]([^\]]*)['\"])\]")


@dataclass(frozen=True)
class Mapping(ABC):
    """A compiled mapping; `source` is its text."""

    source: str

    def take(self, result: Json, scope: Scope, *, from_model: bool = False) -> Json:
        """The part of a result. A missing part is null and recorded in the scope.

        Raises OperationError (llm_output_invalid for a model's result, else invalid_value) for text that is not
        JSON or XML, EvaluationError for a missing part in strict mode.
        """
        try:
            found = self._find(result)
        except (EvaluationError, OperationError) as error:
            error_class = "llm_output_invalid" if from_model else "invalid_value"
            raise OperationError(error_class, error.message) from None
        if found is MISSING:
            found = Evaluation(scope).settle(Undefined(self.source, 0))
        value: Json = found
        return value

    @abstractmethod
    def _find(self, result: Json) -> Value: ...


@dataclass(frozen=True)
class WholeResult(Mapping):
    """The result as it is."""

    def _find(self, result: Json) -> Value:
        return result


@dataclass(frozen=True)
class JsonPath(Mapping):
    """Keys, indexes and `[*]` into a value."""

    parts: tuple[str | int, ...] = ()

    def _find(self, result: Json) -> Value:
        return _follow(read_json(result) if isinstance(result, str) else result, self.parts)


@dataclass(frozen=True)
class PatternHit(Mapping):
    """First group, or all, of the first hit of a pattern."""

    pattern: str = ""

    def _find(self, result: Json) -> Value:
        compiled, text = compile_pattern(self.pattern), _as_text(result)
        compiled.check_work(text, OPERATION_WORK)
        found = hit_text(compiled.search(text), group_of(compiled, None))
        return MISSING if found is None else found


@dataclass(frozen=True)
class XmlStep:
    """One step of a path into XML. `name` is an element's, `*`, `text()` or `@attribute`."""

    name: str
    deep: bool
    predicates: tuple[int | tuple[str, str], ...] = ()


@dataclass(frozen=True)
class XmlPath(Mapping):
    """The first hit of a path into XML text, as text."""

    steps: tuple[XmlStep, ...] = ()

    def _find(self, result: Json) -> Value:
        found: list[Element] = [parse_xml(_as_text(result))]
        for step in self.steps:
            if step.name == "text()" or step.name.startswith("@"):
                return _leaf(found, step)
            found = _children(found, step)
        return found[0].text() if found else MISSING


@lru_cache(maxsize=2048)
def compile_mapping(source: str) -> Mapping:
    """Compile a mapping. Raises ExpressionProblem: CKP415, CKP409 for a pattern."""
    if source in WHOLE:
        return WholeResult(source)
    if source.startswith("$"):
        return JsonPath(source, read_json_path(source))
    found = _PREFIXED.fullmatch(source)
    if found is None:
        hint = "text, json:path, regex: pattern, xpath: /path"
        raise ExpressionProblem("CKP415", f"“{source[:80]}” is no mapping.", hint=hint, offset=0)
    kind, rest = found[1], found[2]
    if not rest.strip():
        raise ExpressionProblem("CKP415", f"Nothing stands after `{kind}:`.", offset=found.start(2))
    if kind == "regex":
        return _pattern(source, rest, found.start(2))
    if kind == "xpath":
        return XmlPath(source, _xml_steps(rest.strip(), found.start(2)))
    return JsonPath(source, read_json_path(rest.strip(), found.start(2)))


def read_json_path(text: str, offset: int = 0) -> tuple[str | int, ...]:
    """Keys, indexes and `*` of a JSON path; `$` alone is the whole. Raises ExpressionProblem CKP415."""
    index = 1 if text.startswith("$") else 0
    parts: list[str | int] = []
    while index < len(text):
        found = _JSON_PART.match(text, index)
        if found is None or (index == 0 and text[0] == "."):
            raise ExpressionProblem("CKP415", f"“{text[:80]}” is no JSON path.", offset=offset + index)
        parts.append(_json_part(found))
        index = found.end()
    return tuple(parts)


class _Every(str):
    """`[*]`: every element, or every value of an object."""

    __slots__ = ()


_EVERY: Final = _Every("*")


def _json_part(found: re.Match[str]) -> str | int:
    if found[2] is not None:
        return int(found[2])
    if found[0].strip(".[]") == "*" and found[3] is None and found[4] is None:
        return _EVERY
    if found[1] is not None:
        index = read_index(found[1])
        return found[1] if index is None else index
    return found[3] if found[3] is not None else found[4]


def _follow(value: Value, parts: tuple[str | int, ...]) -> Value:
    for index, part in enumerate(parts):
        if isinstance(part, _Every):
            return _follow_each(value, parts[index + 1 :])
        value = member(value, part)
        if value is MISSING:
            return MISSING
    return value


def _follow_each(value: Value, parts: tuple[str | int, ...]) -> Value:
    if not isinstance(value, list | dict):
        return MISSING
    found: list[Value] = []
    for element in value.values() if isinstance(value, dict) else value:
        part = _follow(element, parts)
        if any(isinstance(further, _Every) for further in parts):
            found += part if isinstance(part, list) else []
        else:
            found.append(None if part is MISSING else part)
    return found


def _pattern(source: str, pattern: str, offset: int) -> Mapping:
    try:
        compile_pattern(pattern)
    except ExpressionProblem as problem:
        raise ExpressionProblem(problem.code, problem.message, offset=offset) from None
    return PatternHit(source, pattern)


def _xml_steps(text: str, offset: int) -> tuple[XmlStep, ...]:
    steps: list[XmlStep] = []
    index = 0
    while index < len(text):
        found = _STEP.match(text, index)
        if found is None or (steps and _is_leaf(steps[-1])):
            raise ExpressionProblem("CKP415", f"“{text[:80]}” is no path into XML.", offset=offset + index)
        name = found[2] or (f"@{found[3]}" if found[3] else found[4])
        steps.append(XmlStep(name, found[1] == "//", _predicates(found[5] or "")))
        index = found.end()
    return tuple(steps)


def _is_leaf(step: XmlStep) -> bool:
    return step.name == "text()" or step.name.startswith("@")


def _predicates(text: str) -> tuple[int | tuple[str, str], ...]:
    return tuple(int(found[1]) if found[1] else (found[2], found[3]) for found in _PREDICATE.finditer(text))


def _as_text(result: Json) -> str:
    return result if isinstance(result, str) else canonical_json(result)


def _reached(elements: list[Element], step: XmlStep) -> list[Element]:
    """The elements themselves, for `//` with all below them, in document order and each once."""
    if not step.deep:
        return elements
    found: dict[int, Element] = {}
    waiting = elements[::-1]
    while waiting:
        element = waiting.pop()
        if id(element) not in found:
            found[id(element)] = element
            waiting.extend(list(element.children)[::-1])
    return list(found.values())


def _leaf(elements: list[Element], step: XmlStep) -> Value:
    for element in _reached(elements, step):
        if step.name == "text()":
            if element.own_text():
                return element.own_text()
        elif step.name[1:] in element.attributes:
            return element.attributes[step.name[1:]]
    return MISSING


def _children(elements: list[Element], step: XmlStep) -> list[Element]:
    return [child for parent in _reached(elements, step) for child in _picked(parent, step)]


def _picked(parent: Element, step: XmlStep) -> list[Element]:
    found = [child for child in parent.children if step.name in ("*", child.name)]
    for predicate in step.predicates:
        if isinstance(predicate, int):
            found = found[predicate - 1 : predicate]
        else:
            found = [child for child in found if child.attributes.get(predicate[0]) == predicate[1]]
    return found
