"""What a compiler says about a document: one problem per cause, with code, place and next step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

Severity = Literal["error", "warning", "info"]

DOCS_PAGE: Final = "docs/reference/ckp.md"
MOST_PROBLEMS: Final = 500
_RANKS: Final = {"error": 0, "warning": 1, "info": 2}


class Entry(NamedTuple):
    """One line of the catalogue. `prod` marks warnings that become errors for channel prod."""

    severity: Severity
    prod: bool
    summary: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault or remark, placed in the text as imported.

    `pointer` is a JSON pointer, `line` and `column` count from 1, `offset` counts characters inside an expression
    or template from 0.
    """

    code: str
    severity: Severity
    pointer: str
    line: int | None
    column: int | None
    message: str
    hint: str | None = None
    offset: int | None = None
    node_id: str | None = None
    step_id: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The problem as the API shows it; absent parts are left out."""
        shown: dict[str, Any] = {
            "code": self.code,
            "severity": self.severity,
            "pointer": self.pointer,
            "line": self.line,
            "column": self.column,
            "message": self.message,
            "docs": docs_anchor(self.code),
        }
        optional = {"hint": self.hint, "offset": self.offset, "node_id": self.node_id, "step_id": self.step_id}
        shown.update({key: value for key, value in optional.items() if value is not None})
        return shown


def docs_anchor(code: str) -> str:
    """Where the reference page explains a code."""
    return f"{DOCS_PAGE}#{code.lower()}"


def severity_of(code: str, *, prod: bool) -> Severity:
    """The severity of a code, for channel prod or for the others."""
    entry = CATALOGUE[code]
    return "error" if prod and entry.prod else entry.severity


def cut(problems: Sequence[Problem], dropped: int = 0) -> tuple[Problem, ...]:
    """The problems that are shown, in their order, and one more that says what was left out.

    Errors are the last to be left out; when some are, that last problem is an error.
    """
    hidden = len(problems) - MOST_PROBLEMS + dropped
    if hidden <= 0:
        return tuple(problems)
    ranked = sorted(range(len(problems)), key=lambda index: (_RANKS[problems[index].severity], index))
    kept = [problems[index] for index in sorted(ranked[:MOST_PROBLEMS])]
    errors = any(problems[index].severity == "error" for index in ranked[MOST_PROBLEMS:])
    message = f"The list was cut: {hidden} more problems{', errors among them' if errors else ''} are not shown."
    return (*kept, Problem("CKP009", "error" if errors else "info", "", 1, 1, message))


def _read(table: str) -> dict[str, Entry]:
    severities: dict[str, tuple[Severity, bool]] = {
        "E": ("error", False),
        "W": ("warning", False),
        "I": ("info", False),
        "W/P": ("warning", True),
    }
    catalogue = {}
    for line in table.strip().splitlines():
        code, mark, summary = line.split(maxsplit=2)
        catalogue[f"CKP{code}" if code.isdigit() else f"CKP-{code}"] = Entry(*severities[mark], summary)
    return catalogue


CATALOGUE: Final[dict[str, Entry]] = _read("""
001 E    The text is not UTF-8 or not JSON
002 E    A key stands twice in one object
003 E    The root is not an object
004 E    A number has more than 28 digits, or is not finite
005 E    The document has too many bytes
006 E    The document is nested too deep
007 E    A count is above its limit
008 E    A text or key is too long
009 I    The list of problems was cut
010 W    Unknown field
011 E    A required field is missing
012 E    Wrong JSON type
013 E    The value is not in the list of allowed values
014 E    A number or duration is out of range
015 W    The field has no effect here
016 W    A reserved block is stored but not enforced
017 E    The field takes no template
101 E    Unknown version of the language
102 E    Malformed or reserved procedure_id
103 E    Malformed or reserved version
104 E    Id or version differs from the address
105 I    The version is not semantic
106 W    The requested status or channel is not applied
107 E    The id and version exist with other content
110 W    Flat retry keys stand beside retry_policy
111 W/P  Test mode, mocks or overrides stand in the document
112 W    A setting with a fixed value
113 E    Unknown time zone or calendar
114 W    A cap is smaller than the dearest single call
115 E    Unknown secret provider, or a credential in the text
120 E    Bad name
121 E    Reserved name
122 E    A default breaks its own constraints
123 E    A pattern is refused by RE2
124 E    Constraints that nothing can meet
125 I    Required with a default: the default suffices
126 W    Declared, never used or written
127 W    A sensitive variable has a default in clear
128 W    A variable is called required or optional
129 E    Invalid JSON Schema or external $ref
130 E    A field that the trigger type needs is missing
131 E    Cron syntax
132 E    A schedule that never fires
133 W    A required input that this trigger cannot supply
134 E    A mapping to an undeclared variable
135 W    A webhook without authentication
136 E    Unknown scheme of an event source
137 E    Malformed source, path or CIDR
201 E    The graph has no nodes
202 E    The start node is missing or unknown
203 E    Unknown node type
204 E    Reserved type or value
205 E    The target does not exist
206 E    The node cannot be reached by any edge
207 W    A dead end in the main region
208 W    No terminate can be reached
209 E    There is no way from the node to any end
210 E    Duplicate id of a step, branch, check or option
211 I    A step id was generated
212 W    A rule stands behind one that is always true, or is repeated
213 W    A logic node without default
214 E    An outcome has no route, or retry_node is unclear
215 E    A loop with neither list nor condition
216 E    A body or branch begins at its owner or join
217 E    A node lies in two regions
218 E    An edge leaves its region
219 W    A branch never meets its join
220 W    Branches write the same variable
221 W    An approval in an any or first branch may be withdrawn
222 E    An approval, wait or call stands where none is allowed
223 W    An error handler can never match
224 E    Compensation inside compensation
225 W    Two rules for one outcome
226 E    The target of on_failure lies inside a loop or branch
301 E    The variable can never be defined here
302 W    The variable may be undefined on a path
303 W    The built-in is never set here
304 W    A key that a known shape does not have
305 W    Declared types can never be equal or ordered
310 E    A secret outside the parameters of a call
311 W    The alias is not in secret_references
312 W/P  The alias is unknown to the catalogue or provider now
313 E    A secret with an operator or filter, or without alias
320 W/P  The child procedure does not exist
321 W/P  No version satisfies the pin
322 E    Recursion, direct or over other procedures
323 E    A required input of the child is not supplied
324 W    A mapped name that the child does not declare
325 W    A type does not fit the child's
326 W/P  An output that the child does not have
327 E    Subflows are nested over 10 deep
328 W/P  An unpinned reference
329 E    Syntax of a version pin
401 E    An empty expression, or a placeholder that is not closed
402 E    Syntax of an expression
403 E    Word operators are chained
404 E    An expression is too long, too deep or too large
405 E    A construct that is not allowed
406 E    A name begins with two underscores
407 E    Unknown function, filter, test or method
408 E    Wrong arguments
409 E    A pattern is refused by RE2
410 W    A condition is constant
411 W    Template text has no effect in this field
412 E    A tag that is not allowed
413 W    A placeholder in an object key
414 W    A default text of the older kind
415 E    Unknown mapping or path syntax
501 E    The agent is missing
502 W/P  No registered agent offers the action now
503 W/P  No registered agent has the version now
504 E    Unknown operation
505 E    The action is not allowed here
506 W    A parameter name is close to a step field
507 W    A parameter is given twice
508 E    Asynchronous dispatch of an internal action
509 W/P  Unknown model, profile or prompt asset
510 W    A model without a price
511 E    The source of an attachment is not allowed
512 W/P  Unknown user, group or role
513 E    A quorum or four-eyes rule that nobody can meet
514 W/P  Unknown channel or contact
515 I    A screenshot without an agent
516 W    attempt or now in an idempotency key
601 I    List or entry dialect
602 I    An alias was replaced
603 W    An alias whose meaning differs
604 E    Alias and canonical name disagree
605 W    The successor was taken from the order of the list
606 W    A routing node was inserted
607 I    The spelling of a value was replaced
608 W    Mixed dialects
L01 W/P  Model nodes, but neither max_cost_usd nor llm_budget
L02 W    Model data decides a branch unguarded
L03 W    Model data is a parameter of a write call unguarded
L04 W    Several duties in one llm_action
L05 W    A repeat loop without max_iterations, or a cycle outside a loop
L06 W    A decision without a person
L07 W    An irreversible call without a gate
L08 I    A prompt without data
L09 I    More than 60 nodes
L10 W    A retried write to a capability that does not keep keys
L11 I    A call without timeout_ms
L12 W    Calls, but no handler, on_error or on_failure
L13 W    A JSON mapping without output_schema
L14 W    A sensitive variable in a prompt
L15 W    Failed branches go on, and their errors are never read
""")
