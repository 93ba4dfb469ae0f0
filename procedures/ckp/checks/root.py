"""Identity, status and reserved blocks of a document (CKP016, CKP101 to CKP106)."""

from procedures.ckp.checks.subject import Subject
from procedures.ckp.names import PROCEDURE_ID, RESERVED_PROCEDURE_IDS, RESERVED_VERSIONS, VERSION, is_note
from procedures.ckp.versions import is_semantic

LANGUAGE = "1"


def language_is_known(subject: Subject) -> None:
    """CKP101."""
    if subject.document.ckp != LANGUAGE:
        message = f"Version '{subject.document.ckp[:40]}' of the language is not known."
        subject.report("CKP101", ("ckp",), message, hint=f'Write "{LANGUAGE}", or leave it out.')


def identity_is_legal(subject: Subject) -> None:
    """CKP102 and CKP103; missing ones were reported."""
    procedure_id, version = subject.document.procedure_id, subject.document.version
    if "procedure_id" in subject.canonical and procedure_id in RESERVED_PROCEDURE_IDS:
        subject.report("CKP102", ("procedure_id",), f"The procedure_id '{procedure_id}' is reserved.")
    elif "procedure_id" in subject.canonical and not PROCEDURE_ID.fullmatch(procedure_id):
        message = f"'{procedure_id[:80]}' is no procedure_id: letters, digits and . _ - only, at most 128."
        subject.report("CKP102", ("procedure_id",), message)
    if "version" in subject.canonical and version in RESERVED_VERSIONS:
        subject.report("CKP103", ("version",), f"The version '{version}' is reserved.")
    elif "version" in subject.canonical and not VERSION.fullmatch(version):
        message = f"'{version[:80]}' is no version: letters, digits and . _ + - only, at most 64."
        subject.report("CKP103", ("version",), message)


def version_is_semantic(subject: Subject) -> None:
    """CKP105."""
    version = subject.document.version
    legal = VERSION.fullmatch(version) and version not in RESERVED_VERSIONS
    if legal and not is_semantic(version):
        message = f"The version '{version}' is not semantic; ranges never select it."
        subject.report("CKP105", ("version",), message, hint="Write it as 1.0.0.")


def requests_are_honoured(subject: Subject) -> None:
    """CKP106: what an import cannot ask for."""
    status = subject.document.status
    if status in ("deprecated", "archived"):
        subject.report("CKP106", ("status",), f"The status '{status}' is not applied; the version becomes a draft.")
    for key, value in subject.canonical.get("release", {}).items():
        if not (key == "channel" and value == "dev") and not is_note(key):
            message = f"'release.{key}' is not applied; releases are made by publishing and promotion."
            subject.report("CKP106", ("release", key), message)


def reserved_blocks(subject: Subject) -> None:
    """CKP016."""
    for key in ("compliance", "tests"):
        if key in subject.canonical:
            subject.report("CKP016", (key,), f"'{key}' is reserved: it is stored and shown, and not yet enforced.")
