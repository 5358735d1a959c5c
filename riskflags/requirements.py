"""Requirements: which actions the flags of a record ask for, by when, and what is on record.

One requirement per action (and suspect, where the action is per suspect), with the earliest deadline and every rule
that asks. What is on record satisfies it only with the right code, outcome and contents.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, assert_never

from riskflags.calendar import Deadline, Duration, deadline, move_day
from riskflags.condition import Answer, Row, both, holds
from riskflags.condition import needs as needs_of
from riskflags.looking import given_by, looked_at, spelled
from riskflags.model import NO_NEEDS, Absent, Moment, Needs, Number, Severity, State, Value, Verdict, all_needs
from riskflags.pack import Action, Ask, Due, MarkerInPlace, RecordedAction, RecordedField, Rule
from riskflags.windows import span_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from riskflags.record import Record, Records


class Outcome(NamedTuple):
    """What one rule came to on one row: the verdict, the severity and the worst it could be, and why.

    The severity of an undecided rule is what it would be, were the rule to fire.
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


class Asked(NamedTuple):
    """One flag that asks for one action; `needs` is not empty where it may not."""

    outcome: Outcome
    ask: Ask
    needs: Needs = NO_NEEDS


class Match(NamedTuple):
    """Something on record that satisfies an action, or may: `needs` would settle that, `at_needs` its exact time.

    `by` is the role of who did it, or waived it.
    """

    answer: Answer
    at: Moment | None
    outcome: str | None = None
    needs: Needs = NO_NEEDS
    at_needs: Needs = NO_NEEDS
    by: str | None = None


@dataclass(slots=True)
class OnRecord:
    """All that is on record towards one requirement."""

    matches: list[Match] = field(default_factory=list[Match])
    waived: list[Match] = field(default_factory=list[Match])
    short_of: list[str] = field(default_factory=list[str])


class Standing(NamedTuple):
    """Where one requirement stands: the deadline, the state, the record that counts.

    `late_by` is how late a gap is, in seconds, at least and at most; `late_needs` would make that exact.
    """

    action: Action
    suspect_id: str | None
    asked: tuple[Asked, ...]
    due: Deadline | None
    state: State
    needs: Needs
    record: Match | None
    short_of: tuple[str, ...]
    late_by: tuple[int, int] = (0, 0)
    late_needs: Needs = NO_NEEDS
    uncovered: bool = False

    @property
    def severity(self) -> Severity:
        """The worst severity of the flags that ask."""
        return max(asked.outcome.severity for asked in self.asked)


def asked_by(outcome: Outcome, ask: Ask) -> Asked | None:
    """Return what the flag of a rule that fired asks for by one line of its `requires`; None where it does not."""
    if ask.when is None:
        return Asked(outcome, ask)
    row = with_severity(outcome)
    answer = holds(ask.when, row)
    return None if answer is False else Asked(outcome, ask, needs_of(ask.when, row) if answer is None else NO_NEEDS)


def may_ask(outcome: Outcome, ask: Ask) -> bool:
    """Return whether an undecided rule, were it to fire, may ask for the action of this line of its `requires`."""
    return ask.when is None or holds(ask.when, with_severity(outcome)) is not False


def concerns(outcome: Outcome, action: Action, suspect_id: str | None) -> bool:
    """Return whether a rule's outcome is about the suspect that a requirement is about."""
    return action.per != "suspect" or not outcome.rule.for_each or outcome.suspect_id == suspect_id


def with_severity(outcome: Outcome) -> Row:
    """Return the row of an outcome with the name `severity`, which `when` in `requires` may read."""
    return outcome.row.with_values({"severity": severity_of(outcome)})


def severity_of(outcome: Outcome) -> Number:
    """Return the severity of an outcome as a number, from what it is to what it could be."""
    return Number(int(outcome.severity), int(outcome.could_be), outcome.severity_needs)


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
    due = _merged(_deadlines(action, asked, row, records))
    on_record = _on_record(action, row, due.anchor, suspect_id=suspect_id, record=record, records=records)
    held = _held(action, record)
    state, match, needs = _state(due, on_record, as_of=records.as_of.earliest, held=not held)
    if unsure and state not in (State.done, State.waived):
        state, needs = State.cannot_tell, needs | unsure
    if state is State.cannot_tell:
        needs |= held
    late_by, late_needs = _lateness(state, due, match, records.as_of.earliest)
    return Standing(
        action=action,
        suspect_id=suspect_id,
        asked=tuple(asked),
        due=due.when,
        state=state,
        needs=needs if state in (State.cannot_tell, State.undated) else NO_NEEDS,
        record=match,
        short_of=tuple(on_record.short_of) if state is not State.done else (),
        late_by=late_by,
        late_needs=late_needs,
        uncovered=due.uncovered,
    )


# ---- deadlines -------------------------------------------------------------------------------------------------------


class _DueBy(NamedTuple):
    """A deadline: `absent` would fill the anchors that are absent, `inexact` bring its two ends together."""

    when: Deadline | None
    anchor: Moment | None
    absent: Needs
    inexact: Needs
    uncovered: bool


def _deadlines(action: Action, asked: Sequence[Asked], row: Row, records: Records) -> Iterator[tuple[Needs, _DueBy]]:
    """Yield for each flag what it needs to ask, and the deadline that it sets: those of one severity set the same."""
    found: dict[tuple[int, Number | None], _DueBy] = {}
    for one in asked:
        cases = one.ask.due or action.due
        severity = severity_of(one.outcome) if any(case.when for case in cases) else None
        key = (id(cases), severity)
        if key not in found:
            seen = row.with_values({"severity": severity}) if severity is not None else row
            found[key] = _deadline(cases, row, seen, records)
        yield one.needs, found[key]


def _deadline(cases: Sequence[Due], row: Row, seen: Row, records: Records) -> _DueBy:
    """Return the deadline that a flag sets: by the first case that holds, and those before it that may.

    `seen` is the row with the severity of the flag, as the conditions of the cases may read it.
    """
    found: list[Deadline] = []
    anchors: list[Moment] = []
    absent, inexact, uncovered = set[str](), set[str](), False
    for case in cases:
        answer = True if case.when is None else holds(case.when, seen)
        if answer is False:
            continue
        inexact |= needs_of(case.when, seen) if case.when is not None and answer is None else NO_NEEDS
        anchor, within = row[case.anchor], span_of(case.within, row)
        absent |= NO_NEEDS.union(*(value.needs for value in (anchor, within) if isinstance(value, Absent)))
        if isinstance(anchor, Moment) and isinstance(within, Duration):
            anchors.append(anchor)
            pack, zone = records.pack, records.names.zone
            when = deadline(anchor, within, calendar=pack.calendar, zone=zone, school=pack.school)
            inexact |= anchor.needs if when and when[0] < when[1] else NO_NEEDS
            uncovered |= when is None
            found.extend([when] if when else [])
        if answer is True:
            break
    hull = (min(low for low, _ in found), max(high for _, high in found)) if found else None
    first = min(anchors, key=lambda anchor: anchor.earliest, default=None)
    return _DueBy(hull, first, frozenset(absent), frozenset(inexact), uncovered)


def _merged(found: Iterable[tuple[Needs, _DueBy]]) -> _DueBy:
    """Return the earliest deadline of all that ask and whose anchor is known.

    A flag that only may ask, since its needs are not empty, can bring the deadline forward and not put it off.
    """
    dues = list(found)
    if len(dues) == 1:
        return dues[0][1]
    surely = [due for unsure, due in dues if not unsure] or [due for _, due in dues]
    known = [due.when for due in surely if due.when is not None]
    when = (min(low for low, _ in known), min(high for _, high in known)) if known else None
    inexact = NO_NEEDS.union(*(due.inexact for due in surely))
    for unsure, due in dues:
        if when is not None and due.when is not None and unsure and due.when[0] < when[0]:
            when = (due.when[0], when[1])
            inexact |= unsure | due.inexact
    return _DueBy(
        when=when,
        anchor=min((due.anchor for _, due in dues if due.anchor), key=lambda anchor: anchor.earliest, default=None),
        absent=NO_NEEDS.union(*(due.absent for _, due in dues)),
        inexact=inexact if when is not None and when[0] < when[1] else NO_NEEDS,
        uncovered=any(due.uncovered for _, due in dues),
    )


# ---- what is on record -----------------------------------------------------------------------------------------------


def _on_record(
    action: Action, row: Row, anchor: Moment | None, *, suspect_id: str | None, record: Record, records: Records
) -> OnRecord:
    found = OnRecord()
    for one in _looked_through(action, record, records):
        of = "" if one is record else one.id
        is_alone = len(one.suspects) <= 1
        for way in action.satisfied_by:
            match way:
                case RecordedAction():
                    since = _counts_since(way, anchor, row)
                    given = given_by(row, way.where) if way.where is not None else None
                    for item in one.items("done"):
                        if _may_be_one_of(item, way.codes):
                            seen = given.seen(item) if given is not None else item
                            who = _is_about(item, suspect_id, is_alone=is_alone)
                            _weigh_action(way, seen, since, found, who=who, of=of)
                case RecordedField():
                    is_filled = one is record and isinstance(row[way.name], Moment)
                    found.matches.extend([_match(row[way.name])] if is_filled else [])
                case MarkerInPlace():
                    found.matches.extend(_markers(way, one, row, of=of))
                    found.short_of.extend(_removed(way, one, row))
                case _:
                    assert_never(way)
        steps = (item for item in one.items("done") if item["action.code"] in action.steps) if action.steps else ()
        found.short_of.extend(
            _step(item) for item in steps if _is_about(item, suspect_id, is_alone=is_alone) is not False
        )
    found.short_of = sorted(set(found.short_of))
    found.matches = [match for match in found.matches if match.answer is not False]
    return found


def _looked_through(action: Action, record: Record, records: Records) -> list[Record]:
    """Return the records in which something may satisfy an action, in order; the record itself among them."""
    if action.per != "child":
        return [record]
    scope = records.same_child(record)
    codes = action.steps.union(*(way.codes for way in action.satisfied_by if isinstance(way, RecordedAction)))

    def holds_any(one: Record) -> bool:
        return bool(one.incident.markers) or any(done.code is None or done.code in codes for done in one.incident.done)

    return [one for one in (scope if record in scope else [record, *scope]) if one is record or holds_any(one)]


def _may_be_one_of(item: Row, codes: frozenset[str]) -> bool:
    code = item["action.code"]
    return isinstance(code, Absent) or code in codes


def _match(
    at: Value,
    *,
    answer: Answer = True,
    outcome: str | None = None,
    by: str | None = None,
    needs: Needs = NO_NEEDS,
    of: str = "",
) -> Match:
    """Return what is on record, with its time if it has one."""
    return Match(
        answer=answer,
        at=at if isinstance(at, Moment) else None,
        outcome=outcome,
        needs=spelled(needs, of=of) if answer is None else NO_NEEDS,
        at_needs=spelled(all_needs([at]), of=of),
        by=by,
    )


def _counts_since(way: RecordedAction, anchor: Moment | None, row: Row) -> date | Absent | None:
    """Return the first day on which an action still counts; None where every earlier one does."""
    if way.still_counts is None or anchor is None:
        return None
    span = span_of(way.still_counts, row)
    return span if isinstance(span, Absent) else move_day(anchor.day, span, back=True)


def _weigh_action(
    way: RecordedAction, item: Row, since: date | Absent | None, found: OnRecord, *, who: Answer, of: str
) -> None:
    """Add a recorded action to what satisfies a requirement, may, or falls short of it.

    `since` is the first day on which it still counts. `who` says whether it is about the right suspect; `of` is the id
    of another record that it stands in.
    """
    code, outcome, at = item["action.code"], item["action.outcome"], item["action.at"]
    answer = both(None if isinstance(code, Absent) else code in way.codes, who)
    if answer is False:
        return
    needs = all_needs([code]) | (NO_NEEDS if who else {"action.suspect_id"})
    waives = outcome == "waived" and not isinstance(item["action.reason"], Absent)
    if not waives:
        answer = both(answer, None if isinstance(outcome, Absent) else outcome in way.outcomes)
        needs |= all_needs([outcome])
        if way.where is not None:
            answer = both(answer, holds(way.where, item))
            needs |= needs_of(way.where, item)
        if since is not None:
            answer = both(answer, None if isinstance(since, Absent) else _is_on_or_after(at, since))
            needs |= all_needs([value for value in (at, since) if isinstance(value, Absent)])
        if answer is not True and not isinstance(code, Absent):
            found.short_of.append(_step(item))
    text = outcome if isinstance(outcome, str) else None
    if waives and answer is not True:
        at = Absent(NO_NEEDS)  # whenever it was waived
    role = item["action.by_role"]
    by = role if isinstance(role, str) else None
    match = _match(at, answer=answer, outcome=text, by=by, needs=needs, of=of)
    (found.waived if waives and answer is True else found.matches).append(match)


def _is_on_or_after(at: Value, day: date) -> Answer:
    return at.day >= day if isinstance(at, Moment) else None


def _is_about(item: Row, suspect_id: str | None, *, is_alone: bool) -> Answer:
    """Return whether a recorded action is about the suspect: without an id it is about the only one there is."""
    about = item["action.suspect_id"]
    if suspect_id is None or (isinstance(about, Absent) and is_alone):
        return True
    return None if isinstance(about, Absent) else about == suspect_id


def _step(item: Row) -> str:
    outcome, at = item["action.outcome"], item["action.at"]
    return " ".join(
        [
            str(item["action.code"]),
            outcome if isinstance(outcome, str) else "(outcome not recorded)",
            at.local if isinstance(at, Moment) else "(not dated)",
        ]
    )


def _markers(way: MarkerInPlace, record: Record, row: Row, *, of: str) -> Iterator[Match]:
    for item in record.items("markers"):
        seen = looked_at(item, row, way.where)
        yield _match(item["marker.placed_at"], answer=holds(way.where, seen), needs=needs_of(way.where, seen), of=of)


def _removed(way: MarkerInPlace, record: Record, row: Row) -> Iterator[str]:
    """Yield the markers that were placed and removed again: on record, and short of one that is in place."""
    for item in record.items("markers"):
        removed, target = item["marker.removed_at"], item["marker.target"]
        in_place = holds(way.where, looked_at(item, row, way.where))
        if in_place is False and isinstance(removed, Moment) and isinstance(target, str):
            yield f"marker_on_{target} removed {removed.local}"


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
    if any(match.answer is True for match in on_record.matches):
        return _when_satisfied(due, on_record.matches)
    if on_record.waived:
        return State.waived, on_record.waived[0], NO_NEEDS
    if not held or due.when is None:
        return State.cannot_tell, None, due.absent
    earliest, latest = due.when
    if as_of <= earliest and not due.absent:
        return State.not_yet_due, None, NO_NEEDS
    open_due = due.absent | (due.inexact if as_of > earliest else NO_NEEDS) if as_of <= latest else NO_NEEDS
    if in_time := [match for match in on_record.matches if _may_be_by(match, latest)]:
        return State.cannot_tell, in_time[0], open_due.union(*(_needs_by(match, due.when, due) for match in in_time))
    if as_of > latest:
        return State.overdue, None, NO_NEEDS
    return State.cannot_tell, None, open_due


def _when_satisfied(due: _DueBy, matches: list[Match]) -> tuple[State, Match | None, Needs]:
    sure = [match for match in matches if match.answer is True]
    dated = [(match.at.latest, match.at.earliest, number) for number, match in enumerate(sure) if match.at]
    if not dated:
        return State.undated, sure[0], sure[0].at_needs
    latest_at, _, number = min(dated)
    if due.when is None:
        return State.cannot_tell, sure[number], due.absent
    earliest, latest = due.when
    if latest_at <= earliest:
        return State.done, sure[number], NO_NEEDS
    in_time = [match for match in matches if _may_be_by(match, latest)]
    if not in_time:
        return State.done_late, sure[number], NO_NEEDS
    return State.cannot_tell, sure[number], NO_NEEDS.union(*(_needs_by(match, due.when, due) for match in in_time))


def _may_be_by(match: Match, latest: int) -> bool:
    """Return whether something on record may lie in time."""
    return match.at is None or match.at.earliest <= latest


def _needs_by(match: Match, when: Deadline, due: _DueBy) -> Needs:
    """Return what would settle whether something on record satisfies a requirement in time."""
    if match.at is not None and match.at.latest <= when[0]:
        return match.needs
    return match.needs | match.at_needs | due.inexact


def _lateness(state: State, due: _DueBy, match: Match | None, as_of: int) -> tuple[tuple[int, int], Needs]:
    """Return how late a gap is, in seconds, at least and at most, and what would make that exact."""
    if due.when is None or not state.is_gap:
        return (0, 0), NO_NEEDS
    first, last, needs = as_of, as_of, due.inexact
    if state is State.done_late and match is not None and match.at is not None:
        first, last, needs = match.at.earliest, match.at.latest, needs | match.at_needs
    return (first - due.when[1], last - due.when[0]), needs
