"""A condition's text, read: names and types are checked before it ever runs.

::

    condition  = condition ("and" | "or") condition | "not" condition | "(" condition ")" | comparison
    comparison = number ("<" | "<=" | ">" | ">=" | "==" | "!=") number | name ("==" | "!=") WORD
    number     = number ("+" | "-" | "*" | "/") number | "-" number | "(" number ")" | literal | name
    literal    = digits with underscores and a fraction, then perhaps "%", which is /100

No library does all of this: cel-python, common-expression-language, rule-engine and simpleeval evaluate one
row after the other over Python objects, without SQL's unknown, and none but rule-engine checks types before.
So Python's own parser reads the text (``ast`` in eval mode; nothing is ever compiled or run), and
what is on the list below becomes terms over whole columns; everything else is refused.
"""

import ast
import math
import re
import warnings

import numpy as np

from tidemark.alerts.expression import Expression
from tidemark.alerts.term import (
    Arithmetic,
    Both,
    Column,
    Comparison,
    Condition,
    Constant,
    Either,
    Match,
    Not,
    Number,
)
from tidemark.alerts.vocabulary import Name, Vocabulary
from tidemark.declared.problem import nearest, shown

MAX_CHARACTERS = 1_000
MAX_DEPTH = 40
"""Of parts within parts; ``a + b + c`` has two levels."""

_EXAMPLE = "write comparisons such as SPEND > 500, joined by and, or, not"
_SIGNS: dict[type, str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
# What other languages have in the place of ours.
_FOREIGN = re.compile(r"&&?|\|\|?|!(?!=)|(?<![<>=!])=(?!=)|<>|\b(?:AND|OR|NOT)\b")
_OURS = {
    "&&": "and",
    "&": "and",
    "AND": "and",
    "||": "or",
    "|": "or",
    "OR": "or",
    "!": "not",
    "NOT": "not",
    "=": "==",
    "<>": "!=",
}
_DIGITS = r"(?<![\w.])(\.?\d[\w.]*(?:(?<=[eE])[+-]\d+)?)"  # whatever begins as a number does
_NUMBER = re.compile(r"(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
_PERCENT = re.compile(_DIGITS + r"( ?)%")


class ConditionError(ValueError):
    """A condition is wrong.

    Attributes:
        column: where, counted from 1 in the text with single blanks; 0 where it is all of it.
        sentence: what is wrong and what to do.
    """

    def __init__(self, column: int, sentence: str) -> None:
        super().__init__(f"column {column}: {sentence}" if column else sentence)
        self.column = column
        self.sentence = sentence


def parse(text: str, vocabulary: Vocabulary) -> Expression:
    """Read a condition.

    Args:
        text: it; blanks and line breaks in a row are one blank.
        vocabulary: the names that it may use.

    Raises:
        ConditionError: it is no condition, or uses what it may not.
    """
    text = " ".join(text.split())
    if not text:
        raise ConditionError(0, f"the condition is empty; {_EXAMPLE}")
    if len(text) > MAX_CHARACTERS:
        told = f"there may be at most {MAX_CHARACTERS:,}: shorten it or make two rules of it"
        raise ConditionError(0, f"the condition has {len(text):,} characters; {told}")
    reader = _Reader(vocabulary)
    condition = reader.condition(_tree(text), 0)
    return Expression(text, frozenset(reader.names), condition)


def _tree(text: str) -> ast.expr:
    """What Python's parser makes of it, with percentages as imaginary numbers, which have no use here."""
    for place, character in enumerate(text, start=1):
        if not (character.isascii() and character.isprintable()):
            raise ConditionError(place, f"{character!a} has no meaning in a condition; {_EXAMPLE}")
    if foreign := _FOREIGN.search(text):
        raise ConditionError(foreign.start() + 1, f"{foreign[0]} is written {_OURS[foreign[0]]} here")
    for token in re.finditer(_DIGITS, text):
        if not _NUMBER.fullmatch(token[0]):
            told = f"{shown(token[0])} is no number; write one such as 0.05, 5% or 1_000"
            raise ConditionError(token.start() + 1, told)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # such as 1or: a warning of Python, and a mistake here
            return ast.parse(_PERCENT.sub(r"\1j\2", text), mode="eval").body
    except SyntaxError as error:
        place = min(error.offset or len(text), len(text))
        raise ConditionError(place, f"the condition cannot be read from here on; {_EXAMPLE}") from None
    except (RecursionError, MemoryError):  # the parser's own limits on nesting
        raise ConditionError(0, f"the condition is nested too deeply; at most {MAX_DEPTH} levels") from None


class _Reader:
    """Makes terms of Python's nodes and collects the columns that they need."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.names: set[str] = set()

    def condition(self, node: ast.expr, depth: int) -> Condition:
        _check_depth(depth)
        match node:
            case ast.BoolOp(op, [first, *rest]):
                found = self.condition(first, depth + 1)
                for part in rest:
                    right = self.condition(part, depth + 1)
                    found = Both(found, right) if isinstance(op, ast.And) else Either(found, right)
                return found
            case ast.UnaryOp(ast.Not(), operand):
                return Not(self.condition(operand, depth + 1))
            case ast.Compare(left, [op], [right]) if type(op) in _SIGNS:
                return self._comparison(node, left, _SIGNS[type(op)], right, depth)
            case ast.Compare(ops=[_]):
                raise _refused(node, "there are six comparisons: <, <=, >, >=, == and !=")
            case ast.Compare():
                raise _refused(node, "only two things are compared at a time; write 0 < CTR and CTR < 5%")
        if words := self._words(node):
            example = f"{_text(node)} == {words[0]}"
            raise _refused(node, f"{_text(node)} is one of {', '.join(words)}; compare it: {example}")
        self.number(node, depth)  # what is no number either is refused with a sentence of its own
        what = "the condition" if depth == 0 else shown(_text(node))
        raise _refused(node, f"{what} is a number; compare it with something, as in SPEND > 500")

    def _comparison(
        self, node: ast.expr, left: ast.expr, sign: str, right: ast.expr, depth: int
    ) -> Condition:
        if not self._words(left) and self._words(right):
            left, sign, right = right, _TURNED.get(sign, sign), left
        if words := self._words(left):
            name = _text(left)
            if not (isinstance(right, ast.Name) and right.id in words):
                raise _refused(right, f"{name} can be compared with {', '.join(words)}")
            if sign not in {"==", "!="}:
                raise _refused(node, f"{name} has no order; compare it by == or !=")
            self.names.add(name)
            return Match(name, right.id, sign == "!=")
        found = Comparison(sign, self.number(left, depth + 1), self.number(right, depth + 1))
        if isinstance(found.left, Constant) and isinstance(found.right, Constant):
            raise _refused(
                node, f"this compares two numbers that never change; name a {self.vocabulary.noun}"
            )
        return found

    def number(self, node: ast.expr, depth: int) -> Number:
        _check_depth(depth)
        match node:
            case ast.Constant(value=value):
                return Constant(_literal(node, value))
            case ast.Name() | ast.Attribute():
                return self._column(node)
            case ast.UnaryOp(ast.USub(), operand):
                return _folded(node, "-", Constant(0.0), self.number(operand, depth + 1))
            case ast.UnaryOp(ast.UAdd(), operand):
                return self.number(operand, depth + 1)
            case ast.BinOp(left, op, right) if type(op) in _SIGNS:
                sides = self.number(left, depth + 1), self.number(right, depth + 1)
                return _folded(node, _SIGNS[type(op)], *sides)
            case ast.Compare() | ast.BoolOp() | ast.UnaryOp(ast.Not()):
                raise _refused(
                    node, "this is true or false, and a number is needed here; join such parts by and, or"
                )
        raise _refused(node, f"{shown(_text(node))} has no meaning in a condition; {_EXAMPLE}")

    def _column(self, node: ast.Name | ast.Attribute) -> Column:
        name = _text(node)
        known = self._known(name)
        if known is None:
            raise _refused(node, self._why_not(name))
        if known.words:
            raise _refused(node, f"{name} is no number; it can be compared with {', '.join(known.words)}")
        self.names.add(name)
        return Column(name)

    def _words(self, node: ast.expr) -> tuple[str, ...]:
        known = self._known(_text(node)) if isinstance(node, ast.Name | ast.Attribute) else None
        return known.words if known else ()

    def _known(self, name: str) -> Name | None:
        return self.vocabulary.names.get(name)

    def _why_not(self, name: str) -> str:
        refused, names = self.vocabulary.refused, self.vocabulary.names
        for known in (name, name.partition(".")[0]):
            if known in refused:
                return refused[known]
        for column, known_name in names.items():
            if name in known_name.words:
                return f"{name} is a value of {column}; compare them: {column} == {name}"
        others = {**dict.fromkeys(refused), **dict.fromkeys(names)}
        alike = next((one for one in reversed(others) if one.casefold() == name.casefold()), None)
        meant = f"did you mean {alike}?" if alike else nearest(name, names)
        return f"{shown(name)} is no {self.vocabulary.noun} here; {meant}"


def _literal(node: ast.expr, value: object) -> float:
    is_percentage = isinstance(value, complex)
    number = value.imag / 100 if isinstance(value, complex) else value
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise _refused(node, f"{shown(_text(node))} is no number; write one such as 0.05, 5% or 1_000")
    try:
        found = float(number)
    except OverflowError:
        found = math.inf
    if math.isinf(found):
        raise _refused(node, "the number is beyond 1e308; write a smaller one")
    return float(f"{found:.15g}") if is_percentage else found  # 1.1% is 0.011, as it would be without %


def _folded(node: ast.expr, sign: str, left: Number, right: Number) -> Number:
    """Arithmetic of constants is done at once."""
    if sign == "/" and right == Constant(0.0):
        raise _refused(node, "this divides by zero, which gives nothing; divide by another number")
    whole = Arithmetic(sign, left, right)
    if not (isinstance(left, Constant) and isinstance(right, Constant)):
        return whole
    with np.errstate(all="ignore"):
        number = float(whole.values({}))
    if not math.isfinite(number):
        raise _refused(node, "this comes to more than 1e308; write smaller numbers")
    return Constant(number)


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ConditionError(0, f"the condition is nested too deeply; at most {MAX_DEPTH} levels")


def _text(node: ast.expr) -> str:
    """The node as its author knows it."""
    match node:
        case ast.Constant(value=complex() as value):
            return f"{value.imag:g}%"
        case ast.Name(name):
            return name
        case ast.Attribute(owner, name):
            return f"{_text(owner)}.{name}"
        case _:
            return ast.unparse(node)


def _refused(node: ast.expr, sentence: str) -> ConditionError:
    return ConditionError(node.col_offset + 1, sentence)
