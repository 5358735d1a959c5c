"""The tables that a batch reads: one row a record, a seat, an action on record, a marker.

A *seat* is a record with one of its suspects, or alone where none is recorded. Column names are field paths; a moment
has four columns, a number one in whole millionths. `record` numbers the records in the order in which they came.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING, Any

from riskflags.incident import GROUPS
from riskflags.model import Moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from riskflags.batch.store import AnyStore
    from riskflags.fields import FieldInfo
    from riskflags.incident import Facts, Holds, Incident
    from riskflags.kinds import KindName
    from riskflags.pack import Pack
    from riskflags.record import RejectedRow

pa: Any = import_module("pyarrow")  # it ships no types
MILLION = 1_000_000
NO_SUSPECT = -1
"""The number of the seat of a record without suspects."""
ITEMS: Mapping[str, str] = {"done": "action", "markers": "marker"}
"""List of a record with a table of its own -> first part of the paths of its fields."""
_PLAIN: Mapping[KindName, str] = {
    "text": "string", "code": "string", "yes_no": "boolean", "date": "date", "number": "int64",
    "codes": "array<string>",
}  # fmt: skip
MOMENT: Mapping[str, str] = {"low": "int64", "high": "int64", "day": "date", "local": "string"}
Schema = dict[str, str]


@dataclass(frozen=True, slots=True)
class World:
    """Records that see only each other, at one as_of. A run has one; tests put many into one run.

    `rules` are the keys of the rules that are decided on its records; None is all of them.
    """

    incidents: Sequence[Incident]
    as_of: datetime
    rejects: Sequence[RejectedRow] = ()
    rules: frozenset[str] | None = None

    def settled(self) -> World:
        """Return the world with one record of each key: of two, the one that sorts last by content."""
        found: dict[tuple[str, str | None], Incident] = {}
        for incident in self.incidents:
            standing = found.get(incident.key)
            if standing is None or standing.model_dump_json() < incident.model_dump_json():
                found[incident.key] = incident
        return replace(self, incidents=tuple(found.values()))


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables as Arrow, and each distinct `holds` of the records, by its number."""

    records: Any
    seats: Any
    done: Any
    markers: Any
    rejected: Any
    holds: tuple[Holds, ...]


def millionths(value: Decimal | int) -> int:
    """Return a number in whole millionths. ValueError for one of more than six places, which no pack holds."""
    scaled = value * MILLION
    if scaled != int(scaled):
        msg = f"{value} has more than six decimal places"
        raise ValueError(msg)
    return int(scaled)


def column(path: str, part: str = "") -> str:
    """Return the column of a field, or of a part of a moment."""
    return f"{path}|{part}" if part else path


def schema_of(infos: Iterable[FieldInfo]) -> Schema:
    """Return the columns of some fields with their types."""
    found: Schema = {}
    for info in infos:
        if info.kind == "moment":
            found |= {column(info.path, part): kind for part, kind in MOMENT.items()}
        else:
            found[info.path] = _PLAIN[info.kind]
    return found


RECORD: Schema = {
    "record": "int64", "world": "int64", "as_of": "int64", "as_of|day": "date", "as_of|local": "string",
    "holds": "int64", "suspects": "int64",
}  # fmt: skip
SEAT: Schema = {"record": "int64", "seat": "int64"}
ITEM: Schema = {"record": "int64", "item": "int64"}
REJECTED: Schema = {"world": "int64", "source_row": "int64", "child_id": "string"}


def fields_of(pack: Pack) -> dict[str, list[FieldInfo]]:
    """Return the fields of each table, by its name."""
    found: dict[str, list[FieldInfo]] = {"records": [], "seats": [], "done": [], "markers": []}
    by_prefix = {"suspect": "seats", "action": "done", "marker": "markers"}
    for path, info in pack.fields.items():
        found[by_prefix.get(path.partition(".")[0], "records") if info.repeated else "records"].append(info)
    return found


def schemas(pack: Pack) -> dict[str, Schema]:
    """Return the columns of every table of a pack, by its name."""
    fields = fields_of(pack)
    return {
        "records": RECORD | schema_of(fields["records"]),
        "seats": SEAT | schema_of(fields["seats"]),
        "done": ITEM | schema_of(fields["done"]),
        "markers": ITEM | schema_of(fields["markers"]),
        "rejected": dict(REJECTED),
    }


def gathered(worlds: Iterable[World], pack: Pack, *, zone: ZoneInfo) -> Tables:
    """Return the tables of records that are Python objects."""
    building = _Building(pack, zone)
    for number, world in enumerate(worlds):
        building.add(world, number)
    return building.tables()


class _Building:
    def __init__(self, pack: Pack, zone: ZoneInfo) -> None:
        self._zone = zone
        self._schemas = schemas(pack)
        self._columns: dict[str, dict[str, list[Any]]] = {
            name: {one: [] for one in schema} for name, schema in self._schemas.items()
        }
        self._fields = {name: [_Field(info) for info in infos] for name, infos in fields_of(pack).items()}
        self._holds: dict[Holds, int] = {}
        self._record = 0

    def add(self, world: World, number: int) -> None:
        as_of = Moment.at(world.as_of.astimezone(self._zone))
        for incident in world.incidents:
            self._add(incident, number, as_of)
        for reject in world.rejects:
            if reject.child_id:
                self._put(
                    "rejected", [], {"world": number, "source_row": reject.source_row, "child_id": reject.child_id}
                )

    def _add(self, incident: Incident, world: int, as_of: Moment) -> None:
        record = self._record
        self._record += 1
        holds = self._holds.setdefault(incident.holds, len(self._holds))
        head = {"record": record, "world": world, "as_of": as_of.earliest, "as_of|day": as_of.day,
                "as_of|local": as_of.local, "holds": holds, "suspects": len(incident.suspects)}  # fmt: skip
        self._put("records", self._of_groups(incident), head)
        if not incident.suspects:
            self._put("seats", [None] * len(self._fields["seats"]), {"record": record, "seat": NO_SUSPECT})
        for number, suspect in enumerate(incident.suspects):
            self._put("seats", self._of(suspect, "seats"), {"record": record, "seat": number})
        for name in ITEMS:
            for number, item in enumerate(getattr(incident, name)):
                self._put(name, self._of(item, name), {"record": record, "item": number})

    def _of_groups(self, incident: Incident) -> list[Any]:
        return [getattr(getattr(incident, one.attribute), one.name) for one in self._fields["records"]]

    def _of(self, facts: Facts, table: str) -> list[Any]:
        return [getattr(facts, one.name) for one in self._fields[table]]

    def _put(self, table: str, values: Sequence[Any], head: Mapping[str, Any]) -> None:
        columns = self._columns[table]
        for name, value in head.items():
            columns[name].append(value)
        for field, value in zip(self._fields.get(table, ()), values, strict=True):
            field.put(columns, value)

    def tables(self) -> Tables:
        made = {
            name: pa.table({one: pa.array(columns[one], _ARROW[kind]()) for one, kind in self._schemas[name].items()})
            for name, columns in self._columns.items()
        }
        return Tables(**made, holds=tuple(self._holds))


class _Field:
    """One field: where its value stands in a record, and the columns that it fills."""

    def __init__(self, info: FieldInfo) -> None:
        group, _, self.name = info.path.partition(".")
        self.attribute = next((name for name, prefix in GROUPS.items() if prefix == group), group)
        self._path = info.path
        self._is_moment = info.kind == "moment"

    def put(self, columns: Mapping[str, list[Any]], value: Any) -> None:
        if not self._is_moment:
            columns[self._path].append(_plain(value))
            return
        ends = (None,) * 4 if value is None else (value.earliest, value.latest, value.day, value.local)
        for part, end in zip(MOMENT, ends, strict=True):
            columns[column(self._path, part)].append(end)


def _plain(value: Any) -> Any:
    """Return the value of a field as Arrow takes it."""
    match value:
        case Decimal():
            return millionths(value)
        case _:
            return value


_ARROW: Mapping[str, Callable[[], Any]] = {
    "string": pa.string, "boolean": pa.bool_, "date": pa.date32, "int64": pa.int64,
    "array<string>": lambda: pa.list_(pa.string()),
}  # fmt: skip


def incidents_of(store: AnyStore, pack: Pack, holds: Sequence[Holds], numbers: Sequence[int]) -> dict[int, Incident]:
    """Return the records of some numbers as Python objects again, by number."""
    fields, found = fields_of(pack), dict[int, dict[str, Any]]()
    for row in _of_numbers(store, "records", numbers):
        found[row["record"]] = _values(fields["records"], row) | {"holds": holds[row["holds"]]}
    for table, name in (("seats", "suspects"), *((table, table) for table in ITEMS)):
        for row in sorted(_of_numbers(store, table, numbers), key=lambda row: (row["record"], *_place(row))):
            if row.get("seat") != NO_SUSPECT:
                found[row["record"]].setdefault(name, []).append(_values(fields[table], row))
    return {number: pack.record.model_validate(data) for number, data in found.items()}


def _of_numbers(store: AnyStore, table: str, numbers: Sequence[int]) -> list[dict[str, Any]]:
    rows = store.table(table)
    found: list[dict[str, Any]] = store.rows(rows.filter(rows["record"].isin(numbers))).to_pylist()
    return found


def _place(row: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(row[key] for key in ("seat", "item") if key in row)


def _values(infos: Iterable[FieldInfo], row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a row that are filled, by path."""
    found: dict[str, Any] = {}
    for info in infos:
        if info.kind == "moment":
            low, high, day, local = (row[column(info.path, part)] for part in MOMENT)
            value: Any = None if low is None else Moment(low, high, day, local)
        else:
            value = row[info.path]
        if value is not None:
            found[info.path] = Decimal(value) / MILLION if info.kind == "number" else value
    return found
