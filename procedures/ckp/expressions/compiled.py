"""Compiled expressions and conditions, ready to be evaluated."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from procedures.ckp.expressions.build import Builder
from procedures.ckp.expressions.errors import ExpressionProblem, Note, Read, SecretRef
from procedures.ckp.expressions.evaluation import Evaluation, Scope, plain
from procedures.ckp.expressions.grammar import Grammar
from procedures.ckp.expressions.nodes import FAILURES, Constant, Node, placed, truth
from procedures.ckp.expressions.scan import MAX_EXPRESSION, Scanner, Source
from procedures.ckp.values import Json

LONGEST_KEPT: Final = 1_024
MOST_KEPT: Final = 4_096
"""Compiled texts are kept by text: so many, and none with more characters than that."""

_WORDS: Final[dict[str, bool]] = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True, eq=False)
class Compiled:
    """What every compiled text tells about itself.

    `constant`: the result is the same whatever the scope. `reads`: every use of a variable.
    """

    source: Json
    tree: Any
    reads: tuple[Read, ...] = ()
    notes: tuple[Note, ...] = ()
    secrets: tuple[SecretRef, ...] = ()
    constant: bool = False


@dataclass(frozen=True, eq=False)
class Expression(Compiled):
    """A compiled expression."""

    tree: Node

    def evaluate(self, scope: Scope) -> Json:
        """The value. Raises EvaluationError."""
        try:
            return plain(self.tree.settled(Evaluation(scope)))
        except FAILURES as failure:
            raise placed(failure, self.tree.offset) from None


@dataclass(frozen=True, eq=False)
class Condition(Compiled):
    """A compiled condition."""

    tree: Node

    def test(self, scope: Scope) -> bool:
        """Whether the condition is true. Raises EvaluationError."""
        try:
            return truth(Evaluation(scope), self.tree)
        except FAILURES as failure:
            raise placed(failure, self.tree.offset) from None


def compile_expression(source: Json) -> Expression:
    """Compile an expression; a value that is not text stands for itself. Raises ExpressionProblem."""
    if not isinstance(source, str):
        return Expression(source, Constant(0, source), constant=True)
    return (_known_expression if len(source) <= LONGEST_KEPT else _expression)(source)


def compile_condition(source: Json) -> Condition:
    """Compile a condition; a value that is not text stands for itself. Raises ExpressionProblem."""
    if not isinstance(source, str):
        return Condition(source, Constant(0, source), constant=True)
    return (_known_condition if len(source) <= LONGEST_KEPT else _condition)(source)


def _expression(text: str) -> Expression:
    node, builder = parse_text(text)
    return Expression(text, node, *collected(builder))


def _condition(text: str) -> Condition:
    node, builder = parse_text(text)
    return Condition(text, node, *collected(builder))


_known_expression = lru_cache(maxsize=MOST_KEPT)(_expression)
_known_condition = lru_cache(maxsize=MOST_KEPT)(_condition)


def collected(builder: Builder) -> tuple[tuple[Read, ...], tuple[Note, ...], tuple[SecretRef, ...], bool]:
    """What was collected while building: reads, notes, secrets, and whether the result is constant."""
    constant = builder.timeless and not builder.reads and not builder.secrets
    return tuple(builder.reads), tuple(builder.notes), tuple(builder.secrets), constant


def parse_text(text: str) -> tuple[Node, Builder]:
    """The checked tree of a whole text that is an expression, and what was collected. Raises ExpressionProblem."""
    builder = Builder()
    word = text.strip()
    if not word:
        raise ExpressionProblem("CKP401", "The expression is empty.", offset=0)
    if word.lower() in _WORDS:
        return Constant(0, _WORDS[word.lower()]), builder
    if len(text) > MAX_EXPRESSION:
        raise ExpressionProblem("CKP404", f"The expression has more than {MAX_EXPRESSION} characters.", offset=0)
    scanner = Scanner(Source(text), builder.notes)
    tokens = scanner.expression().tokens
    return builder.expression(Grammar(tokens, scanner.quoted, builder.notes).whole()), builder
