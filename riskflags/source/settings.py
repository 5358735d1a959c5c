"""pack.yaml: what a pack is called, its language, its calendar and timezone, and the times that it goes by."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import time
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

from riskflags.calendar import CALENDARS, School, is_calendar
from riskflags.kinds import default_zone
from riskflags.model import Grade
from riskflags.pack import GradeCase, Reported
from riskflags.source import values
from riskflags.source.actions import read_whole
from riskflags.source.problems import listed, quoted
from riskflags.source.scope import Scope, resolve
from riskflags.source.shape import check_when, lost, take

if TYPE_CHECKING:
    from datetime import date

    from riskflags.errors import Place
    from riskflags.source.names import Names
    from riskflags.source.nodes import MapNode, Node
    from riskflags.source.shape import Taken

_ONE_CASE = "a grade is of the case: read a flag or a gap, such as {flag: {family: [E], severity: {at_least: high}}}"
_ONE_RECORD = "the time of a record follows from the record alone: first_recorded: [incident.occurred_at, ...]"


@dataclass(frozen=True, slots=True)
class Settings:
    """What pack.yaml says, as far as it is right. The two times are resolved once the derived values are known."""

    taken: Taken | None
    id: str = ""
    title: str = ""
    version: str = ""
    calendar: str = ""
    zone: ZoneInfo = field(default_factory=default_zone)
    school: School | None = None
    ignore: frozenset[str] = frozenset()


def read_settings(node: MapNode | None, names: Names) -> Settings:
    """Return what pack.yaml says."""
    problems = names.problems
    taken = take(node, "pack.yaml", problems) if node is not None else None
    if taken is None:
        return Settings(None)
    found = values.written(taken.get("id"), "a name", problems)
    pack_id = found.text if found is not None and values.is_name(found, problems) else ""
    title = values.text(taken.get("title"), problems)
    version = values.loose_text(taken.get("version"), problems)
    values.choice(taken.get("language"), ("1",), problems)
    calendar = _calendar(taken.get("calendar"), names)
    names.has_calendar = "calendar" in taken.values or taken.damaged
    names.has_school = "school" in taken.values or taken.damaged
    zone = _zone(taken.get("timezone"), names)
    school = _school(taken.get("school"), names)
    ignore = values.warnings(taken.get("ignore"), problems)
    return Settings(taken, pack_id, title or "", version or "", calendar or "", zone, school, ignore)


def _calendar(node: Node | None, names: Names) -> str | None:
    """Return the name of a calendar: one of ours, or one that the holidays package knows."""
    scalar = values.written(node, "a calendar such as england-and-wales", names.problems)
    if scalar is None or is_calendar(scalar.text):
        return scalar.text if scalar is not None else None
    near = names.problems.nearest(scalar.text, CALENDARS)
    meant = f"did you mean {near}? " if near else ""
    hint = f"{meant}Write {listed(CALENDARS)}, or the code of a country or of a part of it, such as IE or GB-NIR"
    message = f"{quoted(scalar.text)} is no calendar of working days"
    names.problems.report("RF020", scalar.place, message, hint, fix=scalar.replaced_by(near))
    return None


def _zone(node: Node | None, names: Names) -> ZoneInfo:
    scalar = values.written(node, "a timezone such as Europe/London", names.problems)
    if scalar is None:
        return default_zone()
    try:
        return ZoneInfo(scalar.text)
    except (KeyError, ValueError, OSError):
        near = names.problems.nearest(scalar.text, sorted(available_timezones()))
        hint = f"did you mean {near}?" if near else "write one such as Europe/London"
        message = f"{quoted(scalar.text)} is no timezone"
        names.problems.report("RF020", scalar.place, message, hint, fix=scalar.replaced_by(near))
        return default_zone()


# ---- school days -----------------------------------------------------------------------------------------------------


def _school(node: Node | None, names: Names) -> School | None:
    """Return the school days of the pack; None without any, and where something is wrong, which is reported."""
    taken = take(node, "school", names.problems) if node is not None else None
    if taken is None:
        return None
    starts = values.parsed(taken.get("day_starts"), _time_of_day, "a time of day", names.problems)
    nodes = values.items(taken.get("terms"), "a list of {from, to}", names.problems)
    if nodes is not None and not nodes:
        names.problems.report("RF020", taken.value_place("terms"), "an empty list", "name at least one term")
    terms = values.complete([_term(one, names) for one in nodes or ()])
    closed = values.complete([values.day(one, names.problems) for one in values.one_or_many(taken.get("closed"))])
    if starts is None or not terms or closed is None:
        return None
    found = sorted(terms, key=lambda term: term.first)
    for earlier, later in pairwise(found):
        if later.first <= earlier.last:
            message = f"the term from {later.first} begins before the one from {earlier.first} ends ({earlier.last})"
            names.problems.report("RF151", later.place, message, "let each term begin after the one before it")
    return School(starts, tuple((term.first, term.last) for term in found), frozenset(closed))


@dataclass(frozen=True, slots=True)
class _Term:
    first: date
    last: date
    place: Place


def _term(node: Node, names: Names) -> _Term | None:
    taken = take(node, "a term", names.problems)
    if taken is None:
        return None
    first, last = (values.day(taken.get(key), names.problems) for key in ("from", "to"))
    if first is None or last is None:
        return None
    if last < first:
        hint = "both days are in: `to` is the last"
        names.problems.report("RF151", taken.value_place("to"), f"a term from {first} to {last}, which is before", hint)
        return None
    return _Term(first, last, taken.place)


def _time_of_day(text: str) -> time:
    if not _TIME.fullmatch(text):
        msg = 'write a time of day, such as "09:00"'
        raise ValueError(msg)
    return time.fromisoformat(text)


_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)


def read_reported(settings: Settings, names: Names) -> Reported:
    """Return the actions that figures for leaders are about."""
    node = settings.taken.get("report") if settings.taken is not None else None
    taken = take(node, "report", names.problems) if node is not None else None
    if taken is None:
        return Reported()
    rule = names.rules.name(taken.values["repeat_missing"]) if "repeat_missing" in taken.values else None
    found = {key: names.actions.find(taken.get(key)) for key in taken.values if key != "repeat_missing"}
    actions = {key: action.key for key, action in found.items() if action is not None}
    return Reported(**actions, repeat_missing=rule or "")


def read_grades(settings: Settings, names: Names) -> tuple[GradeCase, ...]:
    """Return the grades of how a case was handled: the first that holds counts, the last holds always."""
    node = settings.taken.get("grades") if settings.taken is not None else None
    if node is None:
        return ()
    nodes = values.items(node, "a list of {is, when}", names.problems)
    found = values.complete([_grade(one, n == len(nodes or ()), names) for n, one in enumerate(nodes or (), start=1)])
    if nodes is not None and not nodes:
        names.problems.report("RF020", node.place, "an empty list", "name at least one grade")
    return found or ()


def _grade(node: Node, is_last: bool, names: Names) -> GradeCase | None:  # noqa: FBT001
    taken = take(node, "a grade", names.problems)
    if taken is None:
        return None
    grade = values.choice(taken.get("is"), Grade.__members__, names.problems)
    when = read_whole(taken.get("when"), Scope(no_suspects=_ONE_CASE, owner="grades"), names)
    check_when(taken, is_last=is_last, one="grade", many="grades", problems=names.problems)
    if grade is None or lost(taken, "when", when):
        return None
    return GradeCase(Grade[grade], when, taken.place)


def pack_time(key: str, settings: Settings, names: Names) -> str:
    """Return the name of the moment by which records are ordered, or by which rules are in force."""
    node = settings.taken.get(key) if settings.taken is not None else None
    scope = Scope(no_suspects=_ONE_RECORD, no_readings=_ONE_RECORD, owner=key)
    term = resolve(node, scope, names) if node is not None else None
    if term is None or node is None:
        return ""
    if term.kind != "moment":
        message = f"{key} is a moment, and {quoted(term.name)} is of kind {term.kind}"
        names.problems.report("RF140", node.place, message, _ONE_RECORD)
    elif term.traits.across:
        names.problems.report("RF130", node.place, f"{quoted(term.name)} looks at other records", _ONE_RECORD)
    elif term.traits.params and key == "effective_by":
        message = f"{quoted(term.name)} reads a parameter, whose value goes by {key} in turn"
        names.problems.report("RF120", node.place, message, _ONE_RECORD)
    return term.name
