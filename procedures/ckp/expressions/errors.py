"""What the language reports: problems found while compiling, errors and records made while evaluating."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

ErrorKind: TypeAlias = Literal["type", "argument", "division", "range", "limit", "undefined"]


class ExpressionProblem(Exception):
    """The text is refused. `code` is a problem code of CKP 5, `offset` a position in the given text.

    `pointer` is the JSON pointer of that text inside a compiled value, "" for a text of its own.
    """

    def __init__(
        self, code: str, message: str, *, hint: str | None = None, offset: int | None = None, pointer: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.offset = offset
        self.pointer = pointer


class EvaluationError(Exception):
    """Evaluation failed. `error_class` is the run's error class: expression_error or undefined_value."""

    def __init__(self, kind: ErrorKind, message: str, *, offset: int | None = None, name: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.offset = offset
        self.name = name

    @property
    def error_class(self) -> Literal["expression_error", "undefined_value"]:
        """Class under which a run records this error."""
        return "undefined_value" if self.kind == "undefined" else "expression_error"


@dataclass(frozen=True)
class Note:
    """Something to report about a text that is accepted (CKP411, CKP413, CKP414)."""

    code: str
    message: str
    hint: str | None = None
    offset: int | None = None
    pointer: str = ""


@dataclass(frozen=True)
class Read:
    """One use of a variable: the static path from its name on.

    `guarded` marks a use that is not recorded when undefined (`default`, `is defined`, `== null` and the like).
    The path may end in a word such as `length` or `sum` that lists answer to.
    """

    path: tuple[str | int, ...]
    offset: int
    guarded: bool = False
    pointer: str = ""


@dataclass(frozen=True)
class SecretRef:
    """A reference to a secret: `secrets.alias` or `secrets.alias.key`."""

    alias: str
    key: str | None = None
    offset: int = 0
    pointer: str = ""

    @property
    def mask(self) -> str:
        """What is recorded in place of the value."""
        return f"[secret:{self.alias}]" if self.key is None else f"[secret:{self.alias}.{self.key}]"


@dataclass(frozen=True)
class Recorded:
    """Something worth an event that is no error: undefined_value, type_mismatch, null_comparison.

    `offset` is the place in the text, `pointer` the place of the text: the scope's pointer and the way into a value.
    """

    kind: str
    name: str | None
    kinds: tuple[str, ...]
    offset: int
    pointer: str = ""
