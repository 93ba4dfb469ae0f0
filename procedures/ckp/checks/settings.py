"""Settings of the whole procedure (CKP110 to CKP115)."""

from procedures.ckp.checks.subject import Subject
from procedures.ckp.document.config import PROVIDER_OPTIONS, PROVIDERS
from procedures.ckp.report import Path

_CONFIG: Path = ("global_config",)


def retry_keys_agree(subject: Subject) -> None:
    """CKP110."""
    config = subject.canonical.get("global_config", {})
    if "retry_policy" not in config:
        return
    for key in ("max_retries", "retry_delay_ms", "backoff_multiplier"):
        if key in config:
            message = f"'{key}' stands beside 'retry_policy'; what the policy says wins."
            subject.report("CKP110", (*_CONFIG, key), message)


def test_modes_are_meant(subject: Subject) -> None:
    """CKP111."""
    config = subject.document.global_config
    if config.execution_mode != "production":
        message = f"Every run of this version is in mode {config.execution_mode}."
        subject.report("CKP111", (*_CONFIG, "execution_mode"), message)
    if config.mock_external_calls:
        message = "Every run of this version mocks its outside calls."
        subject.report("CKP111", (*_CONFIG, "mock_external_calls"), message)
    if config.test_data_overrides:
        message = "Every run of this version takes results from 'test_data_overrides'."
        subject.report("CKP111", (*_CONFIG, "test_data_overrides"), message)


def overrides_name_something(subject: Subject) -> None:
    """CKP015 for results of steps that do not exist."""
    known = set(subject.document.nodes)
    for _, step, place in subject.steps:
        known |= {step.step_id, f"{place[2]}.{step.step_id}"}
    for name in subject.document.global_config.test_data_overrides:
        if name not in known and not subject.unread:
            near = subject.report.nearest(name, known)
            hint = f"Did you mean '{near}'?" if near else None
            message = f"'{name}' is neither a step nor a node; its result is never used."
            subject.report("CKP015", (*_CONFIG, "test_data_overrides", name), message, hint=hint)


def fixed_settings(subject: Subject) -> None:
    """CKP112."""
    config = subject.document.global_config
    if config.checkpoint_storage != "database":
        message = "Checkpoints are kept in the database; other storages have no effect."
        subject.report("CKP112", (*_CONFIG, "checkpoint_storage"), message)
    if not config.audit_config.enabled:
        subject.report("CKP112", (*_CONFIG, "audit_config", "enabled"), "The audit trail cannot be switched off.")
    if config.audit_config.include_sensitive_data:
        message = "Sensitive data is always redacted."
        subject.report("CKP112", (*_CONFIG, "audit_config", "include_sensitive_data"), message)


def secrets_have_a_provider(subject: Subject) -> None:
    """CKP115, and CKP015 for options of another provider."""
    secrets = subject.document.global_config.secrets_config
    place = (*_CONFIG, "secrets_config")
    if secrets.provider not in PROVIDERS:
        near = subject.report.nearest(secrets.provider, PROVIDERS)
        hint = f"Did you mean '{near}'?" if near else f"Use one of: {', '.join(PROVIDERS)}."
        subject.report("CKP115", (*place, "provider"), f"'{secrets.provider}' is no secret provider.", hint=hint)
        return
    options = frozenset[str]().union(*PROVIDER_OPTIONS.values())
    for key in subject.raw(place) or {}:
        if key in options - PROVIDER_OPTIONS[secrets.provider]:
            message = f"'{key}' has no effect for the provider {secrets.provider}."
            subject.report("CKP015", (*place, key), message)
