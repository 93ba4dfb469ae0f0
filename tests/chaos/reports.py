"""What a scenario found: figures to read, and faults that must not be."""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Report:
    """Figures and faults of one scenario."""

    scenario: str
    title: str
    figures: dict[str, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0
    began: float = field(default_factory=time.monotonic)

    def require(self, good: bool, fault: str) -> None:
        """Note a fault unless things are `good`."""
        if not good:
            self.faults.append(fault)

    def ended(self) -> "Report":
        """The report, with the seconds that it took."""
        self.seconds = round(time.monotonic() - self.began, 1)
        return self

    def as_json(self) -> str:
        """One line."""
        values = asdict(self)
        del values["began"]
        return json.dumps(values, default=str)

    def __str__(self) -> str:
        lines = [f"{self.scenario}  {self.title}  ({self.seconds:.0f} s)  {'FAILED' if self.faults else 'holds'}"]
        lines += [f"    {name}: {value}" for name, value in self.figures.items()]
        lines += [f"  ! {fault}" for fault in self.faults[:20]]
        return "\n".join(lines)


def read(line: str) -> Report:
    """The report of one line."""
    return Report(**json.loads(line))


def spread(values: Iterable[float]) -> dict[str, float]:
    """Number, median, 95th percentile and maximum."""
    ordered = sorted(values)
    if not ordered:
        return {"n": 0}
    return {"n": len(ordered), **{f"p{share}": percentile(ordered, share) for share in (50, 95)}, "max": ordered[-1]}


def percentile(ordered: Sequence[float], share: int) -> float:
    """The value below which `share` per cent lie."""
    return ordered[min(len(ordered) - 1, -(-len(ordered) * share // 100) - 1)]
