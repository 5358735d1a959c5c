"""The lines of an assessment, read off a case in their stable order."""

from __future__ import annotations

import difflib
from functools import lru_cache
from typing import TYPE_CHECKING

from riskflags.assessment import CaseGrade, Caution, Flag, NotAssessed, Requirement, Undecided
from riskflags.condition import holds
from riskflags.condition import needs as needs_of
from riskflags.model import Grade, Moment, Verdict
from riskflags.pack import NONE_COUNTS, shown
from riskflags.words import moment_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from riskflags.case import Case
    from riskflags.incident import Incident
    from riskflags.model import Needs
    from riskflags.requirements import Outcome, Standing


@lru_cache(maxsize=4096)
def _in_order(needs: Needs) -> tuple[str, ...]:
    """Return needs in order: many lines lack the same, and share one tuple."""
    return tuple(sorted(needs))


def flags(case: Case) -> tuple[Flag, ...]:
    """Return the flags, worst first, then by rule code and suspect."""
    fired = [outcome for outcome in case.outcomes if outcome.verdict is Verdict.fires]
    fired.sort(key=lambda o: (-o.severity, -o.could_be, o.rule.code, o.suspect_id or ""))
    return tuple(_flag(case, outcome) for outcome in fired)


def _flag(case: Case, outcome: Outcome) -> Flag:
    rule = outcome.rule
    return Flag(
        incident_id=case.record.id,
        child_id=case.record.incident.child.id,
        suspect_id=outcome.suspect_id,
        rule_code=rule.code,
        rule_id=rule.id,
        rule_version=rule.version,
        title=rule.title,
        severity=outcome.severity,
        could_be=outcome.could_be,
        severity_needs=_in_order(outcome.severity_needs),
        about=rule.flag.about,
        message=case.message(outcome),
        because=outcome.because,
    )


def requirements(case: Case, standings: Sequence[Standing]) -> tuple[Requirement, ...]:
    """Return the requirements, those of the worst flags first, then by action code and suspect."""
    found = sorted(standings, key=lambda s: (-s.severity, s.action.code, s.action.key, s.suspect_id or ""))
    return tuple(_requirement(case, standing) for standing in found)


def _requirement(case: Case, standing: Standing) -> Requirement:
    action, zone = standing.action, case.records.names.zone
    due_from, due_at = (_moment_at(end, zone) for end in standing.due) if standing.due else (None, None)
    record = standing.record
    return Requirement(
        incident_id=case.record.id,
        child_id=case.record.incident.child.id,
        suspect_id=standing.suspect_id,
        action=action.key,
        action_code=action.code,
        label=action.label,
        owner=action.owner,
        core=action.core,
        due_from=due_from,
        due_at=due_at,
        state=standing.state,
        recorded_at=record.at.local if record and record.at else None,
        recorded_outcome=record.outcome if record else None,
        recorded_by=record.by if record else None,
        short_of=standing.short_of,
        needs=_in_order(standing.needs),
        severity=standing.severity,
        rules=tuple(sorted({asked.outcome.rule.code for asked in standing.asked})),
    )


@lru_cache(maxsize=1024)
def _moment_at(second: int, zone: ZoneInfo) -> datetime:
    """Return the moment of a deadline: several requirements of a record have the same."""
    return moment_at(second, zone)


def grade(case: Case) -> CaseGrade | None:
    """Return how well the record says that the case was handled; None where no flag was raised.

    The first grade whose condition holds counts; one before it that cannot be decided could be the true one.
    """
    if not case.pack.grades or not any(outcome.verdict is Verdict.fires for outcome in case.outcomes):
        return None
    row, worst, needs = case.record.base, Grade.good, set[str]()
    for one in case.pack.grades:
        answer = True if one.when is None else holds(one.when, row)
        if answer is True:
            could_be = max(worst, one.grade)
            return CaseGrade(
                grade=one.grade, could_be=could_be, needs=tuple(sorted(needs)) if could_be > one.grade else ()
            )
        if answer is None and one.when is not None:
            worst = max(worst, one.grade)
            needs |= needs_of(one.when, row)
    return None


def undecided(case: Case) -> tuple[Undecided, ...]:
    """Return the rules that could not be decided, but for those whose fields the source never holds."""
    found = [outcome for outcome in _undecided(case) if not _never_held(outcome, case.record.incident)]
    return tuple(
        Undecided(
            incident_id=case.record.id,
            child_id=case.record.incident.child.id,
            suspect_id=outcome.suspect_id,
            rule_code=outcome.rule.code,
            rule_id=outcome.rule.id,
            rule_version=outcome.rule.version,
            severity=outcome.could_be,
            needs=_in_order(outcome.needs),
        )
        for outcome in found
    )


def not_assessed(case: Case) -> tuple[NotAssessed, ...]:
    """Return the rules that are undecided only for what the source of the record never holds."""
    found: dict[str, NotAssessed] = {}
    for outcome in _undecided(case):
        if _never_held(outcome, case.record.incident):
            fields = _in_order(outcome.needs)
            found[outcome.rule.key] = NotAssessed(rule_code=outcome.rule.code, rule_id=outcome.rule.id, fields=fields)
    return tuple(found.values())


def _undecided(case: Case) -> list[Outcome]:
    found = [outcome for outcome in case.outcomes if outcome.verdict is Verdict.undecided]
    return sorted(found, key=lambda o: (-o.could_be, o.rule.code, o.suspect_id or ""))


def _never_held(outcome: Outcome, incident: Incident) -> bool:
    """Return whether no need of an outcome is of a field that the source of the record can fill."""
    holds = incident.holds

    def is_held(need: str) -> bool:
        if ":" in need or need in NONE_COUNTS.values():
            return True
        path = need.partition("@")[0]
        if path == "done":
            return holds.actions == "all"
        return holds.records_field(path)

    return bool(outcome.needs) and not any(is_held(need) for need in outcome.needs)


def cautions(case: Case, standings: Sequence[Standing]) -> tuple[Caution, ...]:
    """Return what a reader should know: what was not read, what counts for nothing, deadlines outside the calendar."""
    every = (
        *_uncovered(case, standings), *_after_as_of(case), *_unknown_actions(case), *_duplicates(case)
    )  # fmt: skip
    found = {(c.code, c.field, c.message): c for c in every}
    return tuple(found[key] for key in sorted(found))


def _unknown_actions(case: Case) -> Iterator[Caution]:
    """Yield the recorded actions that can satisfy nothing: a code that no action knows, a suspect who is not there."""
    suspects = [suspect.id for suspect in case.record.incident.suspects if suspect.id]
    for action in case.record.incident.done:
        if action.code and action.code not in case.records.names.action_codes:
            near = _nearest(action.code, case.records.names.action_codes)
            message = f"no action of the rules knows the code {action.code!r}{near}: it counts for nothing"
            yield Caution(code="unknown_action", field="action.code", message=message)
        if action.suspect_id and action.suspect_id not in suspects:
            near = _nearest(action.suspect_id, suspects)
            message = f"{action.code} is recorded for {action.suspect_id!r}, who is no suspect of this record{near}"
            yield Caution(code="unknown_suspect", field="action.suspect_id", message=message)


def _nearest(text: str, names: Iterable[str]) -> str:
    found = difflib.get_close_matches(text, sorted(names), n=1)
    return f"; the nearest is {found[0]!r}" if found else ""


def _duplicates(case: Case) -> Iterator[Caution]:
    """Yield the other records that are probably of the same event."""
    for other, spec in case.records.same_event(case.record):
        alike = " and ".join(map(shown, spec.by))
        message = f"{other.id} is probably a record of the same event: the same {alike}, at overlapping times"
        yield Caution(code="probable_duplicate", field="incident.id", message=message)


def _uncovered(case: Case, standings: Sequence[Standing]) -> Iterator[Caution]:
    for standing in standings:
        if standing.uncovered:
            message = (
                f"the deadline of {standing.action.label} is outside the years of the calendar {case.pack.calendar}"
            )
            yield Caution(code="outside_calendar", field=standing.action.key, message=message)


def _after_as_of(case: Case) -> Iterator[Caution]:
    for path, info in case.pack.fields.items():
        if info.kind == "moment" and not info.repeated and not info.planned:
            group, _, name = path.partition(".")
            moment = getattr(getattr(case.record.incident, group), name)
            if isinstance(moment, Moment) and moment.earliest > case.records.as_of.earliest:
                yield Caution(code="after_as_of", field=path, message=f"{path} is after as_of and was not read")
