"""From what was decided on a record to the explanation of one rule, with the rules and gaps that it rests on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from riskflags.explanation import (
    Explanation,
    GradeExplanation,
    Step,
    Wording,
    explain,
    line_of,
    mark,
    settled_by,
    settles,
)
from riskflags.lookup_words import look_up_words
from riskflags.model import Absent, Moment, Verdict
from riskflags.pack import FlagReading, GapReading, LookUp, shown
from riskflags.words import in_words, moment_at, time_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from riskflags.assessment import CaseGrade
    from riskflags.case import Case
    from riskflags.condition import Condition, Row
    from riskflags.pack import Rule
    from riskflags.requirements import Outcome, Standing

_ANSWERS = {Verdict.fires: True, Verdict.clears: False, Verdict.undecided: None}


def explained(case: Case, outcome: Outcome, *, show_personal: bool) -> Explanation:
    """Return why a rule came out as it did on a record. Values of personal fields are masked unless asked for."""
    rule, row = outcome.rule, outcome.row
    personal = frozenset(p for p, info in case.pack.fields.items() if info.personal and not show_personal)
    wording = _Telling(case, personal, {(rule.key, outcome.suspect_id)}).wording()
    is_undecided = outcome.verdict is Verdict.undecided
    return Explanation(
        rule_code=rule.code,
        rule_id=rule.id,
        rule_version=rule.version,
        title=rule.title,
        incident_id=case.record.id,
        child_id=case.record.incident.child.id,
        suspect_id=outcome.suspect_id,
        verdict=outcome.verdict,
        note=outcome.note,
        when=explain(rule.when, row, wording),
        unless=tuple(explain(condition, row, wording) for condition in rule.unless),
        severity="" if outcome.verdict is Verdict.clears else str(outcome.severity),
        could_be="" if outcome.verdict is Verdict.clears else str(outcome.could_be),
        severities=() if outcome.verdict is Verdict.clears else tuple(_severities(rule, row, wording)),
        needs=tuple(sorted(outcome.needs)),
        settles=settles(rule.when, row) if is_undecided else (),
        settled_by=settled_by(rule.when, row) if is_undecided else (),
        because=outcome.because,
        message=case.message(outcome) if outcome.verdict is Verdict.fires else "",
        sources=tuple(_citations(case, rule)),
    )


def _severities(rule: Rule, row: Row, wording: Wording) -> Iterator[Step]:
    """Yield the cases of a rule's severity that were looked at, until one holds."""
    for one in rule.flag.severity:
        if one.when is None:
            return
        step = explain(one.when, row, wording)
        yield step.model_copy(update={"says": f"{one.severity}: {step.says}"})
        if step.answer == "holds":
            return


def explained_grade(case: Case, grade: CaseGrade, *, show_personal: bool) -> GradeExplanation:
    """Return why a case has its grade. Values of personal fields are masked unless asked for."""
    personal = frozenset(p for p, info in case.pack.fields.items() if info.personal and not show_personal)
    wording = _Telling(case, personal).wording()
    steps: list[Step] = []
    for one in case.pack.grades:
        if one.when is None:
            break
        step = explain(one.when, case.record.base, wording)
        steps.append(step.model_copy(update={"says": f"{str(one.grade).replace('_', ' ')}: {step.says}"}))
        if step.answer == "holds":
            break
    return GradeExplanation(
        incident_id=case.record.id,
        child_id=case.record.incident.child.id,
        grade=str(grade.grade),
        could_be=str(grade.could_be),
        cases=tuple(steps),
        needs=grade.needs,
    )


def explained_condition(case: Case, condition: Condition, row: Row) -> Step:
    """Return how a condition by itself came out on a row of a record, personal values and all."""
    return explain(condition, row, _Telling(case, frozenset()).wording())


def _citations(case: Case, rule: Rule) -> Iterator[str]:
    for citation in rule.source:
        source = case.pack.sources[citation.ref]
        where = f", {citation.at}" if citation.at else ""
        yield f"{source.title} ({source.publisher}){where}" + (f": {citation.says}" if citation.says else "")


@dataclass(frozen=True, slots=True)
class _Telling:
    """One explanation while it is told: a rule that several readings rest on is told once."""

    case: Case
    personal: frozenset[str]
    told: set[tuple[str, str | None]] = field(default_factory=set[tuple[str, "str | None"]])

    def wording(self) -> Wording:
        meanings = {name: name.replace(":", " ", 1).replace(" except ", ", not ") for name in self.case.pack.readings}
        return Wording(self.personal, meanings, self.param, self.evidence, self.detail, self.behind)

    # ---- names -------------------------------------------------------------------------------------------------------

    def param(self, name: str, row: Row) -> str:
        """Return a parameter's value with its name and since when it holds: the version of it that applied."""
        value, when = row[f"param.{name}"], row[self.case.pack.effective_by]
        if isinstance(value, Absent) or not isinstance(when, Moment):
            return f"param {name}, which has no value for this record's date"
        starts = [start for start, _ in self.case.pack.params[name].values if start <= when.day]
        return f"{in_words(value)} (param {name}, since {max(starts).isoformat()})"

    def evidence(self, name: str, row: Row) -> tuple[str, ...]:
        row[name]  # a value that is read fills in its evidence
        derived = self.case.records.names.derived.get(name)
        of_record = derived is not None and isinstance(derived.how, LookUp) and derived.how.over != "records"
        return () if of_record else row.evidence(name)

    def detail(self, name: str, row: Row) -> tuple[str, ...]:
        """Return what more there is to say of a name: what a look-up looked at."""
        derived = self.case.records.names.derived.get(name)
        if derived is None or not isinstance(derived.how, LookUp):
            return ()
        record, records = self.case.record, self.case.records
        words = look_up_words(derived.how, row, record, records, personal=self.personal, param=self.param)
        return (f"{derived.label or shown(name)}: {words}",)

    # ---- flags and gaps that are read --------------------------------------------------------------------------------

    def behind(self, name: str, row: Row) -> tuple[Step, ...]:
        """Return what a reading rests on: the rules whose flags it reads, or the requirements and who asks for them."""
        reading = self.case.pack.readings.get(name)
        match reading:
            case None:
                return ()
            case FlagReading():
                return tuple(self._rules(reading.rules, row))
            case GapReading():
                return tuple(self._gaps(reading, row))
            case _:
                assert_never(reading)

    def _rules(self, rules: frozenset[str], row: Row) -> Iterator[Step]:
        """Yield the rules that fired or could not be decided, each with its own tree; those that cleared, by code."""
        outcomes = self.case.relevant(rules, row)
        for outcome in outcomes:
            if outcome.verdict is not Verdict.clears:
                yield self._rule(outcome)
        cleared = sorted({outcome.rule.code for outcome in outcomes if outcome.verdict is Verdict.clears})
        if cleared:
            yield Step(answer="fails", says=f"cleared: {', '.join(cleared)}")

    def _rule(self, outcome: Outcome) -> Step:
        rule = outcome.rule
        about = f", suspect {outcome.suspect_id}" if outcome.suspect_id else ""
        severity = f", {outcome.severity}" if outcome.verdict is Verdict.fires else ""
        says = f"{rule.code} {rule.id} v{rule.version}{about}: {outcome.verdict.upper()}{severity}"
        key = (rule.key, outcome.suspect_id)
        is_told = key in self.told
        self.told.add(key)
        return Step(
            answer=mark(_ANSWERS[outcome.verdict]),
            says=says,
            place=line_of(rule.place),
            detail=("as told above",) if is_told else (outcome.note,) if outcome.note else (),
            steps=() if is_told or outcome.note else (explain(rule.when, outcome.row, self.wording()),),
        )

    def _gaps(self, reading: GapReading, row: Row) -> Iterator[Step]:
        for key in sorted(reading.actions):
            action = self.case.pack.actions[key]
            standings = self.case.standings_read(reading, action, row)
            for standing in standings:
                yield self._standing(reading, standing, row)
            if not standings:
                unsure = list(self.case.may_ask(action, reading.rules, row))
                yield Step(
                    answer="undecided" if unsure else "fails",
                    says=f"{action.label}: {'not known whether it is required' if unsure else 'not required'}",
                    place=line_of(action.place),
                    steps=tuple(self._rule(outcome) for outcome in unsure),
                )

    def _standing(self, reading: GapReading, standing: Standing, row: Row) -> Step:
        answer, _ = self.case.is_in_gap(reading, standing, row)
        about = f", suspect {standing.suspect_id}" if standing.suspect_id else ""
        asked = sorted({asked.outcome.rule.code for asked in standing.asked})
        due = standing.due
        times = [time_words(moment_at(second, self.case.records.names.zone)) for second in dict.fromkeys(due or ())]
        needs = (f"to tell: {', '.join(sorted(standing.needs))}",) if standing.needs else ()
        return Step(
            answer=mark(answer),
            says=f"{standing.action.label}{about}: {standing.state.replace('_', ' ')}",
            actual=f"due {' to '.join(times)}" if times else "",
            place=line_of(standing.action.place),
            detail=(f"required by {', '.join(asked)}", *needs),
        )
