"""The command `explain`: why rules fired, cleared or are undecided on one incident."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from riskflags.cli.exits import Exit, Refused
from riskflags.cli.inputs import Inputs, Terms, moment_of, read_records
from riskflags.engine import Engine
from riskflags.model import Verdict
from riskflags.report.closing import record_words
from riskflags.report.phrases import listed, safe
from riskflags.report.terminal import Screen, progress
from riskflags.words import time_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskflags.assessment import Assessment
    from riskflags.explanation import Explanation
    from riskflags.incident import Incident
    from riskflags.pack import Pack, Rule


def explain_incident(inputs: Inputs, terms: Terms, *, incident: str, child: str | None, rule: str | None) -> int:
    """Print the explanation of one rule, or of every rule that did not clear, on each record of the incident."""
    pack = terms.pack()
    rules = _rules(pack, rule)
    as_of = moment_of(terms.as_of, zone=pack.zone)
    engine = Engine(pack)
    with progress("Reading"):
        intake = read_records(inputs, record=pack.record, zone=pack.zone)
    chosen = _chosen(intake.incidents, incident=incident, child=child)
    screen = Screen()
    screen.line(f"As of {time_words(as_of)} ({as_of.isoformat()}).")
    for record in chosen:
        assessment = engine.assess(record, intake.incidents, as_of=as_of, rejects=intake.rejects)
        screen.heading(record_words(*record.key))
        _show(screen, assessment, rules, suspects=_suspects(record), every=rule is not None, terms=terms)
    return Exit.done


def _rules(pack: Pack, name: str | None) -> Sequence[Rule]:
    """Return the active rules of that name, or all of them; of the versions of a rule, one stands for all."""
    active = [rule for rule in pack.rules if rule.status == "active"]
    found = [rule for rule in active if name in (None, rule.id, rule.code)]
    if not found:
        names = [*(rule.id for rule in active), *(rule.code for rule in active)]
        near = difflib.get_close_matches(name or "", names, n=1)
        raise Refused(f"no active rule {name!r}{f'; the nearest is {near[0]}' if near else ''}")
    return list({rule.id: rule for rule in found}.values())


def _chosen(incidents: Sequence[Incident], *, incident: str, child: str | None) -> list[Incident]:
    found = [one for one in incidents if one.key[0] == incident]
    if not found:
        near = difflib.get_close_matches(incident, sorted({one.key[0] for one in incidents}), n=1)
        raise Refused(f"no record of incident {incident!r}{f'; the nearest is {near[0]}' if near else ''}")
    if child is None:
        return found
    of_child = [one for one in found if one.key[1] == child]
    if not of_child:
        ids = listed(sorted(one.key[1] or "(none)" for one in found))
        raise Refused(f"incident {incident!r} has no record of child {child!r}, but of {ids}")
    return of_child


def _suspects(record: Incident) -> tuple[str | None, ...]:
    return tuple(suspect.id for suspect in record.suspects) or (None,)


def _show(
    screen: Screen,
    assessment: Assessment,
    rules: Sequence[Rule],
    *,
    suspects: Sequence[str | None],
    every: bool,
    terms: Terms,
) -> None:
    if assessment.not_yet:
        screen.line("The time of this record is after as_of: it takes no part yet.")
        return
    cleared: list[str] = []
    for rule in rules:
        seats = suspects if rule.for_each else (None,)
        found = [_explained(assessment, rule, suspect, terms) for suspect in seats]
        for explanation in found:
            if every or explanation.verdict is not Verdict.clears:
                screen.line()
                screen.text("\n".join(safe(line) for line in str(explanation).splitlines()))
        if all(explanation.verdict is Verdict.clears for explanation in found):
            cleared.append(rule.code)
    if cleared and not every:
        screen.line()
        screen.line(f"Cleared: {listed(cleared)}. Add --rule with one of them to see why.")


def _explained(assessment: Assessment, rule: Rule, suspect: str | None, terms: Terms) -> Explanation:
    return assessment.explain(rule.id, suspect=suspect, show_personal=terms.show_personal)
