"""The file of one rule as data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.source.write.actions import dues
from riskflags.source.write.conditions import citations, condition, without_nothing
from riskflags.source.write.examples import examples
from riskflags.source.write.vocabulary import derived

if TYPE_CHECKING:
    from riskflags.pack import Ask, FlagText, Pack, Rule, SeverityCase
    from riskflags.source.write.emit import Written


def rule(one: Rule, pack: Pack) -> dict[str, Written]:
    """Return what a rule says, in the order in which authors are shown it."""
    return without_nothing(
        {
            "code": one.code,
            "id": one.id,
            "title": one.title,
            "why": one.why,
            "version": one.version,
            "status": one.status,
            "effective": without_nothing({"from": one.effective_from, "to": one.effective_to}),
            "source": citations(one.source),
            "for_each": "suspects" if one.for_each else "",
            "derived": derived(one.derived, pack),
            "when": condition(one.when, pack),
            "unless": [condition(stop, pack) for stop in one.unless],
            "flag": _flag(one.flag, pack),
            "requires": [_ask(ask, pack) for ask in one.requires],
            "known_limits": one.known_limits,
            "review": one.review,
            "ignore": sorted(one.ignore),
            **examples(one.examples, pack),
        }
    )


def _flag(flag: FlagText, pack: Pack) -> dict[str, Written]:
    cases = [_case(case, pack) for case in flag.severity]
    severity = cases if len(cases) > 1 else cases[0]["is"]
    return {"severity": severity, "about": flag.about, "message": flag.message}


def _case(case: SeverityCase, pack: Pack) -> dict[str, Written]:
    found: dict[str, Written] = {"is": str(case.severity)}
    return found if case.when is None else {**found, "when": condition(case.when, pack)}


def _ask(ask: Ask, pack: Pack) -> Written:
    if ask.when is None and not ask.due:
        return ask.action
    when = condition(ask.when, pack) if ask.when is not None else None
    return without_nothing({"do": ask.action, "when": when, "due": dues(ask.due, pack)})
