"""One record under assessment: what each rule comes to, what the flags require, and the explanation."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, assert_never

from riskflags.calendar import Duration, late_seconds
from riskflags.condition import Answer, Row, deciding, holds, names_read
from riskflags.condition import needs as needs_of
from riskflags.explaining import explained
from riskflags.model import NO_NEEDS, Absent, Moment, Needs, Severity, State, Value, Verdict
from riskflags.pack import FlagReading, GapReading
from riskflags.requirements import Asked, Outcome, Standing, asked_by, concerns, may_ask, standing
from riskflags.windows import span_of
from riskflags.words import fill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from riskflags.explanation import Explanation
    from riskflags.pack import Action, Ask, Rule
    from riskflags.record import Record, Records


class Seat(NamedTuple):
    """A row of the record, and the suspect that it is about."""

    row: Row
    suspect_id: str | None


class _Asking:
    """A rule that asks for an action, or may, by one line of its `requires`."""

    def __init__(self, outcome: Outcome, ask: Ask) -> None:
        self.outcome = outcome
        self.ask = ask

    @cached_property
    def asked(self) -> Asked | None:
        """What it asks for, of a rule that fired; None where its line does not apply."""
        return asked_by(self.outcome, self.ask)


class Case:
    """The record, the outcomes so far in order of layers, and what can be read off them."""

    def __init__(self, record: Record, records: Records) -> None:
        self.record = record
        self.records = records
        self.pack = records.pack
        self.outcomes: list[Outcome] = []
        self._asking: dict[tuple[Verdict, str], list[_Asking]] = {}
        self._asked_for: set[str] = set()
        self._found: dict[tuple[str, str | None, tuple[int, ...]], Standing | None] = {}
        record.read = self.read

    def add(self, *outcomes: Outcome) -> None:
        """Take in what rules came to."""
        self.outcomes += outcomes
        for outcome in outcomes:
            for ask in outcome.rule.requires if outcome.verdict is not Verdict.clears else ():
                self._asking.setdefault((outcome.verdict, ask.action), []).append(_Asking(outcome, ask))
                self._asked_for.add(ask.action)

    def seats(self, *, for_each: bool) -> list[Seat]:
        """Return the rows on which a rule is decided: one per suspect for for_each, else the incident's."""
        if not for_each or not self.record.suspects:
            return [Seat(self.record.base, None)]
        return [
            Seat(row, suspect.id) for row, suspect in zip(self.record.rows, self.record.incident.suspects, strict=True)
        ]

    # ---- rules -------------------------------------------------------------------------------------------------------

    def outcome(self, rule: Rule, seat: Seat) -> Outcome:
        """Return what a rule comes to on a row, by the meaning of its condition."""
        row = seat.row
        if note := self.out_of_force(rule, row):
            return self._outcome(rule, seat, Verdict.clears, note=note)
        if any(holds(condition, row) is True for condition in rule.unless):
            return self._outcome(rule, seat, Verdict.clears, note="stopped by an `unless` that is known to hold")
        match holds(rule.when, row):
            case True:
                return self.fired(rule, seat)
            case False:
                return self._outcome(rule, seat, Verdict.clears)
            case None:
                severity, could_be, needs = self._severity(rule, row)
                return self._outcome(
                    rule, seat, Verdict.undecided, severity=severity, could_be=could_be, severity_needs=needs,
                    needs=needs_of(rule.when, row),
                )  # fmt: skip

    def out_of_force(self, rule: Rule, row: Row) -> str:
        """Return why a rule does not apply on the record's effective date; empty when it does."""
        when = row[self.pack.effective_by]
        if not isinstance(when, Moment) or rule.in_force(when.day):
            return ""
        span = f"from {rule.effective_from}" + (f" to {rule.effective_to}" if rule.effective_to else "")
        return f"not in force on {when.day} (in force {span})"

    def least_sure(self, rule: Rule, seat: Seat, outcome: Outcome, other: Verdict | None) -> Outcome:
        """Return what to go by where another engine says otherwise: no flag of either is lost, and no doubt.

        `other` is None where its condition and the negation both held.
        """
        if outcome.verdict is Verdict.fires:
            return outcome
        if other in (Verdict.fires, None):
            return self.fired(rule, seat)
        if other is Verdict.undecided:
            worst = max(case.severity for case in rule.flag.severity)
            return self._outcome(rule, seat, Verdict.undecided, severity=worst)
        return outcome

    def fired(self, rule: Rule, seat: Seat) -> Outcome:
        """Return the outcome of a rule that fires: with its severity, and the ids that made it so."""
        severity, could_be, needs = self._severity(rule, seat.row)
        because = {self.record.id}
        for comparison in deciding(rule.when, seat.row):
            for name in names_read(comparison):
                because |= set(seat.row.evidence(name))
        return self._outcome(
            rule, seat, Verdict.fires, severity=severity, could_be=could_be, severity_needs=needs,
            because=tuple(sorted(because)),
        )  # fmt: skip

    def _severity(self, rule: Rule, row: Row) -> tuple[Severity, Severity, Needs]:
        worst, needs = Severity.low, set[str]()
        for case in rule.flag.severity:
            answer = True if case.when is None else holds(case.when, row)
            if answer is True:
                could_be = max(worst, case.severity)
                return case.severity, could_be, frozenset(needs) if could_be > case.severity else NO_NEEDS
            if answer is None and case.when is not None:
                worst = max(worst, case.severity)
                needs |= needs_of(case.when, row)
        return worst, worst, NO_NEEDS

    def _outcome(
        self, rule: Rule, seat: Seat, verdict: Verdict, *, severity: Severity = Severity.low,
        could_be: Severity | None = None, severity_needs: Needs = NO_NEEDS, needs: Needs = NO_NEEDS,
        because: tuple[str, ...] = (), note: str = "",
    ) -> Outcome:  # fmt: skip
        return Outcome(
            rule=rule, row=seat.row, suspect_id=seat.suspect_id, verdict=verdict, severity=severity,
            could_be=could_be or severity, severity_needs=severity_needs, needs=needs, because=because, note=note,
        )  # fmt: skip

    # ---- readings: flags and gaps as values of the row ---------------------------------------------------------------

    def read(self, name: str, row: Row) -> Value:
        """Return the value of a flag or a gap on a row of the record: True, False, or absent where undecided."""
        reading = self.pack.readings[name]
        match reading:
            case FlagReading():
                relevant = self.relevant(reading.rules, row)
                answers = [self._flagged(reading, outcome) for outcome in relevant]
                flagged = [o for o, (answer, _) in zip(relevant, answers, strict=True) if answer is True]
                row.keep_evidence(name, tuple(sorted({one for outcome in flagged for one in outcome.because})))
            case GapReading():
                asked_for = sorted(reading.actions & self._asked_for)  # an action that nobody asks for is in no gap
                answers = [self._gap(reading, action, row) for action in asked_for]
        if any(answer is True for answer, _ in answers):
            return True
        needs = NO_NEEDS.union(*(needs for answer, needs in answers if answer is None))
        return Absent(needs) if any(answer is None for answer, _ in answers) else False

    @staticmethod
    def _suspect_of(row: Row) -> str | None:
        suspect_id = row["suspect.id"]  # recorded or given, it stands in the row of each suspect, and in no other
        return suspect_id if isinstance(suspect_id, str) else None

    def relevant(self, rules: frozenset[str], row: Row) -> list[Outcome]:
        """Return what some rules came to, as far as it is about the suspect of a row (about any, in a row of none)."""
        suspect_id = self._suspect_of(row)
        return [
            outcome
            for outcome in self.outcomes
            if outcome.rule.id in rules
            and (suspect_id is None or not outcome.rule.for_each or outcome.suspect_id == suspect_id)
        ]

    @staticmethod
    def _flagged(reading: FlagReading, outcome: Outcome) -> tuple[Answer, Needs]:
        if outcome.verdict is Verdict.clears or outcome.could_be < reading.at_least:
            return False, NO_NEEDS
        severity_needs = outcome.severity_needs if outcome.severity < reading.at_least else NO_NEEDS
        if outcome.verdict is Verdict.undecided:
            return None, outcome.needs | severity_needs
        return (None, severity_needs) if outcome.severity < reading.at_least else (True, NO_NEEDS)

    def _gap(self, reading: GapReading, key: str, row: Row) -> tuple[Answer, Needs]:
        action = self.pack.actions[key]
        standings = self.standings_read(reading, action, row)
        answers = [self.is_in_gap(reading, found, row) for found in standings]
        if not standings:
            answers = [(None, outcome.needs) for outcome in self.may_ask(action, reading.rules, row)]
        if any(answer is True for answer, _ in answers):
            return True, NO_NEEDS
        unsure = [needs for answer, needs in answers if answer is None]
        return (None, NO_NEEDS.union(*unsure)) if unsure else (False, NO_NEEDS)

    def standings_read(self, reading: GapReading, action: Action, row: Row) -> list[Standing]:
        """Return the requirements of an action that a reading of gaps is about, in a row."""
        suspect_id = self._suspect_of(row)
        return [
            found
            for found in self._standings(action, reading.rules)
            if suspect_id is None or action.per != "suspect" or found.suspect_id == suspect_id
        ]

    @staticmethod
    def is_in_gap(reading: GapReading, found: Standing, row: Row) -> tuple[Answer, Needs]:
        """Return whether a requirement is in a state that is read, and so late, with what would settle it."""
        if found.state in reading.states:
            return _is_late(found, None if reading.late_by is None else span_of(reading.late_by, row))
        if found.state in (State.cannot_tell, State.undated):
            return None, found.needs
        return False, NO_NEEDS

    def may_ask(self, action: Action, rules: frozenset[str] | None, row: Row) -> Iterator[Outcome]:
        """Yield each undecided rule that may require an action, once for each line by which it may."""
        asking = self._who_asks(Verdict.undecided, action, rules)
        if not asking:
            return
        suspect_id = self._suspect_of(row)
        seats = self.seats(for_each=action.per == "suspect")
        rows = [one for one, about in seats if about is None or suspect_id in (None, about)]
        if action.when is not None and all(holds(action.when, one) is False for one in rows):
            return
        for one in asking:
            is_about = suspect_id is None or concerns(one.outcome, action, suspect_id)
            if is_about and may_ask(one.outcome, one.ask):
                yield one.outcome

    def _who_asks(self, verdict: Verdict, action: Action, rules: frozenset[str] | None) -> list[_Asking]:
        """Return which of some rules (None is every rule) with a verdict ask for an action, or may."""
        asking = self._asking.get((verdict, action.key))
        if asking is None:  # as nearly every action on nearly every record
            return []
        return asking if rules is None else [one for one in asking if one.outcome.rule.id in rules]

    # ---- requirements ------------------------------------------------------------------------------------------------

    def standings(self) -> Iterator[Standing]:
        """Yield every requirement of the record."""
        for key in sorted(action for verdict, action in self._asking if verdict is Verdict.fires):
            yield from self._standings(self.pack.actions[key], None)

    def _standings(self, action: Action, rules: frozenset[str] | None) -> Iterator[Standing]:
        asking = self._who_asks(Verdict.fires, action, rules)
        for row, suspect_id in self.seats(for_each=action.per == "suspect") if asking else ():
            about = [one for one in asking if concerns(one.outcome, action, suspect_id)]
            asked = [one.asked for one in about if one.asked is not None]
            key = (action.key, suspect_id, tuple(map(id, asked)))
            if key not in self._found:
                self._found[key] = standing(
                    action, row, asked=asked, suspect_id=suspect_id, record=self.record, records=self.records
                )
            found = self._found[key]
            if found is not None:
                yield found

    # ---- words -------------------------------------------------------------------------------------------------------

    def message(self, outcome: Outcome) -> str:
        """Return the message of a flag with its names filled in."""
        names = {derived.shown: derived.name for derived in outcome.rule.derived}
        return fill(outcome.rule.flag.message, lambda name: outcome.row[names.get(name, name)])

    def explain(self, rule: str, suspect: str | None, *, show_personal: bool) -> Explanation:
        """Return the explanation of a rule, by id or code, on this record. LookupError for a rule that is not there."""
        found = [o for o in self.outcomes if rule in (o.rule.id, o.rule.code, o.rule.key)]
        found = [o for o in found if suspect is None or o.suspect_id == suspect]
        if not found:
            msg = f"no rule {rule!r} was decided on {self.record.id}" + (f" for suspect {suspect}" if suspect else "")
            raise LookupError(msg)
        rank = {Verdict.fires: 2, Verdict.undecided: 1, Verdict.clears: 0}
        in_force = [o for o in found if not o.note.startswith("not in force")] or found
        worst = max(in_force, key=lambda o: (rank[o.verdict], o.severity))
        return explained(self, worst, show_personal=show_personal)


def _is_late(found: Standing, late_by: Duration | Absent | None) -> tuple[Answer, Needs]:
    """Return whether a gap is late by at least so much, and what would settle it; without a measure any gap is."""
    match late_by:
        case None:
            return True, NO_NEEDS
        case Absent():
            return None, late_by.needs
        case Duration():
            least, most = found.late_by
            seconds = late_seconds(late_by)
            if least >= seconds:
                return True, NO_NEEDS
            return (None, found.late_needs) if most >= seconds else (False, NO_NEEDS)
        case _:
            assert_never(late_by)
