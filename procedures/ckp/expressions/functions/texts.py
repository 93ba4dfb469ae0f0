"""Functions over texts, patterns included. A null subject gives null."""

from collections.abc import Callable, Iterator
from typing import Final

from procedures.ckp.expressions.errors import EvaluationError, ExpressionProblem
from procedures.ckp.expressions.evaluation import Evaluation, Value
from procedures.ckp.expressions.functions.base import Catalogue
from procedures.ckp.expressions.operators import contains, list_of, number_of, text_of
from procedures.ckp.expressions.patterns import EVALUATION_WORK, Match, Pattern, compile_pattern

TEXTS: Final = Catalogue()
_WIDEST_CASE: Final = 3
_BYTES_PER_PART: Final = 60


@TEXTS("lower")
def lower(ev: Evaluation, text: Value) -> Value:
    """The text in lower case."""
    return None if text is None else _recased(ev, text_of(text), str.lower)


@TEXTS("upper")
def upper(ev: Evaluation, text: Value) -> Value:
    """The text in upper case."""
    return None if text is None else _recased(ev, text_of(text), str.upper)


@TEXTS("capitalize")
def capitalize(ev: Evaluation, text: Value) -> Value:
    """The first character in upper case, the others in lower case."""
    return None if text is None else _recased(ev, text_of(text), str.capitalize)


def _recased(ev: Evaluation, text: str, change: Callable[[str], str]) -> str:
    ev.make_text(len(text))
    changed = change(text)
    if len(changed) > len(text):
        ev.make_text(len(changed))
    return changed


@TEXTS("trim")
def trim(ev: Evaluation, text: Value) -> Value:
    """The text without blanks at both ends."""
    if text is None:
        return None
    ev.make_text(len(text_of(text)))
    return text_of(text).strip()


@TEXTS("string")
def string(ev: Evaluation, value: Value) -> Value:
    """The text that a template would write."""
    return ev.text(value)


@TEXTS("replace")
def replace(ev: Evaluation, text: Value, a: Value, b: Value) -> Value:
    """The text with every `a` replaced by `b`."""
    if text is None:
        return None
    subject, old, new = text_of(text), text_of(a), text_of(b)
    ev.charge_text(len(subject))
    if not old:
        raise EvaluationError("argument", "The text to replace is empty.")
    ev.make_text(len(subject) + subject.count(old) * (len(new) - len(old)))
    return subject.replace(old, new)


@TEXTS("split")
def split(ev: Evaluation, text: Value, sep: Value = None) -> Value:
    """The parts between the separators; without one, the words."""
    if text is None:
        return None
    subject, separator = text_of(text), None if sep is None else text_of(sep)
    ev.charge_text(len(subject))
    if separator == "":
        raise EvaluationError("argument", "The separator is empty.")
    parts = len(subject) // 2 if separator is None else subject.count(separator)
    ev.make_bytes(len(subject) + (parts + 1) * _BYTES_PER_PART)
    return subject.split(separator)


@TEXTS("join")
def join(ev: Evaluation, values: Value, sep: Value = "") -> Value:
    """The elements as one text with the separator between them."""
    if values is None:
        return None
    separator = text_of(sep)
    elements = list_of(values)
    ev.make_text(len(separator) * max(len(elements) - 1, 0))
    return ev.join(_separated(ev, elements, separator))


def _separated(ev: Evaluation, elements: list[Value], separator: str) -> Iterator[str]:
    for index, element in enumerate(ev.each(elements)):
        yield separator + ev.text(element) if index else ev.text(element)


@TEXTS("contains", raw=2)
def contains_function(ev: Evaluation, whole: Value, part: Value) -> Value:
    """As the operator `contains`."""
    return contains(ev, whole, part)


def checked_pattern(value: Value) -> None:
    """Refuse a literal that is no pattern."""
    compile_pattern(text_of(value))


def pattern_of(value: Value) -> Pattern:
    """The compiled pattern. Raises EvaluationError (argument)."""
    try:
        return compile_pattern(text_of(value))
    except ExpressionProblem as refused:
        raise EvaluationError("argument", refused.message) from None


def _subject(ev: Evaluation, text: Value, pattern: Pattern) -> str | None:
    if text is None:
        ev.record("null_comparison", "null", "text")
    subject = ev.settle(text)
    if subject is None:
        return None
    pattern.check_work(text_of(subject), EVALUATION_WORK)
    ev.charge_text(len(subject))
    return text_of(subject)


@TEXTS("regex_match", raw=1, checks={"pattern": checked_pattern})
def regex_match(ev: Evaluation, text: Value, pattern: Value) -> Value:
    """Whether the whole text fits the pattern."""
    compiled = pattern_of(pattern)
    subject = _subject(ev, text, compiled)
    return subject is not None and compiled.fullmatch(subject) is not None


@TEXTS("regex_search", raw=1, checks={"pattern": checked_pattern})
def regex_search(ev: Evaluation, text: Value, pattern: Value) -> Value:
    """Whether a part of the text fits the pattern."""
    compiled = pattern_of(pattern)
    subject = _subject(ev, text, compiled)
    return subject is not None and compiled.search(subject) is not None


@TEXTS("regex_extract", checks={"pattern": checked_pattern})
def regex_extract(ev: Evaluation, text: Value, pattern: Value, group: Value = None) -> Value:
    """A group of the first hit: the first one if there is any, else the whole hit; null without a hit."""
    compiled = pattern_of(pattern)
    number = group_of(compiled, group)
    subject = None if text is None else _subject(ev, text, compiled)
    return None if subject is None else hit_text(compiled.search(subject), number)


def group_of(pattern: Pattern, group: Value) -> int:
    """Number of the group to take. Raises EvaluationError (argument) for one the pattern lacks."""
    if group is None:
        return 1 if pattern.groups else 0
    number = number_of(group)
    if not isinstance(number, int) or not 0 <= number <= pattern.groups:
        raise EvaluationError("argument", f"The pattern has {pattern.groups} groups.")
    return number


def hit_text(hit: Match | None, group: int) -> str | None:
    """Text of a group of a hit, or null."""
    return None if hit is None else hit[group]
