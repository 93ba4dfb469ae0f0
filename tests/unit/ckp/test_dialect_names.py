"""Older names and spellings, one by one: each is replaced and reported."""

import pytest

from tests.unit.ckp.compiling import (
    Case,
    approval,
    at,
    call,
    change,
    doc,
    found,
    ids,
    inputs,
    seq,
    step,
)

N = {"variables_schema": inputs(n="number")}
READ = "CKP602"


def retry(**policy):
    """A document with a retry policy on a step."""
    return doc({"a": seq(call(retry_config=policy))})


R = at("a", "steps", 0, "retry_config")
CASES: list[Case] = [
    (
        "id of the root",
        {"id": "p", **{k: v for k, v in doc().items() if k != "procedure_id"}},
        [(READ, "/id"), ("CKP608", "")],
    ),
    (
        "node types",
        doc({"a": {**seq(), "type": "step"}, "z": {"type": "end"}}),
        [(READ, at("a", "type")), (READ, at("z", "type"))],
    ),
    (
        "executor",
        doc(
            {
                "a": seq(
                    {"step_id": "s", "agent": "WEB", "executor_id": "click", "parameters": {"x": 1}, "timeout_ms": 1}
                )
            }
        ),
        [(READ, at("a", "steps", 0, "executor_id")), (READ, at("a", "steps", 0, "parameters"))],
    ),
    ("number text", doc({"a": seq(call(wait_ms="5000"))}), [(READ, at("a", "steps", 0, "wait_ms"))]),
    ("attempts", retry(max_attempts=3), [(READ, R + "/max_attempts")]),
    (
        "delays",
        retry(backoff_ms=5, backoff_multiplier=2),
        [(READ, R + "/backoff_ms"), (READ, R + "/backoff_multiplier")][::-1],
    ),
    (
        "backoff",
        retry(backoff="exponential", max_delay_ms="50"),
        [(READ, R + "/backoff"), (READ, R + "/backoff"), (READ, R + "/max_delay_ms")],
    ),
    (
        "default retry",
        doc(global_config={"default_retry": {"retry_delay_ms": 5}}),
        [(READ, "/global_config/default_retry"), (READ, "/global_config/default_retry/retry_delay_ms")],
    ),
    (
        "rate",
        doc(global_config={"rate_limiting": {"max_concurrent": 2}}),
        [(READ, "/global_config/rate_limiting/max_concurrent")],
    ),
    (
        "provider",
        doc(global_config={"secrets_config": {"type": "hashicorp_vault"}}),
        [(READ, "/global_config/secrets_config/type")] * 2,
    ),
    (
        "types",
        doc(variables_schema={"v": {"type": "dict"}}, outputs_schema={"v": {"type": "int"}}),
        [(READ, "/outputs_schema/v/type"), (READ, "/variables_schema/v/type")],
    ),
    (
        "metadata",
        doc(retrieval_metadata={"primary_intents": [], "business_domain": "x", "owner": 1}),
        [(READ, "/retrieval_metadata/business_domain"), (READ, "/retrieval_metadata/primary_intents")],
    ),
    ("channel", doc(release={"channel": "staging"}), [("CKP106", "/release/channel"), (READ, "/release/channel")]),
    (
        "event source",
        doc(trigger={"type": "event", "event": {"source": "kafka://x"}}),
        [(READ, "/trigger/event/source")],
    ),
    (
        "provider and topic",
        doc(trigger={"type": "event", "event": {"provider": "rabbitmq", "queue": "q", "event_type": ["x"]}}),
        [(READ, "/trigger/event"), (READ, "/trigger/event")],
    ),
    (
        "watched file",
        doc(trigger={"type": "file_watch", "file": {"path": "in", "pattern": "*"}}),
        [(READ, "/trigger/file"), (READ, "/trigger/file/path")],
    ),
    (
        "secret in its block",
        doc(trigger={"type": "webhook", "webhook_config": {"authentication": {"secret": "s"}}}),
        [(READ, "/trigger/webhook_config/authentication/secret")],
    ),
    (
        "rules",
        doc({"a": {"type": "logic", "rules": [{"condition_expr": "n > 1", "target": "z"}], "default_next": "z"}}, **N),
        [
            (READ, at("a", "default_next")),
            (READ, at("a", "rules", 0, "condition_expr")),
            (READ, at("a", "rules", 0, "target")),
        ],
    ),
    (
        "branches of a decision",
        doc({"a": {"type": "logic", "branches": [{"condition": "n > 1", "next": "z"}], "default_next_node": "z"}}, **N),
        [(READ, at("a", "branches")), (READ, at("a", "branches", 0, "next"))],
    ),
    (
        "true and false",
        doc({"a": {"type": "logic", "condition": "n > 1", "on_true": "z", "on_false": "z"}}, **N),
        [(READ, at("a", "condition")), (READ, at("a", "on_false"))],
    ),
    (
        "last rule is true",
        doc(
            {
                "a": {
                    "type": "logic",
                    "rules": [{"condition": "n > 1", "next_node": "z"}, {"condition": True, "next_node": "z"}],
                }
            },
            **N,
        ),
        [(READ, at("a", "rules", 1))],
    ),
    (
        "loop",
        doc(
            {"a": {"type": "loop", "iterator_var": "n", "loop_body": "b", "next_node": "z"}, "b": seq(to="a")},
            variables_schema=inputs(n="array"),
        ),
        [(READ, at("a", "iterator_var")), (READ, at("a", "loop_body"))],
    ),
    (
        "items and while",
        doc(
            {
                "a": {"type": "loop", "items": "n", "while": "n.length > 1", "body_node_id": "b", "next_node": "z"},
                "b": seq(to="a"),
            },
            variables_schema=inputs(n="array"),
        ),
        [(READ, at("a", "body_node_id")), (READ, at("a", "items")), (READ, at("a", "while"))],
    ),
    (
        "mixed up",
        doc(
            {
                "a": {
                    "type": "loop",
                    "iterator_var": "one",
                    "iterator_variable": "n",
                    "body_node": "b",
                    "next_node": "z",
                },
                "b": seq(step(message="{{one}}"), to="a"),
            },
            variables_schema=inputs(n="array"),
        ),
        [("CKP603", at("a", "iterator_variable"))],
    ),
    (
        "branches",
        doc(
            {
                "a": {
                    "type": "parallel",
                    "branches": [{"id": "x", "entry_node": "b"}, "c"],
                    "branch_failure": "stop",
                    "wait_all": True,
                    "next_node": "z",
                },
                "b": seq(),
                "c": seq(),
            }
        ),
        [
            (READ, at("a", "branch_failure")),
            (READ, at("a", "branches", 0, "entry_node")),
            (READ, at("a", "branches", 0, "id")),
            (READ, at("a", "branches", 1)),
            (READ, at("a", "wait_all")),
        ],
    ),
    (
        "operations",
        doc(
            {
                "a": {
                    "type": "processing",
                    "operations": [
                        {"action": "filter", "source": "n", "condition": "x > 1", "output": "o"},
                        {"action": "format_data", "template": "x", "output_variable": "p"},
                    ],
                    "next_node": "z",
                }
            },
            variables_schema=inputs(n="array"),
        ),
        [
            (READ, at("a", "operations", 0, "condition")),
            (READ, at("a", "operations", 0, "output")),
            (READ, at("a", "operations", 1, "action")),
        ],
    ),
    (
        "aggregate of a column",
        doc(
            {
                "a": {
                    "type": "processing",
                    "operations": [
                        {"action": "aggregate", "source": "n", "function": "sum", "field": "x", "output_variable": "o"}
                    ],
                    "next_node": "z",
                }
            },
            variables_schema=inputs(n="array"),
        ),
        [(READ, at("a", "operations", 0, "function"))],
    ),
    (
        "transformations",
        doc(
            {
                "a": {
                    "type": "transform",
                    "transformations": [{"type": "jinja_template", "expression": "x", "output_variable": "o"}],
                    "next_node": "z",
                }
            }
        ),
        [(READ, at("a", "transformations", 0)), (READ, at("a", "transformations", 0, "type"))],
    ),
    (
        "a map of text",
        doc({"a": change("map", expression="Dear {{item.name}}, it's done\\")}, variables_schema=inputs(rows="array")),
        [("CKP603", at("a", "transformations", 0, "expression"))],
    ),
    (
        "a map of an expression",
        doc({"a": change("map", expression="{{item.a}} + {{item.b}}")}, variables_schema=inputs(rows="array")),
        [],
    ),
    (
        "a map that cannot be read either way",
        doc({"a": change("map", expression="x {{item.}}")}, variables_schema=inputs(rows="array")),
        [("CKP402", at("a", "transformations", 0, "expression"))],
    ),
    (
        "validation",
        doc({"a": seq(validations=[{"check": "n is not None"}])}, **N),
        [("CKP603", at("a", "validations", 0, "check"))],
    ),
    (
        "approval",
        doc(
            {
                "a": {
                    "type": "human_in_the_loop",
                    "approval_message": "x",
                    "timeout_minutes": 2,
                    "on_approved": "z",
                    "on_rejected": "z",
                }
            }
        ),
        [(READ, at("a", key)) for key in ("approval_message", "on_approved", "on_rejected", "timeout_minutes", "type")],
    ),
    (
        "level beside approvers",
        doc({"a": approval(approval_level="manager", approvers={"users": ["u"]})}),
        [("CKP603", at("a", "approval_level"))],
    ),
    (
        "subflow",
        doc(
            {"a": {"type": "subflow", "subflow_id": "c", "version": "1.0.0", "on_failure": "ignore", "next_node": "z"}}
        ),
        [(READ, at("a", "on_failure")), (READ, at("a", "subflow_id"))],
    ),
    ("end", doc({"z": {"type": "terminate", "terminal_status": "error"}}), [(READ, at("z", "terminal_status"))] * 2),
    (
        "constants",
        doc(
            {
                "a": {"type": "loop", "iterator": "[1]", "until": "NO", "body_node": "b", "next_node": "z"},
                "b": seq(to="a"),
            }
        ),
        [("CKP607", at("a", "until"))],
    ),
    (
        "text of an event filter",
        doc(trigger={"type": "event", "event_source": "run_failed", "event_config": {"event_filter": "Yes"}}),
        [("CKP607", "/trigger/event_config/event_filter")],
    ),
]


@pytest.mark.parametrize(("name", "source", "expected"), CASES, ids=ids(CASES))
def test_an_older_name_is_replaced_and_reported(name, source, expected):
    assert sorted(found(source)) == sorted(expected)
