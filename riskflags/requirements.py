"""Requirements: which actions the flags of a record ask for, by when, and what is on record.

One requirement per action (and suspect, where the action is per suspect), with the earliest deadline and every rule
that asks. What is on record satisfies it only with the right code, outcome and contents.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from riskflags.calendar import Deadline, deadline, move_day
from riskflags.condition import Answer, Row, both, holds
from riskflags.condition import needs as needs_of
from riskflags.lookup import looked_at
from riskflags.model import NO_NEEDS, Absent, Moment, Needs, Number, Severity, State, Verdict
from riskflags.pack import Action, Ask, Duration, MarkerInPlace, RecordedAction, RecordedField, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from riskflags.record import Record, Records


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one rule came to on one row: the verdict, the severity and the worst it could be, and why.

    `note` says why a rule was not looked at further (not in force, stopped by an `unless`).
    """

    rule: Rule
    row: Row
    suspect_id: str | None
    verdict: Verdict
    severity: Severity
    could_be: Severity
    severity_needs: Needs = NO_NEEDS
    needs: Needs = NO_NEEDS
    because: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """One flag that asks for one action; `needs` is not empty where it may not."""

    outcome: Outcome
    ask: Ask
    needs: Needs = NO_NEEDS


@dataclass(frozen=True, slots=True)
class Match:
    """Something on record that satisfies an action, or may."""

    answer: Answer
    at: Moment | None
    outcome: str | None = None
    needs: Needs = NO_NEEDS


@dataclass(slots=True)
class OnRecord:
    """All that is on record towards one requirement."""

    matches: list[Match] = field(default_factory=list[Match])
    waived: list[Match] = field(default_factory=list[Match])
    short_of: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one requirement stands: the deadline, the state, the record that counts, and how late in seconds."""

    action: Action
    suspect_id: str | None
    asked: tuple[Asked, ...]
    due: Deadline | None
    state: State
    needs: Needs
    record: Match | None
    short_of: tuple[str, ...]
    late_by: int
    uncovered: bool = False

    @property
    def severity(self) -> Severity:
        """The worst severity of the flags that ask."""
        return max(asked.outcome.severity for asked in self.asked)


def asks(outcomes: Sequence[Outcome], action: Action, suspect_id: str | None) -> Iterator[Asked]:
    """Yield every flag that asks for an action, for one suspect where the action is per suspect."""
    for outcome in outcomes:
        if outcome.verdict is not Verdict.fires or not concerns(outcome, action, suspect_id):
            continue
        for ask in outcome.rule.requires:
            if ask.action == action.key:
                row = outcome.row if ask.when is None else with_severity(outcome)
                answer = True if ask.when is None else holds(ask.when, row)
                if answer is not False:
                    yield Asked(outcome, ask, needs_of(ask.when, row) if ask.when and answer is None else NO_NEEDS)


def concerns(outcome: Outcome, action: Action, suspect_id: str | None) -> bool:
    """Return whether a rule's outcome is about the suspect that a requirement is about."""
    return action.per != "suspect" or not outcome.rule.for_each or outcome.suspect_id == suspect_id


def with_severity(outcome: Outcome) -> Row:
    """Return the row of an outcome with the name `severity`, which deadlines may read."""
    severity = Number(int(outcome.severity), int(outcome.could_be), outcome.severity_needs)
    return outcome.row.with_values({"severity": severity})


def standing(
    action: Action, row: Row, *, asked: Sequence[Asked], suspect_id: str | None, record: Record, records: Records
) -> Standing | None:
    """Return where the requirement of an action stands; None where the action does not apply.

    `row` is the suspect's row where the action is per suspect, else the incident's.
    """
    applies = True if action.when is None else holds(action.when, row)
    if applies is False or not asked:
        return None
    unsure = needs_of(action.when, row) if action.when is not None and applies is None else NO_NEEDS
    if all(one.needs for one in asked):
        unsure |= NO_NEEDS.union(*(one.needs for one in asked))
    due = _merged([_deadline(action, one, row, records) for one in asked])
    on_record = _on_record(action, row, due.anchor, suspect_id=suspect_id, record=record, records=records)
    held = _held(action, record)
    state, match, needs = _state(due, on_record, as_of=records.as_of.earliest, held=not held)
    if unsure and state not in (State.done, State.waived):
        state, needs = State.cannot_tell, needs | unsure
    if state is State.cannot_tell:
        needs |= held
    return Standing(
        action=action,
        suspect_id=suspect_id,
        asked=tuple(asked),
        due=due.when,
        state=state,
        needs=needs if state in (State.cannot_tell, State.undated) else NO_NEEDS,
        record=match,
        short_of=tuple(on_record.short_of) if state is not State.done else (),
        late_by=_late_by(state, due.when, match, records.as_of.earliest),
        uncovered=due.uncovered,
    )


# ---- deadlines -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _DueBy:
    when: Deadline | None
    anchor: Moment | None
    needs: Needs
    uncovered: bool


def _deadline(action: Action, asked: Asked, row: Row, records: Records) -> _DueBy:
    cases = asked.ask.due or action.due
    seen = with_severity(asked.outcome) if any(case.when for case in cases) else row
    found: list[Deadline] = []
    anchors: list[Moment] = []
    needs: set[str] = set()
    uncovered = False
    for case in cases:
        answer = True if case.when is None else holds(case.when, seen)
        if answer is False:
            continue
        if case.when is not None and answer is None:
            needs |= needs_of(case.when, seen)
        anchor = row[case.anchor]
        within = (
            case.within if isinstance(case.within, Duration) else Duration.parse(str(row[f"param.{case.within.param}"]))
        )
        if isinstance(anchor, Moment):
            anchors.append(anchor)
            when = deadline(anchor, within, calendar=records.pack.calendar, zone=records.names.zone)
            uncovered |= when is None
            found.extend([when] if when else [])
        elif isinstance(anchor, Absent):
            needs |= anchor.needs
        if answer is True:
            break
    hull = (min(low for low, _ in found), max(high for _, high in found)) if found else None
    return _DueBy(hull, min(anchors, key=lambda a: a.earliest, default=None), frozenset(needs), uncovered)


def _merged(dues: Sequence[_DueBy]) -> _DueBy:
    """Return the earliest deadline of all that ask and whose anchor is known."""
    known = [due.when for due in dues if due.when is not None]
    return _DueBy(
        when=(min(low for low, _ in known), min(high for _, high in known)) if known else None,
        anchor=min((due.anchor for due in dues if due.anchor), key=lambda anchor: anchor.earliest, default=None),
        needs=NO_NEEDS.union(*(due.needs for due in dues)),
        uncovered=any(due.uncovered for due in dues),
    )


# ---- what is on record -----------------------------------------------------------------------------------------------


def _on_record(
    action: Action, row: Row, anchor: Moment | None, *, suspect_id: str | None, record: Record, records: Records
) -> OnRecord:
    found = OnRecord()
    scope = records.same_child(record) if action.per == "child" else [record]
    if record not in scope:
        scope = [record, *scope]
    for way in action.satisfied_by:
        match way:
            case RecordedAction():
                for one in scope:
                    for item in one.items("done"):
                        _weigh_action(
                            way, looked_at_way(item, row, way), anchor, found, suspect_id=suspect_id, record=one
                        )
            case RecordedField():
                value = row[way.name]
                if isinstance(value, Moment):
                    found.matches.append(Match(answer=True, at=value))
            case MarkerInPlace():
                for one in scope:
                    found.matches.extend(_markers(way, one, row))
            case _:
                assert_never(way)
    for one in scope:
        found.short_of.extend(
            _step(item)
            for item in one.items("done")
            if item["action.code"] in action.steps and _is_about(item, suspect_id)
        )
    found.short_of = sorted(set(found.short_of))
    return found


def looked_at_way(item: Row, row: Row, way: RecordedAction) -> Row:
    """Return the row of a recorded action as the way's `where` sees it."""
    return looked_at(item, row, way.where) if way.where is not None else item


def _weigh_action(
    way: RecordedAction, item: Row, anchor: Moment | None, found: OnRecord, *, suspect_id: str | None, record: Record
) -> None:
    if item["action.code"] not in way.codes or not _is_about(item, suspect_id):
        return
    at = item["action.at"]
    when = at if isinstance(at, Moment) else None
    outcome = item["action.outcome"]
    text = outcome if isinstance(outcome, str) else None
    if text == "waived":
        if not isinstance(item["action.reason"], Absent):
            found.waived.append(Match(answer=True, at=when, outcome=text))
        return
    answer: Answer = None if text is None else text in way.outcomes
    needs = frozenset({"action.outcome"}) if text is None else NO_NEEDS
    if way.where is not None:
        answer = both(answer, holds(way.where, item))
        needs |= needs_of(way.where, item)
    if suspect_id is not None and isinstance(item["action.suspect_id"], Absent) and len(record.suspects) > 1:
        answer, needs = both(answer, None), needs | {"action.suspect_id"}
    if way.still_counts is not None and anchor is not None:
        since = move_day(anchor.day, way.still_counts, back=True)
        answer = both(answer, when.day >= since if when else None)
        needs |= NO_NEEDS if when else {"action.at"}
    if answer is not True:
        found.short_of.append(_step(item))
    if answer is not False:
        found.matches.append(Match(answer, when, text, needs if answer is None else NO_NEEDS))


def _is_about(item: Row, suspect_id: str | None) -> bool:
    """Return whether a recorded action may be about the suspect."""
    about = item["action.suspect_id"]
    return suspect_id is None or isinstance(about, Absent) or about == suspect_id


def _step(item: Row) -> str:
    outcome, at = item["action.outcome"], item["action.at"]
    return " ".join(
        [
            str(item["action.code"]),
            outcome if isinstance(outcome, str) else "(outcome not recorded)",
            at.local if isinstance(at, Moment) else "(not dated)",
        ]
    )


def _markers(way: MarkerInPlace, record: Record, row: Row) -> Iterator[Match]:
    for item in record.items("markers"):
        seen = looked_at(item, row, way.where)
        answer = holds(way.where, seen)
        if answer is not False:
            placed = item["marker.placed_at"]
            yield Match(answer, placed if isinstance(placed, Moment) else None, None, needs_of(way.where, seen))


def _held(action: Action, record: Record) -> Needs:
    """Return what the source would need to hold for the action to be on record at all; empty where it holds a way."""
    source, missing = record.incident.holds, set[str]()
    for way in action.satisfied_by:
        match way:
            case RecordedAction():
                if any(source.records_action(code) for code in way.codes):
                    return NO_NEEDS
                missing.add("done")
            case RecordedField():
                if source.records_field(way.name):
                    return NO_NEEDS
                missing.add(way.name)
            case MarkerInPlace():
                if source.markers:
                    return NO_NEEDS
                missing.add("markers")
            case _:
                assert_never(way)
    return frozenset(missing)


# ---- states ----------------------------------------------------------------------------------------------------------


def _state(due: _DueBy, on_record: OnRecord, *, as_of: int, held: bool) -> tuple[State, Match | None, Needs]:
    sure = [match for match in on_record.matches if match.answer is True]
    maybe = [match for match in on_record.matches if match.answer is None]
    if sure:
        return _when_satisfied(due, sure, maybe)
    if on_record.waived:
        return State.waived, on_record.waived[0], NO_NEEDS
    if not held:
        return State.cannot_tell, None, due.needs
    if due.when is None:
        return State.cannot_tell, None, due.needs
    earliest, latest = due.when
    if as_of <= earliest and not due.needs:
        return State.not_yet_due, None, NO_NEEDS
    in_time = [match for match in maybe if match.at is None or match.at.earliest <= latest]
    if in_time:
        return State.cannot_tell, in_time[0], NO_NEEDS.union(*(match.needs for match in in_time))
    if as_of > latest:
        return State.overdue, None, NO_NEEDS
    if as_of > earliest or due.needs:
        return State.cannot_tell, None, due.needs
    return State.not_yet_due, None, NO_NEEDS


def _when_satisfied(due: _DueBy, sure: list[Match], maybe: list[Match]) -> tuple[State, Match | None, Needs]:
    dated = sorted(
        (match for match in sure if match.at), key=lambda m: (m.at.latest, m.at.earliest) if m.at else (0, 0)
    )
    if not dated:
        return State.undated, sure[0], frozenset({"action.at"})
    first = dated[0]
    if due.when is None or first.at is None:
        return State.cannot_tell, first, due.needs
    earliest, latest = due.when
    if first.at.latest <= earliest:
        return State.done, first, NO_NEEDS
    others = [m for m in (*sure, *maybe) if m.at is None or m.at.earliest <= latest]
    if not others:
        return State.done_late, first, NO_NEEDS
    needs = due.needs | first.at.needs
    for match in others:
        needs |= match.needs | (match.at.needs if match.at else frozenset({"action.at"}))
    return State.cannot_tell, first, needs


def _late_by(state: State, due: Deadline | None, match: Match | None, as_of: int) -> int:
    if due is None or not state.is_gap:
        return 0
    end = match.at.earliest if state is State.done_late and match and match.at else as_of
    return end - due[1]
