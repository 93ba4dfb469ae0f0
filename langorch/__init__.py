"""The shell of LangOrch: settings, addresses, admin site, workers and the portal's own plumbing."""

__version__ = "0.1.0"
