"""For each name that some conditions read, values that stand for every value it can have, as far as they can tell.

Two values that answer every comparison alike are one to a condition. So a number needs its constants and a few points
between them; a code the codes that are named, and one more. Names are taken to be independent of each other: that makes
more possible than a record can be, and what is impossible all the same is so for certain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain, pairwise, product
from typing import TYPE_CHECKING

from riskflags.condition import Comparison, Constant, Reference, codes_of
from riskflags.model import Absent, Codes, Moment, Number, Severity, Value
from riskflags.pack import Computed, LookUp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from riskflags.kinds import KindName
    from riskflags.pack import Derived, Pack

_FIRST, _LAST = date(1900, 1, 1), date(2199, 12, 31)
_SECONDS = (-2_208_988_800, 7_258_118_399)
"""The first and last second of those years."""
_MOST_SETS = 512
_WHOLE = ("age", "age_gap", "years_between", "days_between", "size")
_COUNTS = ("how_many", "how_many_different")


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of a name beyond its comparisons."""

    kind: KindName
    codes: tuple[str, ...] | None = None
    least: int | None = None
    most: int | None = None
    is_whole: bool = False


def traits_of(name: str, pack: Pack, derived: Mapping[str, Derived]) -> Traits:
    """Return what is known of a name, as conditions of the pack read it."""
    plain = name.removeprefix("this.")
    if plain in pack.fields:
        info = pack.fields[plain]
        return Traits(info.kind, info.codes, info.least, info.most)
    if plain in derived:
        return _of_derived(derived[plain])
    if plain == "as_of":
        return Traits("moment")
    if plain == "severity":
        return Traits("number", None, min(Severity), max(Severity), is_whole=True)
    return Traits("number" if plain.startswith("param.") else "yes_no")


def _of_derived(derived: Derived) -> Traits:
    match derived.how:
        case Computed(function=function):
            return Traits(derived.kind, None, 0 if function == "size" else None, None, is_whole=function in _WHOLE)
        case LookUp(function=function):
            return Traits(derived.kind, None, 0 if function in _COUNTS else None, None, is_whole=function in _COUNTS)


# ---- domains ---------------------------------------------------------------------------------------------------------


def domains(
    comparisons: Iterable[Comparison], pack: Pack, derived: Mapping[str, Derived]
) -> dict[str, tuple[Value, ...]]:
    """Return values for every name that can be enumerated; a name that cannot is left out."""
    every = list(comparisons)
    linked = _linked(every)
    found: dict[str, tuple[Value, ...]] = {}
    for names in linked:
        about = [one for one in every if one.name in names or names & _references(one)]
        found |= _of_linked(names, about, pack, derived)
    for one in every:
        if one.operator == "recorded" and one.name in found:
            found[one.name] = tuple(dict.fromkeys([*found[one.name], Absent(frozenset({one.name}))]))
    return found


def _references(comparison: Comparison) -> frozenset[str]:
    return frozenset(operand.name for operand in comparison.operands if isinstance(operand, Reference))


def _linked(comparisons: Sequence[Comparison]) -> list[frozenset[str]]:
    """Return the names in groups that are compared with each other, directly or through others."""
    groups: list[set[str]] = []
    for one in comparisons:
        mine = {one.name, *_references(one)}
        groups = [group for group in groups if not group & mine] + [
            mine.union(*(group for group in groups if group & mine))
        ]
    return [frozenset(group) for group in groups]


def _of_linked(
    names: frozenset[str], about: Sequence[Comparison], pack: Pack, derived: Mapping[str, Derived]
) -> dict[str, tuple[Value, ...]]:
    traits = {name: traits_of(name, pack, derived) for name in names}
    constants = [operand.value for one in about for operand in one.operands if isinstance(operand, Constant)]
    kinds = {one.kind for one in traits.values()}
    if kinds <= {"code", "text"}:
        closed = sorted({code for one in traits.values() for code in one.codes or ()}) if len(names) > 1 else []
        return {name: _words(one, [*constants, *closed], len(names)) for name, one in traits.items()}
    if len(kinds) > 1:
        return {}
    match kinds.pop():
        case "number":
            params = {name: _param(name, pack) for name in names if name.startswith("param.")}
            pool = [_number(value) for value in chain(constants, *params.values()) if isinstance(value, Number)]
            whole = all(one.is_whole for name, one in traits.items() if name not in params)
            points = {name: _numbers(one, pool, len(names), is_whole=whole) for name, one in traits.items()}
            return points | params
        case "yes_no":
            return dict.fromkeys(names, (True, False))
        case "date":
            days = [value.toordinal() for value in constants if isinstance(value, date)]
            ends = _FIRST.toordinal(), _LAST.toordinal()
            return dict.fromkeys(names, tuple(date.fromordinal(day) for day in _whole(days, len(names), *ends)))
        case "moment":
            seconds = [value.earliest for value in constants if isinstance(value, Moment)]
            return dict.fromkeys(names, tuple(_moment(point) for point in _whole(seconds, len(names), *_SECONDS)))
        case _:
            sets = _sets(about) if len(names) == 1 else ()
            return dict.fromkeys(names, sets) if sets else {}


def _param(name: str, pack: Pack) -> tuple[Value, ...]:
    values = (value for _, value in pack.params[name.removeprefix("param.")].values)
    return tuple(dict.fromkeys(Number(value, value) for value in values if isinstance(value, Decimal)))


def _number(value: Number) -> Decimal:
    return Decimal(value.low)


def _moment(second: int) -> Moment:
    return Moment(second, second, datetime.fromtimestamp(second, UTC).date(), "")


def _words(traits: Traits, constants: Sequence[Value], many: int) -> tuple[Value, ...]:
    """Return the words that are named, and as many more as there are names to tell apart."""
    named = sorted({code for value in constants if isinstance(value, str | Codes) for code in codes_of(value).known})
    if traits.codes is None:
        return (*named, *(f"another {number}" for number in range(many)))
    if many > 1:
        return traits.codes
    rest = [code for code in traits.codes if code not in named]
    return (*(code for code in named if code in traits.codes), *rest[:1])


def _numbers(traits: Traits, pool: Sequence[Decimal], many: int, *, is_whole: bool) -> tuple[Value, ...]:
    if is_whole:
        whole = [end for number in pool for end in (math.floor(number), math.ceil(number))]
        points: Iterable[int | Decimal] = _whole(whole, many, traits.least, traits.most)
    else:
        points = _between(pool, many, traits.least, traits.most)
    return tuple(Number(Decimal(point), Decimal(point)) for point in points)


def _whole(pool: Sequence[int], many: int, least: int | None, most: int | None) -> list[int]:
    """Return whole numbers: each constant, and so many in each gap, below the first and above the last."""
    known = sorted({*pool, *(end for end in (least, most) if end is not None)}) or [0]
    near = {constant + step for constant in known for step in range(-many, many + 1)}
    return sorted(n for n in near if (least is None or n >= least) and (most is None or n <= most))


def _between(pool: Sequence[Decimal], many: int, least: int | None, most: int | None) -> list[Decimal]:
    """Return numbers: each constant, and so many in each gap, below the first and above the last."""
    ends = [Decimal(end) for end in (least, most) if end is not None]
    known = sorted({*pool, *ends}) or [Decimal(0)]
    found = set(known)
    for low, high in pairwise(known):
        found |= {low + (high - low) * step / (many + 1) for step in range(1, many + 1)}
    found |= {known[0] - step for step in range(1, many + 1)} | {known[-1] + step for step in range(1, many + 1)}
    return sorted(n for n in found if (least is None or n >= least) and (most is None or n <= most))


def _sets(about: Sequence[Comparison]) -> tuple[Value, ...]:
    """Return sets of codes: of each part that the named sets cut out, none, one, or all of it; nothing if too many."""
    named = [
        codes_of(o.value).known
        for one in about
        for o in one.operands
        if isinstance(o, Constant) and one.operator != "recorded"
    ]
    every = sorted(frozenset[str]().union(*named))
    parts: dict[tuple[bool, ...], list[str]] = {}
    for code in every:
        parts.setdefault(tuple(code in one for one in named), []).append(code)
    choices = [dict.fromkeys([frozenset[str](), frozenset(part[:1]), frozenset(part)]) for part in parts.values()]
    many = 1
    for choice in choices:
        many *= len(choice)
    if many > _MOST_SETS:
        return ()
    return tuple(Codes(frozenset[str]().union(*chosen)) for chosen in product(*choices))
