"""What models can do beside answering in text. Pure."""

import re
from typing import Final

_TAKE_SCHEMAS: Final = re.compile(r"gpt-4o|gpt-4\.1|gpt-5|o1|o3|o4")


def takes_schema(model: str) -> bool:
    """Whether a model can be held to a JSON Schema by its provider; others are only told it."""
    name = model.lower().rpartition("/")[2]
    return _TAKE_SCHEMAS.match(name) is not None
