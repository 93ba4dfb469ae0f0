"""Who may decide."""

from uuid import UUID

import pytest

from approvals.rules.audience import Audience, Named, Person, named, refusal

MIA, TOM = UUID(int=1), UUID(int=2)
EVERY_APPROVER = Audience(roles=frozenset({"approver"}))


def approver(user_id: UUID | None = MIA, *groups: str) -> Person:
    return Person(user_id, frozenset(groups), frozenset({"approver"}))


def test_an_approver_may_decide_what_asks_every_approver():
    assert refusal(EVERY_APPROVER, approver()) is None


@pytest.mark.parametrize("roles", [set(), {"viewer"}, {"viewer", "operator"}, {"viewer", "operator", "admin"}])
def test_no_other_role_includes_approver(roles):
    assert refusal(EVERY_APPROVER, Person(MIA, roles=frozenset(roles))) == "permission_denied"


def test_being_named_does_not_replace_the_role():
    assert refusal(Audience(users=frozenset({MIA})), Person(MIA)) == "permission_denied"


def test_a_question_for_one_person_is_not_for_another():
    asked = Audience(users=frozenset({MIA}))
    assert refusal(asked, approver(MIA)) is None
    assert refusal(asked, approver(TOM)) == "not_an_approver"


def test_a_group_is_asked_through_its_members():
    asked = Audience(groups=frozenset({"finance"}))
    assert refusal(asked, approver(MIA, "finance", "sales")) is None
    assert refusal(asked, approver(MIA, "sales")) == "not_an_approver"


def test_a_barred_person_may_not_decide_even_when_named():
    asked = Audience(users=frozenset({MIA}), barred={MIA: "initiator"})
    assert refusal(asked, approver(MIA)) == "four_eyes"


@pytest.mark.parametrize("person", [Person(None, roles=frozenset({"approver"})), Person(MIA, is_program=True)])
def test_a_program_never_decides(person):
    assert refusal(EVERY_APPROVER, person) == "key_cannot_decide"


def test_administrators_decide_only_when_nobody_else_was_found():
    administrator = Person(MIA, roles=frozenset({"admin"}))
    assert refusal(Audience(administrators=True), administrator) is None
    assert refusal(Audience(), administrator) == "permission_denied"


def test_names_are_sorted_by_their_prefix():
    found = named(["mia", " tom@example.com ", "group: finance", "role:approver", "", "odd:name"])
    assert found == Named(
        users=frozenset({"mia", "tom@example.com", "odd:name"}),
        groups=frozenset({"finance"}),
        roles=frozenset({"approver"}),
    )
    assert not named([])
