"""The codes that need more than a document, wholly or in part: each with the test that covers it."""

from collections.abc import Callable
from typing import Any, Final

from tests.api import test_procedures

ELSEWHERE: Final[dict[str, Callable[..., Any]]] = {
    "CKP104": test_procedures.test_a_document_says_the_id_and_version_of_its_address,
    "CKP106": test_procedures.test_an_import_that_wants_to_be_active_becomes_so_or_says_why_not,
    "CKP107": test_procedures.test_same_content_again_is_200_and_other_content_409,
}
