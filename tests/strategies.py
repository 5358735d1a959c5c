"""Random conditions and rows: every operator on every kind, holes, intervals and open lists, nested groups.

The values come from small pools, so that equal values, ends of intervals and known codes meet often.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations
from typing import TYPE_CHECKING, Literal, assert_never
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from riskflags.condition import OPERATORS, Comparison, Condition, Constant, Group, Named, Operand, Reference, bounds
from riskflags.model import Absent, Codes, Moment, Number, Value

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

    from riskflags.kinds import KindName

ZONE = ZoneInfo("Europe/London")

NAMES: dict[KindName, tuple[str, ...]] = {
    "number": ("calc.age", "calc.gap", "id"),
    "text": ("incident.id", "sid"),
    "code": ("incident.type", "$s"),
    "yes_no": ("child.in_care", "flag:m03"),
    "date": ("child.date_of_birth", "suspect.date_of_birth"),
    "moment": ("incident.reported_at", "missing.located_at", "as_of"),
    "codes": ("contact.channels", "child.disabilities", "$and"),
}
"""The names of a random row. Some of them mean something to durable_rules."""
KINDS: dict[str, KindName] = {name: kind for kind, names in NAMES.items() for name in names}

NUMBERS = tuple(
    map(Decimal, ("-999999999.999999", "-1", "0", "0.000001", "1", "1.5", "2", "3", "18", "999999999.999999"))
)
CODES = ("a", "b", "c", "d")
ANOTHER = "e"
"""A code in no list but one of its own."""
WORDS = (*CODES, ANOTHER, "A", "5", "true", "", " ", 'quo"te', "back\\slash", "new\nline", "é", "日本", "x" * 300)
DAYS = tuple(date(2025, 12, 30) + timedelta(days=n) for n in range(4))
_NEW_YEAR = 1_767_225_600  # 2026-01-01T00:00Z

POOLS: dict[KindName, tuple[Value, ...]] = {
    "number": tuple(Number(number, number) for number in NUMBERS),
    "text": WORDS,
    "code": CODES,
    "yes_no": (True, False),
    "date": DAYS,
    "moment": tuple(Moment(s, s, DAYS[2], "") for s in range(_NEW_YEAR - 259_200, _NEW_YEAR + 259_201, 43_200)),
    "codes": tuple(
        Codes(frozenset(some)) for some in [(ANOTHER,), *(c for size in range(5) for c in combinations(CODES, size))]
    ),
}
"""Values that are exactly known, by kind."""
BEYOND: dict[KindName, tuple[Value, ...]] = {
    "number": (Number(-(10**10), -(10**10)), Number(10**10, 10**10)),
    "text": (),
    "code": (ANOTHER,),
    "yes_no": (),
    "date": (date(1900, 1, 1), date(2199, 12, 31)),
    "moment": (Moment(0, 0, date(1970, 1, 1), ""), Moment(2**32, 2**32, date(2106, 2, 7), "")),
    "codes": tuple(Codes(frozenset(codes)) for codes in (("f",), (*CODES, ANOTHER), (*CODES, ANOTHER, "f"))),
}
"""Values past all of them, so that any of them may turn out to be too small or too large."""
CODE_SETS = tuple(codes.known for codes in POOLS["codes"] if isinstance(codes, Codes))
EXACT = {kind: st.sampled_from(pool) for kind, pool in POOLS.items()}


def kind_of(name: str) -> KindName:
    """Return the kind of a name, which may have a number behind it: "calc.age/3"."""
    return KINDS[name.partition("/")[0]]


def _between(ends: tuple[Decimal | int, Decimal | int], name: str) -> Number:
    low, high = sorted(ends)
    return Number(low, high, frozenset({name}) if low < high else frozenset())


def inexact(name: str) -> SearchStrategy[Value]:
    """Return values of a name that are present but not exactly known, where its kind has such; the need is its name."""
    match kind_of(name):
        case "number":
            return st.tuples(st.sampled_from(NUMBERS), st.sampled_from(NUMBERS)).map(lambda ends: _between(ends, name))
        case "moment":
            days = st.sampled_from(DAYS).map(lambda day: Moment.whole_day(day, zone=ZONE))
            return days.map(lambda moment: replace(moment, needs=frozenset({name})))
        case "codes":
            return st.sampled_from(CODE_SETS).map(lambda known: Codes(known, frozenset({name})))
        case "text" | "code" | "yes_no" | "date":
            return EXACT[kind_of(name)]
        case kind:
            assert_never(kind)


def values(name: str) -> SearchStrategy[Value]:
    """Return any value of a name: exact, not exactly known, absent, or nothing that its source holds."""
    absent = st.builds(Absent, st.just(frozenset({name})), held=st.sampled_from((True, True, False)))
    return st.one_of(EXACT[kind_of(name)], inexact(name), absent)


def samples(name: str) -> list[Value]:
    """Return every value of the pool of a name, some that are not exactly known, and what is absent."""
    need = frozenset({name})
    some: dict[KindName, list[Value]] = {
        "number": [Number(low, high, need) for low, high in combinations(NUMBERS[1:8:2], 2)],
        "moment": [replace(Moment.whole_day(day, zone=ZONE), needs=need) for day in DAYS],
        "codes": [Codes(known, need) for known in CODE_SETS[::3]],
    }
    kind = kind_of(name)
    return [*POOLS[kind], *some.get(kind, ()), Absent(need), Absent(need, held=False)]


def rows() -> SearchStrategy[dict[str, Value]]:
    """Return random values for every name; names that are left out are absent."""
    return st.fixed_dictionaries({}, optional={name: values(name) for name in KINDS})


# ---- conditions ------------------------------------------------------------------------------------------------------

GROUPS: tuple[Literal["all", "any", "none", "at_least_of"], ...] = ("all", "any", "none", "at_least_of")
OPERATOR_KINDS: tuple[tuple[str, KindName], ...] = tuple(
    (o.name, kind) for o in OPERATORS.values() for kind in sorted(o.kinds)
)


def constants(operator: str, kind: KindName) -> list[Value]:
    """Return values to stand on the right of an operator, exactly known."""
    match OPERATORS[operator].takes:
        case "yes_no":
            return [True, False]
        case "many":
            return [*POOLS["codes"]]
        case "one" if kind == "codes":
            return [*CODES, *POOLS["codes"]]
        case "one" | "two":
            return [*POOLS[kind]]
        case takes:
            assert_never(takes)


def references(operator: str, kind: KindName) -> list[str]:
    """Return names to stand on the right of an operator."""
    match OPERATORS[operator].takes:
        case "yes_no":
            return []
        case "many":
            return [*NAMES["codes"], *NAMES["code"]]
        case "one" if kind == "codes":
            return [*NAMES["codes"], *NAMES["text"]]
        case "one" | "two":
            return [*NAMES[kind]]
        case takes:
            assert_never(takes)


@st.composite
def comparisons(draw: DrawFn, *, plain: bool) -> Comparison:
    """Return a comparison: any operator on any kind that it fits."""
    operator, kind = draw(st.sampled_from([o for o in OPERATOR_KINDS if not plain or o[0] != "recorded"]))
    operands: list[SearchStrategy[Operand]] = [st.sampled_from(constants(operator, kind)).map(Constant)]
    if others := references(operator, kind):
        operands.append(st.sampled_from(others).map(Reference))
    if not plain and kind in {"number", "moment", "codes"} and operator != "recorded":
        operands.append(inexact(NAMES[kind][0]).map(Constant))
    many = 2 if OPERATORS[operator].takes == "two" else 1
    name = draw(st.sampled_from(NAMES[kind]))
    return Comparison(
        name, operator, tuple(draw(st.one_of(operands)) for _ in range(many)), positive=draw(st.booleans())
    )


@st.composite
def _groups(draw: DrawFn, children: SearchStrategy[Condition]) -> Condition:
    kind = draw(st.sampled_from(GROUPS))
    inner = tuple(draw(st.lists(children, max_size=4)))
    many = draw(st.integers(0, len(inner) + 1)) if kind == "at_least_of" else 0
    return Group(kind, inner, many)


def _deeper(inner: SearchStrategy[Condition]) -> SearchStrategy[Condition]:
    return st.one_of(_groups(inner), st.builds(Named, st.just("some_name"), inner, positive=st.booleans()))


def conditions(*, plain: bool = False, leaves: int = 10) -> SearchStrategy[Condition]:
    """Return conditions of any shape over the names of a random row.

    The `plain` ones are those that more knowledge can only decide: without `recorded`, which asks about the record and
    not about the child, and with constants that are exactly known.
    """
    return st.recursive(comparisons(plain=plain), _deeper, max_leaves=leaves)


# ---- knowledge that grows --------------------------------------------------------------------------------------------


def better(name: str, value: Value) -> SearchStrategy[Value]:
    """Return what the value of a name may turn out to be when more is known."""
    match value:
        case Absent():
            return st.one_of(EXACT[kind_of(name)], inexact(name))
        case Number(low, high):
            inside = st.sampled_from([number for number in (*NUMBERS, low, high) if low <= number <= high])
            return st.tuples(inside, inside).map(lambda ends: _between(ends, name))
        case Moment(earliest, latest):
            inside = st.integers(earliest, latest)
            return st.tuples(inside, inside).map(lambda ends: replace(value, earliest=min(ends), latest=max(ends)))
        case Codes(known, needs) if needs:
            open_or_not = st.sampled_from((needs, frozenset[str]()))
            return st.builds(Codes, st.sampled_from([known | more for more in CODE_SETS]), open_or_not)
        case _:
            return st.just(value)


def exactly(name: str, value: Value) -> list[Value]:
    """Return values, exactly known, that the value of a name may turn out to be."""
    match value:
        case Absent():
            return [*POOLS[kind_of(name)], *BEYOND[kind_of(name)]]
        case Number(low, high):
            return [Number(number, number) for number in NUMBERS if low <= number <= high]
        case Moment(earliest, latest):
            inside = [bounds(moment)[0] for moment in POOLS["moment"]]
            return [
                replace(value, earliest=int(second), latest=int(second), needs=frozenset())
                for second in (earliest, latest, *inside)
                if earliest <= second <= latest
            ]
        case Codes(known, needs) if needs:
            more = [codes.known for codes in (*POOLS["codes"], *BEYOND["codes"]) if isinstance(codes, Codes)]
            return [Codes(known | codes) for codes in more]
        case _:
            return [value]
