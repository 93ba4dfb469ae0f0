"""Identity, settings, declared variables, triggers."""

import pytest

from tests.unit.ckp.compiling import Case, call, compiled, doc, found, ids, inputs, loop, only, seq, step

USED = {"outputs_schema": {"v": {}}}
CONFIG = "/global_config"
V = "/variables_schema/v"


def v(**meta):
    """A document with one variable."""
    return doc(variables_schema={"v": meta}, **USED)


def config(**settings):
    """A document with settings."""
    return doc(global_config=settings)


def triggered(**trigger):
    """A document with a trigger and two variables, one required."""
    return doc(
        trigger=trigger,
        variables_schema={"v": {}, "r": {"required": True, "default": 1}},
        outputs_schema={"v": {}, "r": {}},
    )


def needing(**trigger):
    """A document with a trigger and a required input."""
    return doc(trigger=trigger, variables_schema={"v": {"required": True}}, **USED)


IDENTITY: list[Case] = [
    ("reserved block", doc(compliance={"classification": "internal"}), [("CKP016", "/compliance")]),
    ("bad version", doc() | {"version": "1 0"}, [("CKP103", "/version")]),
    ("reserved version", doc() | {"version": "latest"}, [("CKP103", "/version")]),
    (
        "requested channel",
        doc(release={"channel": "prod", "promoted_by": "me"}),
        [("CKP106", "/release/channel"), ("CKP106", "/release/promoted_by")],
    ),
    ("channel dev is honoured", doc(release={"channel": "dev", "_note": 1}, status="active"), []),
]

SETTINGS: list[Case] = [
    (
        "flat beside policy",
        config(retry_policy={"max_retries": 1}, max_retries=2),
        [("CKP110", CONFIG + "/max_retries")],
    ),
    ("policy alone", config(retry_policy={"max_retries": 1, "jitter": "full"}), []),
    (
        "test modes",
        config(execution_mode="dry_run", mock_external_calls=True, test_data_overrides={"z": 1}),
        [
            ("CKP111", CONFIG + "/execution_mode"),
            ("CKP111", CONFIG + "/mock_external_calls"),
            ("CKP111", CONFIG + "/test_data_overrides"),
        ],
    ),
    (
        "overrides of steps and nodes",
        doc({"a": seq(step(step_id="s"))}, global_config={"test_data_overrides": {"s": 1, "a.s": 1, "a": 1, "a.t": 1}}),
        [("CKP015", CONFIG + "/test_data_overrides/a.t"), ("CKP111", CONFIG + "/test_data_overrides")],
    ),
    (
        "fixed",
        config(checkpoint_storage="s3", audit_config={"enabled": False, "include_sensitive_data": True}),
        [
            ("CKP112", CONFIG + "/audit_config/enabled"),
            ("CKP112", CONFIG + "/audit_config/include_sensitive_data"),
            ("CKP112", CONFIG + "/checkpoint_storage"),
        ],
    ),
    ("as it is", config(checkpoint_storage="database", audit_config={"enabled": True}), []),
    (
        "its own options",
        config(secrets_config={"provider": "vault", "vault_url": "https://v.example", "kv_version": 2}),
        [],
    ),
]

VARIABLES: list[Case] = [
    ("default of another type", v(type="number", default="x"), [("CKP122", V + "/default")]),
    ("default too small", v(type="number", default=1, validation={"min": 2}), [("CKP122", V + "/default")]),
    ("default too long", v(type="string", default="abc", validation={"max_length": 2}), [("CKP122", V + "/default")]),
    (
        "default of another pattern",
        v(type="string", default="abc", validation={"regex": "[0-9]+"}),
        [("CKP122", V + "/default")],
    ),
    (
        "default that is not allowed",
        v(default="c", validation={"allowed_values": ["a", "b"]}),
        [("CKP122", V + "/default")],
    ),
    ("default against its schema", v(default={}, schema={"required": ["a"]}), [("CKP122", V + "/default")]),
    ("default rendered at the start", v(type="date", default="{{today}}"), []),
    ("list with a template", v(type="array", default=["{{today}}", {"a": 1}]), []),
    ("fitting default", v(type="integer", default=2, validation={"min": 2, "max": 2, "allowed_values": [1, 2]}), []),
    ("min above max", v(validation={"min": 3, "max": 2}), [("CKP124", V + "/validation/min")]),
    (
        "longest below shortest",
        v(validation={"min_length": 3, "max_length": 2}),
        [("CKP124", V + "/validation/min_length")],
    ),
    (
        "nothing allowed",
        v(type="number", validation={"allowed_values": ["a"]}),
        [("CKP124", V + "/validation/allowed_values")],
    ),
    ("text where a number is compared", v(type="number", validation={"max": "9"}), [("CKP012", V + "/validation/max")]),
    ("text where a length is", v(type="array", validation={"min": "1"}), [("CKP012", V + "/validation/min")]),
    ("number where a day is", v(type="date", validation={"min": 2026}), [("CKP012", V + "/validation/min")]),
    ("no such day", v(type="date", validation={"max": "2026-02-30"}), [("CKP013", V + "/validation/max")]),
    ("a time", v(type="datetime", validation={"min": "2026-02-09T10:30:00Z"}), []),
    ("bound of any type", v(validation={"min": "2026-02-09", "max_length": 3, "regex": "a"}), []),
    ("bound of a flag", v(type="boolean", validation={"max": 1}), [("CKP015", V + "/validation/max")]),
    ("length of a number", v(type="integer", validation={"max_length": 3}), [("CKP015", V + "/validation/max_length")]),
    ("pattern of a list", v(type="array", validation={"regex": "a"}), [("CKP015", V + "/validation/regex")]),
    ("bounds of two kinds", v(validation={"min": 3, "max": "2026-01-01"}), []),
    ("used in a default text", doc({"a": seq(step(message="{{v|default('x')}}"))}, variables_schema={"v": {}}), []),
    ("bound by a loop", doc({"a": loop("b", iterator_variable="v"), "b": seq(to="a")}, variables_schema={"v": {}}), []),
    (
        "passed to a child",
        doc(
            {
                "a": {
                    "type": "subflow",
                    "procedure_id": "c",
                    "version": "1.0.0",
                    "inherit_context": True,
                    "next_node": "z",
                }
            },
            variables_schema={"v": {}},
        ),
        [],
    ),
    ("secret in clear", v(type="password", default="hunter2"), [("CKP127", V + "/default")]),
    ("sensitive in clear", v(sensitivity="high", default="x"), [("CKP127", V + "/default")]),
    (
        "sections",
        doc(
            variables_schema={"required": {"v": {"type": "string"}}, "optional": {"w": {}}},
            outputs_schema={"v": {}, "w": {}},
        ),
        [],
    ),
]

BY = "/trigger"
WEBHOOK = {"type": "webhook", "webhook_secret": "hook"}
TRIGGERS: list[Case] = [
    ("manual", triggered(type="manual"), [("CKP125", "/variables_schema/r")]),
    (
        "schedule missing",
        needing(type="manual") | {"trigger": {"type": "scheduled", "input_mapping": {"v": "1"}}},
        [("CKP130", BY)],
    ),
    ("source missing", needing(type="event"), [("CKP130", BY)]),
    ("path missing", needing(type="file_watch", input_mapping={"v": "trigger.payload.path"}), [("CKP130", BY)]),
    ("secret missing", needing(type="webhook"), [("CKP130", BY)]),
    (
        "minute",
        needing(type="scheduled", schedule="60 * * * *", input_mapping={"v": "1"}),
        [("CKP131", BY + "/schedule")],
    ),
    (
        "four fields",
        needing(type="scheduled", schedule="* * * *", input_mapping={"v": "1"}),
        [("CKP131", BY + "/schedule")],
    ),
    (
        "a day that does not exist",
        needing(type="scheduled", schedule="0 0 31 2,4 *", input_mapping={"v": "1"}),
        [("CKP132", BY + "/schedule")],
    ),
    (
        "file inputs",
        doc(
            trigger={"type": "file_watch", "file_watch_path": "in"},
            variables_schema=inputs(file_watch_path="string"),
            outputs_schema={"file_watch_path": {}},
        ),
        [],
    ),
    ("other file inputs", needing(type="file_watch", file_watch_path="in"), [("CKP133", BY)]),
    (
        "undeclared",
        needing(**WEBHOOK, input_mapping={"v": "1", "w": "trigger.payload.w"}),
        [("CKP134", BY + "/input_mapping/w")],
    ),
    (
        "open to all",
        needing(type="webhook", webhook_config={"authentication": {"type": "none"}}),
        [("CKP135", BY + "/webhook_config/authentication/type")],
    ),
    ("unknown scheme", needing(type="event", event_source="mqtt://x"), [("CKP136", BY + "/event_source")]),
    ("no scheme", needing(type="event", event_source="email_inbox"), [("CKP136", BY + "/event_source")]),
    ("no topic", needing(type="event", event_source="kafka://"), [("CKP137", BY + "/event_source")]),
    (
        "no network",
        needing(**WEBHOOK, webhook_config={"allowed_sources": ["10.0.0.0/33"]}),
        [("CKP137", BY + "/webhook_config/allowed_sources/0")],
    ),
    (
        "no suffix",
        needing(**WEBHOOK, webhook_config={"endpoint": "a?b"}),
        [("CKP137", BY + "/webhook_config/endpoint")],
    ),
    (
        "climbs out",
        needing(type="file_watch", file_watch_path="in/../../etc", input_mapping={"v": "1"}),
        [("CKP137", BY + "/file_watch_path")],
    ),
    (
        "storage without name",
        needing(type="file_watch", file_watch_path="s3://", input_mapping={"v": "1"}),
        [("CKP137", BY + "/file_watch_path")],
    ),
    (
        "several",
        doc(triggers=[{"type": "manual"}, {"type": "scheduled", "schedule": "x"}]),
        [("CKP131", "/triggers/1/schedule")],
    ),
    (
        "all well",
        needing(
            **WEBHOOK,
            webhook_config={"allowed_sources": ["10.0.0.0/8", "::1"], "endpoint": "/in/orders"},
            dedupe_key="{{trigger.payload.id}}",
            input_mapping={"v": "trigger.payload.id"},
        ),
        [],
    ),
    (
        "events",
        needing(type="event", event_source="kafka://orders.eu", event_config={"event_filter": {"kind": ["a", "b"]}}),
        [],
    ),
    (
        "filtered events",
        needing(type="event", event_source="run_completed", event_config={"event_filter": "trigger.payload.id > 5"}),
        [],
    ),
]

ALL = IDENTITY + SETTINGS + VARIABLES + TRIGGERS


@pytest.mark.parametrize(("name", "source", "expected"), ALL, ids=ids(ALL))
def test_settings_are_reported_where_they_cannot_hold(name, source, expected):
    assert found(source) == expected


def test_channel_prod_refuses_what_others_warn_of():
    source = doc(global_config={"execution_mode": "dry_run"})
    assert compiled(source).ok
    assert not compiled(source, prod=True).ok
    assert only("CKP111", source, prod=True).severity == "error"


def test_a_misspelt_provider_is_the_hint():
    assert only("CKP115", config(secrets_config={"provider": "valt"})).hint == "Did you mean 'vault'?"


def test_an_undeclared_mapping_names_the_nearest_variable():
    source = doc(
        trigger={**WEBHOOK, "input_mapping": {"ordr": "1"}},
        variables_schema={"order": {}},
        outputs_schema={"order": {}},
    )
    assert only("CKP134", source).hint == "Did you mean 'order'?"


def test_a_variable_that_only_a_call_reads_is_used():
    source = doc({"a": seq(call(url="{{v}}"))}, variables_schema=inputs(v="string"))
    assert found(source) == []
