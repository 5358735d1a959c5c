"""Conditions in JSON Schema: which names stand where, and which operators and values fit each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from riskflags.authoring.schema.values import (
    WHOLE,
    YES_NO,
    Schema,
    any_of,
    keys,
    listed,
    one_of,
    reference,
    value,
)
from riskflags.condition import OPERATORS
from riskflags.fields import group_paths
from riskflags.incident import GROUPS, LISTS
from riskflags.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from riskflags.condition import Operator
    from riskflags.kinds import KindName
    from riskflags.pack import Pack

OWN = r"^calc\.[a-z][a-z0-9_]{0,79}$"
"""A derived value: that a rule defines its own, no schema knows."""
_OF_THIS = r"^this\..+"
_GROUPS = ("all", "any", "none", "at_least_of")
EVERY: tuple[KindName, ...] = ("text", "code", "number", "yes_no", "date", "moment", "codes")
_COMPARABLE: Mapping[KindName, tuple[KindName, ...]] = {
    "text": ("text", "code"),
    "code": ("text", "code"),
    "codes": ("text", "code"),
    "number": ("number",),
    "yes_no": ("yes_no",),
    "date": ("date",),
    "moment": ("moment",),
}
"""Kind on the left of an operator that takes one value -> kinds of the names that may stand on its right."""
_TOGETHER: tuple[tuple[KindName, ...], ...] = (
    EVERY,
    ("codes",),
    ("date", "moment"),
    ("text", "code", "codes"),
    *dict.fromkeys(_COMPARABLE.values()),
)
"""The kinds of names that stand together in some place."""


@dataclass(frozen=True, slots=True)
class Readable:
    """A name that a condition can read: its kind, its closed codes if any, and what it is about."""

    kind: KindName
    codes: tuple[str, ...] | None = None
    says: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A place where a condition stands, and what can be read there.

    `names` are read as they are; `groups` can be asked whether they are recorded. `looks_up` is true in a look-up,
    where `this.` reads the current record. Flags and gaps can be read unless `of_items`: of an item there are none.
    """

    title: str
    names: Mapping[str, Readable]
    groups: Iterable[str] = ()
    looks_up: bool = False
    severity: bool = False
    of_items: bool = False

    @property
    def ref(self) -> Schema:
        """The reference to its definition."""
        return reference(self.title)

    def name(self, *kinds: KindName) -> Schema:
        """Return the reference to the names of some kinds that can be read here; without kinds, of any."""
        return reference(self._names_of(kinds or EVERY))

    def definitions(self, pack: Pack) -> dict[str, Schema]:
        """Return the definition of its conditions, and what they refer to."""
        found = {self.title: _condition(self, pack)}
        found |= {self._names_of(kinds): self._names(kinds) for kinds in _TOGETHER}
        found |= {self._compared(kind): _compared(Readable(kind), self, pack) for kind in EVERY}
        return found

    def compared(self, kind: KindName) -> Schema:
        """Return the reference to what may stand under a name of a kind without closed codes."""
        return reference(self._compared(kind))

    def _compared(self, kind: KindName) -> str:
        return f"{self.title}: {kind}"

    def _names_of(self, kinds: tuple[KindName, ...]) -> str:
        return f"{self.title}: name of {'any kind' if kinds == EVERY else ' or '.join(kinds)}"

    def _names(self, kinds: tuple[KindName, ...]) -> Schema:
        found = [name for name, one in self.names.items() if one.kind in kinds]
        own = {"type": "string", "pattern": rf"{OWN}|^param\..+" + (f"|{_OF_THIS}" if self.looks_up else "")}
        return any_of(one_of(found), own) if found else own


def places(pack: Pack) -> dict[str, Place]:
    """Return the places where conditions stand: those of a rule, and those on what a look-up looks at."""
    as_of = {"as_of": Readable("moment", says="The time as of which the record is looked at")}
    record = _of_record(pack) | as_of
    groups = tuple(group_paths(pack.record))
    found = [
        Place("condition", record, groups),
        Place("condition with severity", record, groups, severity=True),
        Place("condition on records", record, groups, looks_up=True),
    ]
    for attribute in sorted(LISTS):
        names = _of_fields(pack, (GROUPS[attribute],)) | as_of
        found.append(Place(f"condition on {attribute}", names, looks_up=True, of_items=True))
    return {place.title: place for place in found}


def _of_record(pack: Pack) -> dict[str, Readable]:
    items = {GROUPS[attribute] for attribute in LISTS} - {"suspect"}
    groups = {path.partition(".")[0] for path in pack.fields} - items
    names = _of_fields(pack, groups)
    for name, derived in pack.derived.items():
        if name.startswith("calc."):
            names[name] = Readable(derived.kind, says=derived.label)
    return names


def _of_fields(pack: Pack, groups: Iterable[str]) -> dict[str, Readable]:
    return {
        path: Readable(info.kind, info.codes, info.description)
        for path, info in pack.fields.items()
        if path.partition(".")[0] in groups
    }


def _condition(place: Place, pack: Pack) -> Schema:
    """Return the schema of a condition in a place."""
    properties: dict[str, Schema] = {
        "all": listed(place.ref),
        "any": listed(place.ref),
        "none": listed(place.ref),
        "at_least_of": keys({"many": WHOLE, "of": listed(place.ref)}, needed=("many", "of")),
        "use": one_of(pack.conditions),
    }
    if not place.of_items:
        properties["flag"] = any_of(rule_ids(pack), reference("a flag that is read"))
        properties["gap"] = reference("a gap that is read")
    if place.severity:
        properties["severity"] = _of_severity()
    for group in place.groups:
        properties[group] = keys({"recorded": YES_NO}, needed=("recorded",))
    for name, readable in place.names.items():
        compared = place.compared(readable.kind) if readable.codes is None else _compared(readable, place, pack)
        properties[name] = {"description": readable.says, "allOf": [compared]} if readable.says else compared
    free = "|".join([OWN, r"^param\..+", *([_OF_THIS] if place.looks_up else [])])
    return keys(
        properties,
        patternProperties={free: any_of({"type": ["string", "number", "boolean"]}, keys(_any_operator(place, pack)))},
        minProperties=1,
        anyOf=[{"maxProperties": 1}, {"propertyNames": {"enum": list(_GROUPS)}}],
    )


def rule_ids(pack: Pack) -> Schema:
    """Return the schema of the id of a rule."""
    return one_of(sorted({rule.id for rule in pack.rules}))


def _of_severity() -> Schema:
    """Return the schema of what stands under `severity`, which compares like a number."""
    one = one_of(Severity.__members__)
    side = any_of(one, keys({"field": {"const": "severity"}}, needed=("field",)))
    takes = {"one": side, "two": listed(side, least=2, most=2)}
    operators = {o.name: takes[o.takes] for o in OPERATORS.values() if "number" in o.kinds and o.takes in takes}
    return any_of(one, keys(operators, minProperties=1))


def _compared(readable: Readable, place: Place, pack: Pack) -> Schema:
    """Return the schema of what stands under a name: a value, or operators that fit its kind."""
    one = value(readable.kind, readable.codes)
    fitting = [operator for operator in OPERATORS.values() if readable.kind in operator.kinds]
    operators = {operator.name: _operand(operator, readable.kind, one, place, pack) for operator in fitting}
    written = keys(operators, minProperties=1)
    return any_of(one, written) if "is" in operators else written


def _operand(operator: Operator, kind: KindName, one: Schema, place: Place, pack: Pack) -> Schema:
    match operator.takes:
        case "yes_no":
            return YES_NO
        case "one":
            return any_of(one, *_references(kind, place, pack))
        case "two":
            return listed(any_of(one, *_references(kind, place, pack)), least=2, most=2)
        case "many":
            of_list = keys({"list": one_of(pack.lists)}, needed=("list",))
            other = keys({"field": place.name("codes")}, needed=("field",))
            return any_of(listed(any_of(one, of_list)), of_list, other)
        case _:
            assert_never(operator.takes)


def _references(kind: KindName, place: Place, pack: Pack) -> list[Schema]:
    found = [keys({"field": place.name(*_COMPARABLE[kind])}, needed=("field",))]
    if kind == "number":
        numbers = [name for name, param in pack.params.items() if param.unit != "duration"]
        found.append(keys({"param": one_of(numbers)}, needed=("param",)))
    return found


def _any_operator(place: Place, pack: Pack) -> dict[str, Schema]:
    """Return every operator with what it takes of any kind: for names whose kind no schema knows."""
    one: Schema = {"type": ["string", "number", "boolean"]}
    other = keys({"field": place.name(), "param": one_of(pack.params)}, minProperties=1, maxProperties=1)
    of_list = keys({"list": one_of(pack.lists)}, needed=("list",))
    taken: dict[str, Schema] = {
        "yes_no": YES_NO,
        "one": any_of(one, other),
        "two": listed(any_of(one, other), least=2, most=2),
        "many": any_of(listed(any_of(one, of_list)), of_list, other),
    }
    return {operator.name: taken[operator.takes] for operator in OPERATORS.values()}
