"""What the shell itself keeps, in the admin."""

from django.contrib import admin

from langorch.models import Leadership
from tenants.admin.base import PlatformAdmin


@admin.register(Leadership)
class LeadershipAdmin(PlatformAdmin):
    """Which process leads."""

    list_display = ["name", "holder", "until"]
    search_fields = ["name", "holder"]
    date_hierarchy = "until"
