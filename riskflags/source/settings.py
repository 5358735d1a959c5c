"""pack.yaml: what a pack is called, its language, its calendar and timezone, and the times that it goes by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

from riskflags.calendar import CALENDARS
from riskflags.kinds import default_zone
from riskflags.source import values
from riskflags.source.problems import quoted
from riskflags.source.scope import Scope, resolve
from riskflags.source.shape import take

if TYPE_CHECKING:
    from riskflags.source.names import Names
    from riskflags.source.nodes import MapNode, Node
    from riskflags.source.shape import Taken

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
    calendar = values.choice(taken.get("calendar"), CALENDARS, problems)
    names.has_calendar = "calendar" in taken.values or taken.damaged
    zone = _zone(taken.get("timezone"), names)
    return Settings(taken, pack_id, title or "", version or "", calendar or "", zone)


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
