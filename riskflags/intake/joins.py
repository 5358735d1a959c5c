"""Rows of tables that are only there to be joined: found by equal cells, and by the day on which they are in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from riskflags.intake.account import Account, Defect, RowPlace
from riskflags.intake.sources import Seen, Sight
from riskflags.mapping.formats import read_clock
from riskflags.mapping.model import Column

if TYPE_CHECKING:
    from collections.abc import Hashable
    from datetime import date

    from riskflags.intake.opened import Opened
    from riskflags.mapping.model import FileMapping, Join, Table


@dataclass(frozen=True, slots=True)
class _Held:
    """A row that may be joined, and the days on which it is in force; None: open, or always."""

    seen: Seen
    begins: date | None = None
    ends: date | None = None

    def covers(self, day: date) -> bool:
        return (self.begins is None or self.begins <= day) and (self.ends is None or day <= self.ends)


class LookUps:
    """The rows of all tables that are joined, and which of them were used."""

    def __init__(self, mapping: FileMapping, account: Account) -> None:
        self._mapping = mapping
        self._account = account
        self._joins = {name: table.join for name, table in mapping.tables.items() if table.join is not None}
        self._held: dict[str, dict[Hashable, list[_Held]]] = {}
        self._used: set[RowPlace] = set()
        self._all: list[RowPlace] = []

    def add(self, opened: Opened) -> None:
        """Take the rows of a file. One that is damaged, or cannot be placed in time, is rejected."""
        table, read = opened.table, self._mapping.read
        first_of: dict[Hashable, RowPlace] = {}
        for seen, damage in opened.rows(read, self._account):
            sight = Sight(table.name, {table.name: seen}, read)
            if damage is not None:
                defect = Defect(seen.place, "", damage.column, damage.code, damage.expected, damage.message)
                self._account.reject(defect, child_id=None)
            elif not sight.passes(table.keep):
                self._account.leave_out(seen.place)
            elif (first := first_of.setdefault(tuple(seen.cells.values()), seen.place)) != seen.place:
                message = f"this row repeats row {first.source_row:,}: expected each row once; it is read once"
                self._account.accept(seen.place)
                self._account.warn(Defect(seen.place, "", "", "repeated_row", "each row once", message))
            else:
                self._hold(table, sight)

    def _hold(self, table: Table, sight: Sight) -> None:
        join = self._joins[table.name]
        days = (None, None) if join.at is None else self._days(table, join, sight)
        if isinstance(days, Defect):
            self._account.reject(days, child_id=None)
            return
        key = tuple(sight.cell(Column(table.name, name)) for name in join.on)
        self._held.setdefault(table.name, {}).setdefault(key, []).append(_Held(sight.rows[table.name], *days))
        self._all.append(sight.place)

    def _days(self, table: Table, join: Join, sight: Sight) -> tuple[date | None, date | None] | Defect:
        read = self._mapping.read
        found: list[date | None] = []
        for name in (join.begins, join.ends):
            text = sight.cell(Column(table.name, name))
            clock = read_clock(text, read.dates, century_from=read.century_from)
            if clock is None and (text or name == join.begins):
                expected = f"a date as {' or '.join(read.dates)}"
                return Defect(sight.place, name, name, "bad_value", expected, f"{name}: expected {expected}")
            found.append(clock.day if clock else None)
        return found[0], found[1]

    def joined(self, sight: Sight) -> tuple[Sight, list[Defect]]:
        """Return what a row can see with the rows joined to it, and a defect for each table that has too many."""
        rows, many = dict(sight.rows), dict(sight.many)
        defects: list[Defect] = []
        for name, held in self._held.items():
            join = self._joins[name]
            key = tuple(sight.cell(Column(sight.table, header)) for header in join.on)
            found = self._in_force(join, held.get(key, []) if all(key) else [], sight)
            if join.many and found:
                many[name] = tuple(one.seen for one in found)
                self._used |= {seen.place for seen in many[name]}
                rows[name] = found[0].seen
            elif len(found) > 1:
                on = " and ".join(join.on)
                message = f"{on}: expected at most one row of {name} that fits, found {len(found)}"
                defects.append(Defect(sight.place, name, on, "many_match", "at most one row that fits", message))
            elif found:
                rows[name] = found[0].seen
                self._used.add(found[0].seen.place)
        return Sight(sight.table, rows, sight.reading, many), defects

    def _in_force(self, join: Join, held: list[_Held], sight: Sight) -> list[_Held]:
        """Return the rows in force; where one ends on the day on which another begins, the one that begins."""
        if join.at is None:
            return held
        clock = read_clock(sight.cell(join.at), sight.reading.dates, century_from=sight.reading.century_from)
        if clock is None:
            return []
        found = [one for one in held if one.covers(clock.day)]
        going_on = [one for one in found if one.ends != clock.day]
        return going_on or found

    def settle(self) -> None:
        """Settle the rows: those that were joined to a record are accepted, the others out of scope."""
        for place in self._all:
            if place in self._used:
                self._account.accept(place)
            else:
                self._account.leave_out(place)
