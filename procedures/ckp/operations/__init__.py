"""The operations of processing and transform nodes that work on data alone (CKP 2.6 and 2.7)."""

from procedures.ckp.failures import OperationError
from procedures.ckp.operations.run import OPERATIONS, TRANSFORMATIONS, run_operation, run_transformations
from procedures.ckp.operations.work import Tools

__all__ = ["OPERATIONS", "TRANSFORMATIONS", "OperationError", "Tools", "run_operation", "run_transformations"]
