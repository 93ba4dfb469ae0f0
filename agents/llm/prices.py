"""What tokens cost: USD per 1,000, by the name of the model (protocols 9). Pure."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from agents.llm.chat import Usage


class Price(NamedTuple):
    """USD per 1,000 tokens of prompt and of completion."""

    prompt: Decimal
    completion: Decimal

    def of(self, usage: Usage) -> Decimal:
        """What a call with this usage cost, in USD, exact."""
        return (self.prompt * usage.prompt + self.completion * usage.completion) / 1000


_LIST: Final = """
gpt-4o 0.0025 0.01
gpt-4o-mini 0.00015 0.0006
gpt-4.1 0.002 0.008
gpt-4.1-mini 0.0004 0.0016
gpt-4.1-nano 0.0001 0.0004
gpt-5 0.00125 0.01
gpt-5-mini 0.00025 0.002
gpt-5-nano 0.00005 0.0004
gpt-4-turbo 0.01 0.03
gpt-4 0.03 0.06
gpt-3.5-turbo 0.0005 0.0015
o1 0.015 0.06
o3 0.002 0.008
o3-mini 0.0011 0.0044
o4-mini 0.0011 0.0044
claude-3-haiku 0.00025 0.00125
claude-3-5-haiku 0.0008 0.004
claude-3-5-sonnet 0.003 0.015
claude-3-7-sonnet 0.003 0.015
claude-3-opus 0.015 0.075
claude-sonnet-4 0.003 0.015
claude-opus-4 0.015 0.075
gemini-1.5-flash 0.000075 0.0003
gemini-1.5-pro 0.00125 0.005
gemini-2.0-flash 0.0001 0.0004
gemini-2.5-pro 0.00125 0.01
mistral-large 0.002 0.006
"""
BUILT_IN: Final = {
    name: Price(Decimal(prompt), Decimal(completion))
    for name, prompt, completion in (line.split() for line in _LIST.split("\n") if line)
}
_DATE: Final = re.compile(r"[-@](\d{4}-\d{2}-\d{2}|\d{8}|\d{6}|\d{4}|\d{3}|latest)")


def price_of(model: str, own: Mapping[str, Price]) -> Price | None:
    """The price of a model: from `own` first, then from the built-in table; none where nobody knows it."""
    name = model.lower().rpartition("/")[2]
    plain = {key.lower().rpartition("/")[2]: price for key, price in own.items()}
    return _find(name, plain) or _find(name, BUILT_IN)


def _find(name: str, table: Mapping[str, Price]) -> Price | None:
    """The price under a name, or under the longest known name that it is a dated form of."""
    if name in table:
        return table[name]
    known = [key for key in table if name.startswith(key) and _DATE.fullmatch(name, len(key))]
    return table[max(known, key=len)] if known else None
