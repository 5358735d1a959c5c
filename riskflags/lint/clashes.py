"""RF131 and RFW207: conditions that can never hold or never fail, and parts of them that settle nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from riskflags.condition import Comparison, Condition, Group, Named, names_read, negated
from riskflags.lint.witness import Search, TooManyStepsError
from riskflags.lint.words import condition_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from riskflags.errors import Place
    from riskflags.pack import Derived, Pack, Rule, SeverityCase

    Report = Callable[[str, Place, str, str], None]


@dataclass(frozen=True, slots=True)
class Asker:
    """What asks whether conditions can hold, and takes what is found: a code, a place, a message, a hint."""

    pack: Pack
    derived: Mapping[str, Derived]
    report: Report

    def can(self, condition: Condition, *, be: bool, stops: Sequence[Condition] = ()) -> bool:
        """Return whether a condition can come out so; True where the search was given up."""
        try:
            search = Search([condition, *stops], self.pack, self.derived)
            return search.witness(condition, to=be, stops=stops) is not None
        except TooManyStepsError:
            return True


def check_condition(condition: Condition, asker: Asker) -> bool:
    """Report a condition, or the innermost part of it, that can never hold or never fail; return whether there is one.

    A named condition that is used is looked at where it is defined.
    """
    if isinstance(condition, Group) and sum(check_condition(child, asker) for child in condition.conditions):
        return True
    if isinstance(condition, Named):
        return False
    open_to = _open_to(condition)
    if True in open_to and not asker.can(condition, be=True):
        _report(condition, asker, "can never hold")
        return True
    if False in open_to and not asker.can(condition, be=False):
        _report(negated(condition), asker, "always holds")
        return True
    return False


def _open_to(condition: Comparison | Group) -> frozenset[bool]:
    """Return the answers that a condition may not have although each of its parts can hold and can fail.

    Parts that share no name can come out as they like. Where they do, `all` can still fail and `any` can still hold:
    one part is enough for that.
    """
    if isinstance(condition, Comparison):
        return frozenset({True, False})
    if are_apart(condition.conditions):
        return frozenset()
    return {
        "all": frozenset({True}),
        "any": frozenset({False}),
        "none": frozenset({True}),
        "at_least_of": frozenset({True, False}),
    }[condition.kind]


def are_apart(conditions: Sequence[Condition]) -> bool:
    """Return whether no two of the conditions read a name in common."""
    names = [names_read(condition) for condition in conditions]
    return sum(map(len, names)) == len(frozenset[str]().union(*names))


def _report(never: Condition, asker: Asker, how: str) -> None:
    """Report what can never hold (of what always holds, its opposite) at the last of the lines that clash."""
    parts = _core(list(_conjuncts(never)), asker)
    last = max(parts, key=lambda part: part.place)
    others = [part for part in parts if part is not last]
    always = how == "always holds"
    words = condition_words(negated(last) if always else last)
    if not others:
        message = f"`{words}` {how}"
        hint = "its values leave nothing else: compare with another value, or take it out"
    else:
        joined = " and ".join(f"`{condition_words(negated(one) if always else one)}` ({one.place})" for one in others)
        message = (
            f"`{words}` and {joined}: one of them always holds"
            if always
            else f"`{words}` and {joined} can never hold together"
        )
        hint = "change one of these lines: together they " + ("let every record in" if always else "let no record in")
    asker.report("RF131", last.place, message, hint)


def _conjuncts(condition: Condition) -> Iterator[Condition]:
    """Yield the conditions that must all hold for this one to hold."""
    match condition:
        case Group(kind="all"):
            for child in condition.conditions:
                yield from _conjuncts(child)
        case Group(kind="none"):
            for child in condition.conditions:
                yield from _conjuncts(negated(child))
        case Comparison() | Named() | Group():
            yield condition
        case _:
            assert_never(condition)


def _core(parts: list[Condition], asker: Asker) -> list[Condition]:
    """Return as few of the parts as can still not hold together: none of them can be left out."""
    for part in list(parts):
        rest = [one for one in parts if one is not part]
        if rest and not asker.can(Group("all", tuple(rest)), be=True):
            parts = rest
    return parts


# ---- rules -----------------------------------------------------------------------------------------------------------


def check_rule(rule: Rule, asker: Asker) -> None:
    """Report what can never hold in a rule, and what never matters where it stands."""
    found = check_condition(rule.when, asker)
    for stop in rule.unless:
        found |= check_condition(stop, asker)
    conditions = [case.when for case in rule.flag.severity if case.when is not None]
    for ask in rule.requires:
        conditions += [ask.when] if ask.when is not None else []
        conditions += [due.when for due in ask.due if due.when is not None]
    for condition in conditions:
        found |= check_condition(condition, asker)
    if found:
        return  # what follows from it is not told again
    if not all(are_apart((rule.when, stop)) for stop in rule.unless) and not asker.can(
        rule.when, be=True, stops=rule.unless
    ):
        stop = next(
            one for one in rule.unless if not asker.can(rule.when, be=True, stops=[one]) or one is rule.unless[-1]
        )
        message = "the rule can never fire: whenever its `when` holds, this `unless` does too"
        asker.report("RF131", stop.place, message, f"change it, or the `when` at {rule.when.place}")
        return
    _check_severities(rule, asker)
    _check_parts(rule.when, asker)


def _check_severities(rule: Rule, asker: Asker) -> None:
    """Report each severity that no record can come to, since an earlier one holds wherever it does."""
    before: list[SeverityCase] = []
    for case in rule.flag.severity:
        stops = [one.when for one in before if one.when is not None]
        parts = (rule.when,) if case.when is None else (rule.when, case.when)
        both = Group("all", parts)
        if not are_apart((*parts, *stops)) and not asker.can(both, be=True, stops=stops):
            place = case.when.place if case.when is not None else rule.when.place
            message = f"the severity {case.severity} can never be reached where the rule fires"
            hint = "an earlier severity holds wherever it could, or the rule's own `when` rules it out"
            asker.report("RF131", place, message, hint)
        before.append(case)


def _check_parts(when: Condition, asker: Asker) -> None:
    """Report the parts of a rule's condition that never matter where they stand."""
    conjuncts = list(_conjuncts(when))
    for part in conjuncts:
        others = tuple(one for one in conjuncts if one is not part)
        is_free = isinstance(part, Named) or are_apart((part, Group("all", others)))
        rest = Group("all", others)
        if not is_free and not asker.can(rest, be=True, stops=[part]) and _says_nothing(part, rest, asker):
            message = f"`{condition_words(part)}` always holds where the rest of the condition does"
            asker.report("RFW207", part.place, message, "take it out, or say what it was to tell apart")
        elif isinstance(part, Group):
            _check_branches(part, others, asker)


def _says_nothing(part: Condition, rest: Condition, asker: Asker) -> bool:
    """Return whether the rest fails for certain wherever a part does: else the part clears what would be undecided."""
    return not asker.can(negated(part), be=True, stops=[negated(rest)])


def _check_branches(group: Group, others: tuple[Condition, ...], asker: Asker) -> None:
    for child in group.conditions:
        rest = replace(group, conditions=tuple(one for one in group.conditions if one is not child))
        rivals = (rest,) if group.kind == "any" and rest.conditions else ()
        is_free = are_apart((child, Group("all", (*others, *rivals))))
        if not is_free and not asker.can(Group("all", (child, *others)), be=True, stops=rivals):
            message = f"`{condition_words(child)}` never decides where it stands"
            hint = "what stands beside it rules it out, or holds wherever it does: take it out, or change the rest"
            asker.report("RFW207", child.place, message, hint)
