"""Expressions, conditions and templates of CKP (section 3): parsed once, checked, evaluated over JSON values.

The grammar is Jinja2's; the evaluator is ours. `a.b` is a key of a JSON object and nothing else.
"""

from procedures.ckp.expressions.blocks import Text, compile_text
from procedures.ckp.expressions.compiled import Compiled, Condition, Expression, compile_condition, compile_expression
from procedures.ckp.expressions.errors import (
    EvaluationError,
    ExpressionProblem,
    Note,
    Read,
    Recorded,
    SecretRef,
)
from procedures.ckp.expressions.evaluation import BusinessCalendar, Scope, SecretResolver, Weekdays
from procedures.ckp.expressions.functions import FUNCTIONS
from procedures.ckp.expressions.predicates import TESTS
from procedures.ckp.expressions.templates import Value, compile_value
from procedures.ckp.values import Json

__all__ = [
    "FUNCTIONS",
    "TESTS",
    "BusinessCalendar",
    "Compiled",
    "Condition",
    "EvaluationError",
    "Expression",
    "ExpressionProblem",
    "Json",
    "Note",
    "Read",
    "Recorded",
    "Scope",
    "SecretRef",
    "SecretResolver",
    "Text",
    "Value",
    "Weekdays",
    "compile_condition",
    "compile_expression",
    "compile_text",
    "compile_value",
]
