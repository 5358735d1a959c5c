"""The grammar of a pack as tables: which keys stand where, what each takes, and which must be there.

`SHAPES` is the one table that the loader, the docs and the tests read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from riskflags.derive import FUNCTIONS
from riskflags.source.nodes import Broken, MapNode, Node, Scalar
from riskflags.source.problems import listed, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from riskflags.errors import Place
    from riskflags.source.problems import Problems


@dataclass(frozen=True, slots=True)
class Key:
    """What a key takes, in words, and the code of the problem where it is missing (empty: it may be)."""

    takes: str
    missing: str = ""


LOOK_UPS = ("how_many", "how_many_different", "earliest", "latest", "union")
_NEEDED = "RF013"
_TEXT = Key("text", _NEEDED)
_NAME = Key("a name", _NEEDED)
_SOURCES = Key("a list of {ref, at, says, checked}")
_CONDITION = Key("a condition")
_CONDITION_WITH_SEVERITY = Key("a condition, which may read severity")
_DUE = Key("{within: 24 hours, of: incident.reported_at}, or a list of these")

SHAPES: Mapping[str, Mapping[str, Key]] = {
    "pack.yaml": {
        "id": _NAME,
        "title": _TEXT,
        "version": Key("a version, such as 1.2", _NEEDED),
        "language": Key("1", _NEEDED),
        "calendar": Key("a calendar of working days, such as england-and-wales"),
        "school": Key("{day_starts, terms, closed}"),
        "ignore": Key("a list of codes of warnings, such as [RFW203]"),
        "grades": Key("a list of {is, when}: inadequate, requires_improvement, good"),
        "report": Key("{referral, strategy, suspect, repeat_missing}"),
        "duplicates": Key("a list of {of, by, from, to, counted}"),
        "timezone": Key("a timezone, such as Europe/London", _NEEDED),
        "event_time": Key("a derived moment", _NEEDED),
        "effective_by": Key("a derived moment", _NEEDED),
    },
    "school": {
        "day_starts": Key('a time of day in quotes, such as "09:00"', _NEEDED),
        "terms": Key("a list of {from: 2026-09-01, to: 2026-10-23}", _NEEDED),
        "closed": Key("a list of dates"),
    },
    "report": {
        "referral": Key("an action"),
        "strategy": Key("an action"),
        "suspect": Key("an action"),
        "repeat_missing": Key("a rule"),
    },
    "a grade": {"is": Key("good, requires_improvement or inadequate", _NEEDED), "when": _CONDITION},
    "duplicates": {
        "of": Key("a condition", _NEEDED),
        "by": Key("a list of names of fields", _NEEDED),
        "from": Key("a derived moment", _NEEDED),
        "to": Key("a derived moment", _NEEDED),
        "counted": Key("each or once", _NEEDED),
    },
    "a term": {"from": Key("a date", _NEEDED), "to": Key("a date", _NEEDED)},
    "vocabulary.yaml": {
        "lists": Key("{name: a list of codes}"),
        "params": Key("{name: a dated value}"),
        "derived": Key("{calc.name: a derived value}"),
        "conditions": Key("{name: a condition}"),
        "roles": Key("{name: {label}}"),
    },
    "actions.yaml": {"actions": Key("{name: an action}", _NEEDED)},
    "a source": {"title": _TEXT, "publisher": _TEXT, "published": Key("a date or a year", _NEEDED), "url": Key("text")},
    "a citation": {
        "ref": Key("a name of sources.yaml", _NEEDED),
        "at": Key("text"),
        "says": Key("text"),
        "checked": Key("a date"),
    },
    "a list": {"label": _TEXT, "values": Key("[code, ..., {list: other}]", _NEEDED), "source": _SOURCES},
    "a parameter": {
        "label": _TEXT,
        "unit": _TEXT,
        "values": Key("{YYYY-MM-DD: value}", _NEEDED),
        "source": _SOURCES,
        "default": Key("local"),
    },
    "an overlay": {
        "owner": _TEXT,
        "reason": _TEXT,
        "params": Key("{name: a value, or {value, from}}"),
        "lists": Key("{name: {add, remove}}"),
        "status": Key("{rule: draft, active or retired}"),
    },
    "a tuned parameter": {"value": Key("a number or a duration", _NEEDED), "from": Key("a date")},
    "a tuned list": {"add": Key("a list of codes"), "remove": Key("a list of codes")},
    "a role": {"label": _TEXT},
    "a derived value": {
        "label": _TEXT,
        **{name: Key(function.takes) for name, function in FUNCTIONS.items()},
        **{name: Key("a look-up") for name in LOOK_UPS},
    },
    "a look-up": {
        "in": Key("records, done, markers or suspects", _NEEDED),
        "of": Key("the name of a field"),
        "where": Key("a condition on the items that are looked at"),
        "by": Key("a list of names of fields"),
        "window": Key("{back: 90 days}, {back: 90 days, up_to: as_of} or all"),
        "others": Key("true"),
    },
    "a window": {
        "back": Key("a duration such as 90 days, or {param: name}"),
        "up_to": Key("as_of"),
        "last": Key("a whole number"),
        "of": Key("a condition on the records"),
    },
    "an age": {"of": Key("child or suspect", _NEEDED), "on": Key("the name of a date or a moment", _NEEDED)},
    "an age gap": {
        "older": Key("child or suspect", _NEEDED),
        "younger": Key("child or suspect", _NEEDED),
        "on": Key("the name of a date or a moment", _NEEDED),
    },
    "a named condition": {
        "is": Key("a condition", _NEEDED),
        "given": Key("a record"),
        "examples": Key("a list of examples"),
    },
    "an action": {
        "code": _TEXT,
        "label": _TEXT,
        "owner": Key("a role", "RF140"),
        "per": Key("incident, child or suspect"),
        "core": Key("true or false"),
        "when": _CONDITION,
        "due": Key(_DUE.takes, "RF140"),
        "satisfied_by": Key("{codes, outcomes}, {field} or {marker}, or a list of these", _NEEDED),
        "steps": Key("a list of codes"),
        "source": _SOURCES,
    },
    "a deadline": {
        "within": Key("a duration such as 24 hours, or {param: name}", _NEEDED),
        "of": Key("a moment", "RF140"),
        "when": _CONDITION_WITH_SEVERITY,
    },
    "what satisfies an action": {
        "codes": Key("a list of codes of actions"),
        "outcomes": Key("a list of outcomes"),
        "where": Key("a condition on the action on record"),
        "still_counts": Key("a duration such as 2 days, or {param: name}"),
        "field": Key("a moment of the record"),
        "marker": Key("a condition on the marker"),
    },
    "a rule": {
        "code": Key("family letters and a number, such as M03", _NEEDED),
        "id": _NAME,
        "title": _TEXT,
        "why": _TEXT,
        "version": Key("a whole number", _NEEDED),
        "status": Key("draft, active or retired", _NEEDED),
        "effective": Key("{from: 2014-01-01, to: ...}"),
        "source": _SOURCES,
        "for_each": Key("suspects"),
        "derived": Key("{calc.name: a derived value}"),
        "when": Key("a condition", _NEEDED),
        "unless": Key("a list of conditions"),
        "flag": Key("{severity, about, message}", _NEEDED),
        "requires": Key("a list of actions"),
        "known_limits": Key("text"),
        "review": Key("a date: by then someone reads the rule again"),
        "ignore": Key("a list of codes of warnings, such as [RFW203]"),
        "given": Key("a record"),
        "examples": Key("a list of examples"),
    },
    "effective": {"from": Key("a date", _NEEDED), "to": Key("a date")},
    "a flag": {
        "severity": Key("low, medium, high or critical, or a list of {is, when}", _NEEDED),
        "about": Key("child, suspect or incident", _NEEDED),
        "message": _TEXT,
    },
    "a severity": {"is": Key("a severity", _NEEDED), "when": _CONDITION},
    "a required action": {"do": Key("an action", _NEEDED), "when": _CONDITION_WITH_SEVERITY, "due": _DUE},
    "a flag that is read": {
        "rule": Key("a rule, or a list of rules"),
        "family": Key("[E, M]"),
        "severity": Key("{at_least: high}"),
    },
    "a gap that is read": {
        "action": Key("an action, or a list of actions"),
        "family": Key("[E, M]"),
        "state": Key("[overdue, done_late]"),
        "late_by": Key("{at_least: 3 days}, or {at_least: {param: name}}"),
    },
    "at_least_of": {"many": Key("a whole number", _NEEDED), "of": Key("a list of conditions", _NEEDED)},
    "at least": {"at_least": Key("a value", _NEEDED)},
    "an example": {
        "name": Key("text, or a number", _NEEDED),
        "as_of": Key("a time, such as 2026-03-31T10:00", _NEEDED),
        "but": Key("{field: value or absent}"),
        "history": Key("a list of {incident.id: I1, but: {...}}"),
        "expect": Key("fires, clears, or what is expected in full", _NEEDED),
    },
    "what is expected": {
        "fires": Key("{severity, because, suspect}"),
        "clears": Key("{suspect}"),
        "undecided": Key("a list of needs"),
        "gaps": Key("{action: state}"),
        "only": Key("true"),
    },
    "fires": {
        "severity": Key("a severity"),
        "because": Key("a list of incident ids"),
        "suspect": Key("a suspect's id"),
    },
    "clears": {"suspect": Key("a suspect's id")},
    "undecided": {"needs": Key("a list of needs"), "suspect": Key("a suspect's id")},
}
"""Part of a pack -> its keys, in the order in which the docs show them."""

CONDITION_KEYS = ("all", "any", "none", "at_least_of", "use", "flag", "gap")


@dataclass(frozen=True, slots=True)
class Taken:
    """The keys of a mapping that its shape knows. `damaged` where a problem was found in the keys themselves."""

    place: Place
    values: Mapping[str, Node]
    keys: Mapping[str, Scalar]
    damaged: bool

    def get(self, key: str) -> Node | None:
        """Return the value of a key, or None where it is not there."""
        return self.values.get(key)

    def place_of(self, key: str) -> Place:
        """Return where a key stands; the whole where it does not."""
        return self.keys[key].place if key in self.keys else self.place

    def value_place(self, key: str) -> Place:
        """Return where the value of a key stands; the whole where it does not."""
        return self.values[key].place if key in self.values else self.place


def lost(taken: Taken, key: str, read: object) -> bool:
    """Return whether something stands under a key and could not be read."""
    return key in taken.values and read is None


def check_when(taken: Taken, *, is_last: bool, one: str, many: str, problems: Problems) -> None:
    """Report a case of several that has a `when` although it is the last, or none although it is not."""
    if ("when" in taken.values) == is_last and not taken.damaged:
        message = f"the last {one} has a `when`" if is_last else f"the {many} after this one never count"
        hint = "the first that holds counts: every one but the last has a `when`"
        problems.report("RF020", taken.place_of("when") if is_last else taken.place, message, hint)


def take(node: Node, shape: str, problems: Problems, *, place: Place | None = None) -> Taken | None:
    """Return the keys that a part of a pack has; None where it has no keys at all, which is reported.

    `place` is where a missing key is reported, where that is not the place of the node.
    """
    if isinstance(node, MapNode):
        return keys_of(node, shape, problems, place=place)
    refuse_shape(node, f"{shape} has keys: {listed(SHAPES[shape])}", problems)
    return None


def keys_of(node: MapNode, shape: str, problems: Problems, *, place: Place | None = None) -> Taken:
    """Return the keys that a part of a pack has, having reported those that are unknown or missing.

    An unknown key that is near a known one is read as that one: one typo, one problem.
    """
    known = SHAPES[shape]
    values: dict[str, Node] = {}
    keys: dict[str, Scalar] = {}
    unknown: list[tuple[Scalar, Node]] = []
    for key, value in node.pairs:
        if key.text in known:
            values[key.text], keys[key.text] = value, key
        else:
            unknown.append((key, value))
    for key, value in unknown:
        missing = tuple(name for name, expected in known.items() if expected.missing and name not in values)
        near = unknown_key(key, known, problems, likely=missing)
        if near and near not in values:
            values[near], keys[near] = value, key
    damaged = node.damaged or bool(unknown)
    if not damaged:
        for name, expected in known.items():
            if expected.missing and name not in values:
                hint = f"write {name}: {expected.takes}"
                problems.report(expected.missing, place or node.place, f"{shape} without {quoted(name)}", hint)
    return Taken(place or node.place, values, keys, damaged)


def unknown_key(key: Scalar, known: Iterable[str], problems: Problems, *, likely: tuple[str, ...] = ()) -> str:
    """Report an unknown key; return the key that it was meant to be, or nothing. Keys that are missing are likely."""
    names = tuple(known)
    near = problems.nearest(key.text, likely) or problems.nearest(key.text, names)
    meant = f"did you mean {near}? " if near else ""
    hint = f"{meant}The keys here are {listed(names)}"
    problems.report("RF010", key.place, f"unknown key {quoted(key.text)}", hint, fix=key.replaced_by(near))
    return near


def refuse_shape(node: Node, expected: str, problems: Problems) -> None:
    """Report a node that is not of the form that is asked for, unless it was reported before."""
    match node:
        case Broken():
            return
        case Scalar() if node.is_empty:
            message = "nothing is written here"
        case Scalar():
            message = f"{quoted(node.text)} does not fit here"
        case MapNode():
            if node.damaged and not node.pairs:
                return
            message = "keys with values do not fit here"
        case _:
            message = "a list does not fit here"
    problems.report("RF020", node.place, message, expected)
