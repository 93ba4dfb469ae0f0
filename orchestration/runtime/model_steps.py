"""Asking a model as a recorded step: begun before the call; answer, usage and cost in one write (runtime 8, 16)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, cast

from django.conf import settings

from agents.llm import client, profiles
from agents.llm.abilities import takes_schema
from agents.llm.chat import Completion, Message, ModelFailed, Question, Usage
from agents.llm.profiles import NoProfile, Profile
from langorch.lib import clock
from langorch.lib.redaction import REDACTED
from orchestration.choices import MODEL_CALL, StepState
from orchestration.events import NewEvent
from orchestration.runtime import prompts, rating
from orchestration.runtime.context import Told, Turn
from orchestration.runtime.outcomes import Error, Json, StepFailed
from orchestration.runtime.records import NotStorable, Spent, StepRow, to_json
from orchestration.runtime.spending import NOTHING, Amount, caps_of, most_prompt_tokens
from orchestration.runtime.steps import StepRun
from orchestration.runtime.visiting import Visit
from procedures.ckp.document import LlmActionNode, Step

MARGIN_SECONDS: Final = 1.0
"""A call is given so much longer than a limit of time further out, so that the limit itself is what ends it."""
OPTIONS: Final = ("temperature", "top_p", "stop", "seed")


def ask(visit: Visit, turns: Sequence[Turn], number: int) -> Told:
    """What a model answers to `turns`, the visit's `number`-th question, or answered before.

    Raises `StepFailed` when it failed for good, `Suspended` while a retry waits.
    """
    step = Step(step_id=f"{MODEL_CALL}_{number}", action=MODEL_CALL, retry_on_failure=True)
    answer: dict[str, Json] = ModelStep(visit, step, turns).run(handled=0)
    return Told(answer["text"], answer["shown"])


@dataclass(slots=True)
class _Attempt:
    """What one attempt is about to record beside its result."""

    params: str | None = None
    told: list[NewEvent] = field(default_factory=list)
    spent: list[Spent] = field(default_factory=list)


@dataclass(slots=True)
class _Call:
    """One call of one model: its place in the chain, the model `following` it, and what it may use at most."""

    profile: Profile
    model: str
    place: int
    following: str | None
    began: float = 0
    most: Amount = NOTHING
    bound: Usage | None = None


class ModelStep(StepRun):
    """One question to a model, asked of each model of its chain until one answers."""

    def __init__(self, visit: Visit, step: Step, turns: Sequence[Turn]) -> None:
        super().__init__(visit, step, (), visit.path)
        self.node = cast(LlmActionNode, visit.node)
        self.turns = turns
        config = visit.document.global_config
        self.caps = caps_of(config, self.node)
        self.capped = bool(self.caps) or config.max_cost_per_llm_call_usd is not None
        self.now = _Attempt()

    def _result(self) -> Json:
        self.now = _Attempt()
        rating.wait_for_token(self)
        profile = self._profile()
        chain = self._chain(profile)
        options = self._options()
        with self.visit.drive.calling(self.visit.look):
            self._begin(profile, chain[0], options)
            return self._first_answer(profile, chain, options)

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
            return settings.ENV.LLM_DEFAULT_MAX_TOKENS if self.capped else None
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
        started = self.event("step_started", self.with_params(payload, params))
        self.visit.drive.journal.step(self._row(StepState.STARTED, None, None, None), self.visit.row(), [started])
        self.visit.drive.journal.flush()

    def _first_answer(self, profile: Profile, chain: Sequence[str], options: Mapping[str, Json]) -> Json:
        for place, model in enumerate(chain):
            call = _Call(profile, model, place, following=chain[place + 1] if place + 1 < len(chain) else None)
            self.visit.look()
            if (refusal := self._refusal(call, options)) is not None:
                self._go_on(call, refusal, falls_back=True)
                continue
            try:
                completion = self._send(call, options)
            except ModelFailed as failure:
                self._meet(failure, call)
                continue
            return self._answer(call, completion)
        raise AssertionError("a chain has a model")

    def _send(self, call: _Call, options: Mapping[str, Json]) -> Completion:
        messages = [Message(turn.role, turn.content.value) for turn in self.turns]
        question = Question(call.model, messages, options, self.node.answers_object, self._schema_for(call.model))
        key, seconds = self.key if call.place == 0 else f"{self.key}:{call.place + 1}", self._seconds(call.profile)
        call.began = clock.monotonic()
        self.visit.drive.leave_connection()
        with self.visit.drive.crowd.baton.aside():
            return client.ask(call.profile, question, key=key, seconds=seconds, look=self.visit.look)

    def _refusal(self, call: _Call, options: Mapping[str, Json]) -> Error | None:
        """Why a call may not be made, if it may not; else it is reserved."""
        config = self.visit.document.global_config
        if config.min_llm_quality is not None:
            return Error("policy_denied", f"No quality of {call.model} is known, and the document asks for one.")
        if not self.capped:
            return None
        call.most = self._most(call, options)
        bound = config.max_cost_per_llm_call_usd
        if call.most.usd is None and (bound is not None or any(not cap.in_tokens for cap in self.caps)):
            return Error("price_unknown", f"The price of {call.model} is not known, and a cap needs one.")
        if bound is not None and call.most.usd is not None and call.most.usd > Decimal(str(bound)):
            return Error("budget_exceeded", f"A call of {call.model} may cost {call.most.usd:.4f} USD, over {bound:g}.")
        return self._reserve(call)

    def _reserve(self, call: _Call) -> Error | None:
        found = self.visit.drive.spending.reserve(self.caps, self.visit.path, call.most, self._before())
        if found is None:
            return None
        told = found[0].payload(found[1])
        message = f"A call of {call.model} may pass the cap {told['cap']}: {told['used']} of {told['limit']} are used."
        if self._holds:
            message += " Runs cannot be held for this yet, so the node failed."
        if call.following is None:
            payload = {"message": message, **told, "action": "abort"}
            self.emit("budget_exceeded", payload)
        return Error("budget_exceeded", message, details=told)

    @property
    def _holds(self) -> bool:
        budget = self.visit.document.global_config.llm_budget
        return budget is not None and budget.on_exceeded == "hold"

    def _most(self, call: _Call, options: Mapping[str, Json]) -> Amount:
        """The most that a call may use."""
        contents = [to_json(turn.content.value) for turn in self.turns]
        call.bound = Usage(most_prompt_tokens(contents), options["max_tokens"])
        price = call.profile.price_of(call.model)
        return Amount(call.bound.prompt + call.bound.completion, price.of(call.bound) if price else None)

    def _before(self) -> Amount:
        """What this visit spent before this drive began."""
        results = [one.result for one in self.visit.drive.records.steps.get(self.visit.path, {}).values()]
        known = [result for result in results if isinstance(result, dict)]
        tokens = sum(result.get("total_tokens") or 0 for result in known)
        return Amount(tokens, sum((Decimal(str(result.get("cost_usd") or 0)) for result in known), Decimal(0)))

    def _seconds(self, profile: Profile) -> float:
        """How long a call may take: the profile's time, or what is left of the visit's, its owners' and the run's."""
        left = self.visit.seconds_left()
        return profile.seconds if left is None or left > profile.seconds else left + MARGIN_SECONDS

    def _schema_for(self, model: str) -> Mapping[str, Json] | None:
        schema = self.node.output_schema
        if not isinstance(schema, dict) or schema.get("type") != "object" or self.node.orchestration_mode:
            return None
        return schema if takes_schema(model) else None

    def _meet(self, failure: ModelFailed, call: _Call) -> None:
        """Go on to the next model of the chain, or raise `StepFailed`."""
        if failure.usage is not None or (failure.worked and self.capped):
            self._account(call, call.model, failure.usage)
        else:
            self._settle(call, NOTHING)
        self.visit.look()
        if failure.timed_out:
            told = {"timeout_ms": call.profile.seconds * 1000, "action": MODEL_CALL, "binding": "llm"}
            self.emit("step_timeout", told)
        self._go_on(call, _error(failure, call.model), falls_back=failure.falls_back)

    def _go_on(self, call: _Call, error: Error, *, falls_back: bool) -> None:
        if not falls_back or call.following is None:
            raise StepFailed(error)
        told = {"from": call.model, "to": call.following, "reason": error.message}
        self.emit("llm_fallback", told)

    def _answer(self, call: _Call, completion: Completion) -> dict[str, Json]:
        used = self._account(call, completion.model, completion.usage)
        if len(completion.text.encode()) > settings.ENV.MAX_RESULT_BYTES:
            raise StepFailed(Error("result_too_large", f"The answer of {call.model} is over MAX_RESULT_BYTES."))
        try:
            to_json(completion.text)
        except NotStorable as error:
            raise StepFailed(Error("llm_error", f"The answer of {call.model} cannot be kept. {error}")) from None
        shown = REDACTED if self._writes_hidden else prompts.answered(self.visit, completion.text).shown
        return {"text": completion.text, "shown": shown, "finish_reason": completion.finish_reason, **used}

    def _account(self, call: _Call, answered: str, said: Usage | None) -> dict[str, Json]:
        """Let the call's usage go out with its record; under a cap, what is not said is all that was reserved."""
        usage = call.bound if said is None and self.capped else said
        price = call.profile.price_of(answered) or call.profile.price_of(call.model)
        cost: Decimal | None = price.of(usage) if price and usage else None
        used = {
            "model": answered,
            "requested_model": call.model,
            "profile": call.profile.name,
            "prompt_tokens": usage and usage.prompt,
            "completion_tokens": usage and usage.completion,
            "total_tokens": usage and usage.prompt + usage.completion,
            "cost_usd": None if cost is None else float(cost),
            "latency_ms": round((clock.monotonic() - call.began) * 1000, 3),
            "fallback": call.place > 0,
        }
        self.now.told.append(self.event("llm_usage", used))
        if usage is not None:
            self.now.spent.append(Spent(usage.prompt, usage.completion, cost))
            self._settle(call, Amount(usage.prompt + usage.completion, cost))
        return used

    def _settle(self, call: _Call, used: Amount) -> None:
        if self.capped:
            warnings = self.visit.drive.spending.settle(self.caps, self.visit.path, call.most, used)
            self.now.told += [self.event("budget_warning", warning) for warning in warnings]

    def _keep(self, row: StepRow) -> None:
        self.visit.drive.journal.step(row, self.visit.row(), self.now.told, self.now.spent)
        self.visit.drive.telemetry.count(row, *self.now.spent)
        self.now.told, self.now.spent = [], []
        self.visit.drive.journal.flush()

    def _row(self, *fields: Any) -> StepRow:
        return super()._row(*fields)._replace(params=self.now.params)

    def _tell_completed(self, result: Json, *, cached: bool, spent: float) -> None:
        super()._tell_completed(result["shown"], cached=cached, spent=spent)

    @property
    def _writes_hidden(self) -> bool:
        return not self.visit.drive.program.hidden_names.isdisjoint(self.node.outputs or ("llm_output",))


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
