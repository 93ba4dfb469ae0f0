"""Which values name an artifact of the run."""

from typing import Any

import pytest

from orchestration.artifacts.reading import OURS, named_by

ID = "01a221f5-230c-7b4b-acf3-07115a2002c9"
ENTRY = {"artifact_id": ID, "kind": "screenshot"}


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (ID, ID),
        (f"{OURS}{ID}/a.png", f"{OURS}{ID}/a.png"),
        (ENTRY, ID),
        ({"artifact": ENTRY}, ID),
        ({"screenshot": f"{OURS}{ID}/a.png", "title": "Shop"}, f"{OURS}{ID}/a.png"),
        ({"artifacts": [ENTRY]}, ID),
        ({"artifacts": [ENTRY, ENTRY]}, None),
        ({"uri": "https://elsewhere.test/a.png"}, None),
        ("some words", None),
        (None, None),
        ([ENTRY], None),
    ],
)
def test_a_value_names_one_artifact_or_none(value: Any, name: str | None) -> None:
    assert named_by(value) == name
