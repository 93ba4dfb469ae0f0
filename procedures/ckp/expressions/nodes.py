"""The checked tree of an expression. A node's `get` gives its value; a path that leads nowhere gives Undefined."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from procedures.ckp.expressions.errors import EvaluationError, SecretRef
from procedures.ckp.expressions.evaluation import MISSING, Evaluation, Undefined, Value, as_error, plain
from procedures.ckp.expressions.functions.base import Function
from procedures.ckp.expressions.operators import Arithmetic, Comparison, number_of
from procedures.ckp.expressions.paths import Word, member, path_text
from procedures.ckp.values import ValueProblem, exact


class Node:
    """One node; `offset` is its place in the text, `size` the number of nodes below and with it."""

    __slots__ = ("offset", "size")

    def __init__(self, offset: int, *children: "Node") -> None:
        self.offset = offset
        self.size: int = 1 + sum(child.size for child in children)

    def get(self, ev: Evaluation) -> Value:
        """The value, or Undefined. Raises EvaluationError or ValueProblem."""
        raise NotImplementedError

    def settled(self, ev: Evaluation) -> Value:
        """The value; an undefined one is recorded and null."""
        value = self.get(ev)
        return ev.settle(value) if value.__class__ is Undefined else value


class Constant(Node):
    """A literal."""

    __slots__ = ("value",)

    def __init__(self, offset: int, value: Value) -> None:
        super().__init__(offset)
        self.value = value

    def get(self, ev: Evaluation) -> Value:
        return self.value


class Path(Node):
    """A variable and the static keys behind it. `only_variables`: written with `vars.`, columns are left aside."""

    __slots__ = ("absent", "only_variables", "parts", "root")

    def __init__(self, offset: int, root: str, parts: tuple[Value, ...], *, only_variables: bool = False) -> None:
        super().__init__(offset)
        self.root = root
        self.parts = parts
        self.only_variables = only_variables
        self.absent = Undefined(path_text(root, parts), offset)

    def get(self, ev: Evaluation) -> Value:
        value = ev.find_variable(self.root) if self.only_variables else ev.find(self.root)
        for part in self.parts:
            value = member(value, part)
        return self.absent if value is MISSING else value


class Item(Node):
    """A key or index behind another expression."""

    __slots__ = ("base", "key")

    def __init__(self, offset: int, base: Node, key: Node) -> None:
        super().__init__(offset, base, key)
        self.base = base
        self.key = key

    def get(self, ev: Evaluation) -> Value:
        base, key = self.base.get(ev), self.key.settled(ev)
        if isinstance(key, float | Decimal):
            key = exact(key)
        found = member(base, key)
        if found is not MISSING:
            return found
        name = base.name if base.__class__ is Undefined else written(self.base)
        shown = (key,) if key.__class__ in (str, int, Word) else ()
        return Undefined(path_text(name, shown)[:_LONGEST_NAME], self.offset)


class Cut(Node):
    """A slice of a list or text."""

    __slots__ = ("base", "start", "stop")

    def __init__(self, offset: int, base: Node, start: Node, stop: Node) -> None:
        super().__init__(offset, base, start, stop)
        self.base = base
        self.start = start
        self.stop = stop

    def get(self, ev: Evaluation) -> Value:
        base = self.base.settled(ev)
        start, stop = (self._bound(ev, bound) for bound in (self.start, self.stop))
        if base is None:
            return None
        if not isinstance(base, list | str):
            raise EvaluationError("type", "Only a list or a text can be cut.", offset=self.offset)
        cut = slice(start, stop)
        length = len(range(*cut.indices(len(base))))
        (ev.make_text if isinstance(base, str) else ev.make_elements)(length)
        return base[cut]

    def _bound(self, ev: Evaluation, node: Node) -> int | None:
        value = node.settled(ev)
        if value is None:
            return None
        number = number_of(value)
        if not isinstance(number, int):
            raise EvaluationError("argument", "The bounds of a slice are whole numbers.", offset=self.offset)
        return number


class Not(Node):
    """`not`."""

    __slots__ = ("operand",)

    def __init__(self, offset: int, operand: Node) -> None:
        super().__init__(offset, operand)
        self.operand = operand

    def get(self, ev: Evaluation) -> Value:
        return not truth(ev, self.operand)


class And(Node):
    """`and` over two or more operands: gives the first that is false, else the last."""

    __slots__ = ("last", "operands")
    stops_at: bool = False

    def __init__(self, offset: int, operands: Sequence[Node]) -> None:
        super().__init__(offset, *operands)
        self.operands = tuple(operands[:-1])
        self.last = operands[-1]

    def get(self, ev: Evaluation) -> Value:
        for operand in self.operands:
            value = operand.get(ev)
            if value is True or value is False:
                true = value
            else:
                ev.place = operand.offset
                true = ev.truth(value)
            if true is self.stops_at:
                return None if value.__class__ is Undefined else value
        return self.last.get(ev)


class Or(And):
    """`or` over two or more operands: gives the first that is true, else the last."""

    __slots__ = ()
    stops_at = True


class Choose(Node):
    """`a if c else b`."""

    __slots__ = ("condition", "otherwise", "then")

    def __init__(self, offset: int, condition: Node, then: Node, otherwise: Node) -> None:
        super().__init__(offset, condition, then, otherwise)
        self.condition = condition
        self.then = then
        self.otherwise = otherwise

    def get(self, ev: Evaluation) -> Value:
        return (self.then if truth(ev, self.condition) else self.otherwise).get(ev)


class Compare(Node):
    """One or more comparisons in a chain; each operand is evaluated once."""

    __slots__ = ("first", "rest")

    def __init__(self, offset: int, first: Node, rest: Sequence[tuple[Comparison, Node, int]]) -> None:
        super().__init__(offset, first, *(operand for _, operand, _ in rest))
        self.first = first
        self.rest = tuple(rest)

    def get(self, ev: Evaluation) -> Value:
        left = self.first.get(ev)
        for compare, operand, place in self.rest:
            right = operand.get(ev)
            ev.place = place
            try:
                if not compare(ev, left, right):
                    return False
            except (EvaluationError, ValueProblem) as error:
                raise placed(error, place) from None
            left = right
        return True


class IsNull(Node):
    """`x == null` and `x != null`, which record nothing."""

    __slots__ = ("operand", "wanted")

    def __init__(self, offset: int, operand: Node, *, wanted: bool) -> None:
        super().__init__(offset, operand)
        self.operand = operand
        self.wanted = wanted

    def get(self, ev: Evaluation) -> Value:
        value = self.operand.get(ev)
        return (value is None or value.__class__ is Undefined) is self.wanted


class Chain(Node):
    """Arithmetic of one level, from left to right."""

    __slots__ = ("first", "rest")

    def __init__(self, offset: int, first: Node, rest: Sequence[tuple[Arithmetic, Node]]) -> None:
        super().__init__(offset, first, *(operand for _, operand in rest))
        self.first = first
        self.rest = tuple(rest)

    def get(self, ev: Evaluation) -> Value:
        value = self.first.settled(ev)
        for operate, operand in self.rest:
            right = operand.settled(ev)
            try:
                value = operate(ev, value, right)
            except (EvaluationError, ValueProblem) as error:
                raise placed(error, operand.offset) from None
        return value


class Sign(Node):
    """`-x` and `+x`."""

    __slots__ = ("negative", "operand")

    def __init__(self, offset: int, operand: Node, *, negative: bool) -> None:
        super().__init__(offset, operand)
        self.operand = operand
        self.negative = negative

    def get(self, ev: Evaluation) -> Value:
        try:
            number = number_of(self.operand.settled(ev))
        except (EvaluationError, ValueProblem) as error:
            raise placed(error, self.offset) from None
        if not self.negative:
            return number
        return -number if isinstance(number, int) else number.copy_negate()


class Join(Node):
    """Texts side by side: `~`, and a quoted text with placeholders."""

    __slots__ = ("parts",)

    def __init__(self, offset: int, parts: Sequence[Node]) -> None:
        super().__init__(offset, *parts)
        self.parts = tuple(parts)

    def get(self, ev: Evaluation) -> Value:
        return join(ev, self.parts)


class Elements(Node):
    """`[…]`."""

    __slots__ = ("elements",)

    def __init__(self, offset: int, elements: Sequence[Node]) -> None:
        super().__init__(offset, *elements)
        self.elements = tuple(elements)

    def get(self, ev: Evaluation) -> Value:
        ev.make_elements(len(self.elements))
        return [plain(element.settled(ev)) for element in self.elements]


class Members(Node):
    """`{'k': v}`."""

    __slots__ = ("members",)

    def __init__(self, offset: int, members: Sequence[tuple[str, Node]]) -> None:
        super().__init__(offset, *(value for _, value in members))
        self.members = tuple(members)

    def get(self, ev: Evaluation) -> Value:
        ev.make_elements(4 * len(self.members))
        return {key: plain(value.settled(ev)) for key, value in self.members}


class Call(Node):
    """A function or filter with its arguments in the order of its parameters."""

    __slots__ = ("function", "raw", "settling")

    def __init__(self, offset: int, function: Function, arguments: Sequence[Node]) -> None:
        super().__init__(offset, *arguments)
        self.function = function
        self.raw = tuple(arguments[: function.raw])
        self.settling = tuple(arguments[function.raw :])

    def get(self, ev: Evaluation) -> Value:
        values = [node.get(ev) for node in self.raw]
        values += [node.settled(ev) for node in self.settling]
        ev.place = self.offset
        try:
            return self.function.run(ev, *values)
        except (EvaluationError, ValueProblem) as error:
            raise placed(error, self.offset) from None


class Column(Node):
    """`list.sum(f)` and its like: a key of that name wins on an object."""

    __slots__ = ("base", "column", "function")

    def __init__(self, offset: int, base: Node, function: Function, column: str | None) -> None:
        super().__init__(offset, base)
        self.base = base
        self.function = function
        self.column = column

    def get(self, ev: Evaluation) -> Value:
        base = self.base.get(ev)
        if base.__class__ is Undefined:
            return base
        if not isinstance(base, list):
            found = member(base, self.function.name)
            name = path_text(written(self.base), (self.function.name,))
            return Undefined(name, self.offset) if found is MISSING else found
        ev.place = self.offset
        try:
            return self.function.run(ev, base, self.column)
        except (EvaluationError, ValueProblem) as error:
            raise placed(error, self.offset) from None


class Test(Node):
    """`x is t`. Guarded tests take Undefined as it is; no other test is passed by it."""

    __slots__ = ("guarded", "operand", "passes")

    def __init__(
        self, offset: int, operand: Node, passes: Callable[[Evaluation, Value], bool], *, guarded: bool
    ) -> None:
        super().__init__(offset, operand)
        self.operand = operand
        self.passes = passes
        self.guarded = guarded

    def get(self, ev: Evaluation) -> Value:
        value = self.operand.get(ev)
        if value.__class__ is Undefined and not self.guarded:
            ev.undefined(value)
            return False
        ev.place = self.offset
        try:
            return self.passes(ev, value)
        except (EvaluationError, ValueProblem) as error:
            raise placed(error, self.offset) from None


class Secret(Node):
    """A reference to a secret; only parameters of calls have a way to write it."""

    __slots__ = ("reference",)

    def __init__(self, reference: SecretRef) -> None:
        super().__init__(reference.offset)
        self.reference = reference

    def get(self, ev: Evaluation) -> Value:
        if ev.secrets is None:
            raise EvaluationError("argument", "Secrets stand only in parameters of calls.", offset=self.offset)
        return self.reference.mask if ev.secrets == "mask" else ev.secrets(self.reference)


_LONGEST_NAME: Final = 200
NOTHING: Final = Constant(0, None)


def truth(ev: Evaluation, node: Node) -> bool:
    """Truth of a node's value."""
    value = node.get(ev)
    if value is True or value is False:
        return bool(value)
    ev.place = node.offset
    return ev.truth(value)


def join(ev: Evaluation, parts: Sequence[Node]) -> str:
    """The texts of the parts as one text, within the limit of a text."""
    return ev.join(ev.text(part.get(ev)) for part in parts)


def written(node: Node) -> str:
    """How a node is named where it leads nowhere."""
    return path_text(node.root, node.parts) if isinstance(node, Path) else "(…)"


FAILURES: Final = (EvaluationError, ValueProblem, RecursionError)
"""What an evaluation may end with before it is made an EvaluationError with a place."""


def placed(error: EvaluationError | ValueProblem | RecursionError, offset: int) -> EvaluationError:
    """The error with a place, if it had none."""
    if not isinstance(error, EvaluationError):
        return as_error(error, offset)
    if error.offset is None:
        error.offset = offset
    return error
