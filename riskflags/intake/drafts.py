"""Rows on their way to records: cells become facts, and what cannot be read becomes absent, with a defect that says so.

What a value of each kind may be is decided by the models alone; this module puts their answer into words that name the
column. A personal value never gets into a defect.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

from pydantic import ValidationError

from riskflags.fields import FieldInfo, catalogue
from riskflags.incident import GROUPS, LISTS, Facts, Holds, Incident
from riskflags.intake.account import Defect, RowPlace, echo
from riskflags.kinds import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from pydantic_core import ErrorDetails

EMPTY_LIST = "(none)"
CODES_SHOWN = 20
_NEAR_ENOUGH = 0.6  # of the last part of a path: `child.dob` is not near `child.id`
_LONGEST_NAME = 80
_REFUSED = re.compile(r"^(Value|Assertion) error, ")


@dataclass(frozen=True, slots=True)
class Cell:
    """A value on its way into a field: the column that it stands in, and the row where that is of another table.

    A mapping that could not read what it found gives the defect in place of a value; a `doubt` leaves the value be.
    """

    column: str
    value: object = None
    defect: Defect | None = None
    row: RowPlace | None = None
    doubt: Defect | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """What the rows of one table have in common: what their source holds, and the column of each field."""

    holds: Holds
    columns: Mapping[str, str]

    def column(self, path: str) -> str:
        """Return the column that fills the field; the field itself where none does."""
        return self.columns.get(path, path)


@dataclass(frozen=True, slots=True)
class Draft:
    """One row of records, read: the facts of its groups, the items of its lists, and what could not be read.

    `joins` are the keys by which rows of other tables are found to belong to it.
    """

    row: RowPlace
    origin: Origin
    groups: Mapping[str, Facts]
    items: Mapping[str, tuple[Facts, ...]] = field(default_factory=dict[str, tuple[Facts, ...]])
    defects: tuple[Defect, ...] = ()
    joins: frozenset[Hashable] = frozenset()

    @property
    def content(self) -> Hashable:
        """What makes two rows the same."""
        return (frozenset(self.groups.items()), frozenset(self.items.items()))


@dataclass(frozen=True, slots=True)
class Side:
    """One row that belongs to records of another table: an item of one of their lists.

    `column` is what says to which, `incident_id` and `child_id` are what it says itself.
    """

    row: RowPlace
    attribute: str
    item: Facts
    joins_to: Hashable
    column: str
    incident_id: str | None = None
    child_id: str | None = None
    defects: tuple[Defect, ...] = ()

    @property
    def content(self) -> Hashable:
        """What makes two rows the same."""
        return (self.joins_to, self.attribute, self.item)


@dataclass(frozen=True, slots=True)
class Gone:
    """A row of records that will be none. Rows that belong to it share its fate."""

    row: RowPlace
    joins: frozenset[Hashable]
    defect: Defect | None
    """Why it is rejected; None where it is out of scope."""
    child_id: str | None = None
    is_sure: bool = True
    """False where the child id stands in a damaged row: it is one only if another row has the same."""


@dataclass(frozen=True, slots=True)
class Reader:
    """How values become facts: the model of the record, and the zone of times without an offset."""

    record: type[Incident]
    zone: ZoneInfo

    def facts(self, attribute: str, cells: Mapping[str, Cell], row: RowPlace) -> tuple[Facts, list[Defect]]:
        """Return the facts of one group or one item, and the defects of the cells that became absent."""
        model = fact_models(self.record)[attribute]
        group = GROUPS.get(attribute, attribute)
        defects = {name: self._guarded(f"{group}.{name}", cell, row) for name, cell in cells.items()}
        values = {name: cell.value for name, cell in cells.items() if defects[name] is None}
        context = {"timezone": self.zone}
        while True:
            try:
                facts = model.model_validate(values, context=context)
            except ValidationError as error:
                found = {str(e["loc"][0]): e for e in error.errors(include_url=False) if e["loc"]}
                bad = {name: e for name, e in found.items() if name in values}
                if not bad:
                    defects[""] = refusal(error, row, group=group)
                    facts = model.model_construct()
                    break
                for name, details in bad.items():
                    info = catalogue(self.record)[f"{group}.{name}"]
                    defects[name] = describe(info, cells[name], row, reason=_reason(details))
                    del values[name]
            else:
                break
        doubts = [cell.doubt for cell in cells.values()]
        return facts, [defect for defect in (*defects.values(), *doubts) if defect is not None]

    def _guarded(self, path: str, cell: Cell, row: RowPlace) -> Defect | None:
        """Return the defect of a cell that its kind would read as something that nobody wrote."""
        if cell.defect is not None:
            return cell.defect
        info = catalogue(self.record)[path]
        if isinstance(cell.value, str):
            only_joints = info.kind == "codes" and not cell.value.strip(" ;")
            if only_joints or (info.kind != "codes" and cell.value.strip() == EMPTY_LIST):
                return describe(info, cell, row)
        return None


@cache
def fact_models(record: type[Incident]) -> dict[str, type[Facts]]:
    """Return the model of each group, and of the items of each list, by attribute."""
    found = {name: _facts_in(described.annotation) for name, described in record.model_fields.items()}
    return {name: model for name, model in found.items() if model is not None and name != "holds"}


def _facts_in(annotation: Any) -> type[Facts] | None:
    if isinstance(annotation, type) and issubclass(annotation, Facts):
        return annotation
    return next((found for part in get_args(annotation) if (found := _facts_in(part))), None)


@cache
def places(record: type[Incident]) -> dict[str, tuple[str, str]]:
    """Return for each field path its attribute of the record and its name there."""
    attributes = {GROUPS.get(attribute, attribute): attribute for attribute in fact_models(record)}
    split = {path: path.partition(".") for path in catalogue(record)}
    return {path: (attributes[group], name) for path, (group, _, name) in split.items()}


def in_list(attribute: str) -> bool:
    """Return whether the attribute of a record is a list of items."""
    return attribute in LISTS


# ---- words for what is wrong -----------------------------------------------------------------------------------------


def describe(info: FieldInfo, cell: Cell, row: RowPlace, *, reason: str = "") -> Defect:
    """Return the defect of a cell that does not fit its field."""
    expected = expectation(info)
    code = "unknown_code" if info.codes and isinstance(cell.value, str) else "bad_value"
    if info.personal:
        got = "got something else (not shown: it is personal)"
    else:
        got = f"got {echo(cell.value)}"
        if reason and reason != f"expected {EXAMPLES[info.kind]}":
            got += f" ({reason})"
        if near := _nearest_codes(info, cell.value):
            got += f"; the nearest is {near}"
    message = f"{cell.column}: expected {expected}, {got}"
    return Defect(cell.row or row, info.path, cell.column, code, expected, message)


def expectation(info: FieldInfo) -> str:
    """Return what a field takes, in words."""
    if not info.codes:
        return "text, in quotes" if info.kind == "text" else EXAMPLES[info.kind]
    listed = ", ".join(info.codes[:CODES_SHOWN])
    if len(info.codes) > CODES_SHOWN:
        listed += f" and {len(info.codes) - CODES_SHOWN} more (riskflags fields {info.path})"
    return f"one of {listed}" if info.kind == "code" else f"some of {listed}, joined by ;"


def _nearest_codes(info: FieldInfo, value: object) -> str:
    if not info.codes or not isinstance(value, str):
        return ""
    parts = [part.strip() for part in value.split(";")] if info.kind == "codes" else [value.strip()]
    found = [nearest(part, info.codes) for part in parts if part and part not in info.codes]
    return ", ".join(dict.fromkeys(name for name in found if name))


def nearest(text: str, names: Sequence[str]) -> str:
    """Return the name that the text most likely means; empty where none is near. Case does not count."""
    plain = {name.casefold(): name for name in reversed(names)}
    group, dot, last = text[:_LONGEST_NAME].casefold().rpartition(".")
    found = [
        name
        for name in difflib.get_close_matches(f"{group}{dot}{last}", plain, n=3)
        if not dot or difflib.SequenceMatcher(None, last, name.rpartition(".")[2]).ratio() >= _NEAR_ENOUGH
    ]
    return plain[found[0]] if found else ""


def _reason(details: ErrorDetails) -> str:
    """Return what a reader of values says is wrong, without what it expects in general."""
    said = _REFUSED.sub("", details["msg"]) if details["type"] == "value_error" else ""
    return said.partition("; expected")[0]


def refusal(error: ValidationError, row: RowPlace, *, group: str = "") -> Defect:
    """Return the defect of a whole group or record: what a model of the user's own requires or checks."""
    details = error.errors(include_url=False)[0]
    path = ".".join(part for part in (group, *map(str, details["loc"])) if part)
    message = f"{path or 'the record'}: {_REFUSED.sub('', details['msg'])}"
    return Defect(row, path, path, "refused", "what the model of the record requires", message, fatal=True)


def blank(path: str, column: str, row: RowPlace) -> Defect:
    """Return the defect of a row that lacks what it cannot do without."""
    return Defect(row, path, column, "missing", "a value", f"{column}: expected a value, the cell is blank", fatal=True)
