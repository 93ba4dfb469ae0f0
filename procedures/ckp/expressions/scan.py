"""From text to the tokens that Jinja2's parser takes.

Jinja2 counts lines; here the line number of a token is its offset in the text, so every tree node and every
syntax error knows its place. Brackets are counted while scanning: nesting cannot exhaust the parser's stack.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn

from jinja2.lexer import TOKEN_EOF, Token, operators

from procedures.ckp.expressions.errors import ExpressionProblem, Note
from procedures.ckp.expressions.functions import FUNCTIONS
from procedures.ckp.names import nearest
from procedures.ckp.values import read_number

MAX_EXPRESSION: Final = 10_000
MAX_NESTING: Final = 32

_SPACE: Final = re.compile(r"\s+")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_DIGITS: Final = re.compile(r"[0-9]+")
_QUOTED: Final = re.compile(r"'([^'\\]*(?:\\.[^'\\]*)*)'|\"([^\"\\]*(?:\\.[^\"\\]*)*)\"", re.DOTALL)
_OPERATOR: Final = re.compile(r"//|==|!=|>=|<=|[-+*/%~<>=()\[\]{},:.|]")
_FOREIGN: Final = re.compile(r"\*\*|===|!==|!(?!=)|&&?|\|\||<>|=>|=<|=~|[?;@#$\\`^]")
_ESCAPE: Final = re.compile(r"\\(u[0-9A-Fa-f]{4}|[\\'\"ntr])")
_OLDER_DEFAULT: Final = re.compile(
    r"\{\{(?P<trim>-?)\s*(?P<path>[A-Za-z_][A-Za-z0-9_]*"
    r"(?:\.[A-Za-z0-9_]+|\[(?:-?[0-9]+|'[^'\\{}]*'|\"[^\"\\{}]*\")\])*)\s*\|(?P<text>.*?)(?P<close>-?\}\})",
    re.DOTALL,
)
_OPENERS: Final = {"(": ")", "[": "]", "{": "}"}
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r"}
_PREFIXES: Final = frozenset({"not", "-", "+", "is_empty", "is_not_empty"})
_FOREIGN_HINTS: Final = {
    "===": "==", "!==": "!=", "&&": "and", "&": "and", "||": "or", "<>": "!=", "=>": ">=", "=<": "<=",
    "!": "not", "?": "a if condition else b", "=~": "regex_search(text, pattern)",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """A text and where it stands.

    `places` gives the offset of each character where escapes shift them, `depth` the brackets around the text.
    """

    text: str
    base: int = 0
    places: Sequence[int] | None = None
    depth: int = 0

    def at(self, index: int) -> int:
        """Offset, in the outermost text, of the character at `index`."""
        if self.places is None:
            return self.base + index
        return self.places[index] if index < len(self.places) else (self.places[-1] + 1 if self.places else self.base)


@dataclass(slots=True)
class Scanned:
    """Tokens of one expression, where it ended, and what to note."""

    tokens: list[Token]
    end: int
    trimmed: bool = False


@dataclass(slots=True)
class _Open:
    bracket: str
    offset: int
    alternatives: int = 0


@dataclass(slots=True)
class Scanner:
    """Scans expressions of one source. `notes` and `sources` of quoted templates are collected over all of them."""

    source: Source
    notes: list[Note] = field(default_factory=list)
    quoted: dict[int, Source] = field(default_factory=dict)
    _tokens: list[Token] = field(default_factory=list)
    _stack: list[_Open] = field(default_factory=list)
    _prefixes: int = 0

    def expression(self, start: int = 0, closers: tuple[str, ...] = (), opened: int = 0) -> Scanned:
        """Tokens from `start` to the end of the text, or to one of the closers outside of brackets.

        Raises ExpressionProblem; CKP401 when the closer of what was `opened` is missing.
        """
        outermost = _Open("{{", self.source.at(opened)) if "}}" in closers else _Open("", start)
        self._tokens, self._stack, self._prefixes = [], [outermost], 0
        text, index = self.source.text, start
        while index < len(text):
            if index - start > MAX_EXPRESSION:
                self._fail("CKP404", f"The expression has more than {MAX_EXPRESSION} characters.", start)
            if len(self._stack) == 1 and closers and (closer := self._closer(index, closers)):
                return self._finish(index, index + len(closer), closer.startswith("-"))
            index = self._step(index)
        if closers:
            opening = self.source.text[opened : opened + 2]
            self._fail("CKP401", f"`{opening}` is not closed.", opened, hint=f"close it with `{closers[-1]}`")
        return self._finish(index, index)

    def _closer(self, index: int, closers: tuple[str, ...]) -> str | None:
        return next((closer for closer in closers if self.source.text.startswith(closer, index)), None)

    def _finish(self, index: int, end: int, trimmed: bool = False) -> Scanned:
        if len(self._stack) > 1:
            open_ = self._stack[-1]
            code, hint = ("CKP401", "close it with `}}`") if open_.bracket == "{{" else ("CKP402", None)
            raise ExpressionProblem(code, f"`{open_.bracket}` is not closed.", hint=hint, offset=open_.offset)
        self._tokens.append(Token(self.source.at(index), TOKEN_EOF, ""))
        return Scanned(self._tokens, end, trimmed)

    def _step(self, index: int) -> int:
        text = self.source.text
        if found := _SPACE.match(text, index):
            return found.end()
        char = text[index]
        if char in "'\"":
            return self._quote(index)
        if text.startswith("{{", index):
            return self._placeholder(index)
        if char.isascii() and (char.isalpha() or char == "_"):
            return self._name(index)
        if char.isdigit() and char.isascii():
            return self._number(index)
        return self._operator(index)

    def _placeholder(self, index: int) -> int:
        if self._tokens and self._tokens[-1].type == "rparen" and self.source.text[:index].rstrip().endswith("}}"):
            self._fail("CKP402", "Two placeholders stand side by side.", index, hint="join texts with `~`")
        older = self.older_default(index, trim=False)
        if older is not None:
            tokens, end = older
            self._tokens.extend(tokens)
            return end
        self._open("{{", index)
        self._add(index, "lparen", "(")
        return index + 2

    def older_default(self, index: int, *, trim: bool) -> tuple[list[Token], int] | None:
        """Tokens for a placeholder with a default of the older kind, and its end; None for any other placeholder."""
        found = _OLDER_DEFAULT.match(self.source.text, index)
        if found is None or (not trim and (found["trim"] or found["close"] != "}}")):
            return None
        text = found["text"].strip()
        word = _NAME.match(text)
        if word and word[0] in FUNCTIONS:
            return None
        self._note_older(text, word[0] if word else None, self.source.at(found.start("text")))
        path = Scanner(Source(self.source.text[: found.end("path")], self.source.base, self.source.places))
        tokens = path.expression(found.start("path")).tokens[:-1]
        at = self.source.at(found.start("text"))
        return [
            Token(self.source.at(index), "lparen", "("),
            *tokens,
            Token(at, "pipe", "|"),
            Token(at, "name", "default"),
            Token(at, "lparen", "("),
            _constant_token(text, at),
            Token(at, "rparen", ")"),
            Token(at, "rparen", ")"),
        ], found.end()

    def _note_older(self, text: str, word: str | None, offset: int) -> None:
        known = nearest(word, FUNCTIONS) if word else None
        hint = f"did you mean the filter `{known}`?" if known else "write `|default(…)`"
        message = f"“{text}” is read as the default text, not as a filter."
        self.notes.append(Note("CKP414", message, hint, offset))

    def _quote(self, index: int) -> int:
        found = _QUOTED.match(self.source.text, index)
        if found is None:
            self._fail("CKP402", "A quoted text is not closed.", index)
        offset = self.source.at(index)
        group = 1 if found[1] is not None else 2
        content, places = _unescape(found[group], self.source, found.start(group))
        self._refuse_adjacent(index, found)
        if "{{" in content:
            base = self.source.at(found.start(group))
            self.quoted[offset] = Source(content, base, places, self.source.depth + len(self._stack))
            self._add(index, "template", content)
        else:
            self._add(index, "string", content)
        return found.end()

    def _refuse_adjacent(self, index: int, found: re.Match[str]) -> None:
        last = self._tokens[-1] if self._tokens else None
        if last is None or last.type not in ("string", "template"):
            return
        doubled = self.source.text[index - 1] == self.source.text[index]
        second = found[1] if found[1] is not None else found[2]
        hint = f'"{last.value}\'{second}"' if doubled else "join texts with `~`"
        self._fail("CKP405", "Two texts stand side by side.", index, hint=hint)

    def _name(self, index: int) -> int:
        found = _NAME.match(self.source.text, index)
        assert found is not None
        name = found[0]
        key = bool(self._tokens) and self._tokens[-1].type == "dot"
        if name.startswith("__"):
            self._fail("CKP406", f"The name {name} begins with two underscores.", index)
        if name == "lambda" and not key:
            self._fail("CKP405", "Functions cannot be defined in an expression.", index)
        self._add(index, "name", "none" if name == "null" and not key else name, prefix=not key and name in _PREFIXES)
        if name == "else" and not key:
            self._stack[-1].alternatives += 1
            if self._stack[-1].alternatives > MAX_NESTING:
                self._too_deep(index)
        return found.end()

    def _number(self, index: int) -> int:
        key = bool(self._tokens) and self._tokens[-1].type == "dot"
        found = (_DIGITS if key else _NUMBER).match(self.source.text, index)
        assert found is not None
        end = found.end()
        after = self.source.text[end : end + 1]
        if after.isalnum() or after == "_":
            self._fail("CKP402", "A number runs into a name.", index)
        if not key and _not_a_number(found[0]):
            self._fail("CKP402", "The number has more than 28 digits, leading zeros or is out of range.", index)
        self._add(index, "integer", found[0])
        return end

    def _operator(self, index: int) -> int:
        text = self.source.text
        if found := _FOREIGN.match(text, index):
            return self._foreign(index, found[0])
        found = _OPERATOR.match(text, index)
        if found is None:
            hint = "write keys that are not plain names as a['…']" if text[index].isalpha() else None
            self._fail("CKP402", f"Unexpected character “{text[index]}”.", index, hint=hint)
        operator = found[0]
        if operator in _OPENERS:
            self._open(operator, index)
        elif operator in ")]}":
            return self._close(index, operator)
        elif operator == ",":
            self._stack[-1].alternatives = 0
        self._add(index, operators[operator], operator, prefix=operator in _PREFIXES)
        return found.end()

    def _foreign(self, index: int, operator: str) -> NoReturn:
        if operator == "**":
            self._fail("CKP405", "Powers are not part of the language.", index)
        self._fail("CKP402", f"`{operator}` is no operator here.", index, hint=_FOREIGN_HINTS.get(operator))

    def _open(self, bracket: str, index: int) -> None:
        self._stack.append(_Open(bracket, self.source.at(index)))
        if self.source.depth + len(self._stack) > MAX_NESTING + 1:
            self._too_deep(index)

    def _close(self, index: int, bracket: str) -> int:
        open_ = self._stack[-1]
        if open_.bracket == "{{" and self.source.text.startswith("}}", index):
            self._stack.pop()
            if self._tokens[-1].type == "lparen" and self._tokens[-1].lineno == open_.offset:
                raise ExpressionProblem("CKP401", "The placeholder is empty.", offset=open_.offset)
            self._add(index, "rparen", ")")
            return index + 2
        if open_.bracket == "{{" and bracket == "}":
            raise ExpressionProblem("CKP401", "`{{` is not closed.", hint="close it with `}}`", offset=open_.offset)
        if _OPENERS.get(open_.bracket) != bracket:
            self._fail("CKP402", f"Unexpected `{bracket}`.", index)
        self._stack.pop()
        self._add(index, operators[bracket], bracket)
        return index + 1

    def _add(self, index: int, type_: str, value: str, *, prefix: bool = False) -> None:
        self._prefixes = self._prefixes + 1 if prefix else 0
        if self._prefixes > MAX_NESTING:
            self._too_deep(index)
        self._tokens.append(Token(self.source.at(index), type_, value))

    def _too_deep(self, index: int) -> NoReturn:
        self._fail("CKP404", f"The expression is nested deeper than {MAX_NESTING} levels.", index)

    def _fail(self, code: str, message: str, index: int, *, hint: str | None = None) -> NoReturn:
        raise ExpressionProblem(code, message, hint=hint, offset=self.source.at(index))


def pieces(scanner: Scanner) -> Iterator[str | list[Token]]:
    """Plain texts and the tokens of each placeholder, in order. Raises ExpressionProblem."""
    text, index = scanner.source.text, 0
    while (start := text.find("{{", index)) >= 0:
        if start > index:
            yield text[index:start]
        older = scanner.older_default(start, trim=False)
        if older is not None:
            tokens, index = older
            yield [*tokens, Token(scanner.source.at(index), TOKEN_EOF, "")]
            continue
        scanned = scanner.expression(start + 2, ("}}",), start)
        refuse_empty(scanned.tokens, scanner.source.at(start))
        yield scanned.tokens
        index = scanned.end
    if index < len(text):
        yield text[index:]


def refuse_empty(tokens: list[Token], offset: int) -> None:
    """Raise CKP401 for a placeholder without an expression."""
    if len(tokens) == 1:
        raise ExpressionProblem("CKP401", "The placeholder is empty.", offset=offset)


def _constant_token(text: str, offset: int) -> Token:
    if read_number(text) is not None:
        return Token(offset, "constant", text)
    if text in ("true", "false", "null"):
        return Token(offset, "name", "none" if text == "null" else text)
    quoted = _QUOTED.fullmatch(text)
    if quoted:
        text = _unescape(quoted[1] if quoted[1] is not None else quoted[2], Source(text), 1)[0]
    return Token(offset, "string", text)


def _not_a_number(text: str) -> bool:
    number = read_number(text)
    if number is None:
        return True
    digits = re.split("[eE]", text)[0].replace(".", "").strip("0")
    return len(digits) > 28


def _unescape(text: str, source: Source, start: int) -> tuple[str, list[int] | None]:
    """The text that a quoted text spells, and the offset of each of its characters where escapes shift them."""
    if "\\" not in text:
        return text, None
    chars: list[str] = []
    places: list[int] = []
    index = 0
    while index < len(text):
        found = _ESCAPE.match(text, index)
        chars.append(_escaped(found[1]) if found else text[index])
        places.append(source.at(start + index))
        index = found.end() if found else index + 1
    return _joined(chars, places)


def _escaped(escape: str) -> str:
    if escape[0] == "u":
        return chr(int(escape[1:], 16))
    return _ESCAPED.get(escape, escape)


def _joined(chars: list[str], places: list[int]) -> tuple[str, list[int]]:
    """Characters as one text; the two halves of a character beyond U+FFFF become one."""
    joined: list[str] = []
    kept: list[int] = []
    for char, place in zip(chars, places, strict=True):
        if joined and "\ud800" <= joined[-1] <= "\udbff" and "\udc00" <= char <= "\udfff":
            joined[-1] = (joined[-1] + char).encode("utf-16", "surrogatepass").decode("utf-16")
        else:
            joined.append(char)
            kept.append(place)
    return "".join(joined), kept
