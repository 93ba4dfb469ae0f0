"""Jinja2's parser over our tokens, with the word operators of the language (CKP 3.2 and 3.4).

The parser's set of node classes is closed, so what Jinja2 does not know becomes a call of a reserved name that
begins with `@`. The line number of every node is an offset in the text.
"""

from typing import Final, NoReturn, cast

from jinja2 import Environment, nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.lexer import Token, TokenStream
from jinja2.parser import Parser

from procedures.ckp.expressions.errors import ExpressionProblem, Note
from procedures.ckp.expressions.scan import Scanner, Source, pieces

COMPARISON_TOKENS: Final = frozenset({"eq", "ne", "lt", "lteq", "gt", "gteq"})
WORD_COMPARISONS: Final = frozenset({"contains", "not_contains", "starts_with", "ends_with"})
_WORDS: Final = WORD_COMPARISONS | {"and", "or", "in", "is", "if"}
_MEANT: Final = {"=": "==", "not": "not_contains, or `not` before the whole comparison"}
EMPTINESS: Final = frozenset({"is_empty", "is_not_empty"})
QUOTED: Final = "@text"
COMPARED: Final = "@compare"

_ENVIRONMENT: Final = Environment(autoescape=False)  # noqa: S701
_ENDINGS: Final = {"eof", "variable_end", "block_end"}


class Grammar(Parser):
    """Parses one stream of tokens. `quoted` holds the quoted templates among them by offset."""

    def __init__(self, tokens: list[Token], quoted: dict[int, Source], notes: list[Note]) -> None:
        super().__init__(_ENVIRONMENT, "")
        self.stream = TokenStream(tokens, None, None)
        self._quoted = quoted
        self._notes = notes

    def whole(self) -> nodes.Expr:
        """The one expression that the tokens are. Raises ExpressionProblem."""
        try:
            expression = self.parse_expression()
            if self.stream.current.type != "eof":
                self._unexpected(self.stream.current)
        except TemplateSyntaxError as error:
            raise self._refused(error) from None
        except RecursionError:
            raise ExpressionProblem("CKP404", "The expression is nested too deep.", offset=0) from None
        return expression

    def _refused(self, error: TemplateSyntaxError) -> ExpressionProblem:
        token = self.stream.current
        if token.lineno == error.lineno:
            return _unexpected(token)
        return ExpressionProblem("CKP402", "The expression is not complete.", offset=error.lineno)

    def _unexpected(self, token: Token) -> NoReturn:
        raise _unexpected(token)

    def parse_compare(self) -> nodes.Expr:
        """Comparisons; the word operators stand on the same level and cannot be chained."""
        place = self.stream.current.lineno
        first = self.parse_math1()
        found: list[nodes.Node] = []
        while operator := self._comparison():
            found.append(nodes.Operand(operator[0], self.parse_math1(), lineno=operator[1]))
        if not found:
            return first
        words = [operand for operand in found if cast(nodes.Operand, operand).op in WORD_COMPARISONS]
        if words and len(found) > 1:
            raise ExpressionProblem(
                "CKP403", "Word operators cannot be chained.", hint="use brackets", offset=found[1].lineno
            )
        return nodes.Compare(first, cast("list[nodes.Operand]", found), lineno=place)

    def _comparison(self) -> tuple[str, int] | None:
        token = self.stream.current
        if token.type in COMPARISON_TOKENS:
            next(self.stream)
            return token.type, token.lineno
        if token.type != "name":
            return None
        if token.value == "in" or token.value in WORD_COMPARISONS:
            next(self.stream)
            return token.value, token.lineno
        if token.value == "not" and self.stream.look().test("name:in"):
            self.stream.skip(2)
            return "notin", token.lineno
        return None

    def parse_primary(self, with_namespace: bool = False) -> nodes.Expr:
        """A literal, name or bracket; also a quoted template and the prefix form of is_empty."""
        token = self.stream.current
        if token.type == "template":
            next(self.stream)
            return self._template(token)
        if token.type in ("constant", "integer"):
            next(self.stream)
            return nodes.Const(_Number(token.value), lineno=token.lineno)
        if token.type == "name" and token.value in EMPTINESS and not self._called(token):
            next(self.stream)
            return _call(token.value, [self.parse_unary()], token.lineno)
        return super().parse_primary()

    def _called(self, token: Token) -> bool:
        following = self.stream.look()
        return following.type == "lparen" and following.lineno == token.lineno + len(token.value)

    def _template(self, token: Token) -> nodes.Expr:
        scanner = Scanner(self._quoted[token.lineno], self._notes, self._quoted)
        parts: list[nodes.Expr] = []
        for piece in pieces(scanner):
            if isinstance(piece, str):
                parts.append(nodes.Const(piece, lineno=token.lineno))
            else:
                parts.append(Grammar(piece, self._quoted, self._notes).whole())
        return _call(QUOTED, parts, token.lineno)

    def parse_filter_expr(self, node: nodes.Expr) -> nodes.Expr:
        """Filters and tests, and the postfix form of is_empty."""
        node = super().parse_filter_expr(node)
        while self.stream.current.type == "name" and self.stream.current.value in EMPTINESS:
            token = next(self.stream)
            node = super().parse_filter_expr(_call(token.value, [node], token.lineno))
        return node

    def parse_test(self, node: nodes.Expr) -> nodes.Expr:
        """`is t` and `is not t`; tests take no argument."""
        place = next(self.stream).lineno
        negated = self.stream.skip_if("name:not")
        name = self.stream.expect("name")
        if self.stream.current.type == "lparen":
            raise ExpressionProblem("CKP408", "Tests take no argument.", offset=self.stream.current.lineno)
        if self.stream.current.test("name:is"):
            self._unexpected(self.stream.current)
        test = nodes.Test(node, name.value, [], [], None, None, lineno=name.lineno)
        return nodes.Not(test, lineno=place) if negated else test


class _Number(str):
    """Digits of a number literal, apart from texts."""

    __slots__ = ()


NumberText: Final = _Number


def _call(name: str, arguments: list[nodes.Expr], offset: int) -> nodes.Call:
    function = nodes.Name(f"@{name.removeprefix('@')}", "load", lineno=offset)
    return nodes.Call(function, arguments, [], None, None, lineno=offset)


def _unexpected(token: Token) -> ExpressionProblem:
    if token.type in _ENDINGS:
        return ExpressionProblem("CKP402", "The expression is not complete.", offset=token.lineno)
    hint = _MEANT.get(token.value) or (token.value.lower() if token.value.lower() in _WORDS else None)
    return ExpressionProblem("CKP402", f"Unexpected “{token.value}”.", hint=hint, offset=token.lineno)
