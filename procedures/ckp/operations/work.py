"""What an operation works with: its fields, the scope, and the ports to keys and files."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from procedures.ckp.expressions.blocks import compile_text
from procedures.ckp.expressions.compiled import compile_expression
from procedures.ckp.expressions.errors import ExpressionProblem
from procedures.ckp.expressions.evaluation import Scope
from procedures.ckp.expressions.templates import compile_value, pointer_to
from procedures.ckp.failures import OperationError, invalid
from procedures.ckp.names import VARIABLE_NAME
from procedures.ckp.values import Json, kind_of

MAX_ROWS: Final = 100_000
_BETWEEN_LOOKS: Final = 8
"""So many elements between two looks: an expression over one of them takes at most some 100 ms."""

_T = TypeVar("_T")


@dataclass(slots=True)
class Tools:
    """Ports of operations to what is not data.

    `key` gives the text of a secret by its alias. `read_file` gives the bytes of an artifact, or None when the value
    names none. `defined` holds names that may be defined here although they have no value now. `logged` collects
    (level, message or value).
    """

    key: Callable[[str], str] | None = None
    read_file: Callable[[Json], bytes | None] | None = None
    defined: Collection[str] = ()
    logged: list[tuple[str, Json]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Work:
    """One operation or transformation at work."""

    fields: Mapping[str, Any]
    scope: Scope
    tools: Tools

    def at(self, name: str) -> Scope:
        """The scope with the place of a field."""
        return replace(self.scope, pointer=pointer_to(self.scope.pointer, name))

    def need(self, name: str) -> Any:
        """A field that must be given. Raises OperationError."""
        if name not in self.fields:
            raise invalid(f"`{name}` is missing.")
        return self.fields[name]

    def literal(self, name: str, default: Any = None) -> Any:
        """A field that takes no template."""
        return self.fields.get(name, default)

    def value(self, name: str) -> Json:
        """A value with its placeholders filled."""
        return compile_value(self.need(name)).render(self.at(name))

    def given(self, name: str) -> Json:
        """A value, or the variable that the text names."""
        source = self.need(name)
        if isinstance(source, str) and self._is_variable(source):
            return compile_expression(source).evaluate(self.at(name))
        return self.value(name)

    def _is_variable(self, text: str) -> bool:
        scope = self.scope
        known = text in scope.variables or text in scope.builtins or text in self.tools.defined
        return known and VARIABLE_NAME.fullmatch(text) is not None

    def text(self, name: str) -> str:
        """Text of a prompt template."""
        template = self.need(name)
        if not isinstance(template, str):
            raise invalid(f"`{name}` must be a text.")
        return compile_text(template).render(self.at(name))

    def expression(self, name: str) -> Json:
        """The value of an expression."""
        return compile_expression(self.need(name)).evaluate(self.at(name))

    def paced(self, elements: Iterable[_T]) -> Iterable[_T]:
        """The elements one by one, with a look of the scope now and then."""
        look = self.scope.look
        return elements if look is None else _paced(elements, look)


def _paced(elements: Iterable[_T], look: Callable[[], None]) -> Iterator[_T]:
    for index, element in enumerate(elements):
        if not index % _BETWEEN_LOOKS:
            look()
        yield element


def refused(problem: ExpressionProblem) -> OperationError:
    """The failure for a text that the compiler would have refused."""
    return invalid(f"{problem.message} ({problem.code})")


def as_list(value: Json) -> list[Any]:
    """The list; null counts as an empty one. Raises OperationError (not_a_list)."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise OperationError("not_a_list", f"A list is needed, not {kind_of(value)}.")
    return value


def as_text(value: Json) -> str:
    """The text. Raises OperationError (invalid_value)."""
    if not isinstance(value, str):
        raise invalid(f"A text is needed, not {kind_of(value)}.")
    return value
