"""From the parser's tree to the checked tree: everything that is not in the lists of CKP 3 is refused here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn, cast

from jinja2 import nodes as jinja

from procedures.ckp.expressions.errors import EvaluationError, ExpressionProblem, Note, Read, SecretRef
from procedures.ckp.expressions.evaluation import Value
from procedures.ckp.expressions.functions import FUNCTIONS
from procedures.ckp.expressions.functions.base import REQUIRED, Function
from procedures.ckp.expressions.functions.numbers import column_values
from procedures.ckp.expressions.grammar import QUOTED, NumberText
from procedures.ckp.expressions.nodes import (
    NOTHING,
    And,
    Call,
    Chain,
    Choose,
    Column,
    Compare,
    Constant,
    Cut,
    Elements,
    IsNull,
    Item,
    Join,
    Members,
    Node,
    Not,
    Or,
    Path,
    Secret,
    Sign,
    Test,
)
from procedures.ckp.expressions.operators import ARITHMETICS, COMPARISONS
from procedures.ckp.expressions.paths import COLUMN_WORDS, LIST_WORDS, Word, path_text
from procedures.ckp.expressions.predicates import DAY_TESTS, GUARDED_TESTS, TESTS
from procedures.ckp.names import OLDER_ROOTS, nearest
from procedures.ckp.values import ValueProblem, read_index, read_number

MAX_NODES: Final = 1_000
MAX_DEPTH: Final = 64

_CHAINS: Final[tuple[tuple[type[jinja.BinExpr], ...], ...]] = (
    (jinja.Add, jinja.Sub),
    (jinja.Mul, jinja.Div, jinja.FloorDiv, jinja.Mod),
)


@dataclass(slots=True)
class Builder:
    """Builds the checked tree of one text; what it reads, notes and refers to is collected on the way."""

    notes: list[Note] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    secrets: list[SecretRef] = field(default_factory=list)
    locals: list[frozenset[str]] = field(default_factory=list)
    timeless: bool = True
    _depth: int = 0
    _size: int = 0

    def expression(self, tree: jinja.Node) -> Node:
        """The checked tree of a whole expression. Raises ExpressionProblem."""
        root, keys = _spine(tree)
        if isinstance(root, jinja.Name) and root.name == "secrets" and not self._is_local("secrets"):
            return self._secret(root, keys)
        node = self._node(tree)
        self._size += node.size
        if self._size > MAX_NODES:
            _refuse("CKP404", f"The text has more than {MAX_NODES} parts.", node.offset)
        return node

    def _secret(self, root: jinja.Name, keys: list[jinja.Expr]) -> Node:
        parts = [self._static_part(key) for key in keys]
        names = [part for part in parts if isinstance(part, str)]
        if len(names) != len(parts) or not 1 <= len(names) <= 2:
            _refuse("CKP313", "A secret is written secrets.alias or secrets.alias.key.", root.lineno)
        reference = SecretRef(str(names[0]), str(names[1]) if len(names) == 2 else None, root.lineno)
        self.secrets.append(reference)
        return Secret(reference)

    def _node(self, tree: jinja.Node, *, guarded: bool = False) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            _refuse("CKP404", "The expression is nested too deep.", tree.lineno)
        try:
            build = _BUILDERS.get(type(tree))
            if build is None:
                _refuse("CKP405", f"{_named(tree)} is not part of the language.", tree.lineno, _hint_for(tree))
            return build(self, tree, guarded)
        finally:
            self._depth -= 1

    def _constant(self, tree: jinja.Const, guarded: bool) -> Node:
        return Constant(tree.lineno, _literal(tree))

    def _name(self, tree: jinja.Expr, guarded: bool) -> Node:
        return self._path(tree, guarded)

    def _path(self, tree: jinja.Expr, guarded: bool) -> Node:
        """A name with keys behind it; keys that are not static split the path."""
        root, keys = _spine(tree)
        if len(keys) > MAX_DEPTH:
            _refuse("CKP404", "The path is too long.", tree.lineno)
        static = 0
        parts: list[Value] = []
        if isinstance(root, jinja.Name):
            while static < len(keys) and (part := self._static_part(keys[static])) is not None:
                parts.append(part)
                static += 1
            node: Node = self._variable(root, parts, guarded and not any(map(_is_slice, keys[static:])))
        else:
            node = self._node(root)
        for key in keys[static:]:
            node = self._behind(node, key)
        return node

    def _variable(self, root: jinja.Name, parts: list[Value], guarded: bool) -> Node:
        name, only_variables = root.name, False
        if name == "secrets" and not self._is_local(name):
            _refuse("CKP313", "A secret takes no operator, filter or key of its own.", root.lineno)
        if name in OLDER_ROOTS and not self._is_local(name):
            if not parts or not isinstance(parts[0], str):
                _refuse("CKP405", f"`{name}` stands only before a name.", root.lineno, f"{name}.name")
            name, parts, only_variables = str(parts[0]), parts[1:], True
        if only_variables or not self._is_local(name):
            path = (name, *(str(part) if isinstance(part, str) else part for part in parts))
            self.reads.append(Read(path, root.lineno, guarded))
        return Path(root.lineno, name, tuple(parts), only_variables=only_variables)

    def _is_local(self, name: str) -> bool:
        return any(name in names for names in self.locals)

    def _static_part(self, key: jinja.Expr) -> str | int | None:
        if isinstance(key, jinja.Getattr):
            return Word(key.attr) if key.attr in LIST_WORDS else key.attr
        argument = key.arg if isinstance(key, jinja.Getitem) else None
        negative = isinstance(argument, jinja.Neg)
        constant = argument.node if isinstance(argument, jinja.Neg) else argument
        if not isinstance(constant, jinja.Const) or not isinstance(constant.value, str):
            return None
        text: str = constant.value
        index = read_index(text)
        if index is None:
            return None if isinstance(text, NumberText) or negative else text
        return -index if negative else index

    def _behind(self, base: Node, key: jinja.Expr) -> Node:
        part = self._static_part(key)
        if part is not None:
            return Item(key.lineno, base, Constant(key.lineno, part))
        assert isinstance(key, jinja.Getitem)
        if isinstance(key.arg, jinja.Slice):
            return self._cut(base, key.arg)
        return Item(key.lineno, base, self._node(key.arg))

    def _cut(self, base: Node, tree: jinja.Slice) -> Node:
        if tree.step is not None:
            _refuse("CKP405", "A slice takes no step.", tree.step.lineno)
        bounds = [NOTHING if bound is None else self._node(bound) for bound in (tree.start, tree.stop)]
        return Cut(tree.lineno, base, *bounds)

    def _not(self, tree: jinja.Not, guarded: bool) -> Node:
        return Not(tree.lineno, self._node(tree.node))

    def _and(self, tree: jinja.And, guarded: bool) -> Node:
        return And(tree.lineno, self._operands(tree, jinja.And, guarded))

    def _or(self, tree: jinja.Or, guarded: bool) -> Node:
        return Or(tree.lineno, self._operands(tree, jinja.Or, guarded))

    def _operands(self, tree: jinja.Expr, kind: type[jinja.BinExpr], guarded: bool) -> list[Node]:
        operands: list[jinja.Expr] = []
        while isinstance(tree, kind):
            operands.append(tree.right)
            tree = tree.left
        operands.append(tree)
        operands.reverse()
        return [self._node(operand, guarded=guarded and operand is operands[-1]) for operand in operands]

    def _choose(self, tree: jinja.CondExpr, guarded: bool) -> Node:
        otherwise = NOTHING if tree.expr2 is None else self._node(tree.expr2, guarded=guarded)
        then = self._node(tree.expr1, guarded=guarded)
        return Choose(tree.lineno, self._node(tree.test), then, otherwise)

    def _compare(self, tree: jinja.Compare, guarded: bool) -> Node:
        if len(tree.ops) == 1 and tree.ops[0].op in ("eq", "ne"):
            sides = (tree.expr, tree.ops[0].expr)
            for side, other in (sides, sides[::-1]):
                if isinstance(other, jinja.Const) and other.value is None:
                    return IsNull(tree.lineno, self._node(side, guarded=True), wanted=tree.ops[0].op == "eq")
        first = self._node(tree.expr)
        rest = [(COMPARISONS[operand.op], self._node(operand.expr), operand.lineno) for operand in tree.ops]
        return Compare(tree.lineno, first, rest)

    def _arithmetic(self, tree: jinja.BinExpr, guarded: bool) -> Node:
        level = next(classes for classes in _CHAINS if isinstance(tree, classes))
        rest: list[tuple[str, jinja.Expr]] = []
        first: jinja.Expr = tree
        while isinstance(first, level):
            rest.append((type(first).__name__, first.right))
            first = first.left
        head = self._node(first)
        return Chain(tree.lineno, head, [(ARITHMETICS[name], self._node(operand)) for name, operand in reversed(rest)])

    def _sign(self, tree: jinja.UnaryExpr, guarded: bool) -> Node:
        return Sign(tree.lineno, self._node(tree.node), negative=isinstance(tree, jinja.Neg))

    def _concat(self, tree: jinja.Concat, guarded: bool) -> Node:
        return Join(tree.lineno, [self._node(part) for part in tree.nodes])

    def _list(self, tree: jinja.List, guarded: bool) -> Node:
        return Elements(tree.lineno, [self._node(item) for item in tree.items])

    def _dict(self, tree: jinja.Dict, guarded: bool) -> Node:
        members: list[tuple[str, Node]] = []
        for pair in tree.items:
            key = pair.key
            if not isinstance(key, jinja.Const) or not isinstance(key.value, str) or isinstance(key.value, NumberText):
                hint = f"'{key.name}'" if isinstance(key, jinja.Name) else None
                _refuse("CKP405", "Keys of an object are quoted texts.", key.lineno, hint)
            members.append((key.value, self._node(pair.value)))
        return Members(tree.lineno, members)

    def _test(self, tree: jinja.Test, guarded: bool) -> Node:
        passes = TESTS.get(tree.name)
        if passes is None:
            known = nearest(tree.name, TESTS)
            _refuse("CKP407", f"There is no test `{tree.name}`.", tree.lineno, known and f"did you mean `{known}`?")
        self.timeless = self.timeless and tree.name not in DAY_TESTS
        guards = tree.name in GUARDED_TESTS
        return Test(tree.lineno, self._node(tree.node, guarded=guards), passes, guarded=guards)

    def _filter(self, tree: jinja.Filter, guarded: bool) -> Node:
        function = FUNCTIONS.get(tree.name)
        if function is None:
            known = nearest(tree.name, FUNCTIONS)
            _refuse("CKP407", f"There is no filter `{tree.name}`.", tree.lineno, known and f"did you mean `{known}`?")
        assert tree.node is not None
        return self._called(function, tree, [tree.node, *tree.args])

    def _call(self, tree: jinja.Call, guarded: bool) -> Node:
        callee = tree.node
        if isinstance(callee, jinja.Getattr):
            return self._method(callee, tree)
        if not isinstance(callee, jinja.Name):
            _refuse("CKP405", "Only functions of the language can be called.", tree.lineno)
        if callee.name == QUOTED:
            return Join(tree.lineno, [self._node(part) for part in tree.args])
        if callee.name.startswith("@"):
            return self._called(FUNCTIONS[callee.name[1:]], tree, tree.args)
        function = FUNCTIONS.get(callee.name)
        if function is None:
            known = nearest(callee.name, FUNCTIONS)
            hint = f"did you mean `{known}`?" if known else None
            _refuse("CKP407", f"There is no function `{callee.name}`.", callee.lineno, hint)
        return self._called(function, tree, tree.args)

    def _method(self, callee: jinja.Getattr, tree: jinja.Call) -> Node:
        name = callee.attr
        subject = path_text(*_shown(callee.node))
        if name not in COLUMN_WORDS:
            hint = _method_hint(subject, name)
            _refuse("CKP407", f"There is no method `{name}`.", callee.lineno + 1, hint)
        if len(tree.args) > 1 or tree.kwargs or tree.dyn_args or tree.dyn_kwargs:
            _refuse("CKP408", f"`.{name}` takes one column at most.", tree.lineno)
        column = self._column(tree.args[0]) if tree.args else None
        function = COLUMN_FUNCTIONS[name]
        return Column(callee.lineno, self._node(callee.node), function, column)

    def _column(self, tree: jinja.Expr) -> str:
        root, keys = _spine(tree)
        if isinstance(root, jinja.Const) and type(root.value) is str and not keys:
            return str(root.value)
        parts = [self._static_part(key) for key in keys]
        if not isinstance(root, jinja.Name) or None in parts:
            _refuse("CKP408", "A column is a name, a dotted path or a quoted text.", tree.lineno)
        return path_text(root.name, tuple(parts))

    def _called(self, function: Function, tree: jinja.Call | jinja.Filter, given: Sequence[jinja.Expr]) -> Node:
        if tree.dyn_args is not None or tree.dyn_kwargs is not None:
            _refuse("CKP405", "Arguments cannot be spread.", tree.lineno)
        placed = _placed(function, given, tree)
        self.timeless = self.timeless and function.timeless
        arguments: list[Node] = []
        for index, argument in enumerate(placed):
            if argument is None:
                arguments.append(Constant(tree.lineno, function.defaults[index]))
            else:
                arguments.append(self._node(argument, guarded=function.guarded and index == 0))
        _check_literals(function, arguments)
        return Call(_place(tree), function, arguments)


def _place(tree: jinja.Call | jinja.Filter) -> int:
    """Where the function's name stands."""
    return tree.node.lineno if isinstance(tree, jinja.Call) else tree.lineno


def _count_column(ev: Value, values: Value, column: Value = None) -> Value:
    return len(values if column is None else column_values(ev, values, column))


COLUMN_FUNCTIONS: Final[dict[str, Function]] = {
    **{name: FUNCTIONS[name] for name in ("sum", "avg", "min", "max")},
    "count": Function("count", _count_column, ("values", "column"), (REQUIRED, None)),
}


def _spine(tree: jinja.Node) -> tuple[jinja.Node, list[jinja.Expr]]:
    """What stands at the head of a path, and the keys behind it in order."""
    keys: list[jinja.Expr] = []
    while isinstance(tree, jinja.Getattr | jinja.Getitem):
        keys.append(tree)
        tree = tree.node
    keys.reverse()
    return tree, keys


def _is_slice(key: jinja.Expr) -> bool:
    return isinstance(key, jinja.Getitem) and isinstance(key.arg, jinja.Slice)


def _literal(tree: jinja.Const) -> Value:
    if isinstance(tree.value, NumberText):
        return read_number(tree.value)
    return tree.value


def _placed(
    function: Function, given: Sequence[jinja.Expr], tree: jinja.Call | jinja.Filter
) -> list[jinja.Expr | None]:
    """Arguments in the order of the parameters; None where the default holds. Raises CKP408."""
    names = function.parameters
    if len(given) > len(names) and not function.variadic:
        _refuse("CKP408", f"Too many arguments: {function.signature}.", tree.lineno)
    placed: list[jinja.Expr | None] = [*given, *[None] * (len(names) - len(given))]
    for keyword in cast("list[jinja.Keyword]", tree.kwargs):
        if keyword.key not in names[1:]:
            known = nearest(keyword.key, names[1:])
            _refuse("CKP408", f"{function.signature} has no `{keyword.key}`.", keyword.lineno, known)
        index = names.index(keyword.key)
        if placed[index] is not None:
            _refuse("CKP408", f"`{keyword.key}` is given twice.", keyword.lineno)
        placed[index] = keyword.value
    for index, name in enumerate(names):
        if placed[index] is None and function.defaults[index] is REQUIRED:
            _refuse("CKP408", f"`{name}` is missing: {function.signature}.", tree.lineno)
    return placed


def _check_literals(function: Function, arguments: Sequence[Node]) -> None:
    for name, check in function.checks.items():
        argument = arguments[function.parameters.index(name)]
        if isinstance(argument, Constant):
            _check_literal(check, argument)


def _check_literal(check: Callable[[Value], None], argument: Constant) -> None:
    try:
        check(argument.value)
    except ExpressionProblem as problem:
        problem.offset = argument.offset
        raise
    except (EvaluationError, ValueProblem) as error:
        raise ExpressionProblem("CKP408", str(error), offset=argument.offset) from None


def _shown(tree: jinja.Expr) -> tuple[str, tuple[Value, ...]]:
    root, keys = _spine(tree)
    if not isinstance(root, jinja.Name) or not all(isinstance(key, jinja.Getattr) for key in keys):
        return "x", ()
    return root.name, tuple(key.attr for key in keys if isinstance(key, jinja.Getattr))


def _method_hint(subject: str, name: str) -> str | None:
    if name in LIST_WORDS and name not in COLUMN_WORDS:
        return f"{subject}.{name}"
    if name in FUNCTIONS:
        return f"{subject}|{name}"
    known = nearest(name, [*FUNCTIONS, *COLUMN_WORDS])
    return f"did you mean `{subject}|{known}`?" if known else None


def _named(tree: jinja.Node) -> str:
    return {"Tuple": "A tuple", "Pow": "A power", "Slice": "A slice"}.get(type(tree).__name__, "This")


def _hint_for(tree: jinja.Node) -> str | None:
    return "[…] for a list" if isinstance(tree, jinja.Tuple) else None


def _refuse(code: str, message: str, offset: int, hint: str | None = None) -> NoReturn:
    raise ExpressionProblem(code, message, hint=hint, offset=offset)


_BUILDERS: Final[dict[type[jinja.Node], Callable[..., Node]]] = {
    jinja.Const: Builder._constant,
    jinja.Name: Builder._name,
    jinja.Getattr: Builder._path,
    jinja.Getitem: Builder._path,
    jinja.Not: Builder._not,
    jinja.And: Builder._and,
    jinja.Or: Builder._or,
    jinja.CondExpr: Builder._choose,
    jinja.Compare: Builder._compare,
    jinja.Add: Builder._arithmetic,
    jinja.Sub: Builder._arithmetic,
    jinja.Mul: Builder._arithmetic,
    jinja.Div: Builder._arithmetic,
    jinja.FloorDiv: Builder._arithmetic,
    jinja.Mod: Builder._arithmetic,
    jinja.Neg: Builder._sign,
    jinja.Pos: Builder._sign,
    jinja.Concat: Builder._concat,
    jinja.List: Builder._list,
    jinja.Dict: Builder._dict,
    jinja.Test: Builder._test,
    jinja.Filter: Builder._filter,
    jinja.Call: Builder._call,
}
