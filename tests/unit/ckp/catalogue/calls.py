"""CKP501 to CKP516: calls, operations, models, people."""

from typing import Any

from procedures.ckp.registry import Capability, ModelFacts, Profile
from tests.unit.ckp.catalogue.case import Case, blocker, error, info, warning
from tests.unit.ckp.compiling import approval, at, call, doc, inputs, model, op, seq, step
from tests.unit.ckp.registries import Registered, offering

STEP = at("a", "steps", 0)
NOTICE = {"channel": "email", "message": "x"}
PRICED = ModelFacts("priced", 0.001, 0.001)
MODELS = Registered(
    models={"priced": PRICED, "free": ModelFacts("free"), "half": ModelFacts("half", 0.001)},
    profiles={"default": Profile("default", "priced"), "fast": Profile("fast", "priced")},
    task_classes={"extract": "fast"},
    prompts=[("greet", None), ("greet", "2")],
)
PEOPLE = Registered(
    people=["user:ann", "user:bob", "group:finance", "role:approver"],
    members={"group:finance": frozenset({"ann", "bob"}), "role:approver": frozenset({"ann"})},
    channels=["ops"],
)
ASKED: dict[str, Any] = {"variables_schema": inputs(topic="string")}
CAPPED = ASKED | {"global_config": {"max_cost_usd": 1}}
BUDGET = ASKED | {"global_config": {"llm_budget": {"max_tokens_per_run": 5}}}


def done(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A document with a sequence."""
    return doc({"a": seq(*steps, **fields)})


def allowing(action: str, *names: str) -> dict[str, Any]:
    """A document that allows some actions."""
    return doc({"a": seq(call(action))}, global_config={"allowed_actions": list(names)})


def asked(root: dict[str, Any] = CAPPED, **fields: Any) -> dict[str, Any]:
    """A document with a model."""
    return doc({"a": model(**fields)}, **root)


def stored(name: str) -> dict[str, Any]:
    """A document with a stored prompt."""
    node = {"type": "llm_action", "prompt_ref": name, "timeout_ms": 1, "next_node": "z"}
    return doc({"a": node}, global_config={"max_cost_usd": 1})


def capped(cap: str, name: str = "free") -> dict[str, Any]:
    """A document with a model under a cap."""
    return doc({"a": model(model=name)}, global_config={"llm_budget": {}, cap: 1}, **ASKED)


def decided(**fields: Any) -> dict[str, Any]:
    """A document with an approval."""
    return doc({"a": approval(**fields)})


def attached(source: str) -> dict[str, Any]:
    """A document with an attachment."""
    return asked(attachments=[{"type": "file", "source": source}])


def apart(*people: str) -> dict[str, Any]:
    """A second approval by other people than the first one, which one person decides."""
    second = approval(approvers={"users": list(people)}, four_eyes={"not_deciders_of": ["a"]})
    return doc({"a": approval(to="b", approvers={"users": ["ann"]}), "b": second})


def told(**config: Any) -> dict[str, Any]:
    """A document with recipients."""
    return doc(global_config={"notifications": config})


BOUND: list[Case] = [
    error(
        "CKP501",
        "neither step nor node",
        STEP,
        done(step("click", timeout_ms=5)),
        done(step("click", timeout_ms=5), agent="WEB"),
        hint="Name an agent on the step or the node.",
    ),
    error(
        "CKP501",
        "misspelt",
        STEP,
        done(step("set_varable", variable="v", value=1)),
        done(step("set_variable", variable="v", value=1)),
        hint="Did you mean 'set_variable'?",
    ),
    error(
        "CKP501",
        "screen check",
        at("a", "validations", 0),
        *(done(validations=[{"check": "element_exists", "target": "h1"}], **agent) for agent in ({}, {"agent": "WEB"})),
    ),
    blocker("CKP502", "action", f"{STEP}/action", done(call("clik")), done(call("click")), registry=offering("click")),
    blocker(
        "CKP502",
        "agent",
        f"{STEP}/action",
        done(call("click", agent="WEP")),
        done(call("click", agent="web")),
        registry=offering("click"),
    ),
    blocker(
        "CKP502",
        "screen check",
        at("a", "validations", 0),
        *(
            done(validations=[{"check": check, "target": "h1"}], agent="WEB")
            for check in ("screen_text_contains", "element_exists")
        ),
        registry=offering("element_exists"),
    ),
    blocker(
        "CKP503",
        "version",
        f"{STEP}/required_capability_version",
        *(done(call("click", required_capability_version=wanted)) for wanted in (">=2.1 <3", ">=2.0 <3")),
        registry=offering("click", version="2.0"),
    ),
    blocker(
        "CKP503",
        "no version",
        f"{STEP}/required_capability_version",
        done(call("click", required_capability_version=">=0")),
        done(call("click")),
        registry=offering("click"),
    ),
    error(
        "CKP504",
        "misspelt",
        at("a", "operations", 0, "action"),
        *(doc({"a": op(name, source="x", output_variable="o")}) for name in ("parse_jsn", "parse_json")),
        hint="Did you mean 'parse_json'?",
    ),
    error("CKP505", "name", f"{STEP}/action", allowing("click", "web.click"), allowing("click", "click")),
    error("CKP505", "prefix", f"{STEP}/action", allowing("web", "web.*"), allowing("web.click", "web.*")),
    error(
        "CKP505",
        "notice",
        at("a", "operations", 0, "action"),
        *(doc({"a": op("notify", **NOTICE)}, global_config={"allowed_actions": names}) for names in ([], ["notify"])),
    ),
    error(
        "CKP505",
        "project",
        f"{STEP}/action",
        done(call("db.drop")),
        done(call("db.query")),
        registry=Registered(allowed_actions=["db.query"]),
    ),
    warning(
        "CKP506",
        "close",
        f"{STEP}/output_varible",
        done(call(output_varible="x")),
        done(call(output_values="x")),
        hint="Did you mean 'output_variable'?",
    ),
    warning(
        "CKP506",
        "declared",
        f"{STEP}/outpts",
        done(call("clck", outpts="x")),
        done(call("click", outpts="x")),
        registry=Registered(
            offers={
                ("web", "clck"): [Capability("clck")],
                ("web", "click"): [Capability("click", parameters=frozenset({"outpts"}))],
            }
        ),
    ),
    warning(
        "CKP507",
        "twice",
        f"{STEP}/params/url",
        done(call(url="x", params={"url": "y"})),
        done(call(url="x", params={"uri": "y"})),
    ),
    warning(
        "CKP507",
        "in an operation",
        at("a", "operations", 0, "params", "level"),
        *(doc({"a": op("log", value=1, params={"level": "INFO"}, **flat)}) for flat in ({"level": "DEBUG"}, {})),
    ),
    error(
        "CKP508",
        "internal",
        f"{STEP}/workflow_dispatch_mode",
        done(step(workflow_dispatch_mode="async")),
        done(call(workflow_dispatch_mode="async")),
    ),
]

ASKING: list[Case] = [
    *(
        blocker("CKP509", what, at("a", *place), asked(**{key: beyond}), asked(**{key: within}), registry=MODELS)
        for what, place, key, beyond, within in (
            ("model", ("model",), "model", "pried", "priced"),
            ("fallback", ("fallback_model",), "fallback_model", "pried", "priced"),
            ("fallbacks", ("fallback_models", 0), "fallback_models", ["pried"], ["priced"]),
            ("profile", ("profile",), "profile", "fst", "fast"),
            ("task class", ("task_class",), "task_class", "extrct", "extract"),
        )
    ),
    blocker(
        "CKP509",
        "default profile",
        "/global_config/llm_profile",
        *(asked(ASKED | {"global_config": {"max_cost_usd": 1, "llm_profile": name}}) for name in ("fst", "fast")),
        registry=MODELS,
    ),
    *(
        blocker(
            "CKP509",
            what,
            at("a", "prompt_ref"),
            *(stored(name) for name in (beyond, within)),
            registry=MODELS,
        )
        for what, beyond, within in (("prompt", "gret", "greet"), ("version of a prompt", "greet@3", "greet@2"))
    ),
    warning(
        "CKP510",
        "no price",
        at("a", "model"),
        asked(BUDGET, model="free"),
        asked(BUDGET, model="priced"),
        registry=MODELS,
    ),
    warning(
        "CKP510",
        "half a price",
        at("a", "model"),
        asked(BUDGET, model="half"),
        asked(BUDGET, model="priced"),
        registry=MODELS,
    ),
    warning(
        "CKP510",
        "fallback",
        at("a"),
        *(asked(BUDGET, fallback_model=name) for name in ("free", "priced")),
        registry=MODELS,
    ),
    *(
        error("CKP510", cap, at("a", "model"), capped(cap), capped(cap, "priced"), registry=MODELS)
        for cap in ("max_cost_usd", "max_cost_per_llm_call_usd")
    ),
    error(
        "CKP510",
        "cap of a visit",
        at("a", "model"),
        *(asked(BUDGET, model=name, max_cost_usd=1) for name in ("free", "priced")),
        registry=MODELS,
    ),
    *(
        error("CKP511", path, at("a", "attachments", 0, "source"), attached(path), attached("s3://bucket/x"))
        for path in ("/etc/passwd", "C:\\x.csv", "./x", "../x", "~/x", "file:///x")
    ),
    error(
        "CKP511",
        "storage",
        at("a", "attachments", 0, "source"),
        attached("s3://other/x"),
        attached("s3://bucket/x"),
        registry=Registered(urls=["s3://bucket/x"]),
    ),
]

DECIDING: list[Case] = [
    *(
        blocker(
            "CKP512",
            field,
            at("a", "approvers", field, 0),
            *(decided(approvers={field: [name]}) for name in names),
            registry=PEOPLE,
        )
        for field, names in (
            ("users", ("an", "ann")),
            ("groups", ("finanz", "finance")),
            ("roles", ("aprover", "approver")),
        )
    ),
    blocker(
        "CKP512",
        "escalation",
        at("a", "escalation", 0, "to", "users", 0),
        *(
            decided(due_in="1h", timeout_action="escalate", escalation=[{"to": {"users": [name]}}])
            for name in ("an", "ann")
        ),
        registry=PEOPLE,
    ),
    error(
        "CKP513",
        "quorum",
        at("a", "min_approvers"),
        *(decided(approvers={"users": ["ann", "bob"]}, min_approvers=n) for n in (3, 2)),
    ),
    error(
        "CKP513",
        "rejections",
        at("a", "min_rejections"),
        *(decided(approvers={"users": ["ann", "bob"]}, min_rejections=n) for n in (3, 2)),
    ),
    error(
        "CKP513",
        "one person twice",
        at("a", "min_approvers"),
        *(decided(approvers={"users": ["ann", "ann"]}, min_approvers=n) for n in (2, 1)),
    ),
    error(
        "CKP513",
        "members of a group",
        at("a", "min_approvers"),
        *(decided(approvers={"groups": ["finance"]}, min_approvers=n) for n in (3, 2)),
        registry=PEOPLE,
    ),
    error("CKP513", "four eyes", at("b", "approvers"), apart("ann"), apart("ann", "bob")),
    blocker(
        "CKP514",
        "channel",
        "/global_config/notifications/channels/0",
        told(channels=["pager"]),
        told(channels=["ops"]),
        registry=PEOPLE,
    ),
    blocker(
        "CKP514",
        "contact",
        "/global_config/notifications/escalation_contacts/0",
        told(escalation_contacts=["an"]),
        told(escalation_contacts=["ann"]),
        registry=PEOPLE,
    ),
    blocker(
        "CKP514",
        "notice",
        f"{STEP}/channel",
        *(done(step("notify", channel=name, message="x", timeout_ms=1)) for name in ("pager", "ops")),
        registry=PEOPLE,
    ),
    blocker(
        "CKP514",
        "notice of an operation",
        at("a", "operations", 0, "channel"),
        *(doc({"a": op("notify", channel=name, message="x")}) for name in ("pager", "email")),
        registry=PEOPLE,
    ),
    blocker(
        "CKP514",
        "notice of an approval",
        at("a", "notify", "channels", 0),
        *(decided(notify={"channels": [name]}) for name in ("pager", "ops")),
        registry=PEOPLE,
    ),
    blocker(
        "CKP514",
        "notice of an error",
        at("a", "error_handlers", 0, "notify_on_error", "channels", 0),
        *(done(error_handlers=[{"notify_on_error": {"channels": [name]}}]) for name in ("pager", "ops")),
        registry=PEOPLE,
    ),
    blocker(
        "CKP514",
        "contact of an approval",
        at("a", "escalation_contact"),
        *(decided(escalation_contact=name) for name in ("an", "ann@x.example")),
        registry=PEOPLE,
    ),
    info("CKP515", "step", STEP, done(step("screenshot")), done(call("screenshot"))),
    info(
        "CKP515",
        "by the master",
        STEP,
        done(step("screenshot"), agent="MasterAgent"),
        done(step("screenshot", timeout_ms=1), agent="WEB"),
    ),
    info("CKP515", "operation", at("a", "operations", 0), doc({"a": op("screenshot")}), doc({"a": op("log", value=1)})),
    info(
        "CKP515",
        "after an internal step",
        f"{STEP}/screenshot_on_complete",
        done(step(screenshot_on_complete=True)),
        done(call(screenshot_on_complete=True)),
    ),
    warning(
        "CKP516",
        "attempt",
        f"{STEP}/idempotency_key",
        *(done(call(idempotency_key=f"k-{{{{{name}}}}}")) for name in ("attempt", "run_id")),
    ),
    warning(
        "CKP516",
        "now",
        f"{STEP}/idempotency_policy/key",
        *(done(call(idempotency_policy={"key": f"{{{{{name}}}}}"})) for name in ("now", "today")),
    ),
    warning(
        "CKP516",
        "of a node",
        at("a", "idempotency_key"),
        *(done(idempotency_key=f"{{{{{name}}}}}") for name in ("now", "node_id")),
    ),
]

CASES: list[Case] = [*BOUND, *ASKING, *DECIDING]
