"""Procedures, their versions, and the documents that versions and runs point at."""

from procedures.models.document import Document
from procedures.models.procedure import CurrentVersion, Procedure, ProcedureVersion

__all__ = ["CurrentVersion", "Document", "Procedure", "ProcedureVersion"]
