"""The checks that ask what is registered now (CKP 5, bind), each a small function, listed here once."""

from collections.abc import Callable, Sequence
from typing import Final

from procedures.ckp.bind import calls, children, contract, models, people, secrets
from procedures.ckp.checks.subject import Subject

Check = Callable[[Subject], None]

CHECKS: Final[tuple[Check, ...]] = (
    calls.actions_are_offered,
    calls.project_allows_actions,
    calls.parameters_are_not_misspelt,
    calls.model_data_is_guarded,
    calls.irreversible_calls_have_a_gate,
    calls.retried_writes_keep_keys,
    children.pins_can_be_read,
    children.children_exist,
    children.nothing_recurs,
    contract.inputs_are_supplied,
    contract.inputs_are_declared,
    contract.types_fit,
    contract.outputs_exist,
    secrets.aliases_are_listed,
    secrets.aliases_are_known,
    people.people_exist,
    people.quorums_can_be_met,
    people.channels_exist,
    people.calendars_exist,
    models.models_are_known,
    models.models_have_prices,
    models.prompts_exist,
    models.attachments_are_allowed,
    models.caps_allow_a_call,
)


REFUSING: Final[tuple[Check, ...]] = (
    calls.project_allows_actions,
    children.nothing_recurs,
    contract.inputs_are_supplied,
    people.quorums_can_be_met,
    people.calendars_exist,
    models.models_have_prices,
    models.attachments_are_allowed,
)
"""Those that find errors which were not there when the document was stored."""


def bind(subject: Subject, checks: Sequence[Check] = CHECKS) -> None:
    """Runs every check until there are more errors than are shown; findings go to the report of the subject."""
    for check in checks:
        if not subject.report.is_full:
            check(subject)
