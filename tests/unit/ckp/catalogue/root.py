"""CKP101 to CKP115: identity and settings."""

from typing import Any

from procedures.ckp.registry import ModelFacts
from tests.unit.ckp.catalogue.case import Case, blocker, error, info, warning
from tests.unit.ckp.compiling import approval, at, doc, inputs, model, op, seq, step
from tests.unit.ckp.registries import Registered

CONFIG = "/global_config"
PRICED = Registered(models={"m": ModelFacts("m", 1.0, 1.0)})
EARTH = Registered(calendars=["earth"])


def named(**root: Any) -> dict[str, Any]:
    """A document with another identity."""
    return doc() | root


def config(**settings: Any) -> dict[str, Any]:
    """A document with settings."""
    return doc(global_config=settings)


def priced(cap: float, place: str) -> dict[str, Any]:
    """A model that may cost 0.01 USD, 5 tokens each way at 0.001, and a cap on it."""
    settings = {"max_cost_usd": 1, place: cap}
    own = {"max_cost_usd": settings.pop("node")} if place == "node" else {}
    node = model("{{topic}}.", model="m", max_tokens=5, **own)
    return doc({"a": node}, global_config=settings, variables_schema=inputs(topic="string"))


def timed(calendar: str) -> list[dict[str, Any]]:
    """Documents that name a calendar, one per field."""
    return [
        config(business_calendar=calendar),
        doc({"a": seq(sla={"max_duration_ms": 5, "calendar": calendar})}),
        doc({"a": approval(due_in="3bd", calendar=calendar)}),
        doc({"a": seq(step("wait_until", until="10:00", calendar=calendar))}),
    ]


CALENDARS = (
    f"{CONFIG}/business_calendar",
    at("a", "sla", "calendar"),
    at("a", "calendar"),
    at("a", "steps", 0, "calendar"),
)

IDENTITY: list[Case] = [
    error("CKP101", "language", "/ckp", doc(ckp="2"), doc(ckp="1")),
    error("CKP102", "a blank", "/procedure_id", named(procedure_id="a b"), named(procedure_id="a.b")),
    error("CKP102", "first character", "/procedure_id", named(procedure_id=".a"), named(procedure_id="a.")),
    error("CKP102", "129 characters", "/procedure_id", *(named(procedure_id="a" * count) for count in (129, 128))),
    error("CKP102", "empty", "/procedure_id", named(procedure_id=""), named(procedure_id="a")),
    error("CKP102", "reserved", "/procedure_id", named(procedure_id="compile"), named(procedure_id="compiler")),
    error("CKP103", "a blank", "/version", named(version="1.0.0 rc"), named(version="1.0.0-rc")),
    error("CKP103", "65 characters", "/version", *(named(version="1.0.0-" + "a" * count) for count in (59, 58))),
    error("CKP103", "empty", "/version", named(version=""), named(version="1.0.0")),
    error("CKP103", "reserved", "/version", named(version="diff"), named(version="1.0.0-diff")),
    info("CKP105", "two numbers", "/version", named(version="1.0"), named(version="1.0.0")),
    info("CKP105", "leading zero", "/version", named(version="1.0.01"), named(version="1.0.1")),
    warning("CKP106", "deprecated", "/status", doc(status="deprecated"), doc(status="draft")),
    warning("CKP106", "archived", "/status", doc(status="archived"), doc(status="active")),
    warning("CKP106", "channel", "/release/channel", doc(release={"channel": "qa"}), doc(release={"channel": "dev"})),
    warning("CKP106", "promoted by", "/release/promoted_by", doc(release={"promoted_by": "x"}), doc(release={})),
]

SETTINGS: list[Case] = [
    *(
        warning(
            "CKP110",
            key,
            f"{CONFIG}/{key}",
            config(retry_policy={"max_retries": 2}, **{key: 1}),
            config(**{key: 1}),
        )
        for key in ("max_retries", "retry_delay_ms", "backoff_multiplier")
    ),
    blocker(
        "CKP111",
        "test mode",
        f"{CONFIG}/execution_mode",
        *(config(execution_mode=mode) for mode in ("dry_run", "production")),
    ),
    blocker(
        "CKP111",
        "validation only",
        f"{CONFIG}/execution_mode",
        *(config(execution_mode=mode) for mode in ("validation_only", "production")),
    ),
    blocker(
        "CKP111",
        "mocks",
        f"{CONFIG}/mock_external_calls",
        *(config(mock_external_calls=mocked) for mocked in (True, False)),
    ),
    blocker(
        "CKP111",
        "overrides",
        f"{CONFIG}/test_data_overrides",
        *(config(test_data_overrides=given) for given in ({"z": 1}, {})),
    ),
    warning(
        "CKP112",
        "storage",
        f"{CONFIG}/checkpoint_storage",
        *(config(checkpoint_storage=place) for place in ("s3", "database")),
    ),
    warning(
        "CKP112",
        "no audit",
        f"{CONFIG}/audit_config/enabled",
        *(config(audit_config={"enabled": on}) for on in (False, True)),
    ),
    warning(
        "CKP112",
        "unredacted",
        f"{CONFIG}/audit_config/include_sensitive_data",
        *(config(audit_config={"include_sensitive_data": on}) for on in (True, False)),
    ),
    error(
        "CKP113",
        "time zone",
        f"{CONFIG}/timezone",
        *(config(timezone=zone) for zone in ("Europe/Berln", "Europe/Berlin")),
    ),
    error(
        "CKP113",
        "time zone of a trigger",
        "/trigger/timezone",
        *(doc(trigger={"type": "scheduled", "schedule": "@daily", "timezone": zone}) for zone in ("Utopia", "UTC")),
    ),
    error(
        "CKP113",
        "time zone of a wait",
        at("a", "steps", 0, "timezone"),
        *(doc({"a": seq(step("wait_until", until="10:00", timezone=zone))}) for zone in ("Utopia", "UTC")),
    ),
    error(
        "CKP113",
        "time zone of a time",
        at("a", "operations", 0, "timezone"),
        *(doc({"a": op("get_timestamp", timezone=zone, output_variable="o")}) for zone in ("Utopia", "UTC")),
    ),
    *(
        error("CKP113", f"calendar at {pointer}", pointer, beyond, within, registry=EARTH)
        for pointer, beyond, within in zip(CALENDARS, timed("moon"), timed("earth"), strict=True)
    ),
    warning(
        "CKP114",
        "of a run",
        f"{CONFIG}/max_cost_usd",
        *(priced(cap, "max_cost_usd") for cap in (0.0099, 0.01)),
        registry=PRICED,
    ),
    warning(
        "CKP114",
        "of a call",
        f"{CONFIG}/max_cost_per_llm_call_usd",
        *(priced(cap, "max_cost_per_llm_call_usd") for cap in (0.0099, 0.01)),
        registry=PRICED,
    ),
    warning(
        "CKP114",
        "of a visit",
        at("a", "max_cost_usd"),
        *(priced(cap, "node") for cap in (0.0099, 0.01)),
        registry=PRICED,
    ),
    error(
        "CKP115",
        "provider",
        f"{CONFIG}/secrets_config/provider",
        *(config(secrets_config={"provider": name}) for name in ("valt", "vault")),
        hint="Did you mean 'vault'?",
    ),
    *(
        error(
            "CKP115",
            key,
            f"{CONFIG}/secrets_config/{key}",
            config(secrets_config={"provider": provider, key: "x"}),
            config(secrets_config={"provider": provider, other: "x"}),
        )
        for provider, key, other in (
            ("vault", "vault_token", "vault_url"),
            ("vault", "secret_id", "role_id"),
            ("azure", "client_secret", "client_id"),
        )
    ),
]

CASES: list[Case] = [*IDENTITY, *SETTINGS]
