"""What examples have shown of a condition: each comparison both true and false, each branch deciding once.

A branch is a part of `any`, `at_least_of` or `none`. It decides where the group comes out as it does because of this
part alone: the only part of `any` that holds, the only part of `none` that does, one of just enough of `at_least_of`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from riskflags.condition import Comparison, Condition, Group, Named, Row, holds
from riskflags.pack import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from riskflags.errors import Place
    from riskflags.pack import Rule


_BOTH = 2
"""Answers of a comparison that is covered: it has been seen to hold, and to fail."""


@dataclass(frozen=True, slots=True)
class Uncovered:
    """What the examples of its owner never showed: a comparison that never held or never failed, or a branch.

    `is_branch` tells the two apart.
    """

    owner: str
    place: Place
    says: str
    never: str
    is_branch: bool = False


@dataclass(frozen=True, slots=True)
class Branch:
    """One part of a group, by its number."""

    group: Group
    number: int

    @property
    def condition(self) -> Condition:
        """The part itself."""
        return self.group.conditions[self.number]

    def decides(self, row: Row) -> bool:
        """Return whether the group comes out as it does on a row because of this part alone."""
        answers = [holds(child, row) is True for child in self.group.conditions]
        just_enough = self.group.many if self.group.kind == "at_least_of" else 1
        return answers[self.number] and sum(answers) == just_enough


class Seen:
    """Which comparisons have been seen to hold and to fail, and which branches to decide."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self.comparisons = tuple(one for condition in conditions for one in _own(condition))
        self.branches = tuple(one for condition in conditions for one in _branches(condition))
        self._answers: list[set[bool]] = [set() for _ in self.comparisons]
        self._decided: set[int] = set()

    def look(self, row: Row) -> None:
        """Take note of what each comparison answers on a row, and of the branches that decide on it."""
        self.look_for_missing(row)
        self._decided |= {number for number, branch in enumerate(self.branches) if branch.decides(row)}

    @property
    def missing(self) -> Iterator[Comparison]:
        """The comparisons that have not been seen both to hold and to fail."""
        return (one for one, answers in zip(self.comparisons, self._answers, strict=True) if len(answers) < _BOTH)

    def look_for_missing(self, row: Row) -> None:
        """Take note of what the comparisons answer on a row that have not answered both ways."""
        for comparison, answers in zip(self.comparisons, self._answers, strict=True):
            if len(answers) < _BOTH and (answer := holds(comparison, row)) is not None:
                answers.add(answer)

    def gaps(self, owner: str) -> Iterator[Uncovered]:
        """Yield what was never seen."""
        for comparison, answers in zip(self.comparisons, self._answers, strict=True):
            if len(answers) < _BOTH:
                never = "never true or false" if not answers else "never false" if True in answers else "never true"
                says = f"`{shown(comparison.name)}: {comparison.operator}`"
                yield Uncovered(owner, comparison.place, says, never)
        for number, branch in enumerate(self.branches):
            if number not in self._decided:
                says = f"this part of `{branch.group.kind}`"
                yield Uncovered(owner, branch.condition.place, says, "never the one that decides", is_branch=True)


def own_conditions(rule: Rule) -> list[Condition]:
    """Return the conditions that a rule writes: its examples answer for them."""
    found = [rule.when, *rule.unless]
    found += [case.when for case in rule.flag.severity if case.when is not None]
    for ask in rule.requires:
        found += [ask.when] if ask.when is not None else []
        found += [due.when for due in ask.due if due.when is not None]
    return found


def _own(condition: Condition) -> list[Comparison]:
    """Return the comparisons that are written here, not in a named condition that is used."""
    match condition:
        case Comparison():
            return [condition]
        case Named():
            return []
        case Group():
            return [comparison for child in condition.conditions for comparison in _own(child)]
        case _:
            assert_never(condition)


def _branches(condition: Condition) -> list[Branch]:
    """Return the branches that are written here, not in a named condition that is used."""
    if not isinstance(condition, Group):
        return []
    inner = [branch for child in condition.conditions for branch in _branches(child)]
    if condition.kind == "all" or len(condition.conditions) == 1:
        return inner
    return [*(Branch(condition, number) for number in range(len(condition.conditions))), *inner]
