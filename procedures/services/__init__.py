"""Changing procedures: documents come in, versions move through their lives."""

from procedures.services.builder import save_builder_draft
from procedures.services.importing import Imported, import_document, update_draft
from procedures.services.lifecycle import StatusMove, change_status, delete_version, status_moves

__all__ = [
    "Imported",
    "StatusMove",
    "change_status",
    "delete_version",
    "import_document",
    "save_builder_draft",
    "status_moves",
    "update_draft",
]
