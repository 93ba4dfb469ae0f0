"""Expressions and templates in their fields (CKP310, CKP410, CKP516)."""

from typing import Final

from procedures.ckp.checks.subject import Subject
from procedures.ckp.kinds import Condition
from procedures.ckp.uses import Use

_CONSTANT_WORDS: Final = frozenset({"true", "false", "yes", "no", "none", "null"})
_KEYS: Final = frozenset({"idempotency_key", "key"})


def conditions_depend_on_something(subject: Subject) -> None:
    """CKP410; a condition that is nothing but a constant is meant."""
    for use in subject.uses.all():
        constant = use.compiled.constant and isinstance(use.place.kind, Condition)
        if constant and use.place.text.strip().lower() not in _CONSTANT_WORDS:
            subject.report("CKP410", use.path, "The condition has the same result whatever the variables are.")


def secrets_stay_in_calls(subject: Subject) -> None:
    """CKP310."""
    for use in subject.uses.all():
        for secret in use.compiled.secrets:
            if use.place.scope != "call":
                message = f"The secret '{secret.alias}' may stand only in the parameters of a call."
                subject.report("CKP310", use.path, message, offset=secret.offset)


def keys_are_stable(subject: Subject) -> None:
    """CKP516."""
    for use in subject.uses.all():
        if not is_idempotency_key(use):
            continue
        for read in use.reads:
            if read.path[0] in ("attempt", "now"):
                message = f"'{read.path[0]}' makes another key for each attempt; the key protects nothing."
                subject.report("CKP516", use.path, message, offset=read.offset)


def is_idempotency_key(use: Use) -> bool:
    """Whether a text is the key of a step or node."""
    return use.place.scope == "key" and use.path[-1] in _KEYS
