"""What the page of a run shows, as values: cases worst first, what falls due, figures for leaders, and what to trust.

Everything is text or numbers already: the template and the script lay it out and decide nothing.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count as numbers
from typing import TYPE_CHECKING, Any

from riskflags.figures.facts import NOT_RECORDED, breakdowns
from riskflags.model import Severity, State
from riskflags.report.phrases import (
    due_words,
    owner_words,
    plain,
    recorded_words,
    sentence,
    span_words,
    step_words,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from riskflags.assessment import Assessment, Flag, Requirement
    from riskflags.incident import Incident
    from riskflags.pack import Pack

MOST_CASES = 10_000
"""Flagged records that a page lists, at most: the worst ones."""
MOST_TOLD = 200
"""Cases of a page whose flags are explained in full, at most: the worst ones."""
UNITS = ("unit", "team", "district", "force")
"""Where a case belongs: the first of these that is on record."""
_Rank = tuple[bool, int, int, int]


@dataclass(frozen=True, slots=True)
class Gap:
    """A required action with no record in time: what, whose, by when, how late, and what falls short of it."""

    action: str
    label: str
    owner: str
    state: str
    due: str
    late: str
    late_hours: int
    short_of: tuple[str, ...]
    suspect: str
    core: bool = False


@dataclass(frozen=True, slots=True)
class Raised:
    """A flag of a case. `told` is its explanation as text, with sources; empty where the page holds none."""

    code: str
    title: str
    severity: str
    message: str
    suspect: str
    told: str = ""


@dataclass(frozen=True, slots=True)
class CaseOnPage:
    """One flagged record: who, where, how bad, which flags, and which required actions have no record in time."""

    id: str
    incident: str
    child: str
    severity: str
    unit: str
    age_band: str
    in_care: str
    flags: tuple[Raised, ...]
    gaps: tuple[Gap, ...]
    open: int


@dataclass(frozen=True, slots=True)
class DueSoon:
    """A required action that falls due within so many hours of the run, with no record yet."""

    incident: str
    child: str
    suspect: str
    label: str
    owner: str
    due_at: datetime
    severity: str
    hours: int


@dataclass(slots=True)
class Kept:
    """The worst flagged records of a run, and what falls due, taken up as the assessments come."""

    pack: Pack
    as_of: datetime
    show_personal: bool = False
    flagged: int = 0
    due_soon: list[DueSoon] = field(default_factory=list["DueSoon"])
    _worst: list[tuple[_Rank, int, Incident, Assessment]] = field(
        default_factory=list["tuple[_Rank, int, Incident, Assessment]"]
    )
    _numbers: Iterator[int] = field(default_factory=lambda: numbers(0, -1))

    def add(self, incident: Incident, found: Assessment) -> None:
        """Take up one assessment with its record."""
        if found.not_yet:
            return
        self.due_soon.extend(_falling_due(found, self.pack, self.as_of))
        if not found.flags:
            return
        self.flagged += 1
        one = (_rank(found, self.as_of), next(self._numbers), incident, found)
        if len(self._worst) < MOST_CASES:
            heapq.heappush(self._worst, one)
        else:
            heapq.heappushpop(self._worst, one)

    def cases(self) -> list[CaseOnPage]:
        """Return the worst flagged records, worst first; the first of them with their explanations."""
        ranked = sorted(self._worst, key=lambda one: (one[0], one[1]), reverse=True)
        return [
            _case(incident, found, self, is_told=place < MOST_TOLD)
            for place, (_, _, incident, found) in enumerate(ranked)
        ]


def _rank(found: Assessment, as_of: datetime) -> _Rank:
    """Return how urgent a case is: overdue at all, its worst flag, core actions with no record, the longest overdue."""
    overdue = [gap for gap in found.gaps if gap.state is State.overdue]
    late = max((_late_seconds(gap, as_of) for gap in overdue), default=0)
    worst = max(int(flag.severity) for flag in found.flags)
    return bool(overdue), worst, sum(gap.core for gap in overdue), late


def _late_seconds(gap: Requirement, as_of: datetime) -> int:
    return int((as_of - gap.due_at).total_seconds()) if gap.due_at is not None else 0


def _case(incident: Incident, found: Assessment, kept: Kept, *, is_told: bool) -> CaseOnPage:
    known = breakdowns(incident, found)
    gaps = sorted((_gap(one, kept) for one in found.gaps), key=_first_asked)
    return CaseOnPage(
        id=f"{found.incident_id}|{found.child_id or ''}",
        incident=found.incident_id,
        child=found.child_id or "",
        severity=str(max(flag.severity for flag in found.flags)),
        unit=next((value for name in UNITS if (value := known.get(name))), None) or NOT_RECORDED,
        age_band=known.get("age_band") or NOT_RECORDED,
        in_care=known.get("looked_after") or NOT_RECORDED,
        flags=tuple(_raised(flag, found, kept, is_told=is_told) for flag in found.flags),
        gaps=tuple(gaps),
        open=sum(gap.state == "overdue" for gap in gaps),
    )


def _first_asked(gap: Gap) -> tuple[bool, bool, int]:
    """Return the order of gaps: what has no record first, core actions first, then the longest overdue."""
    return gap.state != "overdue", not gap.core, -gap.late_hours


def _raised(flag: Flag, found: Assessment, kept: Kept, *, is_told: bool) -> Raised:
    told = ""
    if is_told:
        told = str(found.explain(flag.rule_id, suspect=flag.suspect_id, show_personal=kept.show_personal))
    return Raised(
        code=flag.rule_code,
        title=flag.title,
        severity=str(flag.severity),
        message=flag.message,
        suspect=flag.suspect_id or "",
        told=told,
    )


def _gap(gap: Requirement, kept: Kept) -> Gap:
    late = _late_seconds(gap, kept.as_of)
    is_late = gap.state is State.done_late
    return Gap(
        action=gap.action,
        label=sentence(gap.label),
        owner=sentence(owner_words(gap.owner, kept.pack.roles)),
        state=str(gap.state),
        due=sentence(due_words(gap)),
        late=f"recorded late, {recorded_words(gap.recorded_at or '')}" if is_late else f"{span_words(late)} overdue",
        late_hours=0 if is_late else late // 3600,
        short_of=tuple(step_words(step) for step in gap.short_of),
        suspect=gap.suspect_id or "",
        core=gap.core,
    )


def _falling_due(found: Assessment, pack: Pack, as_of: datetime) -> Iterator[DueSoon]:
    for one in found.requirements:
        if one.state is not State.not_yet_due or one.due_at is None or one.due_at > as_of + timedelta(hours=72):
            continue
        yield DueSoon(
            incident=found.incident_id,
            child=found.child_id or "",
            suspect=one.suspect_id or "",
            label=sentence(one.label),
            owner=sentence(owner_words(one.owner, pack.roles)),
            due_at=one.due_at,
            severity=str(one.severity),
            hours=24 if one.due_at <= as_of + timedelta(hours=24) else 72,
        )


# ---- leaders ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Suspect:
    """A suspect whom flags link to several children."""

    suspect: str
    children: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleOnPage:
    """How a rule came out: on how many records it fired, and on how many it was undecided."""

    code: str
    title: str
    fired: int
    undecided: int
    says: str


def suspects_of_several(flags: Iterable[Flag]) -> list[Suspect]:
    """Return the suspects of flags of two children or more, those of most children first."""
    found: dict[str, set[str]] = {}
    for flag in flags:
        if flag.suspect_id and flag.child_id:
            found.setdefault(flag.suspect_id, set()).add(flag.child_id)
    several = [Suspect(suspect, tuple(sorted(children))) for suspect, children in found.items() if len(children) > 1]
    return sorted(several, key=lambda one: (-len(one.children), one.suspect))


def repeat_missing(flags: Iterable[Flag], *, rule: str) -> list[tuple[str, int]]:
    """Return the children whom a rule flagged, with how often, most often first."""
    found: dict[str, int] = {}
    for flag in flags:
        if flag.rule_id == rule and flag.child_id:
            found[flag.child_id] = found.get(flag.child_id, 0) + 1
    return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))


def rules_on_page(pack: Pack, fired: Mapping[str, int], undecided: Mapping[str, int], records: int) -> list[RuleOnPage]:
    """Return how each active rule came out, with a word on those that never or always fired."""
    found: list[RuleOnPage] = []
    for rule in sorted((one for one in pack.rules if one.status == "active"), key=lambda one: one.code):
        many = fired.get(rule.id, 0)
        says = "never fired" if not many else "fired on every record" if many >= records > 1 else ""
        found.append(RuleOnPage(rule.code, rule.title, many, undecided.get(rule.id, 0), says))
    return found


def percent(share: Any) -> str:
    """Return a share as a whole percentage; n/a where it was left out, or there is nothing to share."""
    return "n/a" if share is None else f"{round(share * 100)}%"


def group_words(group: str | None) -> str:
    """Return the name of a group as people read it."""
    return plain(group) if group else "all"


def severity_names() -> Sequence[str]:
    """Return the severities, worst first."""
    return [str(one) for one in sorted(Severity, reverse=True)]
