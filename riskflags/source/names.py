"""Everything that a rule can name, as one table for each sort of name.

A name whose own definition is wrong is known as broken: what uses it is not reported again. Where a file could not be
read, the names that it may define are not reported as unknown.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, TypeVar, assert_never

from riskflags.calendar import ParamDuration
from riskflags.condition import Comparison, Condition, Group, Named, Reference
from riskflags.fields import FieldInfo, catalogue, group_paths
from riskflags.incident import GROUPS, LISTS
from riskflags.kinds import KindName, default_zone
from riskflags.pack import GapReading
from riskflags.source.overlay import Tuning
from riskflags.source.problems import listed, quoted
from riskflags.source.values import written

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from zoneinfo import ZoneInfo

    from riskflags.errors import Place
    from riskflags.incident import Incident
    from riskflags.pack import Action, CodeList, Derived, NamedCondition, Param, Reading, Source
    from riskflags.source.nodes import Node, Scalar
    from riskflags.source.problems import Problems

T = TypeVar("T")
HIGHEST = 60
"""Levels of names that rest on names, and of groups in groups, that a condition may have."""
LARGEST = 20_000
"""Comparisons that a condition may have once its named conditions are written out."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What reading a name or a condition brings with it.

    `suspect`: it differs from suspect to suspect; `across`: it looks at other records; `reads`: it reads flags or gaps;
    `record`: it is the same for every suspect of the record. `params` are the parameters behind it. `height` and `size`
    are how deep and how large it is, written out.
    """

    suspect: bool = False
    across: bool = False
    reads: bool = False
    record: bool = False
    params: frozenset[str] = frozenset()
    height: int = 0
    size: int = 0


NOTHING = Traits()


def together(parts: Iterable[Traits]) -> Traits:
    """Return the traits of what has all these parts, one level higher."""
    suspect = across = reads = record = False
    params: frozenset[str] = frozenset()
    height = size = 0
    for part in parts:
        suspect |= part.suspect
        across |= part.across
        reads |= part.reads
        record |= part.record
        params |= part.params
        height = max(height, part.height)
        size += part.size
    return Traits(suspect, across, reads, record, params, height + 1, size)


TermKind = KindName | Literal["duration", "group", "severity"]


@dataclass(frozen=True, slots=True)
class Term:
    """A name that a condition can read: what it is called inside, its kind, its closed code list, its unit of time.

    `item` is action or marker for a name that only a look-up can read.
    """

    name: str
    kind: TermKind
    codes: frozenset[str] | None = None
    unit: str = ""
    personal: bool = False
    item: str = ""
    traits: Traits = NOTHING


AS_OF = Term("as_of", "moment")
SEVERITY = Term("severity", "severity")


class Table(Generic[T]):
    """The names of one sort, with what each stands for once it is read."""

    def __init__(self, what: str, where: str, problems: Problems) -> None:
        self.what = what
        self.where = where
        self.known: dict[str, T] = {}
        self.places: dict[str, Place] = {}
        self.used: set[str] = set()
        self.aliases: dict[str, str] = {}
        self.misnamed: set[str] = set()
        self.complete = True
        self._problems = problems
        self._listing = ""
        self._nearest: dict[str, str] = {}

    def declare(self, name: str, place: Place) -> bool:
        """Take note that a name is given; False where it was given before, which is reported."""
        if name in self.places:
            message = f"the {self.what} {quoted(name)} is there twice: first at {self.places[name]}"
            self._problems.report("RF102", place, message, "give one of the two another name")
            return False
        self.places[name] = place
        return True

    def is_declared(self, name: str) -> bool:
        """Return whether a name is given, rightly or wrongly."""
        return name in self.places

    def find(self, node: Node | None) -> T | None:
        """Return what a name stands for; None where it is unknown, which is reported, or broken, which was."""
        scalar = written(node, f"the name of a {self.what}", self._problems)
        if scalar is None:
            return None
        self.used.add(scalar.text)
        if scalar.text not in self.places and self.complete:
            self.refuse(scalar)
        return self.known.get(scalar.text)

    def name(self, node: Node | None) -> str | None:
        """Return a name that is known or broken; None where it is unknown, which is reported."""
        scalar = written(node, f"the name of a {self.what}", self._problems)
        if scalar is None:
            return None
        self.find(scalar)
        return scalar.text if scalar.text in self.places or not self.complete else None

    def refuse(self, node: Scalar, *, code: str = "RF101") -> None:
        """Report an unknown name, with the nearest."""
        if node.text not in self._nearest:
            self._nearest[node.text] = self.aliases.get(node.text) or self._problems.nearest(node.text, self.places)
        near = self._nearest[node.text]
        if near in self.misnamed:
            return
        meant = f"did you mean {near}? " if near else ""
        self._listing = self._listing or listed(sorted(self.places), most=20) or "none yet"
        hint = f"{meant}They stand in {self.where}: {self._listing}"
        message = f"unknown {self.what} {quoted(node.text)}"
        self._problems.report_unknown(code, node.place, message, hint, fix=node.replaced_by(near))


class Names:
    """All that the rules of a pack can name, and the problems found so far."""

    def __init__(self, record: type[Incident], problems: Problems) -> None:
        self.problems = problems
        self.record = record
        self.fields: Mapping[str, FieldInfo] = catalogue(record)
        self.groups = group_paths(record)
        self.zone: ZoneInfo = default_zone()
        self.has_calendar = True
        self.has_school = True
        self.lists: Table[CodeList] = Table("list", "vocabulary.yaml under lists", problems)
        self.params: Table[Param] = Table("parameter", "vocabulary.yaml under params", problems)
        self.roles = Table[str]("role", "vocabulary.yaml under roles", problems)
        self.derived = Table[Term]("derived value", "vocabulary.yaml under derived", problems)
        self.conditions: Table[NamedCondition] = Table("condition", "vocabulary.yaml under conditions", problems)
        self.actions: Table[Action] = Table("action", "actions.yaml", problems)
        self.sources: Table[Source] = Table("source", "sources.yaml", problems)
        self.rules = Table[str]("rule", "the folders of the pack, one file each", problems)
        self.rules_there_twice: set[str] = set()
        self.families: dict[str, set[str]] = {}
        self.has_every_family = True
        self.readings: dict[str, Reading] = {}
        self.families_read: dict[str, frozenset[str]] = {}
        self.made: dict[str, Derived] = {}
        self.tuning: Tuning = Tuning()
        self.action_params: dict[str, frozenset[str]] = {}
        self.condition_traits: dict[str, Traits] = {}
        self.code_places: dict[str, dict[str, Place]] = {}
        self._without_suspect: set[str] = set()
        self._terms: dict[str, Term] = {path: _field_term(info) for path, info in self.fields.items()}
        self._terms.update({group: Term(group, "group", traits=_RECORD) for group in self.groups})
        self._terms["as_of"] = AS_OF
        self._terms["severity"] = SEVERITY

    def refuse_suspect(self, node: Scalar, owner: str, hint: str) -> None:
        """Report that no suspect is chosen: once for a rule or an action, since one key mends them all."""
        if owner not in self._without_suspect:
            self._without_suspect.add(owner)
            message = f"{quoted(node.text)} belongs to a suspect, and none is chosen here"
            self.problems.report("RF110", node.place, message, hint)

    def learn(self, term: Term) -> None:
        """Take in what a derived value comes to."""
        self._terms[term.name] = term

    def term(self, name: str) -> Term | None:
        """Return what is known of a name that conditions read, by its name inside the pack."""
        if name.startswith("param."):
            return self.param_term(name.removeprefix("param."))
        return self._terms.get(name)

    def param_term(self, name: str) -> Term | None:
        """Return what is known of a parameter."""
        param = self.params.known.get(name)
        if param is None:
            return None
        traits = dataclasses.replace(NOTHING, params=frozenset({name}))
        kind: TermKind = "duration" if param.unit == "duration" else "number"
        return Term(f"param.{name}", kind, unit=unit_of_time(param.unit), traits=traits)

    def traits(self, condition: Condition) -> Traits:
        """Return what a condition brings with it. Names of the current record in a look-up count as they are."""
        match condition:
            case Comparison():
                names = [condition.name, *(o.name for o in condition.operands if isinstance(o, Reference))]
                found = together(self._traits_of(name) for name in names)
                return dataclasses.replace(found, size=1)
            case Named():
                return together([self.condition_traits.get(condition.name, NOTHING)])
            case Group():
                return together(self.traits(child) for child in condition.conditions)
            case _:
                assert_never(condition)

    def _traits_of(self, name: str) -> Traits:
        if name.startswith(("flag:", "gap:")):
            return self._reading_traits(name)
        term = self.term(name.removeprefix("this."))
        return term.traits if term is not None else NOTHING

    def _reading_traits(self, name: str) -> Traits:
        reading = self.readings.get(name)
        if isinstance(reading, GapReading) and isinstance(reading.late_by, ParamDuration):
            return dataclasses.replace(_READS, params=frozenset({reading.late_by.param}))
        return _READS


_RECORD = Traits(record=True)
_READS = Traits(reads=True, record=True)
_UNITS = ("minutes", "hours", "days", "weeks", "months", "years", "working days")


def unit_of_time(text: str) -> str:
    """Return the unit of time that a text names, in the plural; empty for any other."""
    plural = text if text.endswith("s") else f"{text}s"
    return plural if plural in _UNITS else ""


def _field_term(info: FieldInfo) -> Term:
    group = info.path.partition(".")[0]
    items = {GROUPS[attribute] for attribute in LISTS} - {"suspect"}
    suspect = group == "suspect"
    return Term(
        info.path,
        info.kind,
        codes=frozenset(info.codes) if info.codes is not None else None,
        personal=info.personal,
        item=group if group in items else "",
        traits=Traits(suspect=suspect, record=not suspect),
    )
