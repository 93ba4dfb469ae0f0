"""What a function of the language is: its name, its parameters, and how it runs."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from procedures.ckp.expressions.evaluation import Value
from procedures.ckp.values import scalar_text

Check: TypeAlias = Callable[[Value], None]
"""Refuses a literal argument with EvaluationError, or a pattern with ExpressionProblem."""

REQUIRED: Final = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Function:
    """One name that works as `f(x, …)` and as `x|f(…)`; the first parameter is the subject.

    `run` takes the evaluation and the arguments, the first `raw` of them with Undefined as it is, the others with
    null for it. `guarded`: an undefined subject is not recorded. `timeless`: equal arguments give equal results.
    """

    name: str
    run: Callable[..., Value]
    parameters: tuple[str, ...]
    defaults: tuple[Any, ...]
    variadic: bool = False
    guarded: bool = False
    raw: int = 0
    timeless: bool = True
    checks: Mapping[str, Check] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """What the function gives, as a sentence."""
        return inspect.getdoc(self.run) or ""

    @property
    def signature(self) -> str:
        """The function as an author writes it."""
        shown = [
            name if default is REQUIRED else f"{name}={_shown(default)}"
            for name, default in zip(self.parameters, self.defaults, strict=True)
        ]
        return f"{self.name}({', '.join([*shown, '…'] if self.variadic else shown)})"


class Catalogue(dict[str, Function]):
    """Functions by name; calling the catalogue registers one."""

    def __call__(
        self,
        *names: str,
        guarded: bool = False,
        raw: int = 0,
        timeless: bool = True,
        checks: Mapping[str, Check] | None = None,
    ) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
        """Register a function under its names. Its parameters are those of the Python function after the first."""

        def register(run: Callable[..., Value]) -> Callable[..., Value]:
            parameters = list(inspect.signature(run).parameters.values())[1:]
            variadic = bool(parameters) and parameters[-1].kind is inspect.Parameter.VAR_POSITIONAL
            named = parameters[:-1] if variadic else parameters
            for name in names:
                self[name] = Function(
                    name=name,
                    run=run,
                    parameters=tuple(parameter.name for parameter in named),
                    defaults=tuple(parameter.default for parameter in named),
                    variadic=variadic,
                    guarded=guarded,
                    raw=max(raw, guarded),
                    timeless=timeless,
                    checks=checks or {},
                )
            return run

        return register


def _shown(default: Any) -> str:
    return scalar_text(default, null="null") if not isinstance(default, str) else repr(default)
