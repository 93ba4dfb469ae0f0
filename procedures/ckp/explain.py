"""The analysis of a document: what it reads, writes, calls and may cost, and which ways it may take (CKP 6)."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from procedures.ckp.bind.children import child_of
from procedures.ckp.bind.secrets import aliases
from procedures.ckp.bounds import along, bounds
from procedures.ckp.bounds_of_nodes import SystemLimits
from procedures.ckp.checks.flow import doubts, variables_read
from procedures.ckp.checks.subject import Subject
from procedures.ckp.checks.variables import holds_template
from procedures.ckp.compile import Compiled
from procedures.ckp.costs import chain_of
from procedures.ckp.cron import read_schedule
from procedures.ckp.document.nodes import (
    LlmActionNode,
    Node,
    ProcessingNode,
    SequenceNode,
    SubflowNode,
    TerminateNode,
)
from procedures.ckp.document.root import Document
from procedures.ckp.document.steps import ErrorHandler, Step
from procedures.ckp.edges import END
from procedures.ckp.effects import agent_of, capabilities_of, is_call, is_internal, side_effect
from procedures.ckp.gates import gates
from procedures.ckp.inputs import check_inputs, is_blank
from procedures.ckp.regions import MAIN
from procedures.ckp.registry import NOTHING_REGISTERED, Registry
from procedures.ckp.report import Report
from procedures.ckp.retries import handler_retries, node_retries, policy_of, step_retries
from procedures.ckp.routes import Route, Ways, decide, routes, trace

LANGUAGE: Final = "1"
_CONTRACT: Final = frozenset({"CKP323", "CKP324", "CKP325", "CKP326"})


def explain(
    compiled: Compiled,
    registry: Registry = NOTHING_REGISTERED,
    *,
    inputs: Mapping[str, Any] | None = None,
    now: datetime | None = None,
    limits: SystemLimits | None = None,
) -> dict[str, Any]:
    """The whole analysis of a compiled document without errors. `now` is an aware time, for the next fires.

    Raises ValueError for a document with errors.
    """
    if compiled.document is None or compiled.canonical is None:
        raise ValueError("Only a document without errors can be explained.")
    subject = Subject(compiled.canonical, compiled.document, Report(), registry=registry)
    return _Explanation(subject, compiled, registry, inputs, now, limits).as_dict()


class _Explanation:
    def __init__(
        self,
        subject: Subject,
        compiled: Compiled,
        registry: Registry,
        inputs: Mapping[str, Any] | None,
        now: datetime | None,
        limits: SystemLimits | None,
    ) -> None:
        self.subject = subject
        self.document: Document = subject.document
        self.compiled = compiled
        self.registry = registry
        self.inputs = inputs
        self.now = now
        self.bounds = bounds(self.document, registry, limits)
        self.gates = gates(self.document, subject.region_map)
        self.reads = variables_read(subject)
        self.steps: dict[str, list[Step]] = {}
        for _, step, place in subject.steps:
            self.steps.setdefault(str(place[2]), []).append(step)
        self.ways = Ways(subject) if inputs is None else self._decided(inputs)

    def _decided(self, inputs: Mapping[str, Any]) -> Ways:
        """The ways of a run with these inputs; faulty ones, and defaults that are computed, are not known yet."""
        schema = self.document.variables_schema
        checked = check_inputs(schema, inputs)
        computed = {name for name, meta in schema.items() if name not in inputs and holds_template(meta.default)}
        return decide(self.subject, checked.values, computed | checked.errors.keys())

    def as_dict(self) -> dict[str, Any]:
        found, truncated = routes(self.subject, self.ways)
        calls = list(self._calls())
        return {
            "procedure_id": self.document.procedure_id,
            "version": self.document.version,
            "document_hash": self.compiled.document_hash,
            "language": LANGUAGE,
            "nodes": [self._node(node_id, node) for node_id, node in self.document.nodes.items()],
            "edges": list(self._edges()),
            "variables": self._variables(),
            "route_trace": trace(self.subject, self.ways),
            "routes": [self._route(index, route, calls) for index, route in enumerate(found)],
            "routes_truncated": truncated,
            "external_calls": calls,
            "bounds": self.bounds.as_dict(),
            "secrets": self._secrets(),
            "subflows": list(self._subflows()),
            "triggers": list(self._triggers()),
            "policy_summary": self._policy(),
            "problems": [problem.as_dict() for problem in self.compiled.problems],
        }

    def _node(self, node_id: str, node: Node) -> dict[str, Any]:
        program = self.subject.programs[node_id]
        steps = node.steps if isinstance(node, SequenceNode) else []
        handlers = node.error_handlers if isinstance(node, SequenceNode) else []
        return {
            "id": node_id,
            "type": node.type,
            "tier": node.TIER,
            "agent": node.agent,
            "description": node.description,
            "is_checkpoint": node.is_checkpoint,
            "sla": node.sla.model_dump(exclude_none=True) if node.sla else None,
            "timeout_ms": node.timeout_ms,
            "has_side_effects": self._has_side_effects(node_id, node),
            "region": self.subject.region_map.home.get(node_id, MAIN),
            "reads": sorted(self.reads[node_id]),
            "writes": sorted({write.name for write in program.writes()}),
            "steps": [self._step(step, node) for step in steps],
            "error_handlers": [self._handler(handler, node) for handler in handlers],
        }

    def _has_side_effects(self, node_id: str, node: Node) -> bool:
        if isinstance(node, SubflowNode):
            return True
        if isinstance(node, ProcessingNode):
            return any(operation.action == "notify" for operation in node.operations)
        effects = {
            side_effect(step, owner, self.registry) for owner, step, place in self.subject.steps if place[2] == node_id
        }
        return bool(effects & {"write", "irreversible"})

    def _step(self, step: Step, node: Node) -> dict[str, Any]:
        policy = step.idempotency_policy or node.idempotency_policy
        return {
            "step_id": step.step_id,
            "action": step.action,
            "timeout_ms": step.timeout_ms,
            "retry_on_failure": step.retries,
            "output_variable": step.output_variable,
            "binding_kind": self._binding(step, node)[0],
            "attempts_max": 1 + len(step_retries(step, node, self.document.global_config)),
            "side_effect": side_effect(step, node, self.registry),
            "idempotency_scope": policy.scope if policy else "run",
        }

    def _handler(self, handler: ErrorHandler, node: Node) -> dict[str, Any]:
        delays = handler_retries(handler, node, self.document.global_config)
        return {
            "error_type": ", ".join(handler.error_types) or "*",
            "action": handler.action,
            "max_retries": len(delays),
            "delay_ms": delays[0] if delays else None,
            "fallback_node": handler.fallback_node,
            "delays_ms": delays,
        }

    def _binding(self, step: Step, node: Node) -> tuple[str, str | None, list[str]]:
        """How a step is carried out, by whom, and who else could."""
        if is_internal(step, node):
            return ("notify" if step.action == "notify" else "internal"), None, []
        offered = capabilities_of(step, node, self.registry) or ()
        if not offered:
            return "unbound", None, []
        first = offered[0]
        kind = "workflow" if first.kind == "workflow" else first.binding
        return kind, first.ref or None, [one.ref for one in offered if one.ref]

    def _edges(self) -> Iterator[dict[str, Any]]:
        positions: dict[str, int] = {}
        for edge in self.subject.edges:
            index = positions.get(edge.source, 0)
            positions[edge.source] = index + 1
            shown = {"from": edge.source, "to": edge.target or END, "condition": edge.condition, "kind": edge.kind}
            yield shown if self.ways.takes(edge.source, index) else {**shown, "taken": False}
        for node_id, _, _ in self.subject.nodes_of(TerminateNode):
            yield {"from": node_id, "to": END, "condition": None, "kind": "next"}

    def _variables(self) -> dict[str, Any]:
        schema = self.document.variables_schema
        given = self.inputs or {}
        needed = [name for name, meta in schema.items() if meta.required]
        missing = [name for name in needed if not schema[name].has_default and is_blank(given.get(name))]
        written = {write.name: None for program in self.subject.programs.values() for write in program.writes()}
        unused = [problem.pointer for problem in self.compiled.problems if problem.code == "CKP126"]
        return {
            "schema": self.compiled.canonical.get("variables_schema", {}) if self.compiled.canonical else {},
            "required": needed,
            "produced": sorted(written),
            "missing_inputs": missing,
            "provided": [name for name in schema if name in given],
            "optional": [name for name, meta in schema.items() if not meta.required],
            "maybe_undefined": self._maybe_undefined(),
            "never_used": [pointer.rpartition("/")[2] for pointer in unused],
        }

    def _maybe_undefined(self) -> list[dict[str, Any]]:
        return [
            {"name": doubt.name, "pointer": self.compiled.pointer(doubt.path), "path": list(doubt.route)}
            for doubt in doubts(self.subject)
            if not doubt.read.guarded
        ]

    def _route(self, index: int, route: Route, calls: list[dict[str, Any]]) -> dict[str, Any]:
        on_route = set(route.nodes)
        return {
            "id": f"r{index + 1}",
            "nodes": list(route.nodes),
            "edges": list(route.conditions),
            "ends": route.ends,
            "approvals": route.approvals(self.subject),
            "external_calls": [call["ref"] for call in calls if call["node_id"] in on_route],
            "bounds": along(self.document, self.bounds, self.subject.region_map.home, route.nodes).as_dict(),
        }

    def _calls(self) -> Iterator[dict[str, Any]]:
        for node_id, node in self.document.nodes.items():
            for step in self.steps.get(node_id, ()):
                if is_call(step, node):
                    yield self._step_call(node_id, node, step)
            if isinstance(node, LlmActionNode):
                models = chain_of(self.document, node, self.registry)
                yield self._node_call(node_id, node, "llm", models[0] if models else None, models)
            elif isinstance(node, SubflowNode):
                yield self._node_call(node_id, node, "subflow", node.procedure_id, [node.procedure_id])
            elif isinstance(node, ProcessingNode):
                yield from self._notices(node_id, node)

    def _step_call(self, node_id: str, node: Node, step: Step) -> dict[str, Any]:
        kind, ref, candidates = self._binding(step, node)
        retries = step_retries(step, node, self.document.global_config)
        effect = side_effect(step, node, self.registry)
        call = self._call(node_id, step.step_id, step.action, kind, ref, effect, 1 + len(retries))
        return {
            **call,
            "agent_hint": agent_of(step, node),
            "timeout_ms": step.timeout_ms if step.timeout_ms is not None else node.timeout_ms,
            "candidates": candidates,
            "required_capability_version": step.required_capability_version,
        }

    def _node_call(self, node_id: str, node: Node, kind: str, ref: str | None, candidates: list[str]) -> dict[str, Any]:
        retries = node_retries(node, self.document.global_config)
        repeated = kind == "llm" or (isinstance(node, SubflowNode) and node.on_failure == "retry")
        effect = "none" if kind == "llm" else "write"
        call = self._call(node_id, None, node.type, kind, ref, effect, 1 + len(retries) * repeated)
        return {**call, "agent_hint": node.agent, "timeout_ms": node.timeout_ms, "candidates": candidates}

    def _notices(self, node_id: str, node: ProcessingNode) -> Iterator[dict[str, Any]]:
        for index, operation in enumerate(node.operations):
            if operation.action == "notify":
                name = operation.id or f"notify_{index + 1}"
                yield self._call(node_id, name, "notify", "notify", operation.parameters.get("channel"), "write", 1)

    def _call(
        self, node_id: str, step_id: str | None, action: str, kind: str, ref: str | None, effect: str, attempts: int
    ) -> dict[str, Any]:
        return {
            "ref": f"{node_id}/{step_id}" if step_id else node_id,
            "node_id": node_id,
            "step_id": step_id,
            "action": action,
            "binding_kind": kind,
            "binding_ref": ref,
            "agent_hint": None,
            "timeout_ms": None,
            "side_effect": effect,
            "attempts_max": attempts,
            "candidates": [],
            "required_capability_version": None,
            "gates": list(self.gates.get(node_id, ())),
        }

    def _secrets(self) -> list[dict[str, Any]]:
        config = self.document.global_config.secrets_config
        found: dict[str, dict[str, Any]] = {}
        for alias, place, _ in aliases(self.subject):
            entry = found.setdefault(alias, {"alias": alias, "keys": [config.key_of(alias)], "pointers": []})
            entry["pointers"].append(self.compiled.pointer(place))
        return [found[alias] for alias in sorted(found)]

    def _subflows(self) -> Iterator[dict[str, Any]]:
        broken = {problem.node_id for problem in self.compiled.problems if problem.code in _CONTRACT}
        for node_id, node, _ in self.subject.nodes_of(SubflowNode):
            child = child_of(self.registry, node)
            yield {
                "node_id": node_id,
                "procedure_id": node.procedure_id,
                "pin": node.version,
                "resolved_version": child[0] if child else None,
                "contract": "problems" if node_id in broken else "ok",
            }

    def _triggers(self) -> Iterator[dict[str, Any]]:
        for index, trigger in enumerate(self.document.all_triggers):
            zone = trigger.timezone or self.document.global_config.timezone or "UTC"
            yield {
                "id": f"t{index + 1}",
                "type": trigger.type,
                "next_fires": next_fires(trigger.schedule, zone, self.now) if trigger.type == "scheduled" else [],
            }

    def _policy(self) -> dict[str, Any]:
        config = self.document.global_config
        retry = policy_of((), config)
        return {
            "execution_mode": config.execution_mode,
            "timeout_ms": config.timeout_ms,
            "retry": {
                "max_retries": retry.max_retries,
                "strategy": retry.strategy,
                "base_delay_ms": retry.base_delay_ms,
                "multiplier": retry.multiplier,
                "max_delay_ms": retry.max_delay_ms,
            },
            "rate_limiting": config.rate_limiting.model_dump() if config.rate_limiting else None,
            "checkpoint_strategy": config.checkpoint_strategy,
            "retention_days": config.retention_days,
            "budget": {
                "max_cost_usd": config.max_cost_usd,
                "llm_budget": config.llm_budget.model_dump() if config.llm_budget else None,
            },
            "undefined_variables": config.undefined_variables,
            "on_failure": config.on_failure,
            "compensation": config.compensation,
        }


def next_fires(schedule: str | None, zone: str, now: datetime | None, count: int = 5) -> list[str]:
    """The next fires of a schedule as ISO texts; none without a time. Raises CronFault."""
    if schedule is None or now is None:
        return []
    return [fire.isoformat() for fire in read_schedule(schedule).next_fires(now, zone, count)]
