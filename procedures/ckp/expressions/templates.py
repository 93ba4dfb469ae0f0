"""Values with placeholders (CKP 3.1, form *value*): a text that is exactly one placeholder keeps its type."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, TypeAlias

from procedures.ckp.expressions.build import Builder
from procedures.ckp.expressions.compiled import LONGEST_KEPT, MOST_KEPT, Compiled, collected
from procedures.ckp.expressions.errors import ExpressionProblem, Note
from procedures.ckp.expressions.evaluation import Evaluation, Scope, Secrets, plain
from procedures.ckp.expressions.grammar import Grammar
from procedures.ckp.expressions.nodes import FAILURES, Constant, Join, Node, placed
from procedures.ckp.expressions.scan import Scanner, Source, pieces
from procedures.ckp.values import MAX_DEPTH, Json, kind_of

MAX_TEMPLATE: Final = 262_144

Shape: TypeAlias = "Node | list[Shape] | dict[str, Shape]"
"""The tree of a value: a node where a text or a constant stands, containers as they are."""


@dataclass(frozen=True, eq=False)
class Value(Compiled):
    """A compiled value. Its `tree` has the shape of the source."""

    tree: Shape

    def render(self, scope: Scope, secrets: Secrets = "mask") -> Json:
        """The value with every placeholder filled; lists and objects are always new ones.

        Secrets are written as `[secret:alias]`, or as what a resolver gives for their reference.
        Raises EvaluationError.
        """
        return _rendered(self.tree, scope, secrets, "")


def compile_value(source: Json) -> Value:
    """Compile a value, deep in lists and objects, keys left alone. Raises ExpressionProblem with its pointer."""
    if isinstance(source, str):
        return _text_value(source)
    parts = _Parts()
    tree = parts.shape(source, "", 0)
    return Value(source, tree, *collected(parts.builder))


def _text_value(text: str) -> Value:
    return (_known if len(text) <= LONGEST_KEPT else _compiled)(text)


def _compiled(text: str) -> Value:
    node, builder = parse_template(text)
    return Value(text, node, *collected(builder))


_known = lru_cache(maxsize=MOST_KEPT)(_compiled)


class _Parts:
    """Walks a value and keeps, in one builder, what its texts read, note and refer to."""

    def __init__(self) -> None:
        self.builder = Builder()

    def shape(self, source: Json, pointer: str, depth: int) -> Shape:
        if depth > MAX_DEPTH:
            raise ExpressionProblem("CKP404", "The value is nested too deep.", pointer=pointer)
        if isinstance(source, str):
            return self._text(source, pointer)
        if isinstance(source, list):
            return [self.shape(item, f"{pointer}/{index}", depth + 1) for index, item in enumerate(source)]
        if isinstance(source, dict):
            return {key: self._member(key, item, pointer, depth) for key, item in source.items()}
        kind_of(source)
        return Constant(0, source)

    def _member(self, key: str, item: Json, pointer: str, depth: int) -> Shape:
        below = pointer_to(pointer, key)
        if "{{" in key:
            message = f"The key “{key[:80]}” is not rendered."
            self.builder.notes.append(Note("CKP413", message, "placeholders stand in values only", None, below))
        return self.shape(item, below, depth + 1)

    def _text(self, text: str, pointer: str) -> Node:
        try:
            value = _text_value(text)
        except ExpressionProblem as problem:
            raise ExpressionProblem(
                problem.code, problem.message, hint=problem.hint, offset=problem.offset, pointer=pointer
            ) from None
        builder = self.builder
        builder.reads += [replace(read, pointer=pointer) for read in value.reads]
        builder.notes += [replace(note, pointer=pointer) for note in value.notes]
        builder.secrets += [replace(secret, pointer=pointer) for secret in value.secrets]
        builder.timeless = builder.timeless and (value.constant or bool(value.reads))
        assert isinstance(value.tree, Node)
        return value.tree


def parse_template(text: str) -> tuple[Node, Builder]:
    """The tree of a text with placeholders, and what was collected. Raises ExpressionProblem."""
    builder = Builder()
    refuse_long(text)
    if "{%" in text:
        message = "`{%` is plain text here: tags stand in prompt templates only."
        builder.notes.append(Note("CKP411", message, None, text.index("{%")))
    if "{{" not in text:
        return Constant(0, text), builder
    scanner = Scanner(Source(text), builder.notes)
    parts: list[Node] = []
    for piece in pieces(scanner):
        if isinstance(piece, str):
            parts.append(Constant(0, piece))
        else:
            parts.append(builder.expression(Grammar(piece, scanner.quoted, builder.notes).whole()))
    return (parts[0] if len(parts) == 1 else Join(0, parts)), builder


def pointer_to(pointer: str, key: str) -> str:
    """JSON pointer of a key below a pointer."""
    return f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"


def refuse_long(text: str) -> None:
    """Raise CKP404 for a template that is too long."""
    if len(text) > MAX_TEMPLATE:
        raise ExpressionProblem("CKP404", "The template has more than 256 KiB.", offset=0)


def _rendered(tree: Shape, scope: Scope, secrets: Secrets, below: str) -> Json:
    if isinstance(tree, list):
        return [_rendered(item, scope, secrets, f"{below}/{index}") for index, item in enumerate(tree)]
    if isinstance(tree, dict):
        return {key: _rendered(item, scope, secrets, pointer_to(below, key)) for key, item in tree.items()}
    if isinstance(tree, Constant):
        value: Json = tree.value
        return value
    if scope.look is not None:
        scope.look()
    try:
        return plain(tree.settled(Evaluation(scope, secrets, below)))
    except FAILURES as failure:
        raise placed(failure, tree.offset) from None
