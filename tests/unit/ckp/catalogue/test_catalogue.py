"""Every code of the catalogue has the smallest document that gets it, and its nearest neighbour that does not."""

import pytest

from procedures.ckp.problems import CATALOGUE
from tests.unit.ckp.catalogue import (
    aliases,
    calls,
    dialects,
    expressions,
    fields,
    graph,
    idle,
    links,
    lints,
    names,
    nodes,
    parsing,
    root,
    triggers,
    variables,
)
from tests.unit.ckp.catalogue.case import Case
from tests.unit.ckp.catalogue.elsewhere import ELSEWHERE
from tests.unit.ckp.compiling import ADVICE, compiled

RANGES = (
    parsing,
    fields,
    idle,
    root,
    variables,
    triggers,
    graph,
    nodes,
    names,
    links,
    expressions,
    calls,
    dialects,
    aliases,
    lints,
)
CASES: list[Case] = [case for part in RANGES for case in part.CASES]


def named(case: Case) -> str:
    """Code and boundary."""
    return f"{case.code} {case.what}"


def codes(source, case, *, prod=False):
    """The codes of a document, common advice left out unless the case is about it."""
    found = [problem.code for problem in compiled(source, case.registry, prod=prod).problems]
    return sorted(code for code in found if code not in ADVICE or code == case.code)


@pytest.mark.parametrize("case", CASES, ids=named)
def test_beyond_the_boundary_the_code_is_the_only_one(case):
    for prod, severity in ((False, case.severity), (True, case.in_prod)):
        problems = compiled(case.beyond, case.registry, prod=prod).problems
        assert [(one.severity, one.pointer) for one in problems if one.code == case.code] == [(severity, case.pointer)]
        assert codes(case.beyond, case, prod=prod) == sorted([case.code, *case.beside])


@pytest.mark.parametrize("case", CASES, ids=named)
def test_within_the_boundary_it_is_gone(case):
    assert codes(case.within, case) == sorted(case.left)


@pytest.mark.parametrize("case", [case for case in CASES if case.hint], ids=named)
def test_the_hint_says_what_to_do(case):
    [hint] = [one.hint for one in compiled(case.beyond, case.registry).problems if one.code == case.code]
    assert hint == case.hint


def test_the_catalogue_is_covered():
    assert {case.code for case in CASES} | ELSEWHERE.keys() == CATALOGUE.keys()
