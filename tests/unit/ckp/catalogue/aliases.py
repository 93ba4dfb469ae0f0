"""CKP602: other names for the same."""

from typing import Any

from tests.unit.ckp.catalogue.case import Case, info
from tests.unit.ckp.catalogue.dialects import N, one, repeated, without
from tests.unit.ckp.compiling import END, approval, at, call, change, doc, inputs, logic, loop, op, parallel, seq


def alias(what: str, pointer: str, beyond: dict[str, Any], within: dict[str, Any], **more: Any) -> Case:
    """An older name that means the same."""
    return info("CKP602", what, pointer, beyond, within, **more)


def typed(name: str) -> dict[str, Any]:
    """A document with a variable of a type."""
    return doc(variables_schema={"v": {"type": name}}, outputs_schema={"v": {}})


CASES: list[Case] = [
    alias(
        "number as version",
        "/version",
        doc() | {"version": 2},
        doc() | {"version": "2"},
        beside=("CKP105",),
        left=("CKP105",),
    ),
    *(
        alias(f"type {name}", at("a", "type"), one(node | {"type": name}), one(node))
        for name, node in (("step", seq()), ("human_in_the_loop", approval()))
    ),
    alias("type end", at("z", "type"), doc({"z": {"type": "end"}}), doc()),
    *(
        alias(name, at("a", name), one({"type": "sequence", "steps": [], name: "z"}), one(seq()))
        for name in ("next", "next_node_id")
    ),
    alias(
        "dispatch",
        at("a", "workflow_dispatch_mode"),
        one(seq(workflow_dispatch_mode="sync")),
        one(seq(dispatch_mode="sync")),
    ),
    alias(
        "metric",
        at("a", "telemetry", "custom_metrics"),
        *(one(seq(telemetry={"custom_metrics": m})) for m in ({"metric_type": "m"}, ["m"])),
    ),
    alias(
        "executor",
        at("a", "steps", 0, "executor_id"),
        *(
            one(seq({"step_id": "s", "agent": "WEB", name: "click", "timeout_ms": 1}))
            for name in ("executor_id", "action")
        ),
    ),
    alias("number as text", at("a", "steps", 0, "wait_ms"), one(seq(call(wait_ms="5"))), one(seq(call(wait_ms=5)))),
    *(
        alias(old, at("a", "retry", old), one(seq(retry={old: value})), one(seq(retry={new: value})))
        for old, new, value in (
            ("max_attempts", "max_retries", 3),
            ("retry_delay_ms", "base_delay_ms", 5),
            ("delay_ms", "base_delay_ms", 5),
            ("backoff_ms", "base_delay_ms", 5),
            ("backoff_multiplier", "multiplier", 2),
            ("backoff", "strategy", "linear"),
        )
    ),
    alias(
        "strategy",
        at("a", "retry", "strategy"),
        *(one(seq(retry={"strategy": s})) for s in ("exponential", "exponential_backoff")),
    ),
    alias(
        "default retry",
        "/global_config/default_retry",
        *(doc(global_config={key: {}}) for key in ("default_retry", "retry_policy")),
    ),
    alias(
        "calls at once",
        "/global_config/rate_limiting/max_concurrent",
        *(doc(global_config={"rate_limiting": {key: 1}}) for key in ("max_concurrent", "max_concurrent_operations")),
    ),
    *(
        alias(
            f"checkpoints {old}",
            "/global_config/checkpoint_strategy",
            *(doc(global_config={"checkpoint_strategy": s}) for s in (old, new)),
        )
        for old, new in (("full", "every_node"), ("disabled", "none"))
    ),
    alias(
        "provider key",
        "/global_config/secrets_config/type",
        *(doc(global_config={"secrets_config": {key: "db"}}) for key in ("type", "provider")),
    ),
    *(
        alias(
            f"provider {old}",
            "/global_config/secrets_config/provider",
            *(doc(global_config={"secrets_config": {"provider": p}}) for p in (old, new)),
        )
        for old, new in (
            ("env_vars", "env"),
            ("environment", "env"),
            ("hashicorp_vault", "vault"),
            ("aws_secrets", "aws"),
            ("aws_secrets_manager", "aws"),
            ("azure_keyvault", "azure"),
            ("azure_key_vault", "azure"),
            ("database", "db"),
            ("catalog", "db"),
            ("platform", "db"),
        )
    ),
    alias(
        "sensitive",
        "/variables_schema/v/validation/sensitive",
        *(
            doc(variables_schema={"v": meta}, outputs_schema={"v": {}})
            for meta in ({"validation": {"sensitive": True}}, {"sensitive": True})
        ),
    ),
    *(
        alias(f"variable {old}", "/variables_schema/v/type", typed(old), typed(new))
        for old, new in (
            ("int", "integer"),
            ("float", "number"),
            ("bool", "boolean"),
            ("list", "array"),
            ("dict", "object"),
            ("text", "string"),
        )
    ),
    *(
        alias(old, f"/retrieval_metadata/{old}", *(doc(retrieval_metadata={key: value}) for key in (old, new)))
        for old, new, value in (("primary_intents", "intents", []), ("business_domain", "domain", "x"))
    ),
    *(
        alias(
            f"channel {old}",
            "/release/channel",
            *(doc(release={"channel": c}) for c in (old, new)),
            beside=("CKP106",),
            left=("CKP106",),
        )
        for old, new in (("staging", "qa"), ("production", "prod"))
    ),
    alias(
        "source",
        "/trigger/event/source",
        *(
            doc(trigger={"type": "event", **block})
            for block in ({"event": {"source": "run_failed"}}, {"event_source": "run_failed"})
        ),
    ),
    alias(
        "queue",
        "/trigger/event",
        *(
            doc(trigger={"type": "event", **block})
            for block in ({"event": {"provider": "kafka", "topic": "t"}}, {"event_source": "kafka://t"})
        ),
    ),
    alias(
        "deep source",
        "/trigger/event_config/event_source",
        *(
            doc(trigger={"type": "event", **block})
            for block in ({"event_config": {"event_source": "run_failed"}}, {"event_source": "run_failed"})
        ),
    ),
    *(
        alias(
            f"path in {block}",
            f"/trigger/{block}/path",
            *(
                doc(trigger={"type": "file_watch", **fields})
                for fields in ({block: {"path": "in"}}, {"file_watch_path": "in"})
            ),
        )
        for block in ("file_watch", "file", "file_watch_config")
    ),
    alias(
        "secret of a webhook",
        "/trigger/webhook_config/authentication/secret",
        *(
            doc(trigger={"type": "webhook", **fields})
            for fields in ({"webhook_config": {"authentication": {"secret": "k"}}}, {"webhook_secret": "k"})
        ),
    ),
    *(
        alias(
            f"rule's {old}",
            at("a", "rules", 0, old),
            *(
                one(
                    {
                        "type": "logic",
                        "rules": [
                            {"condition": "n > 1", "next_node": "z"} | {key: value}
                            if key == new
                            else without({"condition": "n > 1", "next_node": "z", old: value}, new)
                        ],
                        "default_next_node": "z",
                    },
                    **N,
                )
                for key in (old, new)
            ),
        )
        for old, new, value in (
            ("condition_expr", "condition", "n > 2"),
            ("expression", "condition", "n > 2"),
            ("target_node_id", "next_node", "z"),
            ("target", "next_node", "z"),
            ("next", "next_node", "z"),
        )
    ),
    *(
        alias(
            old,
            at("a", old),
            *(one(logic(("n > 1", "z"), default=None) | {key: "z"}, **N) for key in (old, "default_next_node")),
        )
        for old in ("default_next", "default_next_node_id")
    ),
    alias(
        "branches of a decision",
        at("a", "branches"),
        *(
            one({"type": "logic", key: [{"condition": "n > 1", "next_node": "z"}], "default_next_node": "z"}, **N)
            for key in ("branches", "rules")
        ),
    ),
    alias(
        "last rule",
        at("a", "rules", 1),
        *(
            one(logic(("n > 1", "z"), *last, default=default), **N)
            for last, default in (([("true", "z")], None), ([], "z"))
        ),
    ),
    *(
        alias(old, at("a", old), repeated(**{old: "rows"}), repeated(iterator="rows"))
        for old in ("iterator_var", "items")
    ),
    *(
        alias(
            old,
            at("a", old),
            *(doc({"a": without(loop("b"), "body_node") | {key: "b"}, "b": seq(to="a")}) for key in (old, "body_node")),
        )
        for old in ("loop_body", "body_node_id")
    ),
    alias(
        "while",
        at("a", "while"),
        *(
            doc(
                {
                    "a": {"type": "loop", key: "n > 1", "max_iterations": 3, "body_node": "b", "next_node": "z"},
                    "b": seq(to="a"),
                },
                **N,
            )
            for key in ("while", "continue_condition")
        ),
    ),
    *(
        alias(
            f"branch's {old}",
            at("a", "branches", 0, old),
            *(
                doc(
                    {
                        "a": parallel()
                        | {"branches": [without({"branch_id": "b", "start_node": "b"}, new) | {key: "b"}]},
                        "b": seq(),
                    }
                )
                for key in (old, new)
            ),
        )
        for old, new in (
            ("id", "branch_id"),
            ("name", "branch_id"),
            ("entry_node", "start_node"),
            ("start_node_id", "start_node"),
            ("target", "start_node"),
            ("next_node", "start_node"),
        )
    ),
    alias(
        "bare branch",
        at("a", "branches", 0),
        doc({"a": parallel() | {"branches": ["b"]}, "b": seq()}),
        doc({"a": parallel("b"), "b": seq()}),
    ),
    alias(
        "wait for all",
        at("a", "wait_all"),
        *(doc({"a": parallel("b") | rule, "b": seq()}) for rule in ({"wait_all": False}, {"wait_strategy": "any"})),
    ),
    *(
        alias(
            f"branch failure {old}",
            at("a", "branch_failure"),
            *(doc({"a": parallel("b", branch_failure=rule), "b": seq()}) for rule in (old, "fail")),
        )
        for old in ("stop", "fail_immediately")
    ),
    alias(
        "result of an operation",
        at("a", "operations", 0, "output"),
        *(one(op("generate_id", **{key: "v"})) for key in ("output", "output_variable")),
    ),
    alias(
        "condition of an operation",
        at("a", "operations", 0, "condition"),
        *(
            one(op("filter", source="x", output_variable="v", **{key: "item > 1"}))
            for key in ("condition", "expression")
        ),
    ),
    alias(
        "function of an operation",
        at("a", "operations", 0, "function"),
        *(
            one(op("aggregate", source="x", output_variable="v", **fields))
            for fields in ({"function": "sum", "field": "y"}, {"expression": "sum(y)"})
        ),
    ),
    alias(
        "format_data",
        at("a", "operations", 0, "action"),
        *(one(op(name, template="x", output_variable="v")) for name in ("format_data", "format_string")),
    ),
    *(
        alias(
            old,
            at("a", "transformations", 0, "type"),
            *(one(change(name, expression="x"), variables_schema=inputs(rows="array")) for name in (old, new)),
        )
        for old, new in (("jinja_template", "template"), ("deduplicate", "unique"))
    ),
    alias(
        "no source",
        at("a", "transformations", 0),
        *(
            one(
                {
                    "type": "transform",
                    "transformations": [{"type": "template", "expression": "x", "output_variable": "o", **source}],
                    "next_node": "z",
                }
            )
            for source in ({}, {"source_variable": None})
        ),
    ),
    alias(
        "message of an approval",
        at("a", "approval_message"),
        *(one(without(approval(), "prompt") | {key: "Go on?"}) for key in ("approval_message", "prompt")),
    ),
    alias(
        "minutes",
        at("a", "timeout_minutes"),
        *(one(approval(**time)) for time in ({"timeout_minutes": 1}, {"timeout_ms": 60_000})),
    ),
    *(
        alias(old, at("a", old), *(one(without(approval(), new) | {key: "z"}) for key in (old, new)))
        for old, new in (("on_approved", "on_approve"), ("on_rejected", "on_reject"))
    ),
    alias(
        "pick_one",
        at("a", "decision_type"),
        *(one(approval(options=["x"], decision_type=kind)) for kind in ("pick_one", "select_option")),
    ),
    alias(
        "acknowledge",
        at("a", "decision_type"),
        *(
            one(approval(**fields))
            for fields in (
                {"decision_type": "acknowledge"},
                {"decision_type": "select_option", "options": ["acknowledged"]},
            )
        ),
    ),
    alias(
        "child's id",
        at("a", "subflow_id"),
        *(
            one({"type": "subflow", key: "c", "version": "1.0.0", "next_node": "z"})
            for key in ("subflow_id", "procedure_id")
        ),
    ),
    alias(
        "failure of a child",
        at("a", "on_failure"),
        *(
            one({"type": "subflow", "procedure_id": "c", "version": "1.0.0", "next_node": "z", "on_failure": rule})
            for rule in ("ignore", "continue")
        ),
    ),
    alias(
        "status of the end",
        at("z", "terminal_status"),
        *(doc({"z": END | {key: "failed"}}) for key in ("terminal_status", "status")),
    ),
    *(
        alias(f"ended {old}", at("z", "status"), *(doc({"z": END | {"status": status}}) for status in (old, new)))
        for old, new in (("completed", "success"), ("failure", "failed"), ("error", "failed"))
    ),
]
