"""A real record as data for an example: nothing in it names anybody, and the rules see the same.

Ids get neutral names, the same within one example. Times move by one number of whole weeks, dates of birth by some days
more, so that every age and every gap in years stays. Free text, official codes and what only a system of its own
knows are left out or get neutral names too. This is pseudonymous, not anonymous: a rare pattern can still point at a
child.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

from riskflags.derive import whole_years
from riskflags.fields import FieldInfo, catalogue
from riskflags.incident import GROUPS, LISTS, Holds, is_assigned
from riskflags.kinds import parse_moment
from riskflags.model import Moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from zoneinfo import ZoneInfo

    from riskflags.incident import Facts, Incident

Data = dict[str, Any]
_LETTERS = {
    "incident.id": "I", "child.id": "C", "suspect.id": "S", "action.suspect_id": "S", "child.placement_id": "P",
    "child.social_worker_id": "W", "suspect.handle_id": "H", "suspect.phone_id": "N", "suspect.vehicle_id": "V",
}  # fmt: skip
_TARGETS = {"child": "C", "address": "P", "suspect": "S", "vehicle": "V"}
_KEPT_TEXTS = frozenset({"action.code"})
"""Fields of kind text that hold the words of a pack, and nothing of a person."""
_BIRTHS = ("child.date_of_birth", "suspect.date_of_birth")


class CannotShiftError(ValueError):
    """Under this shift a time falls into the hour that the clocks skip or show twice, or an age changes."""


@dataclass(slots=True)
class Pseudonyms:
    """The neutral names given so far, and how far times move: `weeks`, and dates of birth by `days` more."""

    weeks: int
    days: int
    zone: ZoneInfo
    given: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    def name(self, letter: str, value: str) -> str:
        """Return the neutral name of an id: the first is I1, C1, ..."""
        key = (letter, value)
        if key not in self.given:
            self.given[key] = f"{letter}{1 + sum(other == letter for other, _ in self.given)}"
        return self.given[key]

    def moment(self, value: Moment) -> str:
        """Return a time some weeks away, at the same local time of day. CannotShiftError where that is not as exact."""
        written = datetime.fromisoformat(value.local) if "T" in value.local else None
        day = (value.day + timedelta(weeks=self.weeks)).isoformat()
        text = day if written is None else f"{day}T{written:%H:%M:%S}"
        try:
            moved = parse_moment(text, zone=self.zone)
        except ValueError as error:
            raise CannotShiftError(text) from error
        if moved.is_exact is not value.is_exact:
            raise CannotShiftError(text)
        return text

    def birth(self, value: date) -> date:
        """Return a date of birth as far away as the times, and some days more."""
        return value + timedelta(weeks=self.weeks, days=self.days)


def pseudonymous(records: Sequence[Incident], names: Pseudonyms) -> list[Data]:
    """Return records as the data of an example, in dotted keys. CannotShiftError where another shift is needed."""
    found = [dict(_record(record, names)) for record in records]
    for record in records:
        _check_ages(record, names)
    return found


def _record(record: Incident, names: Pseudonyms) -> Iterator[tuple[str, Any]]:
    infos = catalogue(type(record))
    for group in type(record).model_fields:
        if group in LISTS:
            entries = [dict(_facts(facts, GROUPS[group], infos, names, record)) for facts in getattr(record, group)]
            if entries:
                yield group, entries
        elif group != "holds":
            yield from _facts(getattr(record, group), group, infos, names, record)
    yield from _holds(record.holds)


def _facts(
    facts: Facts, group: str, infos: dict[str, FieldInfo], names: Pseudonyms, record: Incident
) -> Iterator[tuple[str, Any]]:
    for name in type(facts).model_fields:
        path, value = f"{group}.{name}", getattr(facts, name)
        if value is not None and (safe := _value(value, infos[path], names, facts, record)) is not None:
            yield path, safe


def _value(value: Any, info: FieldInfo, names: Pseudonyms, facts: Facts, record: Incident) -> Any:
    """Return what an example may show of a value; None where it is left out."""
    match value:
        case Moment():
            return names.moment(value)
        case date():
            return names.birth(value) if info.path in _BIRTHS else None
        case str() if info.kind == "text":
            return _text(value, info.path, names, facts, record)
        case str():
            return value if info.codes is not None else names.name("A", value)
        case tuple():
            codes = cast("tuple[str, ...]", value)
            return list(codes) if info.codes is not None else [names.name("A", code) for code in codes]
        case _:
            return value


def _text(value: str, path: str, names: Pseudonyms, facts: Facts, record: Incident) -> str | None:
    if path in _KEPT_TEXTS:
        return value
    if path == "marker.target_id":
        target: str | None = getattr(facts, "target", None)
        return names.name(_TARGETS.get(target or "", "T"), value)
    if path == "suspect.id" and is_assigned(value, record.incident.id or ""):
        return None
    letter = _LETTERS.get(path) or ("P" if path.endswith("address_id") else "")
    return names.name(letter, value) if letter else None


def _holds(holds: Holds) -> Iterator[tuple[str, Any]]:
    whole = Holds()
    for name in Holds.model_fields:
        value = getattr(holds, name)
        if value != getattr(whole, name):
            yield f"holds.{name}", list(cast("Iterable[str]", value)) if isinstance(value, tuple | frozenset) else value


# ---- ages ------------------------------------------------------------------------------------------------------------


def _check_ages(record: Incident, names: Pseudonyms) -> None:
    """Raise CannotShiftError where an age on a day of the record, or the years between two people, would change."""
    births = [one for one in (record.child.date_of_birth, *(s.date_of_birth for s in record.suspects)) if one]
    moved = [names.birth(birth) for birth in births]
    for day in _days(record):
        later = day + timedelta(weeks=names.weeks)
        if any(whole_years(a, day) != whole_years(b, later) for a, b in zip(births, moved, strict=True)):
            raise CannotShiftError(str(later))
    for (a, b), (c, d) in zip(_pairs(births), _pairs(moved), strict=True):
        if whole_years(a, b) != whole_years(c, d):
            raise CannotShiftError(str(c))


def _pairs(days: Sequence[date]) -> Iterable[tuple[date, date]]:
    return pairwise(sorted(days)) if len(days) < 2 else ((a, b) for a in days for b in days)  # noqa: PLR2004 - a pair


def _days(record: Incident) -> Iterator[date]:
    """Yield every day on which something in a record lies."""
    every: list[Facts] = [record.incident, record.child, record.missing, record.contact]
    every += [*record.suspects, *record.markers, *record.done]
    for facts in every:
        for name in type(facts).model_fields:
            value = getattr(facts, name)
            if isinstance(value, Moment):
                yield value.day
