"""Conditions as clauses: the least that a rule engine has to get right.

Every test of a clause must hold, each compares one integer of the row with a constant, and a test of an integer that
is not there fails. A measure gives two integers, the least and the greatest that it can be, and none where it is
undecided. So a condition and its negation are lowered apart, and where it is undecided neither of the two holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, assert_never

from riskflags.condition import Comparison, Constant, Group, Named, negated
from riskflags.measures import Measure, constant_order, number_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from riskflags.condition import Condition, Operand, Row
    from riskflags.measures import How, Interval

Order = Literal["==", "!=", "<", "<=", ">", ">="]
End = Literal["low", "high"]

MOST_TESTS = 48
"""Of one clause; with more, groups of them become parts of their own."""
MOST_ALTERNATIVES = 4
"""That a group of kind all is multiplied out to; beyond, its `any` groups become parts of their own."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A property of a row: one end of a measure."""

    measure: Measure
    end: End


@dataclass(frozen=True, slots=True)
class Counted:
    """A property of a row: how many of some parts hold, known one stage after them."""

    parts: tuple[int, ...]


class Test(NamedTuple):
    """A property, by its number, compared with a constant."""

    property: int
    order: Order
    value: int


Tests = frozenset[Test]
Alternatives = tuple[Tests, ...]


@dataclass(frozen=True, slots=True)
class Clause:
    """Where all tests hold, the part holds. A part may have several clauses; one without any never holds."""

    part: int
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """Clauses that can be asked at once, and the properties to count first: each with the parts of earlier stages."""

    counts: tuple[tuple[int, tuple[int, ...]], ...]
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Lowered:
    """Questions as clauses in stages.

    `parts` are those that say that the condition of a question holds, and that its negation does. `measures` stand
    beside the properties for their two ends, which are one where no clause tests the high end.
    """

    parts: Mapping[str, tuple[int, int]]
    stages: tuple[Stage, ...]
    measures: tuple[tuple[Measure, int, int], ...]
    words: Mapping[str | bool, int]
    properties: int

    def integers(self, row: Row) -> dict[int, int]:
        """Return the properties of the row that are known before the first stage, by their numbers."""
        found: dict[int, int] = {}
        for measure, low, high in self.measures:
            interval = measure.read(row, words=self.words)
            if interval is not None:
                found[low], found[high] = interval
        return found


# ---- operators -------------------------------------------------------------------------------------------------------

Spelling = tuple[tuple[tuple[End, Order], ...], ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """How an interval stands to an operand: alternatives that say that it does, and that it does not.

    The low end is compared with the greatest that the operand can be, the high end with the least.
    """

    yes: Spelling
    no: Spelling

    def inverse(self) -> Relation:
        """Return the negation."""
        return Relation(self.no, self.yes)


_AT_LEAST = Relation(((("low", ">="),),), ((("high", "<"),),))
_MORE = Relation(((("low", ">"),),), ((("high", "<="),),))
_AT_MOST = Relation(((("high", "<="),),), ((("low", ">"),),))
_LESS = Relation(((("high", "<"),),), ((("low", ">="),),))
_SAME = Relation(((("low", "=="), ("high", "==")),), ((("high", "<"),), (("low", ">"),)))
_SAME_WORD = Relation(((("low", "=="),),), ((("low", "!="),),))
_YES = Relation(((("low", ">"),),), ((("low", "<="),),))

OPERATIONS: dict[str, tuple[How, tuple[Relation, ...]]] = {
    "is": ("order", (_SAME,)),
    "is_not": ("order", (_SAME.inverse(),)),
    "at_least": ("order", (_AT_LEAST,)),
    "more_than": ("order", (_MORE,)),
    "at_most": ("order", (_AT_MOST,)),
    "less_than": ("order", (_LESS,)),
    "before": ("order", (_LESS,)),
    "after": ("order", (_MORE,)),
    "on_or_before": ("order", (_AT_MOST,)),
    "on_or_after": ("order", (_AT_LEAST,)),
    "between": ("order", (_AT_LEAST, _AT_MOST)),
    "in": ("member", (_MORE,)),
    "not_in": ("member", (_MORE.inverse(),)),
    "has": ("shared", (_MORE,)),
    "has_any": ("shared", (_MORE,)),
    "has_all": ("lacking", (_AT_MOST,)),
    "has_none": ("shared", (_MORE.inverse(),)),
    "recorded": ("recorded", (_YES,)),
}
"""How each operator of `riskflags.condition.OPERATORS` is measured, and one relation for each operand."""


@dataclass(frozen=True, slots=True)
class _Side:
    """One operand of a comparison: the measure, what it is compared with, and how."""

    measure: Measure
    against: Interval
    relation: Relation


class _Lowering:
    """The parts and properties found so far."""

    def __init__(self) -> None:
        self.words: dict[str | bool, int] = {}
        self.properties: dict[Measured | Counted, int] = {}
        self.parts: dict[Alternatives, int] = {}
        self._known: list[int] = []  # the stage before which a property is known, by its number
        self._done: list[int] = []  # the last stage that has a clause of a part, by its number

    def part(self, alternatives: Alternatives) -> int:
        """Return the part that holds if one of the alternatives does; always the same for the same alternatives."""
        if alternatives not in self.parts:
            self.parts[alternatives] = len(self.parts)
            self._done.append(max(map(self.stage, alternatives), default=0))
        return self.parts[alternatives]

    def stage(self, tests: Iterable[Test]) -> int:
        """Return the first stage in which everything that the tests read is known."""
        return max((self._known[test.property] for test in tests), default=0)

    def alternatives(self, condition: Condition) -> Alternatives:
        """Return the alternatives, one of which must hold for the condition to hold."""
        match condition:
            case Comparison():
                return self._compare(condition)
            case Named():
                inner = condition.condition
                return self.alternatives(inner if condition.positive else negated(inner))
            case Group():
                return self._group(condition)
            case _:
                assert_never(condition)

    def _group(self, group: Group) -> Alternatives:
        match group.kind:
            case "all":
                return self._all([self.alternatives(child) for child in group.conditions])
            case "none":
                return self._all([self.alternatives(negated(child)) for child in group.conditions])
            case "any":
                return tuple(dict.fromkeys(a for child in group.conditions for a in self.alternatives(child)))
            case "at_least_of":
                parts = tuple(self.part(self.alternatives(child)) for child in group.conditions)
                return (self._count(parts, many=group.many),)
            case _:
                assert_never(group.kind)

    def _all(self, groups: list[Alternatives]) -> Alternatives:
        if not all(groups):
            return ()
        together: Alternatives = (frozenset[Test]().union(*(group[0] for group in groups if len(group) == 1)),)
        for group in sorted((group for group in groups if len(group) > 1), key=len):
            small = len(together) * len(group) <= MOST_ALTERNATIVES
            choices = group if small else (self._count((self.part(group),), many=1),)
            together = tuple(dict.fromkeys(a | b for a in together for b in choices))
        return tuple(dict.fromkeys(self._shortened(tests) for tests in together))

    def _shortened(self, tests: Tests) -> Tests:
        while len(tests) > MOST_TESTS:
            ordered = sorted(tests)
            pieces = (frozenset(ordered[i : i + MOST_TESTS]) for i in range(0, len(ordered), MOST_TESTS))
            tests = frozenset[Test]().union(*(self._count((self.part((piece,)),), many=1) for piece in pieces))
        return tests

    def _count(self, parts: tuple[int, ...], *, many: int) -> Tests:
        known = 1 + max((self._done[part] for part in parts), default=-1)
        return frozenset({Test(self._property(Counted(parts), known=known), ">=", many)})

    def _property(self, found: Measured | Counted, *, known: int = 0) -> int:
        if found not in self.properties:
            self.properties[found] = len(self.properties)
            self._known.append(known)
        return self.properties[found]

    def _compare(self, comparison: Comparison) -> Alternatives:
        sides = [
            self._side(comparison, operand, relation)
            for operand, relation in zip(comparison.operands, OPERATIONS[comparison.operator][1], strict=True)
        ]
        if comparison.positive:
            return self._all([self._spelled(side, side.relation.yes) for side in sides])
        return tuple(tests for side in sides for tests in self._spelled(side, side.relation.no))

    def _side(self, comparison: Comparison, operand: Operand, relation: Relation) -> _Side:
        how = OPERATIONS[comparison.operator][0]
        match how, operand:
            case "order", Constant(str() | bool() as word):
                number = number_word(self.words, word)
                same = _SAME_WORD if relation == _SAME else _SAME_WORD.inverse()
                return _Side(Measure("word", comparison.name), (number, number), same)
            case "order", Constant(value) if (ends := constant_order(value)) is not None:
                return _Side(Measure("order", comparison.name), ends, relation)
            case "order", _:
                return _Side(Measure("difference", comparison.name, operand), (0, 0), relation)
            case _:
                return _Side(Measure(how, comparison.name, operand), (0, 0), relation)

    def _spelled(self, side: _Side, spelling: Spelling) -> Alternatives:
        least, most = side.against
        return tuple(
            frozenset(
                Test(self._property(Measured(side.measure, end)), order, most if end == "low" else least)
                for end, order in tests
            )
            for tests in spelling
        )


def lower(questions: Mapping[str, Condition]) -> Lowered:
    """Return the questions, each as its condition and as the negation of it, in clauses."""
    lowering = _Lowering()
    asked = {
        name: (
            lowering.part(lowering.alternatives(condition)),
            lowering.part(lowering.alternatives(negated(condition))),
        )
        for name, condition in questions.items()
    }
    clauses: dict[int, list[Clause]] = {}
    for alternatives, part in lowering.parts.items():
        for tests in alternatives:
            clauses.setdefault(lowering.stage(tests), []).append(Clause(part, tuple(sorted(tests))))
    counts: dict[int, list[tuple[int, tuple[int, ...]]]] = {}
    ends: dict[Measure, dict[End, int]] = {}
    for found, number in lowering.properties.items():
        match found:
            case Measured():
                ends.setdefault(found.measure, {})[found.end] = number
            case Counted():
                stage = lowering.stage([Test(number, ">=", 0)])
                counts.setdefault(stage, []).append((number, found.parts))
            case _:
                assert_never(found)
    return Lowered(
        parts=asked,
        stages=tuple(
            Stage(tuple(counts.get(stage, ())), tuple(clauses.get(stage, ())))
            for stage in range(max([*clauses, *counts], default=-1) + 1)
        ),
        measures=tuple((measure, found["low"], found.get("high", found["low"])) for measure, found in ends.items()),
        words=lowering.words,
        properties=len(lowering.properties),
    )
