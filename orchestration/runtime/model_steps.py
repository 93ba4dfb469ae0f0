"""Asking a model as a recorded step: begun before the call; answer, usage and cost in one write (runtime 8, 16)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

from django.conf import settings

from agents.llm import client, profiles
from agents.llm.abilities import takes_schema
from agents.llm.chat import Completion, Message, ModelFailed, Question, Usage
from agents.llm.profiles import NoProfile, Profile
from langorch.lib import clock
from langorch.lib.redaction import REDACTED
from orchestration.choices import MODEL_CALL, StepState
from orchestration.events import NewEvent
from orchestration.runtime import paths, prompts
from orchestration.runtime.context import Told, Turn
from orchestration.runtime.outcomes import Error, Json, StepFailed
from orchestration.runtime.records import NotStorable, Spent, StepRow, moment, to_json
from orchestration.runtime.steps import StepRun
from orchestration.runtime.visiting import Visit
from procedures.ckp.document import LlmActionNode, Step

OPTIONS = ("temperature", "top_p", "stop", "seed")


def ask(visit: Visit, turns: Sequence[Turn], number: int) -> Told:
    """What a model answers to `turns`, the visit's `number`-th question, or answered before.

    Raises `StepFailed` when it failed for good, `Suspended` while a retry waits.
    """
    step = Step(step_id=f"{MODEL_CALL}_{number}", action=MODEL_CALL, retry_on_failure=True)
    answer: dict[str, Json] = ModelStep(visit, step, turns).run(handled=0)
    return prompts.answered(visit, answer["text"])


@dataclass(slots=True)
class _Attempt:
    """What one attempt is about to record beside its result."""

    params: str | None = None
    told: list[NewEvent] = field(default_factory=list)
    spent: list[Spent] = field(default_factory=list)


class ModelStep(StepRun):
    """One question to a model, asked of each model of its chain until one answers."""

    def __init__(self, visit: Visit, step: Step, turns: Sequence[Turn]) -> None:
        super().__init__(visit, step, (), visit.path)
        self.node = cast(LlmActionNode, visit.node)
        self.turns = turns
        self.key = paths.key(visit.drive.run.pk, visit.path, step.step_id)
        self.now = _Attempt()

    def _result(self) -> Json:
        self._doubt()
        self.now = _Attempt()
        profile = self._profile()
        chain = self._chain(profile)
        options = self._options()
        self._begin(profile, chain[0], options)
        return self._first_answer(profile, chain, options)

    def _doubt(self) -> None:
        """The step was begun by a worker that never told how it ended: it is sent again under the same key."""
        if self.recorded is not None and self.recorded.state == StepState.STARTED:
            payload = {"action": MODEL_CALL, "idempotency_key": self.key, "agent_id": None}
            self.visit.emit("step_in_doubt", payload, self.step.step_id, self.attempt)
            self.recorded = None

    def _profile(self) -> Profile:
        name = self.node.profile or self.visit.document.global_config.llm_profile
        try:
            return profiles.find(name, self.visit.drive.run.tenant_id)
        except NoProfile as missing:
            raise StepFailed(Error("llm_rejected", missing.message)) from None

    def _chain(self, profile: Profile) -> list[str]:
        fallbacks = [self.node.fallback_model, *self.node.fallback_models] if profile.falls_back else []
        return list(dict.fromkeys(name for name in (self.node.model or profile.model, *fallbacks) if name))

    def _options(self) -> dict[str, Json]:
        given = {name: getattr(self.node, name) for name in OPTIONS}
        given["max_tokens"] = self._most_tokens()
        return {name: value for name, value in given.items() if value is not None}

    def _most_tokens(self) -> int | None:
        if self.node.max_tokens is None:
            return None
        given = self.visit.value(self.node.max_tokens, "max_tokens")
        if isinstance(given, str) and given.isascii() and given.isdigit():
            given = int(given)
        if type(given) is not int or given < 1:
            raise StepFailed(Error("invalid_value", f"max_tokens is no whole number above 0: {str(given)[:80]}"))
        return given

    def _begin(self, profile: Profile, model: str, options: Mapping[str, Json]) -> None:
        """Commit that the question is about to be asked: from here on it may have been."""
        shown = [{"role": turn.role, "content": turn.content.shown} for turn in self.turns]
        params = {"profile": profile.name, "model": model, "messages": shown, **options}
        self.now.params = to_json(params)
        deadline = clock.now() + timedelta(seconds=profile.seconds)
        payload: dict[str, Any] = {"action": MODEL_CALL, "binding": "llm", "deadline": deadline.isoformat()}
        if self.visit.document.global_config.audit_config.audit_level == "detailed":
            payload["params"] = params
        started = self._event("step_started", payload)
        self.visit.drive.journal.step(
            self._row(StepState.STARTED, moment(clock.now()), None, None, None), self.visit.row(), [started]
        )
        self.visit.drive.journal.flush()

    def _first_answer(self, profile: Profile, chain: Sequence[str], options: Mapping[str, Json]) -> Json:
        for place, model in enumerate(chain):
            self.visit.look()
            began = clock.monotonic()
            try:
                completion = self._send(profile, model, options, place)
            except ModelFailed as failure:
                self._meet(failure, profile, chain, place, _since(began))
                continue
            return self._answer(profile, model, completion, _since(began), fallback=place > 0)
        raise AssertionError("a chain has a model")

    def _send(self, profile: Profile, model: str, options: Mapping[str, Json], place: int) -> Completion:
        messages = [Message(turn.role, turn.content.value) for turn in self.turns]
        question = Question(model, messages, options, self.node.answers_object, self._schema_for(model))
        key = self.key if place == 0 else f"{self.key}:{place + 1}"
        with self.visit.drive.crowd.baton.aside():
            return client.ask(profile, question, key=key, seconds=self._seconds(profile), look=self.visit.look)

    def _seconds(self, profile: Profile) -> float:
        """How long a call may take: the profile's time, or what is left of the visit's, its owners' and the run's."""
        left = self.visit.seconds_left()
        return profile.seconds if left is None else max(min(profile.seconds, left), 0.001)

    def _schema_for(self, model: str) -> Mapping[str, Json] | None:
        schema = self.node.output_schema
        if not isinstance(schema, dict) or schema.get("type") != "object" or self.node.orchestration_mode:
            return None
        return schema if takes_schema(model) else None

    def _meet(self, failure: ModelFailed, profile: Profile, chain: Sequence[str], place: int, took: float) -> None:
        """Go on to the next model of the chain, or raise `StepFailed`."""
        model = chain[place]
        self.visit.look()
        if failure.usage is not None:
            self._account(profile, model, model, failure.usage, took, fallback=place > 0)
        if failure.timed_out:
            told = {"timeout_ms": profile.seconds * 1000, "action": MODEL_CALL, "binding": "llm"}
            self.visit.emit("step_timeout", told, self.step.step_id, self.attempt)
        if not failure.falls_back or place + 1 == len(chain):
            raise StepFailed(_error(failure, model))
        told = {"from": model, "to": chain[place + 1], "reason": failure.message}
        self.visit.emit("llm_fallback", told, self.step.step_id, self.attempt)

    def _answer(
        self, profile: Profile, model: str, completion: Completion, took: float, *, fallback: bool
    ) -> dict[str, Json]:
        used = self._account(profile, model, completion.model, completion.usage, took, fallback=fallback)
        if len(completion.text.encode()) > settings.ENV.MAX_RESULT_BYTES:
            raise StepFailed(Error("result_too_large", f"The answer of {model} is over MAX_RESULT_BYTES."))
        try:
            to_json(completion.text)
        except NotStorable as error:
            raise StepFailed(Error("llm_error", f"The answer of {model} cannot be kept. {error}")) from None
        shown = REDACTED if self._writes_hidden else prompts.answered(self.visit, completion.text).shown
        return {"text": completion.text, "shown": shown, "finish_reason": completion.finish_reason, **used}

    def _account(
        self, profile: Profile, model: str, answered: str, usage: Usage | None, took: float, *, fallback: bool
    ) -> dict[str, Json]:
        """Let the call's usage go out with its record."""
        price = profile.price_of(answered) or profile.price_of(model)
        cost: Decimal | None = price.of(usage) if price and usage else None
        used = {
            "model": answered,
            "requested_model": model,
            "profile": profile.name,
            "prompt_tokens": usage and usage.prompt,
            "completion_tokens": usage and usage.completion,
            "total_tokens": usage and usage.prompt + usage.completion,
            "cost_usd": None if cost is None else float(cost),
            "latency_ms": took,
            "fallback": fallback,
        }
        self.now.told.append(self._event("llm_usage", used))
        if usage is not None:
            self.now.spent.append(Spent(usage.prompt, usage.completion, cost))
        return used

    def _keep(self, row: StepRow) -> None:
        self.visit.drive.journal.step(row, self.visit.row(), self.now.told, self.now.spent)
        self.now.told, self.now.spent = [], []
        self.visit.drive.journal.flush()

    def _row(self, *fields: Any) -> StepRow:
        return super()._row(*fields)._replace(key=self.key, params=self.now.params)

    def _tell_completed(self, result: Json, *, cached: bool, spent: float) -> None:
        super()._tell_completed(result["shown"], cached=cached, spent=spent)

    @property
    def _writes_hidden(self) -> bool:
        return not self.visit.drive.program.hidden_names.isdisjoint(self.node.outputs or ("llm_output",))

    def _event(self, event_type: str, payload: Mapping[str, Any]) -> NewEvent:
        visit = self.visit
        return NewEvent(event_type, payload, visit.node_id, self.step.step_id, visit.path, self.attempt)


def _since(began: float) -> float:
    return round((clock.monotonic() - began) * 1000, 3)


def _error(failure: ModelFailed, model: str) -> Error:
    details = {"model": model, **({"network": True} if failure.network else {})}
    return Error(
        failure.error_class,
        failure.message,
        error_type=failure.error_type,
        code=failure.code,
        http_status=failure.http_status,
        retry_after=failure.retry_after,
        details=details,
    )
