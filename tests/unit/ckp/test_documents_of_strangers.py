"""Whole documents as other people write them: exported by the older product, typed by operators, made by models."""

from typing import Any

from procedures.ckp.explain import explain
from tests.unit.ckp.compiling import compiled, found

EXPORTED: dict[str, Any] = {
    "procedure_id": "vendor.onboarding",
    "procedure_version": "3.0.0",
    "status": "approved",
    "start_node_id": "create",
    "global_config": {"default_retry": {"max_attempts": 4, "backoff": "exponential", "backoff_ms": 250}},
    "variables_schema": {"required": {"vendor": {"type": "dict"}}, "optional": {"amount": {"type": "float"}}},
    "nodes": [
        {
            "node_id": "create",
            "node_type": "step",
            "agent": "CRM",
            "steps": [
                {
                    "step_id": "s1",
                    "executor_id": "crm.create_vendor",
                    "parameters": {"vendor": "{{vendor}}"},
                    "timeout_ms": "5000",
                }
            ],
            "transitions": [
                {"condition": "{{amount}} > 1000", "target_node_id": "ask"},
                {"condition": "always", "next": "done"},
            ],
        },
        {
            "node_id": "ask",
            "node_type": "human_in_the_loop",
            "approval_message": "Take {{vendor.name}}?",
            "timeout_minutes": "1.5",
            "on_approved": "done",
            "on_rejected": "bad",
        },
        {"node_id": "bad", "node_type": "end", "terminal_status": "error"},
        {"node_id": "done", "node_type": "end", "terminal_status": "completed"},
    ],
}

TYPED: dict[str, Any] = {
    "id": "nightly-cleanup",
    "version": 7,
    "entry": "find",
    "nodes": [
        {
            "id": "find",
            "type": "sequence",
            "agent": "DB",
            "steps": [{"step_id": "q", "action": "query_rows", "timeout_ms": 1000, "output_variable": "rows"}],
            "on_error": "oops",
        },
        {"id": "any", "type": "logic", "condition": "rows.length > 0", "on_true": "each", "on_false": "nothing"},
        {"id": "each", "type": "loop", "items": "rows", "iterator_variable": "row", "loop_body": "del", "next": "tell"},
        {
            "id": "del",
            "type": "sequence",
            "agent": "DB",
            "steps": [{"step_id": "d", "action": "delete_row", "row": "{{row.id}}", "timeout_ms": 1000}],
        },
        {"id": "tell", "type": "processing", "operations": [{"action": "log", "message": "{{rows.length}} rows"}]},
        {"id": "nothing", "type": "terminate"},
        {"id": "oops", "type": "terminate", "status": "failed", "message": "{{error.message}}"},
    ],
}

GENERATED: dict[str, Any] = {
    "procedure_id": "invoice triage",
    "version": "1.0.0",
    "variables_schema": {
        "amount": {"type": "decimal"},
        "currency": {"type": "string", "required": True, "enum": ["EUR"]},
        "limit": {"type": "number", "validation": {"max": "1000"}},
    },
    "global_config": {"maxRetries": 3, "timeout_ms": "30s"},
    "workflow_graph": {
        "start_node": "check",
        "nodes": {
            "check": {
                "type": "logic",
                "rules": [
                    {"condition": "amount > 10 && currency == 'EUR'", "next_node": "end"},
                    {"condition": "currency == EUR", "next_node": "end"},
                    {"condition": "currency.toLowerCase() == 'eur'", "next_node": "end"},
                    {"condition": "amount > 10 OR limit < 5", "next_node": "end"},
                    {"condition": "{{currency}}{{amount}}", "next_node": "end"},
                ],
                "default_next_node": "End",
            },
            "end": {"type": "terminate", "status": "done", "outputs": {"result": "{{ amount | round(2) }}"}},
        },
    },
}


def test_an_export_is_read_as_it_was_meant():
    made = compiled(EXPORTED)
    assert made.canonical is not None
    assert made.canonical["global_config"]["retry_policy"] == {
        "max_retries": 3,
        "strategy": "exponential_backoff",
        "base_delay_ms": 250,
    }
    assert made.canonical["workflow_graph"]["nodes"] == {
        "create": {
            "type": "sequence",
            "agent": "CRM",
            "steps": [{"step_id": "s1", "action": "crm.create_vendor", "vendor": "{{vendor}}", "timeout_ms": 5000}],
            "next_node": "create__route",
        },
        "create__route": {
            "type": "logic",
            "rules": [{"condition": "{{amount}} > 1000", "next_node": "ask"}],
            "default_next_node": "done",
        },
        "ask": {
            "type": "human_approval",
            "prompt": "Take {{vendor.name}}?",
            "timeout_ms": 90_000,
            "on_approve": "done",
            "on_reject": "bad",
        },
        "bad": {"type": "terminate", "status": "failed"},
        "done": {"type": "terminate", "status": "success"},
    }
    assert {problem.code for problem in made.problems} == {"CKP302", "CKP601", "CKP602", "CKP603", "CKP606", "CKP-L12"}


def test_an_export_is_explained_by_the_ways_it_had():
    explained = explain(compiled(EXPORTED))
    assert [(route["nodes"], route["ends"]) for route in explained["routes"]] == [
        (["create", "create__route", "ask", "done"], "success"),
        (["create", "create__route", "ask", "bad"], "failed"),
        (["create", "create__route", "done"], "success"),
    ]
    assert explained["bounds"]["waiting_ms"]["max"] == 90_000
    assert [doubt["pointer"] for doubt in explained["variables"]["maybe_undefined"]] == [
        "/nodes/0/transitions/0/condition"
    ]


def test_only_what_nothing_leads_to_follows_in_the_list():
    made = compiled(TYPED)
    assert made.document is not None
    assert [node.next_node for node in made.document.nodes.values()] == ["any", None, "tell", None, None, None, None]
    assert [(code, pointer) for code, pointer in found(TYPED) if code != "CKP602"] == [
        ("CKP105", "/version"),
        ("CKP207", "/nodes/4"),
        ("CKP601", ""),
        ("CKP605", "/nodes/0"),
    ]
    routes = explain(made)["routes"]
    assert [(route["nodes"], route["ends"]) for route in routes] == [
        (["find", "any", "each", "del", "tell"], "__end__"),
        (["find", "any", "each", "tell"], "__end__"),
        (["find", "any", "nothing"], "success"),
    ]


def test_every_slip_of_a_model_is_told_with_what_to_write():
    problems = [problem for problem in compiled(GENERATED).problems if problem.code not in ("CKP606", "CKP607")]
    rules = "/workflow_graph/nodes/check/rules/"
    assert [(problem.code, problem.pointer, problem.hint) for problem in problems if problem.hint] == [
        (
            "CKP013",
            "/variables_schema/amount/type",
            "Use one of: string, number, integer, boolean, array, object, date, datetime, file, password.",
        ),
        ("CKP010", "/global_config/maxRetries", "Did you mean 'max_retries'?"),
        ("CKP402", f"{rules}0/condition", "and"),
        ("CKP301", f"{rules}1/condition", "Write 'EUR' for the text, or declare the variable."),
        ("CKP402", f"{rules}3/condition", "or"),
        ("CKP402", f"{rules}4/condition", "join texts with `~`"),
        ("CKP205", "/workflow_graph/nodes/check/default_next_node", "end"),
        ("CKP013", "/workflow_graph/nodes/end/status", "Use one of: success, failed."),
        (
            "CKP302",
            "/workflow_graph/nodes/end/outputs/result",
            "Write amount|default(…), or define it on every path.",
        ),
    ]
    assert [(problem.code, problem.pointer) for problem in problems if not problem.hint] == [
        ("CKP102", "/procedure_id"),
        ("CKP010", "/variables_schema/currency/enum"),
        ("CKP012", "/variables_schema/limit/validation/max"),
        ("CKP012", "/global_config/timeout_ms"),
        ("CKP407", f"{rules}2/condition"),
    ]
