"""RFW208: two rules that fire on exactly the same records, with a record that shows it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from riskflags.condition import Comparison, Condition, Group, Named, Reference, Row, holds, names_read
from riskflags.lint.witness import Search, TooManyStepsError, Witness
from riskflags.lint.words import witness_words
from riskflags.model import Absent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from riskflags.lint.clashes import Report
    from riskflags.pack import Derived, Pack, Rule

_MOST_WITNESSES = 60


def check_twins(pack: Pack, derived: Mapping[str, Derived], report: Report) -> None:
    """Report each active rule that has the meaning of one before it, where both can be in force on one day."""
    derived = {**derived, **{f"{one.how!r}": one for one in derived.values()}}
    alike: dict[object, list[tuple[Rule, Condition]]] = defaultdict(list)
    for rule in pack.rules:
        if rule.status == "active":
            when = _renamed(rule.when, rule)
            stops = frozenset(_renamed(stop, rule) for stop in rule.unless)
            alike[rule.for_each, names_read(when), stops].append((rule, when))
    for found in alike.values():
        for same in _alike(found, pack, derived):
            _tell_apart(same, pack, derived, report)


def _tell_apart(
    found: Sequence[tuple[Rule, Condition]], pack: Pack, derived: Mapping[str, Derived], report: Report
) -> None:
    """Report each rule that has the meaning of an earlier one."""
    different: list[tuple[Rule, Condition]] = []
    for rule, when in found:
        for first, other in different:
            if _both_in_force(first, rule) and (witness := _same(other, when, pack, derived)) is not None:
                message = f"{rule.code} {rule.id} fires on the same records as {first.code} {first.id} ({first.place})"
                hint = f"for example where {witness_words(witness, pack.zone)}; retire one of them, or let them differ"
                report("RFW208", rule.place, message, hint)
                break
        else:
            different.append((rule, when))


def _renamed(condition: Condition, rule: Rule) -> Condition:
    """Return the condition with the rule's own derived values named after how they come about."""
    own = {derived.name: f"{derived.how!r}" for derived in rule.derived}
    if not own:
        return condition
    match condition:
        case Comparison(name=name, operator=operator, operands=operands, positive=positive):
            found = tuple(Reference(own.get(o.name, o.name)) if isinstance(o, Reference) else o for o in operands)
            return Comparison(own.get(name, name), operator, found, positive)
        case Named(name=name, condition=inner, positive=positive):
            return Named(name, _renamed(inner, rule), positive)
        case Group(kind=kind, conditions=children, many=many):
            return Group(kind, tuple(_renamed(child, rule) for child in children), many)


def _alike(
    found: Sequence[tuple[Rule, Condition]], pack: Pack, derived: Mapping[str, Derived]
) -> Iterator[Sequence[tuple[Rule, Condition]]]:
    """Yield the rules that answer alike to records which make one of them hold or fail: only those can be the same."""
    if len(found) < 2:  # noqa: PLR2004 - a pair
        return
    rows = [row for _, when in found[:_MOST_WITNESSES] for row in _rows(when, pack, derived)]
    prints: dict[tuple[object, ...], list[tuple[Rule, Condition]]] = defaultdict(list)
    for rule, when in found:
        prints[tuple(holds(when, row) for row in rows)].append((rule, when))
    for same in prints.values():
        yield sorted(same, key=lambda one: (one[0].code, one[0].version))


def _rows(when: Condition, pack: Pack, derived: Mapping[str, Derived]) -> Iterator[Row]:
    search = Search([when], pack, derived)
    for to in (True, False):
        try:
            witness = search.witness(when, to=to)
        except TooManyStepsError:
            continue  # fewer rows to tell rules apart by, and no statement from them
        if witness is not None:
            yield Row({name: Absent(frozenset({name}), held=False) for name in names_read(when)} | witness)


def _same(one: Condition, other: Condition, pack: Pack, derived: Mapping[str, Derived]) -> Witness | None:
    """Return a record on which both fire, if both fire on the same records; None where they do not, or nobody knows."""
    search = Search([one, other], pack, derived)
    try:
        for a, b in ((one, other), (other, one)):
            if search.witness(a, to=True, stops=[b]) is not None:
                return None
        return search.witness(one, to=True)
    except TooManyStepsError:
        return None


def _both_in_force(first: Rule, second: Rule) -> bool:
    starts = [rule.effective_from for rule in (first, second) if rule.effective_from is not None]
    ends = [rule.effective_to for rule in (first, second) if rule.effective_to is not None]
    return first.id != second.id and (not starts or all(max(starts) <= end for end in ends))
