"""The outputs of a run, and whether they are what its document declares (runtime 6)."""

from collections.abc import Mapping

from orchestration.runtime.drive import Drive
from orchestration.runtime.outcomes import ERROR, End, Error, Json
from orchestration.stubs import holds_stub
from procedures.ckp.document import Document
from procedures.ckp.inputs import check_inputs


def outputs(drive: Drive, end: End | None, changes: Mapping[str, Json]) -> dict[str, Json]:
    """What the end maps; else the variables, sensitive ones left out. `changes` are those that the run set."""
    if end is not None and end.outputs is not None:
        return end.outputs
    hidden = drive.program.secrecy.names | {ERROR}
    found = {**drive.run.input_vars, **changes}
    return {name: value for name, value in found.items() if name not in hidden and not name.startswith("__")}


def misfit(document: Document, outputs: Mapping[str, Json]) -> Error | None:
    """What is wrong with the outputs that the document declares; what stands in for a result is not judged."""
    declared = document.outputs_schema or {}
    real = {name: meta for name, meta in declared.items() if not holds_stub(outputs.get(name))}
    errors = check_inputs(real, outputs).errors
    if not errors:
        return None
    message = "The outputs do not fit: " + " ".join(errors.values())
    return Error("validation_failed", message, details={"errors": errors})
