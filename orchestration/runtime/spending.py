"""Caps on what a run spends on models: reserved before each call, settled after it, never passed (runtime 16)."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from orchestration.models import Run
from orchestration.runtime.outcomes import Json
from procedures.ckp.document import GlobalConfig, LlmActionNode

BYTES_PER_TOKEN: Final = 2
NO_MONEY: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Amount:
    """Tokens, and USD; no USD where there is no price."""

    tokens: int = 0
    usd: Decimal | None = NO_MONEY

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.tokens + other.tokens, (self.usd or NO_MONEY) + (other.usd or NO_MONEY))

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.tokens - other.tokens, (self.usd or NO_MONEY) - (other.usd or NO_MONEY))


NOTHING: Final = Amount()


@dataclass(frozen=True, slots=True)
class Cap:
    """A limit in tokens or in USD on the run, or on one visit of it; passing `warn_at` of it is told."""

    name: str
    limit: Decimal
    in_tokens: bool = False
    of_visit: bool = False
    warn_at: float = 0.8

    def part(self, amount: Amount) -> Decimal:
        """What of an amount the cap is about."""
        return Decimal(amount.tokens) if self.in_tokens else amount.usd or NO_MONEY

    def payload(self, used: Amount) -> dict[str, Any]:
        """As it is told: numbers of the cap's own unit."""
        number: Any = int if self.in_tokens else float
        return {"cap": self.name, "used": number(self.part(used)), "limit": number(self.limit)}


def caps_of(config: GlobalConfig, node: LlmActionNode) -> list[Cap]:
    """The caps on a node's calls, as the document gives them."""
    budget = config.llm_budget
    warn_at = budget.warn_at if budget else 0.8
    found = []
    if config.max_cost_usd is not None:
        found.append(Cap("max_cost_usd", Decimal(str(config.max_cost_usd)), warn_at=warn_at))
    if budget is not None and budget.max_tokens_per_run is not None:
        found.append(Cap("llm_budget", Decimal(budget.max_tokens_per_run), in_tokens=True, warn_at=warn_at))
    if node.max_cost_usd is not None:
        found.append(Cap("node_max_cost_usd", Decimal(str(node.max_cost_usd)), of_visit=True))
    return found


def most_prompt_tokens(contents: Iterable[str]) -> int:
    """More tokens than the contents of the turns have: one for every two bytes."""
    return sum(-(-len(content.encode()) // BYTES_PER_TOKEN) + BYTES_PER_TOKEN * 2 for content in contents)


class Spending:
    """What one drive's run has spent and reserved; its branches ask here before they call.

    A run is driven by one worker at a time, so what its row says at first and what this drive adds is all there is.
    """

    def __init__(self, run_id: UUID) -> None:
        self._run_id = run_id
        self._lock = threading.Lock()
        self._run: Amount | None = None
        self._visits: dict[str, Amount] = {}

    def reserve(self, caps: Sequence[Cap], path: str, most: Amount, before: Amount) -> tuple[Cap, Amount] | None:
        """Count `most` as spent by a visit; or the cap that would be passed, with what is used of it.

        `before` is what the visit had spent when this drive began.
        """
        with self._lock:
            self._visits.setdefault(path, before)
            for cap in caps:
                used = self._used(cap, path)
                if cap.part(used + most) > cap.limit:
                    return cap, used
            self._add(path, most)
        return None

    def settle(self, caps: Sequence[Cap], path: str, most: Amount, used: Amount) -> list[dict[str, Json]]:
        """Put what was used in the place of what was reserved; the warnings that this brings."""
        with self._lock:
            self._add(path, NOTHING - most)
            crossed = [cap for cap in caps if self._crosses(cap, path, used)]
            self._add(path, used)
            return [_warning(cap, self._used(cap, path)) for cap in crossed]

    def _used(self, cap: Cap, path: str) -> Amount:
        return self._visits[path] if cap.of_visit else self._spent_by_run()

    def _crosses(self, cap: Cap, path: str, used: Amount) -> bool:
        mark, now = cap.limit * Decimal(str(cap.warn_at)), self._used(cap, path)
        return cap.part(now) < mark <= cap.part(now + used)

    def _add(self, path: str, amount: Amount) -> None:
        self._run = self._spent_by_run() + amount
        self._visits[path] += amount

    def _spent_by_run(self) -> Amount:
        if self._run is None:
            columns = ("prompt_tokens", "completion_tokens", "cost_usd")
            prompt, completion, cost = Run.system.values_list(*columns).get(pk=self._run_id)
            self._run = Amount((prompt or 0) + (completion or 0), cost or NO_MONEY)
        return self._run


def _warning(cap: Cap, used: Amount) -> dict[str, Json]:
    return {**cap.payload(used), "percent": round(100 * float(cap.part(used) / cap.limit), 1)}
