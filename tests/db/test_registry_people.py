"""What compiling knows of people: those of the tenant, by name, mail address, group and role."""

from typing import Any

import pytest
from django.contrib.auth.models import Group

from procedures.ckp.compile import compile_document
from procedures.registry import TenantRegistry
from tests import runs

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(house):
    """The problems about people that a question to these approvers has, by code and the end of the place."""

    def compiled(approvers: dict[str, Any], **fields: Any) -> list[tuple[str, str]]:
        ask = {"type": "human_approval", "prompt": "?", "on_approve": "z", "on_reject": "z", "approvers": approvers}
        source = runs.document({"ask": ask | fields, "z": {"type": "terminate"}})
        problems = compile_document(source, registry=TenantRegistry(house.tenant.pk)).problems
        return [(one.code, one.pointer.partition("/ask/")[2]) for one in problems if one.code.startswith("CKP51")]

    return compiled


def test_people_are_known_by_user_name_and_mail_address(told):
    assert told({"users": ["approver", "APPROVER@example.test"]}) == []
    assert told({"users": ["stranger", "stranger@example.test"]}) == [
        ("CKP512", "approvers/users/0"),
        ("CKP512", "approvers/users/1"),
    ]


def test_one_person_under_two_names_is_one_for_a_quorum(told):
    same = {"users": ["approver", "approver@example.test"]}
    assert told(same, min_approvers=2) == [("CKP513", "min_approvers")]
    assert told({"users": ["approver", "judge@example.test"]}, min_approvers=2) == []


def test_a_group_of_members_is_known_and_only_they_count(told, house):
    finance = Group.objects.create(name="finance")
    house.approver.groups.add(finance)
    house.stranger.groups.add(finance)
    assert told({"groups": ["finance"]}) == []
    assert told({"groups": ["finance"]}, min_approvers=2) == [("CKP513", "min_approvers")]


def test_a_group_of_others_is_not_known(told, house):
    house.stranger.groups.add(Group.objects.create(name="elsewhere"))
    assert ("CKP512", "approvers/groups/0") in told({"groups": ["elsewhere"]})
