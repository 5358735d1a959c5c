"""Whether a condition can hold, or fail, at all: a search for a row on which it does, decided by `holds` itself.

A name that is not settled yet is absent in a way that leaves every comparison open, so that `holds` answers as soon as
what is settled decides. No witness among the values of `domains` is a proof that there is none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from riskflags.condition import (
    Comparison,
    Condition,
    Constant,
    Group,
    Named,
    Row,
    comparisons,
    holds,
    names_read,
)
from riskflags.lint.domains import domains
from riskflags.model import Absent, Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from riskflags.pack import Derived, Pack

_MOST_STEPS = 5_000
Witness = dict[str, Value]


class TooManyStepsError(Exception):
    """The search was given up: nothing is known."""


@dataclass(frozen=True, slots=True)
class _Asked:
    condition: Condition
    to: bool
    stops: tuple[Condition, ...]


class Search:
    """Questions about some conditions, with the values of every name that they read."""

    def __init__(self, conditions: Sequence[Condition], pack: Pack, derived: Mapping[str, Derived]) -> None:
        every = [one for condition in conditions for one in comparisons(condition)]
        self._domains = domains(every, pack, derived)
        self._opaque: dict[Comparison, str] = {}

    def witness(self, condition: Condition, *, to: bool, stops: Sequence[Condition] = ()) -> Witness | None:
        """Return values under which a condition answers so, and none of `stops` is known to hold; None: it cannot.

        TooManyStepsError where the search takes too long to say.
        """
        asked, held_off = self._plain(condition), [self._plain(stop) for stop in stops]
        names = names_read(asked).union(*(names_read(stop) for stop in held_off))
        known: Witness = {name: _open(name) for name in names}
        return self._settle(known, _Asked(asked, to, tuple(held_off)), [_MOST_STEPS])

    def _settle(self, known: Witness, asked: _Asked, left: list[int]) -> Witness | None:
        left[0] -= 1
        if left[0] < 0:
            raise TooManyStepsError
        row = Row(known)
        if any(holds(stop, row) is True for stop in asked.stops):
            return None
        answer = holds(asked.condition, row)
        if answer is not None:
            is_it = answer is asked.to
            return {name: value for name, value in known.items() if not _is_open(value)} if is_it else None
        name = next(_open_names(asked.condition, row), None)
        if name is None:  # what is absent for good leaves it undecided
            return None
        for value in self._domains.get(name, (True, False)):
            if (found := self._settle(known | {name: value}, asked, left)) is not None:
                return found
        return None

    def _plain(self, condition: Condition) -> Condition:
        """Return the condition with a yes or no of its own for each comparison that cannot be enumerated."""
        match condition:
            case Comparison():
                names = names_read(condition)
                if names <= self._domains.keys():
                    return condition
                key = replace(condition, positive=True)
                name = self._opaque.setdefault(key, f"?{len(self._opaque)}")
                return Comparison(name, "is", (Constant(value=True),), positive=condition.positive)
            case Named():
                return replace(condition, condition=self._plain(condition.condition))
            case Group():
                return replace(condition, conditions=tuple(self._plain(child) for child in condition.conditions))
            case _:
                assert_never(condition)


def _open_names(condition: Condition, row: Row) -> Iterator[str]:
    """Yield the names that an undecided condition waits for, in the order of its parts."""
    match condition:
        case Comparison():
            yield from (name for name in sorted(names_read(condition)) if _is_open(row[name]))
        case Named():
            yield from _open_names(condition.condition, row)
        case Group():
            for child in condition.conditions:
                if holds(child, row) is None:
                    yield from _open_names(child, row)
        case _:
            assert_never(condition)


def _open(name: str) -> Absent:
    return Absent(frozenset({name}), held=False)


def _is_open(value: Value) -> bool:
    return isinstance(value, Absent) and not value.held
