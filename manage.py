#!/usr/bin/env python
"""Django's command line."""

import sys

from django.core.management import execute_from_command_line

from langorch import settings

if __name__ == "__main__":
    settings.choose()
    execute_from_command_line(sys.argv)
