"""The language as a service for editors: compile without storing, try expressions, and its catalogues as data."""

from dataclasses import asdict
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents import selectors as agents
from langorch.lib import clock
from langorch.lib.errors import Invalid, Place
from procedures.api.serializers import Form, GraphOut, ProblemOut
from procedures.api.views import sent_document
from procedures.ckp.actions import ACTIONS
from procedures.ckp.compile import Compiled
from procedures.ckp.conventional import CONVENTIONAL
from procedures.ckp.expressions import (
    FUNCTIONS,
    TESTS,
    EvaluationError,
    ExpressionProblem,
    Scope,
    compile_expression,
    compile_text,
    compile_value,
)
from procedures.ckp.graph import graph, positions_of
from procedures.ckp.problems import CATALOGUE, docs_anchor
from procedures.ckp.schema import document_schema
from procedures.services.checking import compile_for, counts
from tenants.access import ANY
from tenants.api.endpoint import Endpoint


class CompileIn(Form):
    ckp_json = serializers.JSONField()
    graph = serializers.BooleanField(default=False)


class CompileOut(Form):
    ok = serializers.BooleanField()
    problems = ProblemOut(many=True)
    summary = serializers.DictField(allow_null=True)
    graph = GraphOut(required=False, allow_null=True)


class EvaluateIn(Form):
    """Either an expression or a template."""

    expression = serializers.JSONField(required=False)
    template = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    variables = serializers.DictField(default=dict)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("expression" in attrs) == ("template" in attrs):
            raise serializers.ValidationError("Send either expression or template.")
        return attrs


class EvaluateOut(Form):
    value = serializers.JSONField(allow_null=True)
    text = serializers.CharField()
    recorded = serializers.ListField(child=serializers.DictField())


class ProfileQuery(Form):
    profile = serializers.ChoiceField(choices=["canonical", "import"], default="canonical")


class CatalogueEntryOut(Form):
    code = serializers.CharField()
    severity = serializers.ChoiceField(choices=["error", "warning", "info"])
    error_in_prod = serializers.BooleanField()
    summary = serializers.CharField()
    docs = serializers.CharField()


class FunctionsOut(Form):
    functions = serializers.ListField(child=serializers.DictField())
    tests = serializers.ListField(child=serializers.CharField())


class ActionsOut(Form):
    """Names of actions: what agents of each channel usually offer, what LangOrch does itself, what is offered now."""

    generic = serializers.ListField(child=serializers.CharField())
    desktop = serializers.ListField(child=serializers.CharField())
    web = serializers.ListField(child=serializers.CharField())
    email = serializers.ListField(child=serializers.CharField())
    api = serializers.ListField(child=serializers.CharField())
    database = serializers.ListField(child=serializers.CharField())
    file = serializers.ListField(child=serializers.CharField())
    internal = serializers.ListField(child=serializers.CharField())
    offered = serializers.ListField(child=serializers.CharField())


class Compile(Endpoint):
    access = {"POST": "procedures.edit"}

    @extend_schema(request=CompileIn, responses=CompileOut)
    def post(self, request: Request) -> Response:
        """What the compiler says about a document, errors and all; stores nothing."""
        text = sent_document(request)
        given = self.body(CompileIn)
        compiled = compile_for(text, self.actor.tenant_id, None)
        answer = {
            "ok": compiled.ok,
            "problems": [problem.as_dict() for problem in compiled.problems],
            "summary": _summary(compiled),
        }
        if given["graph"]:
            answer["graph"] = _drawn(compiled)
        return Response(answer)


class Evaluate(Endpoint):
    access = {"POST": "procedures.edit"}

    @extend_schema(request=EvaluateIn, responses=EvaluateOut)
    def post(self, request: Request) -> Response:
        """Evaluate an expression or a template over variables, within the evaluator's limits."""
        given = self.body(EvaluateIn)
        scope = Scope(given["variables"], now=clock.now())
        try:
            value, text = _evaluated(given, scope)
        except ExpressionProblem as problem:
            raise _refused(problem.code, problem.message, problem.hint, problem.offset) from None
        except EvaluationError as error:
            raise _refused(error.error_class, error.message, None, error.offset) from None
        recorded = [asdict(entry) for entry in dict.fromkeys(scope.recorded)]
        return Response({"value": value, "text": text, "recorded": recorded})


class DocumentSchema(Endpoint):
    access = {"GET": ANY}
    queries = {"GET": ProfileQuery}

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """JSON Schema 2020-12 of a document; `profile=import` also admits older dialects and names."""
        return Response(document_schema(self.parameters()["profile"]))


class Problems(Endpoint):
    access = {"GET": ANY}

    @extend_schema(responses=CatalogueEntryOut(many=True))
    def get(self, request: Request) -> Response:
        """Every code the compiler may report."""
        return Response(
            [
                {
                    "code": code,
                    "severity": entry.severity,
                    "error_in_prod": entry.prod or entry.severity == "error",
                    "summary": entry.summary,
                    "docs": docs_anchor(code),
                }
                for code, entry in CATALOGUE.items()
            ]
        )


class Functions(Endpoint):
    access = {"GET": ANY}

    @extend_schema(responses=FunctionsOut)
    def get(self, request: Request) -> Response:
        """The functions (each also a filter) and tests of the expression language."""
        functions = [
            {"name": name, "signature": function.signature, "parameters": list(function.parameters)}
            for name, function in sorted(FUNCTIONS.items())
        ]
        return Response({"functions": functions, "tests": sorted(TESTS)})


class Actions(Endpoint):
    access = {"GET": "view"}

    @extend_schema(responses=ActionsOut)
    def get(self, request: Request) -> Response:
        """The names that actions have: usual ones by channel, our own, and those that registered agents offer now."""
        usual = {channel: list(names) for channel, names in CONVENTIONAL.items()}
        return Response(usual | {"internal": list(ACTIONS), "offered": agents.offered_names(self.actor)})


def _summary(compiled: Compiled) -> dict[str, Any] | None:
    draft = compiled.draft
    if draft is None:
        return None
    return {
        "procedure_id": draft.procedure_id,
        "version": draft.version,
        "name": draft.title,
        "document_hash": compiled.document_hash,
        "source_hash": compiled.source_hash,
        "nodes": len(draft.nodes),
        "inputs": list(draft.variables_schema),
        "problem_counts": counts(compiled.problems),
    }


def _drawn(compiled: Compiled) -> dict[str, Any] | None:
    if compiled.draft is None:
        return None
    return graph(compiled.draft, positions_of(compiled.canonical or {}))


def _evaluated(given: dict[str, Any], scope: Scope) -> tuple[Any, str]:
    """The value, and the text it makes inside a template."""
    if "template" in given:
        template = given["template"]
        return compile_value(template).render(scope), compile_text(template).render(scope)
    value = compile_expression(given["expression"]).evaluate(scope)
    return value, compile_text("{{ value }}").render(Scope({"value": value}))


def _refused(code: str, message: str, hint: str | None, offset: int | None) -> Invalid:
    place = Place(message, code=code, hint=hint)
    return Invalid(message, places=[place], extra={"offset": offset})
