"""The condition tree and its one meaning, `holds`, in three values: True, False, and None for undecided.

Every engine is a faster spelling of `holds`. A comparison with an absent or not exactly known value holds if it holds
for every value it can be, fails if it fails for every one, and is undecided else; groups follow Kleene logic.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, assert_never

from riskflags.errors import NOWHERE, Place
from riskflags.model import NO_NEEDS, Absent, Codes, Moment, Needs, Number, Value, all_needs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from decimal import Decimal

    from riskflags.kinds import KindName

Answer = bool | None
Bounds = tuple["Decimal | int", "Decimal | int"]


@dataclass(frozen=True, slots=True)
class Constant:
    """An operand that is written in the rule."""

    value: Value


@dataclass(frozen=True, slots=True)
class Reference:
    """An operand that is the value of another name of the record: a field, a derived value, a parameter."""

    name: str


Operand = Constant | Reference


@dataclass(frozen=True, slots=True)
class Comparison:
    """A name, an operator and its operands. With `positive` False it is the negation."""

    name: str
    operator: str
    operands: tuple[Operand, ...]
    positive: bool = True
    place: Place = field(default=NOWHERE, compare=False)
    constants: tuple[Value, ...] | None = field(init=False, compare=False, repr=False)
    """The values of its operands where all of them are written in the rule, and so the same for every record."""
    sides: tuple[Comparison, ...] = field(init=False, compare=False, repr=False)
    """Of `between` the comparisons with its two ends, which must both hold; nothing for any other operator."""
    names: frozenset[str] = field(init=False, compare=False, repr=False)
    """Every name whose value it can read."""

    def __post_init__(self) -> None:
        """Read the operands once."""
        values = tuple([operand.value for operand in self.operands if isinstance(operand, Constant)])
        known = len(values) == len(self.operands) and not any(isinstance(value, Absent) for value in values)
        object.__setattr__(self, "constants", values if known else None)
        ends = zip(("at_least", "at_most"), self.operands, strict=True) if self.operator == "between" else ()
        object.__setattr__(self, "sides", tuple([Comparison(self.name, operator, (end,)) for operator, end in ends]))
        references = [operand.name for operand in self.operands if isinstance(operand, Reference)]
        object.__setattr__(self, "names", frozenset({self.name, *references}))


@dataclass(frozen=True, slots=True)
class Group:
    """all, any, none, or at least `many` of some conditions."""

    kind: Literal["all", "any", "none", "at_least_of"]
    conditions: tuple[Condition, ...]
    many: int = 0
    place: Place = field(default=NOWHERE, compare=False)
    names: frozenset[str] = field(init=False, compare=False, repr=False)
    """Every name whose value it can read."""

    def __post_init__(self) -> None:
        """Put the names of its conditions together once."""
        object.__setattr__(self, "names", frozenset[str]().union(*(child.names for child in self.conditions)))


@dataclass(frozen=True, slots=True)
class Named:
    """A named condition of the vocabulary, where a rule uses it."""

    name: str
    condition: Condition
    positive: bool = True
    place: Place = field(default=NOWHERE, compare=False)

    @property
    def names(self) -> frozenset[str]:
        """Every name whose value it can read."""
        return self.condition.names


Condition = Comparison | Group | Named


class Row:
    """One record, and one suspect where a rule says for_each, as an engine sees it: a value for every name.

    `find` gives the value of a name at its first reading; without it a name that is not there is absent.
    """

    __slots__ = ("_answers", "_evidence", "_find", "_known", "_under")

    def __init__(
        self,
        known: Mapping[str, Value] | None = None,
        *,
        find: Callable[[str, Row], Value] | None = None,
        under: Row | None = None,
    ) -> None:
        self._known: dict[str, Value] = dict(known or {})
        self._find = find
        self._under = under
        self._answers: dict[int, tuple[Condition, Answer]] = {}
        self._evidence: dict[str, tuple[str, ...]] | None = None

    def evidence(self, name: str) -> tuple[str, ...]:
        """Return the ids of the records behind a name that was looked up; none for any other."""
        if self._under is not None:
            return self._under.evidence(name)
        return self._evidence.get(name, ()) if self._evidence else ()

    def keep_evidence(self, name: str, ids: tuple[str, ...]) -> None:
        """Take in the ids of the records behind a name."""
        if ids:
            self._evidence = {**(self._evidence or {}), name: ids}

    def __getitem__(self, name: str) -> Value:
        value = self._known.get(name)
        if value is None:
            if self._under is not None:
                return self._under[name]
            value = self._find(name, self) if self._find else Absent(frozenset({name}))
            self._known[name] = value
        return value

    def answer(self, condition: Condition) -> Answer:
        """Return what `holds` answers for a condition on this row, worked out once."""
        if self._under is not None and self._known.keys().isdisjoint(condition.names):
            return self._under.answer(condition)
        kept = self._answers.get(id(condition))
        if kept is None:
            kept = self._answers[id(condition)] = condition, holds(condition, self)
        return kept[1]

    def keep_only(self, names: frozenset[str]) -> None:
        """Let go of all values but some. Without `find` they are gone: a row that finds its values finds them again."""
        self._known = {name: _shared(value) for name, value in self._known.items() if name in names}
        self._answers = {}
        self._evidence = None

    def with_values(self, more: Mapping[str, Value]) -> Row:
        """Return a row of the same record with more values, which win; it finds all others where this one does."""
        return Row(more, under=self)


def _shared(value: Value) -> Value:
    """Return one value for all that are equal, of those that many rows have alike."""
    match value:
        case Absent() | Codes():
            return _one_for_all(value)
        case _:
            return value


@lru_cache(maxsize=4096)
def _one_for_all(value: Absent | Codes) -> Absent | Codes:
    return value


# ---- operators -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Operator:
    """One row of the table that the loader, every engine, the explanation and the docs read.

    `takes` is what stands on its right: one value, two, a list, or yes/no. `says` is how the explanation reads it.
    """

    name: str
    kinds: frozenset[KindName]
    takes: Literal["one", "two", "many", "yes_no"]
    says: str
    test: Callable[[Value, tuple[Value, ...]], Answer]


def bounds(value: Value) -> Bounds:
    """Return the least and the greatest that an ordered value can be, on one scale for its kind."""
    match value:
        case Number():
            return value.low, value.high
        case Moment():
            return value.earliest, value.latest
        case date():
            return value.toordinal(), value.toordinal()
        case _:
            msg = f"{value!r} has no order"
            raise TypeError(msg)


def _decided(*, yes: bool, no: bool) -> Answer:
    return True if yes else False if no else None


def _less(a: Value, b: Value) -> Answer:
    (a_low, a_high), (b_low, b_high) = bounds(a), bounds(b)
    return _decided(yes=a_high < b_low, no=a_low >= b_high)


def _not_more(a: Value, b: Value) -> Answer:
    (a_low, a_high), (b_low, b_high) = bounds(a), bounds(b)
    return _decided(yes=a_high <= b_low, no=a_low > b_high)


def _same(a: Value, b: Value) -> Answer:
    match a:
        case str() | bool():
            return a == b
        case _:
            (a_low, a_high), (b_low, b_high) = bounds(a), bounds(b)
            return _decided(yes=a_low == a_high == b_low == b_high, no=a_high < b_low or a_low > b_high)


def codes_of(value: Value) -> Codes:
    """Return a list operand; a single code is a list of one."""
    match value:
        case Codes():
            return value
        case str():
            return Codes(frozenset({value}))
        case _:
            msg = f"{value!r} is not a list of codes"
            raise TypeError(msg)


def _in(a: Value, b: Value) -> Answer:
    codes = codes_of(b)
    return _decided(yes=a in codes.known, no=not codes.needs)


def overlap(a: Value, b: Value) -> Bounds:
    """Return the least and greatest number of codes that the two lists share."""
    first, second = codes_of(a), codes_of(b)
    shared = len(first.known & second.known)
    if not first.needs and not second.needs:
        return shared, shared
    room = (len(second.known) if not second.needs else None, len(first.known) if not first.needs else None)
    limits = [limit for limit in room if limit is not None]
    return shared, min(limits) if limits else 1_000_000


def _has_any(a: Value, b: Value) -> Answer:
    least, most = overlap(a, b)
    return _decided(yes=least >= 1, no=most == 0)


def _has_all(a: Value, b: Value) -> Answer:
    first, second = codes_of(a), codes_of(b)
    if second.needs:
        return _decided(yes=False, no=not first.needs and not second.known <= first.known)
    return _decided(yes=second.known <= first.known, no=not first.needs)


def invert(answer: Answer) -> Answer:
    """Return the Kleene negation."""
    return None if answer is None else not answer


def both(first: Answer, second: Answer) -> Answer:
    """Return the Kleene conjunction."""
    if first is False or second is False:
        return False
    return True if first is True and second is True else None


_NUMBER: frozenset[KindName] = frozenset({"number"})
_TIME: frozenset[KindName] = frozenset({"date", "moment"})
_WORD: frozenset[KindName] = frozenset({"code", "text"})
_EXACT: frozenset[KindName] = frozenset({"yes_no", "date"})
_CODES: frozenset[KindName] = frozenset({"codes"})
EVERY_KIND: frozenset[KindName] = frozenset({"text", "code", "number", "yes_no", "date", "moment", "codes"})

OPERATORS: dict[str, Operator] = {
    o.name: o
    for o in (
        Operator("is", _NUMBER | _WORD | _EXACT, "one", "is", lambda a, b: _same(a, b[0])),
        Operator("is_not", _NUMBER | _WORD, "one", "is not", lambda a, b: invert(_same(a, b[0]))),
        Operator("at_least", _NUMBER, "one", "at least", lambda a, b: _not_more(b[0], a)),
        Operator("more_than", _NUMBER, "one", "more than", lambda a, b: _less(b[0], a)),
        Operator("at_most", _NUMBER, "one", "at most", lambda a, b: _not_more(a, b[0])),
        Operator("less_than", _NUMBER, "one", "less than", lambda a, b: _less(a, b[0])),
        Operator("before", _TIME, "one", "before", lambda a, b: _less(a, b[0])),
        Operator("after", _TIME, "one", "after", lambda a, b: _less(b[0], a)),
        Operator("on_or_before", _TIME, "one", "on or before", lambda a, b: _not_more(a, b[0])),
        Operator("on_or_after", _TIME, "one", "on or after", lambda a, b: _not_more(b[0], a)),
        Operator("between", _NUMBER | _TIME, "two", "between",
                 lambda a, b: both(_not_more(b[0], a), _not_more(a, b[1]))),
        Operator("in", _WORD, "many", "one of", lambda a, b: _in(a, b[0])),
        Operator("not_in", _WORD, "many", "none of", lambda a, b: invert(_in(a, b[0]))),
        Operator("has", _CODES, "one", "has", lambda a, b: _has_any(a, b[0])),
        Operator("has_any", _CODES, "many", "has any of", lambda a, b: _has_any(a, b[0])),
        Operator("has_all", _CODES, "many", "has all of", lambda a, b: _has_all(a, b[0])),
        Operator("has_none", _CODES, "many", "has none of", lambda a, b: invert(_has_any(a, b[0]))),
        Operator("recorded", EVERY_KIND, "yes_no", "recorded", lambda a, b: _recorded(a, b[0])),
    )
}  # fmt: skip


def _recorded(a: Value, wanted: Value) -> Answer:
    match a:
        case Absent():
            return wanted is False if a.held else None
        case _:
            return wanted is True


# ---- meaning ---------------------------------------------------------------------------------------------------------


def holds(condition: Condition, row: Row) -> Answer:
    """Return True, False, or None for undecided: the meaning that every engine must match."""
    match condition:
        case Comparison():
            return _compare(condition, row)
        case Named():
            answer = row.answer(condition.condition)  # many rules use one of the vocabulary
            return answer if condition.positive else invert(answer)
        case Group():
            return _group(condition, row)
        case _:
            assert_never(condition)


def _group(group: Group, row: Row) -> Answer:
    match group.kind:
        case "all":
            return _all(group.conditions, row, fails=False)
        case "any":
            return invert(_all(group.conditions, row, fails=True))
        case "none":
            return _all(group.conditions, row, fails=True)
        case "at_least_of":
            answers = [holds(child, row) for child in group.conditions]
            sure = sum(answer is True for answer in answers)
            possible = sum(answer is not False for answer in answers)
            return _decided(yes=sure >= group.many, no=possible < group.many)
        case _:
            assert_never(group.kind)


def _all(conditions: Iterable[Condition], row: Row, *, fails: bool) -> Answer:
    """Return whether no condition gives the answer with which it fails: all of them hold, or none of them does."""
    together: Answer = True
    for condition in conditions:
        answer = holds(condition, row)
        if answer is fails:
            return False
        if answer is None:
            together = None
    return together


def operand_value(operand: Operand, row: Row) -> Value:
    """Return the value of an operand for this row."""
    match operand:
        case Constant():
            return operand.value
        case Reference():
            return row[operand.name]
        case _:
            assert_never(operand)


def _compare(comparison: Comparison, row: Row) -> Answer:
    if comparison.sides:  # one end may settle it while the other is absent
        answer = both(*(_compare(side, row) for side in comparison.sides))
        return answer if comparison.positive else invert(answer)
    value = row[comparison.name]
    operands = comparison.constants
    if operands is None:
        operands = tuple([operand_value(operand, row) for operand in comparison.operands])
        if Absent in map(type, operands):
            return None
    if isinstance(value, Absent) and comparison.operator != "recorded":
        return None
    answer = OPERATORS[comparison.operator].test(value, operands)
    return answer if comparison.positive else invert(answer)


def negated(condition: Condition) -> Condition:
    """Return the negation, pushed towards the comparisons (a `none` inside a `none` stays one)."""
    match condition:
        case Comparison():
            return replace(condition, positive=not condition.positive)
        case Named():
            return replace(condition, positive=not condition.positive)
        case Group():
            return _negated_group(condition)
        case _:
            assert_never(condition)


def _negated_group(group: Group) -> Group:
    if group.kind == "none":
        return Group("any", group.conditions, place=group.place)
    children = tuple(negated(child) for child in group.conditions)
    match group.kind:
        case "all":
            return Group("any", children, place=group.place)
        case "any":
            return Group("all", children, place=group.place)
        case "at_least_of":
            return Group("at_least_of", children, len(children) - group.many + 1, group.place)
        case _:
            assert_never(group.kind)


def needs(condition: Condition, row: Row) -> Needs:
    """Return what would decide an undecided condition; empty for one that is decided.

    Meeting all of them decides it, and each of them matters: only undecided parts of undecided groups are asked.
    """
    if holds(condition, row) is not None:
        return NO_NEEDS
    match condition:
        case Comparison():
            unsure = [side for side in condition.sides or (condition,) if _compare(side, row) is None]
            operands = [operand for side in unsure for operand in side.operands]
            return all_needs([row[condition.name], *(operand_value(operand, row) for operand in operands)])
        case Named():
            return needs(condition.condition, row)
        case Group():
            return NO_NEEDS.union(*(needs(child, row) for child in condition.conditions))
        case _:
            assert_never(condition)


def comparisons(condition: Condition) -> Iterator[Comparison]:
    """Yield every comparison of the tree, named conditions included, in the order they are written."""
    match condition:
        case Comparison():
            yield condition
        case Named():
            yield from comparisons(condition.condition)
        case Group():
            for child in condition.conditions:
                yield from comparisons(child)
        case _:
            assert_never(condition)


def names_read(condition: Condition) -> frozenset[str]:
    """Return every name whose value the condition can read."""
    return condition.names


def deciding(condition: Condition, row: Row) -> Iterator[Comparison]:
    """Yield the comparisons that made a condition hold: of a group, only the parts that held (of `none`, nothing)."""
    match condition:
        case Comparison():
            yield condition
        case Named():
            yield from deciding(condition.condition, row)
        case Group():
            for child in condition.conditions:
                if holds(child, row) is True:
                    yield from deciding(child, row)
        case _:
            assert_never(condition)
