"""What is registered now: agents, secrets, people, channels, calendars, models."""

import pytest

from procedures.ckp.registry import ModelFacts, Profile
from tests.unit.ckp.compiling import approval, at, call, compiled, doc, found, inputs, model, only, op, seq, step
from tests.unit.ckp.registries import Registered, offering

ASKED = {"global_config": {"max_cost_usd": 1}, "variables_schema": inputs(topic="string")}
CALLED = at("a", "steps", 0)
PRICED = ModelFacts("m", 0.01, 0.03)


def calling(action="click", **fields):
    """A document with one call."""
    return doc({"a": seq(call(action, **fields))})


def asking(**fields):
    """A document with one model."""
    return doc({"a": model(**fields)}, **ASKED)


def test_an_action_that_nobody_offers_is_reported_and_refused_for_prod():
    registry = offering("scroll")
    assert found(calling(), registry) == [("CKP502", CALLED + "/action")]
    assert only("CKP502", calling(), registry).severity == "warning"
    assert only("CKP502", calling(), registry, prod=True).severity == "error"
    assert found(calling("scroll"), registry) == []
    assert found(calling(agent="{{run_id}}"), registry) == []


def test_a_screen_check_is_bound_like_a_call():
    source = doc({"a": seq(agent="WEB", validations=[{"check": "element_exists", "target": "h1"}])})
    assert found(source, offering("scroll")) == [("CKP502", at("a", "validations", 0))]
    assert found(source, offering("element_exists")) == []


@pytest.mark.parametrize(
    ("version", "wanted", "fits"),
    [
        ("1.9", ">=2.0", False),
        ("2.0", ">=2.0 <3", True),
        ("2", "^2", True),
        (None, ">=1", False),
        ("2.5.1", "2.x", True),
    ],
)
def test_a_capability_must_have_the_version(version, wanted, fits):
    source = calling(required_capability_version=wanted)
    expected = [] if fits else [("CKP503", CALLED + "/required_capability_version")]
    assert found(source, offering("click", version=version)) == expected


def test_a_range_of_versions_must_be_readable():
    for text in ("latest", ">= <", ""):
        codes = [code for code, _ in found(calling(required_capability_version=text))]
        assert codes == (["CKP329"] if text else [])


def test_the_project_says_which_actions_are_allowed():
    registry = Registered(allowed_actions=["web.*", "click"])
    assert found(calling("web.go"), registry) == []
    assert found(calling("db.drop"), registry) == [("CKP505", CALLED + "/action")]


def test_a_parameter_close_to_a_field_is_asked_about():
    assert found(calling(output_varible="x")) == [("CKP506", CALLED + "/output_varible")]
    assert only("CKP506", calling(output_varible="x")).hint == "Did you mean 'output_variable'?"
    assert found(calling(outpts="x"), offering("click", parameters=frozenset({"outpts"}))) == []
    assert found(calling(target="h1", url="x")) == []


def test_declared_effects_count():
    pay = calling("get_paid")
    assert found(pay, offering("get_paid", side_effect="irreversible")) == [("CKP-L07", CALLED)]
    assert found(pay, offering("get_paid", side_effect="read")) == []
    assert found(calling("pay", side_effect="read"), offering("pay", side_effect="irreversible")) == []


def test_retried_writes_want_kept_keys():
    retried = calling("pay", retry_config={"max_retries": 2})
    assert found(retried, offering("pay")) == [("CKP-L10", CALLED)]
    assert found(retried, offering("pay", keeps_keys=True)) == []
    assert found(calling("pay"), offering("pay")) == []
    assert found(calling("get_it", retry_on_failure=True), offering("get_it")) == []
    assert found(calling("pay", retry_config={"max_retries": 2}, retry_on_failure=False), offering("pay")) == []


def test_aliases_are_looked_up():
    listed = {"secrets_config": {"secret_references": {"k": "key"}}}
    source = doc({"a": seq(call(token="{{secrets.k}}"))}, global_config=listed)
    assert found(source, Registered(secrets=[])) == [("CKP312", CALLED + "/token")]
    assert found(source, Registered(secrets=["k"])) == []
    hooked = doc(trigger={"type": "webhook", "webhook_secret": "hook"})
    assert found(hooked, Registered(secrets=[])) == [("CKP312", "/trigger/webhook_secret")]


def test_people_are_looked_up():
    registry = Registered(
        people=["user:ann", "group:finance", "role:approver"], members={"group:finance": frozenset("ab")}
    )
    known = {"users": ["ann"], "groups": ["finance"], "roles": []}
    strange = {"users": ["bob"], "groups": ["finance"], "roles": ["boss"]}
    assert found(doc({"a": approval(approvers=known)}), registry) == []
    ladder = [{"to": strange}]
    assert found(
        doc({"a": approval(approvers=known, due_in="1h", timeout_action="escalate", escalation=ladder)}), registry
    ) == [
        ("CKP512", at("a", "escalation", 0, "to", "roles", 0)),
        ("CKP512", at("a", "escalation", 0, "to", "users", 0)),
    ]


@pytest.mark.parametrize(
    ("approvers", "fields", "members", "expected"),
    [
        ({"users": ["a", "b"]}, {"min_approvers": 3}, None, "min_approvers"),
        ({"users": ["a", "a"]}, {"min_approvers": 2}, None, "min_approvers"),
        ({"users": ["a", "b"]}, {"min_rejections": 3}, None, "min_rejections"),
        ({"users": ["a", "b"]}, {"min_approvers": 2}, None, None),
        ({"users": ["a"], "expression": "run_id"}, {"min_approvers": 3}, None, None),
        ({"users": ["a"], "groups": ["g"]}, {"min_approvers": 3}, None, None),
        ({"users": ["a"], "groups": ["g"]}, {"min_approvers": 3}, {"group:g": frozenset("ab")}, "min_approvers"),
        ({"users": ["a"], "groups": ["g"]}, {"min_approvers": 3}, {"group:g": frozenset("bc")}, None),
        ({}, {"min_approvers": 3}, None, None),
    ],
)
def test_a_quorum_needs_people(approvers, fields, members, expected):
    registry = Registered(members=members) if members else Registered()
    source = doc({"a": approval(approvers=approvers, **fields)})
    assert found(source, registry) == ([("CKP513", at("a", expected))] if expected else [])


def test_four_eyes_leave_somebody():
    first = approval(to="b", approvers={"users": ["ann"]})
    rule = {"not_deciders_of": ["a"]}
    alone = doc({"a": first, "b": approval(approvers={"users": ["ann"]}, four_eyes=rule)})
    both = doc({"a": first, "b": approval(approvers={"users": ["ann", "bob"]}, four_eyes=rule)})
    assert found(alone) == [("CKP513", at("b", "approvers"))]
    assert found(both) == []
    assert found(doc({"a": first, "b": approval(approvers={"users": ["ann"]}, four_eyes=True)})) == []


def test_channels_and_contacts_are_looked_up():
    registry = Registered(channels=["ops"], people=["user:ann"])
    notices = {"channels": ["email", "ops", "pager"], "escalation_contacts": ["ann", "bob", "x@y.example"]}
    source = doc(
        {
            "a": seq(
                step("notify", channel="pager", message="x", timeout_ms=1),
                call(),
                to="b",
                error_handlers=[{"action": "fail", "notify_on_error": {"channels": ["pager"]}}],
            ),
            "b": {**op("notify", channel="pager", message="x"), "next_node": "c"},
            "c": approval(notify={"channels": ["pager"]}, escalation_contact="bob"),
        },
        global_config={"notifications": notices},
    )
    assert found(source, registry) == [
        ("CKP514", "/global_config/notifications/channels/2"),
        ("CKP514", "/global_config/notifications/escalation_contacts/1"),
        ("CKP514", at("a", "error_handlers", 0, "notify_on_error", "channels", 0)),
        ("CKP514", CALLED + "/channel"),
        ("CKP514", at("b", "operations", 0, "channel")),
        ("CKP514", at("c", "escalation_contact")),
        ("CKP514", at("c", "notify", "channels", 0)),
    ]
    assert found(source) == []


def test_calendars_are_looked_up():
    source = doc(
        {
            "a": seq(
                step("wait_until", until="10:00", calendar="moon"),
                to="b",
                sla={"max_duration_ms": 5, "calendar": "moon"},
            ),
            "b": approval(due_in="3bd", calendar="moon"),
        },
        global_config={"business_calendar": "moon"},
    )
    assert found(source, Registered(calendars=["earth"])) == [
        ("CKP113", "/global_config/business_calendar"),
        ("CKP113", at("a", "sla", "calendar")),
        ("CKP113", CALLED + "/calendar"),
        ("CKP113", at("b", "calendar")),
    ]
    assert found(source, Registered(calendars=["moon"])) == []


def test_models_and_profiles_are_looked_up():
    registry = Registered(
        models={"m": PRICED}, profiles={"fast": Profile("fast", "m", max_tokens=5)}, task_classes={"extract": "fast"}
    )
    assert found(asking(model="m", profile="fast", task_class="extract", fallback_models=["m"]), registry) == []
    assert found(asking(model="mm", fallback_model="x", fallback_models=["y"]), registry) == [
        ("CKP509", at("a", "fallback_model")),
        ("CKP509", at("a", "fallback_models", 0)),
        ("CKP509", at("a", "model")),
    ]
    assert found(asking(profile="fas", task_class="draft"), registry) == [
        ("CKP509", at("a", "profile")),
        ("CKP509", at("a", "task_class")),
    ]
    assert only("CKP509", asking(profile="fas"), registry).hint == "Did you mean 'fast'?"
    config = {"global_config": {"max_cost_usd": 1, "llm_profile": "slow"}}
    assert found(doc({"a": model(model="m")}, **{**ASKED, **config}), registry) == [
        ("CKP509", "/global_config/llm_profile")
    ]


def test_stored_prompts_are_looked_up():
    registry = Registered(prompts=[("greet", None), ("greet", "2")])

    def stored(reference):
        return doc(
            {"a": {"type": "llm_action", "prompt_ref": reference, "timeout_ms": 1, "next_node": "z"}},
            global_config={"max_cost_usd": 1},
        )

    assert found(stored("greet"), registry) == found(stored("greet@2"), registry) == []
    assert found(stored("greet@3"), registry) == [("CKP509", at("a", "prompt_ref"))]


def test_a_cap_needs_prices():
    registry = Registered(models={"m": ModelFacts("m"), "n": PRICED})
    capped = asking(model="m")
    free = doc({"a": model(model="m")}, variables_schema=inputs(topic="string"), global_config={"llm_budget": {}})
    assert only("CKP510", capped, registry).severity == "error"
    assert only("CKP510", free, registry).severity == "warning"
    assert found(asking(model="n"), registry) == []
    assert found(asking(model="n", fallback_model="m"), registry) == [("CKP510", at("a"))]


def test_a_cap_must_allow_a_call():
    registry = Registered(models={"m": PRICED})
    dear = {"prompt": "x" * 1000 + "{{topic}}", "model": "m", "max_tokens": 1000}
    source = doc(
        {"a": model(**dear, max_cost_usd=0.01)},
        variables_schema=inputs(topic="string"),
        global_config={"max_cost_usd": 0.01, "max_cost_per_llm_call_usd": 10},
    )
    assert found(source, registry) == [("CKP114", "/global_config/max_cost_usd"), ("CKP114", at("a", "max_cost_usd"))]
    assert found(asking(model="m", max_tokens=10), registry) == []


@pytest.mark.parametrize("source", ["/etc/passwd", "C:\\x.csv", "./x", "../x", "~/x", "file:///x"])
def test_paths_of_the_host_are_refused(source):
    attached = asking(attachments=[{"type": "file", "source": source}])
    assert found(attached) == [("CKP511", at("a", "attachments", 0, "source"))]


def test_storage_is_the_tenants_to_allow():
    attached = asking(
        attachments=[
            {"type": "file", "source": "s3://bucket/x"},
            {"type": "text", "source": "topic"},
            {"type": "text", "source": "{{topic}}"},
        ]
    )
    assert found(attached, Registered(urls=[])) == [("CKP511", at("a", "attachments", 0, "source"))]
    assert found(attached, Registered(urls=["s3://bucket/x"])) == []


def test_the_same_document_and_registry_give_the_same_list():
    registry = offering("scroll")
    assert compiled(calling(), registry) == compiled(calling(), registry)
