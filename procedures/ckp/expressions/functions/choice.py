"""Functions of choice and JSON."""

import json
from math import isfinite
from typing import Final, NoReturn

from procedures.ckp.expressions.errors import EvaluationError
from procedures.ckp.expressions.evaluation import Evaluation, Undefined, Value
from procedures.ckp.expressions.functions.base import Catalogue
from procedures.ckp.expressions.operators import text_of
from procedures.ckp.values import Json, ValueProblem, depth_exceeds, plain_number

CHOICE: Final = Catalogue()
_BYTES_PER_MARK: Final = {"[": 160, "{": 320, ",": 32, ":": 96}


@CHOICE("default", guarded=True)
def default(ev: Evaluation, x: Value, value: Value, also_empty: Value = False) -> Value:
    """The value where x is undefined or null, or, if asked, empty or false."""
    if x is None or x.__class__ is Undefined:
        return value
    return value if ev.truth(also_empty) and not ev.truth(x) else x


@CHOICE("tojson")
def to_json(ev: Evaluation, value: Value) -> Value:
    """Compact JSON of the value."""
    return ev.json_text(value)


@CHOICE("fromjson")
def from_json(ev: Evaluation, text: Value) -> Value:
    """The value that a JSON text spells."""
    if text is None:
        return None
    ev.charge_text(len(text_of(text)))
    ev.make_bytes(len(text) + sum(text.count(mark) * size for mark, size in _BYTES_PER_MARK.items()))
    value = read_json(text)
    ev.charge_elements(text.count(","))
    return value


def read_json(text: str) -> Json:
    """Strict JSON: one value, finite numbers, limited depth. Raises EvaluationError (argument, limit)."""
    try:
        value: Json = json.loads(text, parse_float=_number, parse_constant=_refuse)
    except RecursionError:
        raise EvaluationError("limit", "The JSON is nested too deep.") from None
    except (ValueError, ValueProblem) as problem:
        raise EvaluationError("argument", f"The text is not JSON: {problem}.") from None
    if depth_exceeds(value):
        raise EvaluationError("limit", "The JSON is nested too deep.")
    return value


def _number(text: str) -> int | float:
    number = float(text)
    return plain_number(number) if isfinite(number) else _refuse(text)


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"the number {text[:40]} is not finite")
