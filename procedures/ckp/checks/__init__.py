"""The checks that depend on the document alone (CKP 5, validate), each a small function, listed here once."""

from collections.abc import Callable
from typing import Final

from procedures.ckp.checks import control, flow, graph, regions, root, settings, steps, texts, triggers, variables
from procedures.ckp.checks.subject import Subject

Check = Callable[[Subject], None]

CHECKS: Final[tuple[Check, ...]] = (
    root.language_is_known,
    root.identity_is_legal,
    root.version_is_semantic,
    root.requests_are_honoured,
    root.reserved_blocks,
    settings.retry_keys_agree,
    settings.test_modes_are_meant,
    settings.fixed_settings,
    settings.secrets_have_a_provider,
    variables.not_too_many,
    variables.defaults_fit,
    variables.constraints_can_be_met,
    variables.defaults_suffice,
    variables.declared_is_used,
    variables.secrets_have_no_default,
    variables.names_are_plain,
    triggers.needed_fields,
    triggers.schedules_fire,
    triggers.inputs_are_supplied,
    triggers.mappings_are_declared,
    triggers.sources_are_known,
    triggers.addresses_are_well_formed,
    graph.start_exists,
    graph.targets_exist,
    graph.nodes_are_reached,
    graph.dead_ends,
    graph.some_end_is_declared,
    graph.every_node_ends,
    regions.bodies_begin_inside,
    regions.edges_stay_inside,
    regions.failure_route_is_outside,
    regions.branches_meet,
    regions.branches_write_apart,
    regions.approvals_may_be_withdrawn,
    control.ids_are_unique,
    control.rules_can_win,
    control.logic_has_default,
    control.outcomes_have_routes,
    control.retries_have_a_target,
    control.loops_have_an_end,
    control.handlers_can_match,
    control.outcomes_have_one_rule,
    control.needed_together,
    control.fields_have_effect,
    control.terminates_have_no_escalation,
    steps.step_ids_are_unique,
    steps.calls_have_an_agent,
    steps.actions_are_allowed,
    steps.dispatch_fits,
    steps.screenshots_have_an_agent,
    steps.compensation_is_plain,
    steps.approvals_are_nodes,
    steps.parameters_have_effect,
    texts.conditions_depend_on_something,
    texts.secrets_stay_in_calls,
    texts.keys_are_stable,
    flow.variables_are_defined,
    flow.names_outside_the_graph,
    flow.built_ins_are_set,
    flow.keys_exist,
)


def validate(subject: Subject) -> None:
    """Runs every check; findings go to the report of the subject."""
    for check in CHECKS:
        check(subject)
