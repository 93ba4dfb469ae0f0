"""The functions of the language (CKP 3.3): every name works as a function and as a filter."""

from typing import Final

from procedures.ckp.expressions.functions.base import Function
from procedures.ckp.expressions.functions.choice import CHOICE
from procedures.ckp.expressions.functions.dates import DATES
from procedures.ckp.expressions.functions.lists import LISTS
from procedures.ckp.expressions.functions.numbers import NUMBERS
from procedures.ckp.expressions.functions.texts import TEXTS

FUNCTIONS: Final[dict[str, Function]] = {**NUMBERS, **TEXTS, **LISTS, **CHOICE, **DATES}
