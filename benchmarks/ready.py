"""Makes Django ready; imported before anything that has models."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "langorch.settings.test")
django.setup()
