"""The loaded catalogue of rules: frozen, checked, with its layers and its digest.

Everything here is already valid: `riskflags.source` turns YAML into these values or into problems. Places say where a
thing was written; they take no part in equality or in the digest.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast
from zoneinfo import ZoneInfo

from riskflags.errors import NOWHERE, Place, Problem
from riskflags.fields import FieldInfo, catalogue
from riskflags.incident import Incident
from riskflags.model import Grade, Severity, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime
    from decimal import Decimal
    from pathlib import Path

    from riskflags.calendar import Duration, School, Span
    from riskflags.condition import Condition
    from riskflags.kinds import KindName


@dataclass(frozen=True, slots=True)
class Citation:
    """What a rule, a list or an action cites: a source of sources.yaml, where in it, what it says, when it was read."""

    ref: str
    at: str = ""
    says: str = ""
    checked: date | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A publication that may be cited."""

    key: str
    title: str
    publisher: str
    published: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class CodeList:
    """A named list of codes."""

    name: str
    label: str
    values: frozenset[str]
    source: tuple[Citation, ...] = ()
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Param:
    """A named value with the dates from which each holds, oldest first.

    `is_local` marks a value that is our default and not guidance. `unit` is for people; a duration has unit "duration".
    """

    name: str
    label: str
    unit: str
    values: tuple[tuple[date, Decimal | Duration], ...]
    source: tuple[Citation, ...] = ()
    is_local: bool = False
    place: Place = field(default=NOWHERE, compare=False)

    def on(self, day: date) -> Decimal | Duration | None:
        """Return the value in force on the day; None before the first."""
        found = None
        for start, value in self.values:
            if start <= day:
                found = value
        return found


@dataclass(frozen=True, slots=True)
class Computed:
    """A value computed from other values of the same record by a function of `riskflags.derive.FUNCTIONS`.

    `names` are its arguments in order; `codes` is the list that `size` counts within, or None.
    """

    function: str
    names: tuple[str, ...]
    codes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """Which records a look-up over records reads, by their time against the current record's.

    `back` None is all of them. `up_to_as_of` reaches past the current record to as_of. With `last` they are the so many
    latest, up to and including the current one, that meet `of`; ties at the end are all in.
    """

    back: Span | None = None
    up_to_as_of: bool = False
    last: int = 0
    of: Condition | None = None


LookUpFunction = Literal["how_many", "how_many_different", "earliest", "latest", "union"]


NONE_COUNTS = {"records": "record", "done": "action", "markers": "marker", "suspects": "suspect"}
"""What a look-up looks at -> the need of its earliest and latest where none counts: one that does."""


@dataclass(frozen=True, slots=True)
class LookUp:
    """A value from a list: other records, or the actions done, markers or suspects of this one.

    In `where` and `of` plain names are those of the looked-at item; `this.<name>` is the current record's.
    `by`, `window` and `others` are for records only.
    """

    function: LookUpFunction
    over: Literal["records", "done", "markers", "suspects"]
    of: str = ""
    where: Condition | None = None
    by: tuple[str, ...] = ()
    window: Window = Window()
    others: bool = False

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions on the looked-at items: which count, and which the last ones are of."""
        return tuple(one for one in (self.where, self.window.of) if one is not None)

    @property
    def reads(self) -> frozenset[str]:
        """The names that it reads, of looked-at items and, under `this.`, of the record that asks."""
        return frozenset({*self.by, self.of}).union(*(one.names for one in self.conditions))


@dataclass(frozen=True, slots=True)
class Derived:
    """A derived value: its name in conditions (unique in the pack), its label, its kind and how it comes about.

    A rule's own derived value has the name `<name of its file>/calc.x`; `shown` is what people write and read.
    """

    name: str
    label: str
    kind: KindName
    how: Computed | LookUp
    place: Place = field(default=NOWHERE, compare=False)

    @property
    def shown(self) -> str:
        """The name as people write it."""
        return shown(self.name)


def shown(name: str) -> str:
    """Return a name as people write it, without the rule that it belongs to."""
    return name.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class FlagReading:
    """Whether a rule, or any rule of some families, has flagged this record, at or above a severity.

    `rules` is already resolved to rule ids (a family leaves out the reading rule and those that read it).
    """

    rules: frozenset[str]
    at_least: Severity = Severity.low


@dataclass(frozen=True, slots=True)
class GapReading:
    """Whether a requirement of one of these actions is in one of these states, and late by at least so long.

    `rules` are the rules whose requirements count; None is every rule.
    """

    actions: frozenset[str]
    states: frozenset[State]
    late_by: Span | None = None
    rules: frozenset[str] | None = None


Reading = FlagReading | GapReading


@dataclass(frozen=True, slots=True)
class Example:
    """A record, written out in dotted keys, and what is expected of it."""

    name: str
    as_of: datetime
    record: Mapping[str, Any]
    history: tuple[Mapping[str, Any], ...]
    expect: tuple[Expected, ...]
    only: bool = False
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Expected:
    """What an example expects of one record: verdict, and where given the severity, ids, suspect, needs, and gaps."""

    incident_id: str
    verdict: Literal["fires", "clears", "undecided"]
    severity: Severity | None = None
    because: tuple[str, ...] | None = None
    suspect: str | None = None
    needs: tuple[str, ...] | None = None
    gaps: tuple[tuple[str, str], ...] = ()
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class NamedCondition:
    """A condition of the vocabulary, with the examples that cover it (`fires` means that it holds)."""

    name: str
    condition: Condition
    for_each: bool = False
    examples: tuple[Example, ...] = ()
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Due:
    """A deadline: a span after an anchor, where `when` holds (`severity` in it is that of the flag that asks)."""

    within: Span
    anchor: str
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class RecordedAction:
    """Satisfied by an action on record with one of the codes and outcomes, whose contents meet `where`.

    `still_counts` reaches back from the anchor: an earlier action counts no longer.
    """

    codes: frozenset[str]
    outcomes: frozenset[str]
    where: Condition | None = None
    still_counts: Span | None = None


@dataclass(frozen=True, slots=True)
class RecordedField:
    """Satisfied by a moment in a field of the record."""

    name: str


@dataclass(frozen=True, slots=True)
class MarkerInPlace:
    """Satisfied by a marker that meets the condition."""

    where: Condition


Way = RecordedAction | RecordedField | MarkerInPlace


@dataclass(frozen=True, slots=True)
class Action:
    """An action that rules may require, known once for the pack."""

    key: str
    code: str
    label: str
    owner: str
    due: tuple[Due, ...]
    satisfied_by: tuple[Way, ...]
    per: Literal["incident", "child", "suspect"] = "incident"
    core: bool = False
    when: Condition | None = None
    steps: frozenset[str] = frozenset()
    source: tuple[Citation, ...] = ()
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Ask:
    """One line of `requires`: an action, when, and its own deadline where the catalogue's does not serve."""

    action: str
    when: Condition | None = None
    due: tuple[Due, ...] = ()
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class SeverityCase:
    """A severity, and when; the last case of a flag has no condition."""

    severity: Severity
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Reported:
    """The actions, by key, and the rule, by id, that figures for leaders are about; empty where the pack names none.

    `referral` is the one without which a child who came to notice is on the daily list; `strategy` the discussion whose
    funnel is shown; `suspect` what has to be done about each suspect; `repeat_missing` the rule that flags children who
    are missing again and again.
    """

    referral: str = ""
    strategy: str = ""
    suspect: str = ""
    repeat_missing: str = ""


@dataclass(frozen=True, slots=True)
class Overlay:
    """What tuned a pack for a deployment: whose it is, and why."""

    owner: str
    reason: str


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Records that are probably of one event: of a sort, alike in `by`, at overlapping times from `begins` to `ends`.

    With `once` look-ups count those of one event once; without they are only reported.
    """

    of: Condition
    by: tuple[str, ...]
    begins: str
    ends: str
    once: bool = False
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class GradeCase:
    """A grade of how a case was handled, and when; the last has no condition."""

    grade: Grade
    when: Condition | None = None
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class FlagText:
    """What a rule says when it fires. `message` holds {names} in braces."""

    severity: tuple[SeverityCase, ...]
    about: Literal["child", "suspect", "incident"]
    message: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One version of one rule."""

    code: str
    id: str
    title: str
    why: str
    version: int
    status: Literal["draft", "active", "retired"]
    when: Condition
    flag: FlagText
    effective_from: date | None = None
    effective_to: date | None = None
    source: tuple[Citation, ...] = ()
    for_each: bool = False
    derived: tuple[Derived, ...] = ()
    unless: tuple[Condition, ...] = ()
    requires: tuple[Ask, ...] = ()
    known_limits: str = ""
    review: date | None = None
    ignore: frozenset[str] = frozenset()
    examples: tuple[Example, ...] = ()
    place: Place = field(default=NOWHERE, compare=False)

    @property
    def key(self) -> str:
        """What names this version: "online-age-gap v1"."""
        return f"{self.id} v{self.version}"

    def in_force(self, day: date) -> bool:
        """Return whether the rule applies to a record of this day."""
        begun = self.effective_from is None or self.effective_from <= day
        return begun and (self.effective_to is None or day <= self.effective_to)


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack that can be used. `layers` are rule keys, in the order in which rules read each other's flags and gaps.

    `readings` gives each name that a condition reads for a flag or a gap ("flag:..." and "gap:...") its meaning.
    `read_across` are the ids of the rules that are decided on a record that a look-up looks at.
    `warnings` are problems that did not stop the load.
    """

    id: str
    title: str
    version: str
    calendar: str
    zone_name: str
    event_time: str
    effective_by: str
    lists: Mapping[str, CodeList]
    params: Mapping[str, Param]
    derived: Mapping[str, Derived]
    conditions: Mapping[str, NamedCondition]
    roles: Mapping[str, str]
    actions: Mapping[str, Action]
    sources: Mapping[str, Source]
    rules: tuple[Rule, ...]
    readings: Mapping[str, Reading]
    layers: tuple[tuple[str, ...], ...]
    read_across: frozenset[str] = frozenset()
    school: School | None = None
    ignore: frozenset[str] = frozenset()
    grades: tuple[GradeCase, ...] = ()
    report: Reported = Reported()
    duplicates: tuple[Duplicates, ...] = ()
    record: type[Incident] = Incident
    overlays: tuple[Overlay, ...] = field(default=(), compare=False)
    warnings: tuple[Problem, ...] = field(default=(), compare=False)

    @property
    def zone(self) -> ZoneInfo:
        """The timezone in which days, months and working days are counted."""
        return ZoneInfo(self.zone_name)

    @property
    def digest(self) -> str:
        """A SHA-256 over the meaning of the pack: comments, order of files and places do not change it."""
        text = json.dumps(_plain(self), sort_keys=True, ensure_ascii=False)
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"

    def with_drafts(self) -> Pack:
        """Return the pack with its draft rules switched on."""
        rules = tuple(dataclasses.replace(r, status="active") if r.status == "draft" else r for r in self.rules)
        return dataclasses.replace(self, rules=rules)

    @property
    def fields(self) -> Mapping[str, FieldInfo]:
        """The fields that its rules may read."""
        return catalogue(self.record)

    @classmethod
    def load(cls, path: str | Path, *, record: type[Incident] = Incident, overlays: Sequence[str | Path] = ()) -> Pack:
        """Return the pack of a directory. PackError carries every problem that was found.

        `record` is the model of its records, where a system adds fields of its own. `overlays` are files that tune
        parameters, lists and the status of rules for a deployment; their order has no meaning.
        """
        if Incident not in record.__mro__:
            msg = f"record must be Incident or a subclass of it, not {record.__name__}"
            raise TypeError(msg)
        from riskflags.source import load  # noqa: PLC0415 - the loader builds packs: it imports this module

        return load(path, record=record, overlays=overlays)

    def dump(self, path: str | Path) -> None:
        """Write the pack as YAML, in block style, into a folder that is empty or not there yet.

        Loaded again, it is an equal pack with the same digest. Comments, the names of folders and lists inside lists
        are not kept. FileExistsError where something stands in the folder.
        """
        from riskflags.source import dump  # noqa: PLC0415 - as for load

        dump(self, path)


def _plain(value: Any) -> Any:
    """Return the value as JSON can hold it, leaving out what takes no part in equality."""
    match value:
        case str() | bool() | int() | None:
            return value
        case dict():
            return {key: _plain(item) for key, item in cast("dict[str, Any]", value).items()}
        case frozenset():
            return sorted((_plain(item) for item in cast("frozenset[str]", value)), key=str)
        case tuple() | list():
            return [_plain(item) for item in cast("list[Any]", value)]
        case type():
            return value.__name__
        case _ if dataclasses.is_dataclass(value):
            parts = {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value) if f.compare}
            return {"": type(value).__name__, **parts}
        case _:
            return str(value)
