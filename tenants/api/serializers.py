"""Identity on the wire."""

from typing import Any

from rest_framework import serializers

Form = serializers.Serializer[Any]


class LoginIn(Form):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=1000, trim_whitespace=False)


class LoginOut(Form):
    access_token = serializers.CharField()
    token_type = serializers.CharField(default="bearer")
    expires_in = serializers.IntegerField(help_text="seconds")
    identity = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField())


class TenantRef(Form):
    slug = serializers.CharField()
    name = serializers.CharField()


class ProjectRef(Form):
    project_id = serializers.UUIDField()
    name = serializers.CharField()


class MeOut(Form):
    identity = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField())
    user_id = serializers.UUIDField()
    email = serializers.CharField()
    full_name = serializers.CharField()
    role = serializers.CharField(allow_null=True)
    tenant = serializers.CharField()
    tenants = TenantRef(many=True)
    projects = ProjectRef(many=True)
    permissions = serializers.ListField(child=serializers.CharField())


class TicketIn(Form):
    path = serializers.CharField(max_length=500)


class TicketOut(Form):
    ticket = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="seconds")
