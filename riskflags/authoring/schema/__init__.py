"""JSON Schemas of the files of a pack, for the completion and the checks of an editor.

Built from the tables that the loader reads, with the pack's own names. A schema sees one file and no meaning: what it
lets through, `riskflags check` still looks at.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from riskflags.authoring.schema.conditions import OWN, places, rule_ids
from riskflags.authoring.schema.records import record
from riskflags.authoring.schema.values import (
    DATE,
    LOOSE_TEXT,
    NAME,
    NUMBER,
    TEXT,
    TIME,
    UNITS,
    WHOLE,
    YES_NO,
    Schema,
    any_of,
    duration,
    keys,
    listed,
    named,
    one_of,
    one_or_many,
    reference,
)
from riskflags.calendar import CALENDARS, LATE_UNITS
from riskflags.derive import FUNCTIONS
from riskflags.model import Grade, Severity, State
from riskflags.source import PROBLEMS, SHAPES
from riskflags.source.lookups import WINDOW_UNITS
from riskflags.source.readings import READ_STATES
from riskflags.source.shape import LOOK_UPS
from riskflags.source.values import CALENDAR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from riskflags.pack import Pack

FILES = {
    "rule": "a rule",
    "pack": "pack.yaml",
    "vocabulary": "vocabulary.yaml",
    "actions": "actions.yaml",
    "sources": "sources.yaml",
    "overlay": "an overlay",
}
"""Name of a schema -> the part of the grammar that its files are."""
DRAFT = "http://json-schema.org/draft-07/schema#"
_REFERENCE = re.compile(r'"#/definitions/([^"]+)"')


def schemas(pack: Pack) -> dict[str, Schema]:
    """Return the schema of each sort of file: of a rule, of the four files beside the rules, and of an overlay.

    Draft 7 of JSON Schema, which the YAML extensions of editors read.
    """
    definitions = _Definitions(pack).all
    return {name: _schema(name, definitions) for name in FILES}


def _schema(name: str, definitions: Mapping[str, Schema]) -> Schema:
    top = definitions[FILES[name]]
    needed = sorted(_reached(top, definitions))
    found = {"$schema": DRAFT, "title": f"riskflags: {FILES[name]}", **top}
    return found | {"definitions": {one: definitions[one] for one in needed}}


def _reached(schema: Schema, definitions: Mapping[str, Schema]) -> set[str]:
    """Return the definitions that a schema refers to, and those that they refer to in turn."""
    found: set[str] = set()
    waiting = _references(schema)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(definitions[name])
    return found


def _references(schema: Schema) -> list[str]:
    return _REFERENCE.findall(json.dumps(schema))


class _Definitions:
    """The definitions of all parts of a pack: one for each row of SHAPES, and one for each place of a condition."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._places = places(pack)
        taken = self._scalars() | self._references() | self._texts_of_parts() | self._functions() | self._expected()
        self._taken = taken
        self.all = {shape: self._shape(shape) for shape in SHAPES}
        for place in self._places.values():
            self.all |= place.definitions(pack)
        self.all["a record"] = record(pack)
        self.all["an earlier record"] = record(pack, but=reference("a record"))
        self.all["a look-up"] = any_of(*self._look_ups())
        self.all["sources.yaml"] = named(reference("a source"))
        self._constrain()

    def _shape(self, shape: str) -> Schema:
        shaped = SHAPES[shape]
        properties = {key: {"description": one.takes, **self._taken[one.takes]} for key, one in shaped.items()}
        return keys(properties, needed=[key for key, one in shaped.items() if one.missing])

    def _constrain(self) -> None:
        """Say which keys of a part exclude each other."""
        self.all["a window"] |= _exactly_one("back", "last") | {"dependencies": {"last": ["of"], "of": ["last"]}}
        self.all["a flag that is read"] |= _exactly_one("rule", "family")
        self.all["a gap that is read"] |= _exactly_one("action", "family")
        self.all["what is expected"] |= _exactly_one("fires", "clears", "undecided")
        self.all["a derived value"] |= _exactly_one(*FUNCTIONS, *LOOK_UPS)
        self.all["what satisfies an action"] |= _exactly_one("codes", "field", "marker")
        with_codes = {key: ["codes"] for key in ("outcomes", "where", "still_counts")}
        self.all["what satisfies an action"]["dependencies"] = {"codes": ["outcomes"], **with_codes}

    def _look_ups(self) -> Iterator[Schema]:
        """Yield the schema of a look-up over each list: only one over records has by, window and others."""
        for over in ("records", "done", "markers", "suspects"):
            place = self._places[f"condition on {over}"]
            properties: dict[str, Schema] = {"in": {"const": over}, "of": place.name(), "where": place.ref}
            if over != "records":
                yield keys(properties, needed=("in",))
                continue
            properties["by"] = listed(place.name())
            properties["window"] = any_of({"const": "all"}, reference("a window"))
            properties["others"] = YES_NO
            yield keys(properties, needed=("in", "by", "window"))

    # ---- what a key takes, by the words of SHAPES --------------------------------------------------------------------

    def _scalars(self) -> dict[str, Schema]:
        warnings = [code.code for code in PROBLEMS.values() if code.is_warning]
        severity = one_of(Severity.__members__)
        return {
            "text": TEXT,
            "a name": NAME,
            "1": {"enum": [1, "1"]},
            "text, or a number": LOOSE_TEXT,
            "a version, such as 1.2": LOOSE_TEXT,
            "a date or a year": LOOSE_TEXT,
            "a timezone, such as Europe/London": TEXT,
            "a calendar of working days, such as england-and-wales": TEXT | {"examples": list(CALENDARS)},
            'a time of day in quotes, such as "09:00"': {"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d$"},
            "a date": DATE,
            "a date: by then someone reads the rule again": DATE,
            "a list of dates": one_or_many(DATE),
            "a time, such as 2026-03-31T10:00": TIME,
            "a whole number": WHOLE,
            "true": YES_NO,
            "true or false": YES_NO,
            "local": {"const": "local"},
            "as_of": {"const": "as_of"},
            "suspects": {"const": "suspects"},
            "child or suspect": one_of(("child", "suspect")),
            "child, suspect or incident": one_of(("child", "suspect", "incident")),
            "incident, child or suspect": one_of(("incident", "child", "suspect")),
            "draft, active or retired": one_of(("draft", "active", "retired")),
            "records, done, markers or suspects": one_of(("records", "done", "markers", "suspects")),
            "family letters and a number, such as M03": {"type": "string", "pattern": r"^[A-Z]{1,4}\d{1,4}$"},
            "a list of codes": listed(TEXT, least=0),
            "a list of codes of warnings, such as [RFW203]": one_or_many(one_of(warnings)),
            "good, requires_improvement or inadequate": one_of(Grade.__members__),
            "a severity": severity,
            "low, medium, high or critical, or a list of {is, when}": any_of(severity, listed(reference("a severity"))),
            "{at_least: high}": keys({"at_least": severity}, needed=("at_least",)),
        }

    def _references(self) -> dict[str, Schema]:
        """Return the words for names of the pack, of its fields and of its durations."""
        pack, of_record = self._pack, self._places["condition"]
        fields = [path for path, info in pack.fields.items() if info.kind == "moment" and not _is_item(path)]
        moment = of_record.name("moment")
        families = sorted({rule.code.rstrip("0123456789") for rule in pack.rules})
        late_by = self._span(LATE_UNITS, example="3 days")
        return {
            "a name of sources.yaml": one_of(pack.sources),
            "a role": one_of(pack.roles),
            "an action": one_of(pack.actions),
            "an action, or a list of actions": one_or_many(one_of(pack.actions)),
            "a rule": rule_ids(pack),
            "a rule, or a list of rules": one_or_many(rule_ids(pack)),
            "[E, M]": one_or_many(one_of(families)),
            "[overdue, done_late]": one_or_many(one_of(READ_STATES)),
            "a derived moment": moment,
            "a moment": any_of(moment, keys({"first_recorded": listed(moment)}, needed=("first_recorded",))),
            "a moment of the record": one_of(fields),
            "the name of a date or a moment": of_record.name("date", "moment"),
            "the name of a field": of_record.name(),
            "a list of names of fields": listed(of_record.name()),
            "a list of codes of actions": self._codes("action.code"),
            "a list of outcomes": self._codes("action.outcome"),
            "a duration such as 24 hours, or {param: name}": self._span(UNITS, example="24 hours"),
            "a duration such as 90 days, or {param: name}": self._span(WINDOW_UNITS, example="90 days"),
            "a duration such as 2 days, or {param: name}": self._span(CALENDAR, example="2 days"),
            "{at_least: 3 days}, or {at_least: {param: name}}": keys({"at_least": late_by}, needed=("at_least",)),
            "a value": any_of(one_of(Severity.__members__), late_by),
        }

    def _span(self, units: Iterable[str], *, example: str) -> Schema:
        spans = [name for name, param in self._pack.params.items() if param.unit == "duration"]
        return any_of(duration(units, example=example), keys({"param": one_of(spans)}, needed=("param",)))

    def _codes(self, path: str) -> Schema:
        of_list = keys({"list": one_of(self._pack.lists)}, needed=("list",))
        return one_or_many(any_of(one_of(self._pack.fields[path].codes or ()), of_list))

    def _texts_of_parts(self) -> dict[str, Schema]:
        """Return the words for parts that have a shape of their own, and for lists and mappings of them."""
        own = reference("a derived value")
        condition, due = reference("condition"), reference("a deadline")
        way = reference("what satisfies an action")
        span = duration(UNITS, example="24 hours")
        return {
            "a condition": condition,
            "a condition, which may read severity": reference("condition with severity"),
            "a condition on the items that are looked at": condition,
            "a condition on the records": reference("condition on records"),
            "a condition on the action on record": reference("condition on done"),
            "a condition on the marker": reference("condition on markers"),
            "a list of conditions": listed(condition),
            "a look-up": reference("a look-up"),
            "{back: 90 days}, {back: 90 days, up_to: as_of} or all": any_of({"const": "all"}, reference("a window")),
            "a list of {ref, at, says, checked}": listed(reference("a citation")),
            "[code, ..., {list: other}]": listed(any_of(TEXT, keys({"list": TEXT}, needed=("list",)))),
            "{YYYY-MM-DD: value}": named(any_of(NUMBER, span), DATE["pattern"]) | {"minProperties": 1},
            "{day_starts, terms, closed}": reference("school"),
            "{referral, strategy, suspect, repeat_missing}": reference("report"),
            "a list of {of, by, from, to, counted}": listed(reference("duplicates")),
            "each or once": {"enum": ["each", "once"]},
            "a list of {is, when}: inadequate, requires_improvement, good": listed(reference("a grade")),
            "a list of {from: 2026-09-01, to: 2026-10-23}": listed(reference("a term")),
            "{from: 2014-01-01, to: ...}": reference("effective"),
            "{name: a list of codes}": named(reference("a list")),
            "{name: a dated value}": named(reference("a parameter")),
            "{calc.name: a derived value}": named(own, OWN),
            "{name: a condition}": named(any_of(condition, reference("a named condition"))),
            "{name: {label}}": named(reference("a role")),
            "{name: a value, or {value, from}}": named(any_of(NUMBER, span, reference("a tuned parameter"))),
            "{name: {add, remove}}": named(reference("a tuned list")),
            "{rule: draft, active or retired}": named({"enum": ["draft", "active", "retired"]}),
            "a number or a duration": any_of(NUMBER, span),
            "{name: an action}": named(reference("an action")),
            "{within: 24 hours, of: incident.reported_at}, or a list of these": one_or_many(due),
            "{codes, outcomes}, {field} or {marker}, or a list of these": one_or_many(way),
            "{severity, about, message}": reference("a flag"),
            "a list of actions": listed(any_of(one_of(self._pack.actions), reference("a required action")), least=0),
            "a record": reference("a record"),
            "{field: value or absent}": reference("a record"),
            "a list of {incident.id: I1, but: {...}}": listed(reference("an earlier record")),
            "a list of examples": listed(reference("an example")),
        }

    def _functions(self) -> dict[str, Schema]:
        """Return what the derived functions take."""
        place = self._places["condition"]
        of_list = keys({"list": one_of(self._pack.lists)}, needed=("list",))
        codes = place.name("codes")
        within = any_of(of_list, TEXT, listed(any_of(TEXT, of_list)))
        pair = {"type": "array", "minItems": 2, "maxItems": 2}
        return {
            "two days": pair | {"items": place.name("date", "moment")},
            "two moments": pair | {"items": place.name("moment")},
            "two numbers": pair | {"items": place.name("number")},
            "any": listed(place.name()),
            "texts": listed(place.name("text", "code", "codes")),
            "a list": any_of(codes, {"type": "array", "minItems": 1, "maxItems": 2, "items": any_of(codes, within)}),
            "a person": reference("an age"),
            "two people": reference("an age gap"),
        }

    def _expected(self) -> dict[str, Schema]:
        """Return the words for what an example expects."""
        nothing: Schema = {"enum": [None, True]}
        verdict = one_of(("fires", "clears", "undecided"))
        in_full = reference("what is expected")
        of_records = {"type": "object", "properties": {"only": YES_NO}}
        of_records |= {"additionalProperties": any_of(verdict, in_full)}
        state = one_of(map(str, State))
        return {
            "fires, clears, or what is expected in full": any_of(verdict, in_full, of_records),
            "{severity, because, suspect}": any_of(reference("fires"), nothing),
            "{suspect}": any_of(reference("clears"), nothing),
            "a list of needs": any_of(listed(TEXT, least=0), reference("undecided"), nothing),
            "a list of incident ids": listed(TEXT, least=0),
            "a suspect's id": TEXT,
            "{action: state}": keys(dict.fromkeys(self._pack.actions, state)),
        }


def _exactly_one(*names: str) -> Schema:
    return {"oneOf": [{"required": [name]} for name in names]}


def _is_item(path: str) -> bool:
    """Return whether a field belongs to an action or a marker, which only a look-up can read."""
    return path.startswith(("action.", "marker."))
