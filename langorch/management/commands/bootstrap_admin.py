"""`manage.py bootstrap_admin`: the first administrator of an empty installation."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from langorch import demo
from tenants.choices import Role
from tenants.models import Tenant, User


class Command(BaseCommand):
    help = "Makes the default tenant and its first administrator, named by BOOTSTRAP_ADMIN_USERNAME, _EMAIL, _PASSWORD."

    def handle(self, *args: Any, **options: Any) -> None:
        if User.objects.exists():
            raise CommandError("There are users already; an administrator can add more.")
        with transaction.atomic():
            slug = settings.ENV.DEFAULT_TENANT
            tenant, _ = Tenant.objects.get_or_create(slug=slug, defaults={"name": slug.capitalize()})
            login = demo.first_admin(tenant)
            if not settings.ENV.BOOTSTRAP_ADMIN_PASSWORD:
                demo.keep({Role.ADMIN: login})
        self.stdout.write(f"{login['username']} administers {tenant}.")
        if not settings.ENV.BOOTSTRAP_ADMIN_PASSWORD:
            self.stdout.write(f"The password is in {demo.first_login_file()}")
