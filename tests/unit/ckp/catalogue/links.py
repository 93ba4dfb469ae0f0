"""CKP310 to CKP329: secrets and children."""

from typing import Any

from tests.unit.ckp.catalogue.case import Case, blocker, error, warning
from tests.unit.ckp.compiling import approval, at, call, doc, inputs, logic, model, op, seq, step
from tests.unit.ckp.registries import Registered

LISTED: dict[str, Any] = {"secrets_config": {"secret_references": {"k": "key"}}}
STEP = at("a", "steps", 0)
END = at("z")


def holding(node: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """A document with one node that may name the secret `k`."""
    return doc({"a": node}, global_config={**LISTED, **settings})


def calling(**parameters: Any) -> dict[str, Any]:
    """A document with a call."""
    return holding(seq(call(**parameters)))


def ending(**fields: Any) -> dict[str, Any]:
    """A document whose end may name the secret."""
    return doc({"z": {"type": "terminate", **fields}}, global_config=LISTED)


def places(text: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Pointer and document of every kind of place where a secret is refused."""
    child = {"type": "subflow", "procedure_id": "c", "version": "1.0.0", "next_node": "z"}
    transform = {"type": "expression", "source_variable": None, "output_variable": "o", "expression": text}
    metrics = {"custom_metrics": [{"name": "m", "value": text}]}
    return {
        "variable": (f"{STEP}/value", holding(seq(step("set_variable", variable="v", value=text)))),
        "log": (f"{STEP}/message", holding(seq(step(message=text)))),
        "notice": (f"{STEP}/message", holding(seq(step("notify", channel="email", message=text, timeout_ms=1)))),
        "prompt": (at("a", "prompt"), holding(model(f"{{{{run_id}}}}{text}"), max_cost_usd=1)),
        "condition": (at("a", "rules", 0, "condition"), holding(logic((text, "z")))),
        "context": (at("a", "context_data", "k"), holding(approval(context_data={"k": text}))),
        "title": (at("a", "title"), holding(approval(title=text))),
        "key of a step": (f"{STEP}/idempotency_key", holding(seq(call(idempotency_key=text)))),
        "key of a node": (at("a", "idempotency_key"), holding(seq(idempotency_key=text))),
        "time-out": (f"{STEP}/timeout_ms", holding(seq(call(timeout_ms=text)))),
        "agent": (f"{STEP}/agent", holding(seq(call(agent=text)))),
        "input of a node": (at("a", "inputs", "v"), holding(seq(inputs={"v": text}))),
        "input of a child": (at("a", "input_mapping", "v"), holding(child | {"input_mapping": {"v": text}})),
        "operation": (
            at("a", "operations", 0, "source"),
            holding(op("parse_json", source=text, output_variable="o")),
        ),
        "transformation": (
            at("a", "transformations", 0, "expression"),
            holding({"type": "transform", "transformations": [transform], "next_node": "z"}),
        ),
        "handler": (
            at("a", "error_handlers", 0, "error_metadata", "k"),
            holding(seq(error_handlers=[{"error_metadata": {"k": text}}])),
        ),
        "metric": (at("a", "telemetry", "custom_metrics", 0, "value"), holding(seq(telemetry=metrics))),
        "output": (f"{END}/outputs/o", ending(outputs={"o": text})),
        "message of the end": (f"{END}/message", ending(message=text)),
        "audit": (f"{END}/final_audit_log/k", ending(final_audit_log={"k": text})),
        "key over the inputs": (
            "/global_config/dedupe/key",
            doc(global_config={**LISTED, "dedupe": {"key": text, "window_seconds": 1}}),
        ),
    }


def child(version: str = "1.0.0", procedure_id: str = "child", **root: Any) -> dict[str, Any]:
    """A child procedure."""
    outputs = {"outputs_schema": {name: {} for name in root.get("variables_schema", {})}}
    return {**doc(**{**outputs, **root}), "procedure_id": procedure_id, "version": version}


def parent(version: str = "1.0.0", to: str = "child", **fields: Any) -> dict[str, Any]:
    """A procedure with one subflow."""
    return {**doc({"a": sub(version, to, **fields)}), "procedure_id": "parent"}


def sub(version: str = "1.0.0", to: str = "child", **fields: Any) -> dict[str, Any]:
    """A subflow."""
    return {"type": "subflow", "procedure_id": to, "version": version, "next_node": "z", **fields}


def chained(levels: int) -> Registered:
    """A registry with procedures that call each other, `c0` the deepest chain."""
    registry = Registered().add(child(procedure_id=f"c{levels}"))
    for level in range(levels):
        registry.add({**parent(to=f"c{level + 1}"), "procedure_id": f"c{level}"})
    return registry


SECRETS: list[Case] = [
    *(
        error("CKP310", what, pointer, beyond, places("{{run_id}}")[what][1])
        for what, (pointer, beyond) in places("{{secrets.k}}").items()
    ),
    error(
        "CKP310",
        "trigger",
        "/trigger/input_mapping/v",
        *(
            doc(
                trigger={"type": "manual", "input_mapping": {"v": text}},
                global_config=LISTED,
                variables_schema={"v": {}},
                outputs_schema={"v": {}},
            )
            for text in ("secrets.k", "trigger.id")
        ),
    ),
    error(
        "CKP310",
        "default",
        "/variables_schema/v/default",
        *(
            doc(global_config=LISTED, variables_schema={"v": {"default": text}}, outputs_schema={"v": {}})
            for text in ("{{secrets.k}}", "{{run_id}}")
        ),
    ),
    error(
        "CKP310",
        "no call",
        f"{STEP}/message",
        holding(seq(step(message="{{secrets.k}}"))),
        calling(message="{{secrets.k}}"),
    ),
    warning(
        "CKP311",
        "not listed",
        f"{STEP}/token",
        calling(token="{{secrets.kk}}"),
        calling(token="{{secrets.k}}"),
        hint="Did you mean 'k'?",
    ),
    warning(
        "CKP311",
        "key of an operation",
        at("a", "operations", 0, "key_reference"),
        *(holding(op("encrypt", source="x", key_reference=name, output_variable="o")) for name in ("kk", "k")),
    ),
    blocker(
        "CKP312",
        "unknown",
        f"{STEP}/token",
        *(
            doc(
                {"a": seq(call(token=f"{{{{secrets.{name}}}}}"))},
                global_config={"secrets_config": {"secret_references": {"k": "k", "l": "l"}}},
            )
            for name in "lk"
        ),
        registry=Registered(secrets=["k"]),
    ),
    blocker(
        "CKP312",
        "of a webhook",
        "/trigger/webhook_secret",
        *(doc(trigger={"type": "webhook", "webhook_secret": name}) for name in ("hok", "hook")),
        registry=Registered(secrets=["hook"]),
    ),
    error("CKP313", "filter", f"{STEP}/token", calling(token="{{secrets.k|upper}}"), calling(token="{{secrets.k}}")),
    error(
        "CKP313",
        "operator",
        f"{STEP}/token",
        calling(token="{{'Bearer ' ~ secrets.k}}"),
        calling(token="Bearer {{secrets.k}}"),
    ),
    error("CKP313", "without alias", f"{STEP}/token", calling(token="{{secrets}}"), calling(token="{{secrets.k}}")),
    error(
        "CKP313", "deep in a key", f"{STEP}/token", calling(token="{{secrets.k.a.b}}"), calling(token="{{secrets.k.a}}")
    ),
]

ONE = Registered().add(child())
WANTING = Registered().add(child(variables_schema=inputs(invoice="object", currency="string")))
GIVEN = {"invoice": {"id": 1}, "currency": "EUR"}
GIVING = Registered().add(child(outputs_schema={"total": {}}))
ENDING = Registered().add({**doc({"z": {"type": "terminate", "outputs": {"total": 1}}}), "procedure_id": "child"})

CHILDREN: list[Case] = [
    blocker("CKP320", "no procedure", at("a", "procedure_id"), parent(to="chld"), parent(), registry=ONE),
    blocker("CKP321", "no version", at("a", "version"), parent("^1.1"), parent("^1.0"), registry=ONE),
    blocker(
        "CKP321",
        "archived",
        at("a", "version"),
        parent("1.0.0"),
        parent("1.0.1"),
        registry=Registered().add(child(), "archived").add(child("1.0.1")),
    ),
    blocker(
        "CKP321",
        "deprecated, by a range",
        at("a", "version"),
        parent("1.x"),
        parent("1.0.0"),
        registry=Registered().add(child(), "deprecated"),
    ),
    error(
        "CKP322",
        "itself",
        at("a", "procedure_id"),
        parent(to="parent"),
        parent(),
        registry=Registered().add({**child(), "procedure_id": "parent"}).add(child()),
    ),
    error(
        "CKP322",
        "over another",
        at("a", "procedure_id"),
        parent(to="b"),
        parent(),
        registry=Registered().add({**parent(to="parent"), "procedure_id": "b"}).add(child()),
    ),
    error(
        "CKP323",
        "missing",
        at("a", "input_mapping"),
        parent(input_mapping={"invoice": {}}),
        parent(input_mapping=GIVEN),
        registry=WANTING,
        hint="Map 'currency' in input_mapping.",
    ),
    error(
        "CKP323",
        "not inherited",
        at("a", "input_mapping"),
        *(
            doc(
                {"a": sub(input_mapping={"invoice": {}}, inherit_context=inherited)},
                variables_schema=inputs(currency="string"),
                outputs_schema={"currency": {}},
            )
            for inherited in (False, True)
        ),
        registry=WANTING,
    ),
    warning(
        "CKP324",
        "undeclared",
        at("a", "input_mapping", "curency"),
        parent(input_mapping=GIVEN | {"curency": "EUR"}),
        parent(input_mapping=GIVEN),
        registry=WANTING,
        hint="Did you mean 'currency'?",
    ),
    warning(
        "CKP325",
        "literal",
        at("a", "input_mapping", "currency"),
        parent(input_mapping=GIVEN | {"currency": 5}),
        parent(input_mapping=GIVEN | {"currency": "5"}),
        registry=WANTING,
    ),
    *(
        warning(
            "CKP325",
            what,
            at("a", "input_mapping", "currency"),
            *(
                doc({"a": sub(input_mapping=GIVEN | {"currency": value})}, variables_schema=inputs(v=type_name))
                for type_name in ("number", "string")
            ),
            registry=WANTING,
        )
        for what, value in (("variable", "{{v}}"), ("named variable", "v"))
    ),
    blocker(
        "CKP326",
        "declared outputs",
        at("a", "output_mapping", "t"),
        parent(output_mapping={"t": "totl"}),
        parent(output_mapping={"t": "total"}),
        registry=GIVING,
        hint="Did you mean 'total'?",
    ),
    blocker(
        "CKP326",
        "outputs of the end",
        at("a", "output_mapping", "t"),
        parent(output_mapping={"t": "totl"}),
        parent(output_mapping={"t": "total"}),
        registry=ENDING,
    ),
    error("CKP327", "eleven deep", at("a", "procedure_id"), parent(to="c0"), parent(to="c1"), registry=chained(10)),
    blocker("CKP328", "latest", at("a", "version"), parent("latest"), parent("1.x"), hint="Pin it, for example ^1.0."),
    blocker(
        "CKP328",
        "no version",
        at("a"),
        doc({"a": {"type": "subflow", "procedure_id": "child", "next_node": "z"}}),
        doc({"a": sub()}),
    ),
    *(
        error("CKP329", beyond or "empty", at("a", "version"), parent(beyond), parent(within))
        for beyond, within in (
            ("^", "^1"),
            ("~x", "~1"),
            (">=1 <x", ">=1 <2"),
            ("=>1", ">=1"),
            ("1 2", "1.2"),
            ("*", "1.*"),
            ("", "1"),
        )
    ),
    error(
        "CKP329",
        "capability",
        f"{STEP}/required_capability_version",
        *(doc({"a": seq(call(required_capability_version=wanted))}) for wanted in ("latest", ">=2")),
    ),
]

CASES: list[Case] = [*SECRETS, *CHILDREN]
