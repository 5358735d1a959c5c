"""What a row measures, in small integers: all that the single-record engine ever sees of a record.

A measure gives the least and the greatest integer that a value can be, or nothing where it is undecided. Text never
gets further than here: it becomes the number of a word that a rule mentions, or of none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from riskflags.condition import bounds, codes_of, operand_value, overlap
from riskflags.model import Absent, Number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from riskflags.condition import Operand, Row
    from riskflags.model import Value

How = Literal["order", "word", "difference", "member", "shared", "lacking", "recorded"]
Interval = tuple[int, int]

LIMIT = 2**53
"""No integer lies further from 0: what does is cut off there, past every constant and on its own side of 0."""
_STEPS = 2_000_000
_NO_WORD = 0


@dataclass(frozen=True, slots=True)
class Measure:
    """What to read off a row: the value of a name, alone or against an operand.

    order       where it lies: millionths in halves, UTC seconds, or days
    word        which of the words of the rules it is
    difference  how far it lies beyond the operand; for text and yes_no, 0 where they are the same
    member      1 where it is one of the codes
    shared      how many codes two lists share
    lacking     how many codes of the operand it lacks
    recorded    1 where it is recorded and should be, or neither
    """

    how: How
    name: str
    operand: Operand | None = None

    def read(self, row: Row, *, words: Mapping[str | bool, int]) -> Interval | None:
        """Return the least and the greatest that it can be for this row, or None where that is undecided."""
        value = row[self.name]
        if self.operand is None:
            return _alone(value, words)
        other = operand_value(self.operand, row)
        if self.how == "recorded":
            return _recorded(value, other)
        match value, other:
            case (Absent(), _) | (_, Absent()):
                return None
            case _:
                return _MEASURES[self.how](value, other)


def number_word(words: dict[str | bool, int], word: str | bool) -> int:  # noqa: FBT001 - yes and no are words too
    """Return the number of a word that a rule mentions, giving it the next one at its first mention."""
    return words.setdefault(word, len(words) + _NO_WORD + 1)


def constant_order(value: Value) -> Interval | None:
    """Return an ordered constant as an interval; None for a number that lies off the scale, or between its steps."""
    ends = _order(value)
    match value:
        case Number() if any(end % 2 or abs(end) == LIMIT for end in ends):
            return None
        case _:
            return ends


def _alone(value: Value, words: Mapping[str | bool, int]) -> Interval | None:
    match value:
        case Absent():
            return None
        case str() | bool():
            number = words.get(value, _NO_WORD)
            return number, number
        case _:
            return _order(value)


def _steps(number: Decimal | int) -> int:
    """Return a number in halves of a millionth: even for a number of six places, odd for one between two such."""
    match number:
        case int():
            steps = number * _STEPS
        case _:
            millionths = number * 1_000_000
            whole = math.floor(millionths)
            steps = 2 * whole + (millionths != whole)
    return max(-LIMIT, min(LIMIT, steps))


def _order(value: Value) -> Interval:
    match value:
        case Number():
            return _steps(value.low), _steps(value.high)
        case _:
            low, high = bounds(value)
            return int(low), int(high)


def _difference(a: Value, b: Value) -> Interval:
    match a:
        case str() | bool():
            return int(a != b), int(a != b)
        case _:
            (a_low, a_high), (b_low, b_high) = bounds(a), bounds(b)
            return _steps(a_low - b_high), _steps(a_high - b_low)


def _member(a: Value, b: Value) -> Interval:
    codes = codes_of(b)
    return int(a in codes.known), int(a in codes.known or bool(codes.needs))


def _shared(a: Value, b: Value) -> Interval:
    least, most = overlap(a, b)
    return int(least), int(most)


def _lacking(a: Value, b: Value) -> Interval:
    first, second = codes_of(a), codes_of(b)
    lacking = len(second.known - first.known)
    return 0 if first.needs else lacking, LIMIT if second.needs else lacking


def _recorded(a: Value, wanted: Value) -> Interval | None:
    match a:
        case Absent():
            answer = int(wanted is False)
            return (answer, answer) if a.held else None
        case _:
            answer = int(wanted is True)
            return answer, answer


_MEASURES: dict[How, Callable[[Value, Value], Interval]] = {
    "difference": _difference,
    "member": _member,
    "shared": _shared,
    "lacking": _lacking,
}
