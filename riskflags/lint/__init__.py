"""Rules about rules: what `riskflags check` refuses or warns of in a pack that can be loaded.

`Pack.load` refuses what cannot be understood. This refuses what cannot be right, and proves it: a condition that no
record can meet, a rule that an `unless` always stops, an active rule whose examples do not show each comparison both
true and false. What could be written better is a warning, and can be switched off by its code.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from riskflags.errors import NOWHERE, Problem
from riskflags.examples import uncovered
from riskflags.lint.clashes import Asker, check_condition, check_rule
from riskflags.lint.habits import check_habits
from riskflags.lint.twins import check_twins
from riskflags.pack import LookUp, MarkerInPlace, RecordedAction
from riskflags.record import Names
from riskflags.source.problems import Problems

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from riskflags.condition import Condition
    from riskflags.errors import Place
    from riskflags.pack import Pack

__all__ = ["lint"]


def lint(pack: Pack, *, today: date, ignore: frozenset[str] = frozenset()) -> tuple[Problem, ...]:
    """Return what is wrong, or could be better, in a pack that was loaded, in order of file, line and column.

    `today` is the day on which reviews are due. `ignore` are codes of warnings that are switched off, beside those
    that the pack and its rules switch off themselves.
    """
    found = _Found(pack, ignore)
    derived = Names.of(pack).derived
    asker = Asker(pack, derived, found.report)
    for condition in (*(named.condition for named in pack.conditions.values()), *_of_lists(pack)):
        check_condition(condition, asker)
    for rule in pack.rules:
        if rule.status != "retired":
            check_rule(rule, asker)
    for item in uncovered(pack):
        message = f"an active rule without full coverage: {item.says} is {item.never} in its examples"
        found.report("RF150", item.place, message, "add an example on the other side, or say status: draft")
    check_habits(pack, derived, found.report, today=today)
    check_twins(pack, derived, found.report)
    return found.problems()


def _of_lists(pack: Pack) -> Iterator[Condition]:
    """Yield the conditions of grades and actions, and those on the items of look-ups."""
    yield from (one.when for one in pack.grades if one.when is not None)
    for action in pack.actions.values():
        yield from (
            condition for condition in (action.when, *(due.when for due in action.due)) if condition is not None
        )
        for way in action.satisfied_by:
            if isinstance(way, RecordedAction | MarkerInPlace) and way.where is not None:
                yield way.where
    for derived in Names.of(pack).derived.values():
        if isinstance(derived.how, LookUp):
            yield from derived.how.conditions


class _Found:
    """The problems found so far, without those that are switched off where they stand."""

    def __init__(self, pack: Pack, ignore: frozenset[str]) -> None:
        self._problems = Problems()
        self._ignore = ignore | pack.ignore
        self._by_file = {rule.place.path: rule.ignore for rule in pack.rules}
        self._known: set[str] = set()

    def report(self, code: str, place: Place, message: str, hint: str) -> None:
        """Take a problem, with the line that it stands in."""
        if code in self._ignore or code in self._by_file.get(place.path, ()) or place == NOWHERE:
            return
        if place.path not in self._known:
            self._known.add(place.path)
            self._problems.knows(place.path, _lines(place.path))
        self._problems.report(code, place, message, hint)

    def problems(self) -> tuple[Problem, ...]:
        """Return them in order."""
        return self._problems.found()


def _lines(path: str) -> list[str]:
    """Return the lines of a file; nothing where it cannot be read any more."""
    try:
        return Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
