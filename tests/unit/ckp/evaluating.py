"""Short ways to evaluate, for the tests of the language."""

from datetime import UTC, datetime
from typing import Any

import pytest

from procedures.ckp.expressions import EvaluationError, ExpressionProblem, Scope, compile_expression

NOW = datetime(2026, 2, 9, 23, 30, tzinfo=UTC)
"""A Monday in UTC; already Tuesday in Tokyo."""


def scope_of(variables: dict[str, Any], **options: Any) -> Scope:
    """A scope with a time that stands."""
    return Scope(variables, **{"now": NOW, **options})


def value_of(text: str, /, **variables: Any) -> Any:
    """Value of an expression over variables."""
    return compile_expression(text).evaluate(scope_of(variables))


def error_of(text: str, /, **variables: Any) -> str:
    """Kind of the error that evaluating ends with."""
    with pytest.raises(EvaluationError) as failed:
        value_of(text, **variables)
    assert failed.value.message
    assert failed.value.offset is not None
    return failed.value.kind


def problem_of(text: str) -> ExpressionProblem:
    """The problem that a text is refused with."""
    with pytest.raises(ExpressionProblem) as refused:
        compile_expression(text)
    return refused.value


def recorded(text: str, /, **variables: Any) -> list[tuple[str, str | None, tuple[str, ...], int]]:
    """What evaluating records."""
    scope = scope_of(variables)
    compile_expression(text).evaluate(scope)
    return [(one.kind, one.name, one.kinds, one.offset) for one in scope.recorded]
