"""Prompt templates (CKP 3.1): placeholders with `if`, `for`, `raw` and comments; the result is always text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NoReturn

from jinja2 import nodes as jinja
from jinja2.exceptions import TemplateSyntaxError
from jinja2.lexer import TOKEN_EOF, Token

from procedures.ckp.expressions.build import MAX_NODES, Builder
from procedures.ckp.expressions.compiled import LONGEST_KEPT, MOST_KEPT, Compiled, collected
from procedures.ckp.expressions.errors import EvaluationError, ExpressionProblem
from procedures.ckp.expressions.evaluation import Evaluation, Scope, check_length
from procedures.ckp.expressions.grammar import Grammar
from procedures.ckp.expressions.nodes import FAILURES, Constant, Node, placed, truth
from procedures.ckp.expressions.scan import MAX_NESTING, Scanner, Source, refuse_empty
from procedures.ckp.expressions.templates import refuse_long
from procedures.ckp.names import RESERVED_NAMES, nearest
from procedures.ckp.values import Json, kind_of

MAX_PASSES: Final = 10_000

_MARK: Final = re.compile(r"\{\{|\{%|\{#")
_TAG: Final = re.compile(r"\{%-?\s*([A-Za-z_][A-Za-z0-9_]*)")
_RAW: Final = re.compile(r"\{%(-?)\s*raw\s*(-?)%\}")
_END_RAW: Final = re.compile(r"\{%(-?)\s*endraw\s*(-?)%\}")
_TAGS: Final = frozenset({"if", "elif", "else", "endif", "for", "endfor"})
_LOOP_WORDS: Final = ("index", "index0", "first", "last", "length")


@dataclass(frozen=True, eq=False)
class Text(Compiled):
    """A compiled prompt template."""

    tree: "tuple[Block, ...]"

    def render(self, scope: Scope) -> str:
        """The text. Raises EvaluationError."""
        writer = _Writer(Evaluation(scope))
        try:
            for block in self.tree:
                block.write(writer)
        except FAILURES as failure:
            raise placed(failure, writer.ev.place) from None
        return "".join(writer.texts)


class _Writer:
    """The texts written so far, and the passes made by loops."""

    __slots__ = ("ev", "length", "passes", "texts")

    def __init__(self, ev: Evaluation) -> None:
        self.ev = ev
        self.texts: list[str] = []
        self.length = 0
        self.passes = 0

    def add(self, text: str) -> None:
        self.length += len(text)
        check_length(self.length)
        self.ev.make_text(len(text))
        self.texts.append(text)

    def count_pass(self, offset: int) -> None:
        self.passes += 1
        if self.passes > MAX_PASSES:
            raise EvaluationError("limit", f"More than {MAX_PASSES} passes in one template.", offset=offset)


class Block:
    """A part of a prompt template."""

    __slots__ = ()

    def write(self, out: _Writer) -> None:
        """Write this part."""
        raise NotImplementedError


class Plain(Block):
    """Text that stands as it is."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def write(self, out: _Writer) -> None:
        out.add(self.text)


class Shown(Block):
    """A placeholder."""

    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        self.node = node

    def write(self, out: _Writer) -> None:
        out.ev.charge(self.node.size)
        out.ev.place = self.node.offset
        out.add(out.ev.text(self.node.get(out.ev)))


class Branches(Block):
    """`if`, `elif`, `else`."""

    __slots__ = ("branches", "otherwise")

    def __init__(self, branches: Sequence[tuple[Node, Sequence[Block]]], otherwise: Sequence[Block]) -> None:
        self.branches = tuple(branches)
        self.otherwise = tuple(otherwise)

    def write(self, out: _Writer) -> None:
        for condition, body in self.branches:
            out.ev.charge(condition.size)
            if truth(out.ev, condition):
                return _write_all(body, out)
        return _write_all(self.otherwise, out)


@dataclass(frozen=True, eq=False)
class Loop(Block):
    """`for` over an existing list."""

    offset: int
    name: str
    elements: Node
    condition: Node | None
    body: Sequence[Block]
    otherwise: Sequence[Block]

    def write(self, out: _Writer) -> None:
        ev, outer = out.ev, out.ev.locals
        elements = self._elements(ev)
        if self.condition is not None:
            elements = [element for element in elements if self._passes(ev, outer, element)]
        for index, element in enumerate(elements):
            out.count_pass(self.offset)
            ev.locals = {**(outer or {}), self.name: element, "loop": _loop_facts(index, len(elements))}
            _write_all(self.body, out)
        ev.locals = outer
        if not elements:
            _write_all(self.otherwise, out)

    def _elements(self, ev: Evaluation) -> list[Json]:
        ev.charge(self.elements.size)
        value = self.elements.settled(ev)
        if value is None:
            return []
        if not isinstance(value, list):
            raise EvaluationError("type", f"`for` runs over a list, not over {kind_of(value)}.", offset=self.offset)
        ev.charge_elements(len(value))
        return value

    def _passes(self, ev: Evaluation, outer: dict[str, Json] | None, element: Json) -> bool:
        assert self.condition is not None
        ev.locals = {**(outer or {}), self.name: element}
        ev.charge(self.condition.size)
        return truth(ev, self.condition)


def _loop_facts(index: int, length: int) -> Json:
    facts = (index + 1, index, index == 0, index == length - 1, length)
    return dict(zip(_LOOP_WORDS, facts, strict=True))


def _write_all(blocks: Sequence[Block], out: _Writer) -> None:
    for block in blocks:
        block.write(out)


def compile_text(text: str) -> Text:
    """Compile a prompt template. Raises ExpressionProblem."""
    return (_known if len(text) <= LONGEST_KEPT else _compiled)(text)


def _compiled(text: str) -> Text:
    refuse_long(text)
    builder = Builder()
    if not _MARK.search(text):
        return Text(text, (Plain(text),) if text else (), constant=True)
    scanner = _TemplateScanner(text, Scanner(Source(text), builder.notes))
    tree = _TemplateGrammar(scanner.tokens(), scanner.scanner.quoted, builder.notes).blocks()
    return Text(text, tuple(_blocks(builder, tree)), *collected(builder))


_known = lru_cache(maxsize=MOST_KEPT)(_compiled)


@dataclass(slots=True)
class _TemplateScanner:
    """Tokens of a whole prompt template."""

    text: str
    scanner: Scanner
    _tokens: list[Token] = field(default_factory=list)
    _depth: int = 0
    _count: int = 0
    _trim: bool = False

    def tokens(self) -> list[Token]:
        index = 0
        while found := _MARK.search(self.text, index):
            self._data(index, found.start())
            index = self._marked(found.start(), found[0])
        self._data(index, len(self.text))
        self._tokens.append(Token(len(self.text), TOKEN_EOF, ""))
        return self._tokens

    def _data(self, start: int, end: int) -> None:
        data = self.text[start:end]
        if self._trim:
            data = data.lstrip()
        if self.text.startswith("-", end + 2) and end < len(self.text):
            data = data.rstrip()
        self._trim = False
        if data:
            self._tokens.append(Token(start, "data", data))

    def _marked(self, start: int, mark: str) -> int:
        if mark == "{#":
            return self._comment(start)
        if mark == "{%":
            return self._tag(start)
        older = self.scanner.older_default(start, trim=True)
        if older is not None:
            tokens, end = older
            self._trim = self.text[end - 3] == "-"
            self._wrapped("variable", start, tokens, end)
            return end
        inner = start + 2 + self.text.startswith("-", start + 2)
        scanned = self.scanner.expression(inner, ("-}}", "}}"), start)
        refuse_empty(scanned.tokens, start)
        self._trim = scanned.trimmed
        self._wrapped("variable", start, scanned.tokens[:-1], scanned.end)
        return scanned.end

    def _wrapped(self, kind: str, start: int, tokens: Sequence[Token], end: int) -> None:
        self._count += 1
        if self._count > MAX_NODES:
            _refuse("CKP404", f"The template has more than {MAX_NODES} parts.", start)
        opening, closing = ("{{", "}}") if kind == "variable" else ("{%", "%}")
        self._tokens += [Token(start, f"{kind}_begin", opening), *tokens, Token(end - 2, f"{kind}_end", closing)]

    def _comment(self, start: int) -> int:
        end = self.text.find("#}", start + 2)
        if end < 0:
            _refuse("CKP401", "`{#` is not closed.", start, "close it with `#}`")
        self._trim = self.text[end - 1] == "-"
        return end + 2

    def _tag(self, start: int) -> int:
        raw = _RAW.match(self.text, start)
        if raw:
            return self._raw(raw)
        tag = _TAG.match(self.text, start)
        if tag is None or tag[1] not in _TAGS:
            name = tag[1] if tag else ""
            _refuse("CKP412", f"The tag `{name}` is not allowed.", start, nearest(name, [*_TAGS, "raw", "endraw"]))
        self._count_depth(tag[1], start)
        scanned = self.scanner.expression(tag.start(1), ("-%}", "%}"), start)
        self._trim = scanned.trimmed
        self._wrapped("block", start, scanned.tokens[:-1], scanned.end)
        return scanned.end

    def _count_depth(self, tag: str, start: int) -> None:
        self._depth += {"if": 1, "for": 1, "endif": -1, "endfor": -1}.get(tag, 0)
        if self._depth > MAX_NESTING:
            _refuse("CKP404", f"Tags are nested deeper than {MAX_NESTING} levels.", start)

    def _raw(self, raw: re.Match[str]) -> int:
        end = _END_RAW.search(self.text, raw.end())
        if end is None:
            _refuse("CKP401", "`{% raw %}` is not closed.", raw.start(), "close it with `{% endraw %}`")
        data = self.text[raw.end() : end.start()]
        data = data.lstrip() if raw[2] else data
        data = data.rstrip() if end[1] else data
        if data:
            self._tokens.append(Token(raw.end(), "data", data))
        self._trim = bool(end[2])
        return end.end()


class _TemplateGrammar(Grammar):
    """Parses a whole prompt template."""

    def blocks(self) -> list[jinja.Node]:
        """The statements and outputs. Raises ExpressionProblem."""
        try:
            return self.subparse()
        except TemplateSyntaxError as error:
            raise self._refused(error) from None


def _blocks(builder: Builder, trees: Sequence[jinja.Node]) -> list[Block]:
    found: list[Block] = []
    for tree in trees:
        if isinstance(tree, jinja.Output):
            found += [_output(builder, part) for part in tree.nodes]
        elif isinstance(tree, jinja.If):
            found.append(_branches(builder, tree))
        else:
            assert isinstance(tree, jinja.For)
            found.append(_loop(builder, tree))
    return found


def _output(builder: Builder, part: jinja.Expr) -> Block:
    if isinstance(part, jinja.TemplateData):
        return Plain(part.data)
    node = builder.expression(part)
    return Plain(node.value) if isinstance(node, Constant) and isinstance(node.value, str) else Shown(node)


def _branches(builder: Builder, tree: jinja.If) -> Block:
    branches = [(builder.expression(branch.test), _blocks(builder, branch.body)) for branch in (tree, *tree.elif_)]
    return Branches(branches, _blocks(builder, tree.else_))


def _loop(builder: Builder, tree: jinja.For) -> Block:
    if tree.recursive:
        _refuse("CKP412", "`recursive` is not allowed.", tree.lineno)
    if not isinstance(tree.target, jinja.Name):
        _refuse("CKP405", "`for` binds one name.", tree.target.lineno)
    name = tree.target.name
    if name in RESERVED_NAMES or name == "loop":
        _refuse("CKP405", f"`{name}` is reserved.", tree.target.lineno)
    elements = builder.expression(tree.iter)
    builder.locals.append(frozenset({name}))
    condition = None if tree.test is None else builder.expression(tree.test)
    builder.locals[-1] = frozenset({name, "loop"})
    body = _blocks(builder, tree.body)
    builder.locals.pop()
    return Loop(tree.lineno, name, elements, condition, tuple(body), tuple(_blocks(builder, tree.else_)))


def _refuse(code: str, message: str, offset: int, hint: str | None = None) -> NoReturn:
    raise ExpressionProblem(code, message, hint=hint, offset=offset)
