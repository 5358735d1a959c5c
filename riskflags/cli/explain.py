"""The command `explain`: why rules fired, cleared or are undecided on one incident, or why the case has its grade."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, assert_never

from riskflags.cli.exits import Exit, Refused
from riskflags.cli.inputs import Inputs, Terms, moment_of, read_records
from riskflags.engine import Engine
from riskflags.model import Verdict
from riskflags.report.closing import record_words
from riskflags.report.phrases import listed, safe
from riskflags.report.terminal import Screen, progress
from riskflags.report.tree import drawn, drawn_grade
from riskflags.words import time_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from riskflags.assessment import Assessment
    from riskflags.explanation import Explanation, GradeExplanation
    from riskflags.incident import Incident
    from riskflags.pack import Pack, Rule

Form = Literal["text", "tree", "json"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be explained: an incident, one of its children, one rule."""

    incident: str
    child: str | None = None
    rule: str | None = None
    grade: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """The explanations of one record: those to show, and the codes of the rules that cleared and are left out.

    Where the grade is asked for, `grade` is its explanation; None where the record has none.
    """

    assessment: Assessment
    shown: tuple[Explanation, ...]
    cleared: tuple[str, ...]
    grade: GradeExplanation | None = None


def explain_incident(inputs: Inputs, terms: Terms, asked: Asked, *, form: Form) -> int:
    """Print the explanation of one rule, of the grade, or of every rule that did not clear, on each of the records."""
    if asked.grade and asked.rule is not None:
        raise Refused("--grade and --rule: ask for one of them")
    pack = terms.pack()
    rules = _rules(pack, asked.rule)
    as_of = moment_of(terms.as_of, zone=pack.zone)
    engine = Engine(pack)
    with progress("Reading"):
        intake = read_records(inputs, record=pack.record, zone=pack.zone)
    told = [
        _told(engine.assess(record, intake.incidents, as_of=as_of, rejects=intake.rejects), record, rules, asked, terms)
        for record in _chosen(intake.incidents, asked)
    ]
    screen = Screen()
    match form:
        case "json":
            screen.text(json.dumps(_data(told, as_of), ensure_ascii=False, indent=2))
        case "text" | "tree":
            screen.line(f"As of {time_words(as_of)} ({as_of.isoformat()}).")
            for one in told:
                screen.heading(record_words(one.assessment.incident_id, one.assessment.child_id))
                _show(screen, one, form)
        case _:
            assert_never(form)
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


def _chosen(incidents: Sequence[Incident], asked: Asked) -> list[Incident]:
    incident, child = asked.incident, asked.child
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


def _told(assessment: Assessment, record: Incident, rules: Sequence[Rule], asked: Asked, terms: Terms) -> Told:
    if assessment.not_yet:
        return Told(assessment, (), ())
    if asked.grade:
        has_one = assessment.grade is not None
        return Told(
            assessment, (), (), assessment.explain_grade(show_personal=terms.show_personal) if has_one else None
        )
    suspects = tuple(suspect.id for suspect in record.suspects) or (None,)
    shown: list[Explanation] = []
    cleared: list[str] = []
    for rule in rules:
        found = [
            assessment.explain(rule.id, suspect=suspect, show_personal=terms.show_personal)
            for suspect in (suspects if rule.for_each else (None,))
        ]
        shown += [one for one in found if asked.rule is not None or one.verdict is not Verdict.clears]
        if asked.rule is None and all(one.verdict is Verdict.clears for one in found):
            cleared.append(rule.code)
    return Told(assessment, tuple(shown), tuple(cleared))


def _data(told: Sequence[Told], as_of: datetime) -> dict[str, Any]:
    """Return explanations as data: as_of, and for each record its ids, not_yet, explanations, cleared and grade."""
    return {
        "as_of": as_of.isoformat(),
        "records": [
            {
                "incident_id": one.assessment.incident_id,
                "child_id": one.assessment.child_id,
                "not_yet": one.assessment.not_yet,
                "explanations": [explanation.model_dump(mode="json") for explanation in one.shown],
                "cleared": one.cleared,
                "grade": one.grade and one.grade.model_dump(mode="json"),
            }
            for one in told
        ],
    }


def _show_grade(screen: Screen, grade: GradeExplanation, form: Literal["text", "tree"]) -> None:
    if form == "tree":
        screen.drawing(drawn_grade(grade))
    else:
        screen.text("\n".join(safe(line) for line in str(grade).splitlines()))


def _show(screen: Screen, told: Told, form: Literal["text", "tree"]) -> None:
    if told.assessment.not_yet:
        screen.line("The time of this record is after as_of: it takes no part yet.")
        return
    if told.grade is not None:
        screen.line()
        _show_grade(screen, told.grade, form)
    elif not told.shown and not told.cleared:
        screen.line("No indicative grade: no flag was raised on this record, or the pack has no grades.")
    for explanation in told.shown:
        screen.line()
        if form == "tree":
            screen.drawing(drawn(explanation))
        else:
            screen.text("\n".join(safe(line) for line in str(explanation).splitlines()))
    if told.cleared:
        screen.line()
        screen.line(f"Cleared: {listed(told.cleared)}. Add --rule with one of them to see why.")
