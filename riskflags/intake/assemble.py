"""Rows made records: rows of one incident and child are one, rows of lists join theirs, every row gets its outcome."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field

from riskflags.incident import Facts, Incident
from riskflags.intake.account import Account, Defect, Outcome, RowPlace
from riskflags.intake.build import Built, Key, RecordRows, build
from riskflags.intake.checks import ENDS, doubts_across
from riskflags.intake.drafts import Draft, Gone, Reader, Side, blank

Fates = dict[Hashable, set[Outcome]]
"""What became of the records and rows that a row of a list may belong to, by the key that joins them."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """An incident, where its first row stands, and how many of its rows were accepted without and with a warning.

    Rows of lists (files of actions, suspects and markers) are not among them.
    """

    incident: Incident
    source_file: str
    source_row: int
    accepted: int
    warned: int


@dataclass(slots=True)
class Material:
    """All that the files hold: the rows of records, the rows of their lists, and what fills in a child by its id."""

    drafts: list[Draft] = field(default_factory=list[Draft])
    gone: list[Gone] = field(default_factory=list[Gone])
    sides: list[Side] = field(default_factory=list[Side])
    children: dict[str, Facts] = field(default_factory=dict[str, Facts])

    def add(self, found: Iterable[Draft | Gone | Side]) -> None:
        """Add rows."""
        for item in found:
            match item:
                case Draft():
                    self.drafts.append(item)
                case Gone():
                    self.gone.append(item)
                case _:
                    self.sides.append(item)


@dataclass(frozen=True, slots=True)
class Settled:
    """The records that rows make, each with its rows, in the order of their first rows.

    `unsure` are first rows of records whose end could not be read.
    """

    records: tuple[tuple[Incident, RecordRows], ...]
    unsure: frozenset[RowPlace]

    def placed(self) -> Iterator[tuple[Incident, RowPlace]]:
        """Yield each record with its first row."""
        return ((incident, rows.drafts[0].row) for incident, rows in self.records)

    def admitted(self, account: Account) -> tuple[Admitted, ...]:
        """Return the records with what became of their rows, once every warning is in the account."""
        warned = account.warned_rows()
        return tuple(_admitted(incident, rows, warned) for incident, rows in self.records)


def assemble(material: Material, reader: Reader, account: Account) -> tuple[Admitted, ...]:
    """Return the records that the rows make, in the order of their first rows, and settle every row."""
    settled = settle(material, reader, account)
    for incident, defect in doubts_across(settled.placed(), unsure=settled.unsure):
        account.warn(defect, incident_id=incident.incident.id, child_id=incident.child.id)
    return settled.admitted(account)


def settle(material: Material, reader: Reader, account: Account) -> Settled:
    """Return the records that the rows make, and settle every row, but for doubts across records.

    What it says of a row depends on no row of another incident.
    """
    fates: Fates = {}
    _settle_gone(material, fates, account)
    records = _grouped(material.drafts, fates, account)
    _join(records, material.sides)
    admitted: list[tuple[Incident, RecordRows]] = []
    unsure: set[RowPlace] = set()
    for rows in records:
        built = build(rows, reader, material.children)
        _settle(rows, built, fates, account)
        if built.incident is not None:
            admitted.append((built.incident, rows))
            bad = (*built.doubts, *(defect for draft in rows.drafts for defect in draft.defects))
            unsure |= {rows.drafts[0].row} if any(defect.field in ENDS for defect in bad) else set()
    _settle_sides(material.sides, fates, account)
    return Settled(tuple(admitted), frozenset(unsure))


def _admitted(incident: Incident, rows: RecordRows, warned: frozenset[RowPlace]) -> Admitted:
    places = [draft.row for draft in (*rows.drafts, *(draft for draft, _ in rows.repeats))]
    doubtful = sum(place in warned for place in places)
    return Admitted(incident, *places[0], accepted=len(places) - doubtful, warned=doubtful)


def _settle_gone(material: Material, fates: Fates, account: Account) -> None:
    """Settle the rows that will be no record. A child id in a damaged row counts where another row has the same."""
    known = {_id(draft.groups.get("child")) for draft in material.drafts}
    for gone in material.gone:
        if gone.defect is None:
            account.leave_out(gone.row)
        else:
            account.reject(gone.defect, child_id=gone.child_id if gone.is_sure or gone.child_id in known else None)
        _mark(fates, gone.joins, "out_of_scope" if gone.defect is None else "rejected")


def _mark(fates: Fates, joins: Iterable[Hashable], outcome: Outcome) -> None:
    for join in joins:
        fates.setdefault(join, set()).add(outcome)


def _id(facts: Facts | None) -> str | None:
    found: str | None = getattr(facts, "id", None)
    return found


def _joins(incident_id: str, child_id: str | None) -> frozenset[Hashable]:
    """Return the keys by which canonical rows of lists name a record."""
    return frozenset({("incident", incident_id), ("incident", incident_id, child_id)})


# ---- rows of records -------------------------------------------------------------------------------------------------


def _grouped(drafts: Iterable[Draft], fates: Fates, account: Account) -> list[RecordRows]:
    """Return the records, each with its different rows. A row without an id is settled."""
    records: dict[Key, RecordRows] = {}
    first_of: dict[Hashable, RowPlace] = {}
    for draft in drafts:
        incident_id, child_id = _id(draft.groups.get("incident")), _id(draft.groups.get("child"))
        fatal = next((defect for defect in draft.defects if defect.fatal), None)
        if fatal is not None or incident_id is None:
            own = next((defect for defect in draft.defects if defect.field == "incident.id"), None)
            reason = own or fatal or blank("incident.id", draft.origin.column("incident.id"), draft.row)
            account.reject(reason, child_id=child_id)
            _mark(
                fates,
                draft.joins | (_joins(incident_id, child_id) if incident_id else frozenset[Hashable]()),
                "rejected",
            )
            _warn_of_others(draft, reason, (incident_id, child_id), account)
            continue
        rows = records.setdefault((incident_id, child_id), RecordRows((incident_id, child_id)))
        first = first_of.setdefault((rows.key, draft.content), draft.row)
        if first is draft.row:
            rows.drafts.append(draft)
        else:
            rows.repeats.append((draft, first))
    return list(records.values())


def _repeat(row: RowPlace, first: RowPlace) -> Defect:
    where = f"row {first.source_row:,}" if row.source_file == first.source_file else str(first)
    message = f"this row repeats {where}: expected each row once; it is counted once"
    return Defect(row, "", "", "repeated_row", "each row once", message)


def _settle(rows: RecordRows, built: Built, fates: Fates, account: Account) -> None:
    incident_id, child_id = rows.key
    joins = _joins(incident_id, child_id).union(*(draft.joins for draft in rows.drafts))
    _mark(fates, joins, "rejected" if built.incident is None else "accepted")
    if built.incident is None:
        reasons = {reason.row: reason for reason in built.rejected}
        for draft, first in [*((draft, draft.row) for draft in rows.drafts), *rows.repeats]:
            reason = dataclasses.replace(reasons[first], row=draft.row)
            account.reject(reason, child_id=child_id)
            _warn_of_others(draft, reason, rows.key, account)
    else:
        for draft in rows.drafts:
            account.accept(draft.row)
            _warn(draft.defects, draft.row, rows.key, account)
        for draft, first in rows.repeats:
            account.accept(draft.row)
            account.warn(_repeat(draft.row, first), incident_id=incident_id, child_id=child_id)
    for doubt in built.doubts:
        account.warn(doubt, incident_id=incident_id, child_id=child_id)


def _warn(defects: Iterable[Defect], row: RowPlace, key: tuple[str | None, str | None], account: Account) -> None:
    """Warn of values that became absent. One in a joined row is said once, whatever records it is joined to."""
    for defect in defects:
        message = defect.message if defect.keeps else f"{defect.message}; read as absent"
        said = dataclasses.replace(defect, message=message)
        account.warn(said, incident_id=key[0] if defect.row == row else None, child_id=key[1])


def _warn_of_others(draft: Draft, reason: Defect, key: tuple[str | None, str | None], account: Account) -> None:
    """Warn of all else that is wrong with a rejected row, so that it can be put right in one go."""
    for defect in draft.defects:
        if defect.column != reason.column:
            account.warn(defect, incident_id=key[0], child_id=key[1])


# ---- rows of lists ---------------------------------------------------------------------------------------------------


def _join(records: Iterable[RecordRows], sides: Iterable[Side]) -> None:
    """Give each row of a list to the records that it belongs to."""
    wanted: dict[Hashable, list[Side]] = {}
    for side in sides:
        wanted.setdefault(side.joins_to, []).append(side)
    for rows in records:
        for join in _joins(*rows.key).union(*(draft.joins for draft in rows.drafts)):
            rows.sides += wanted.get(join, ())
        rows.sides.sort(key=lambda side: side.row)


def _settle_sides(sides: Iterable[Side], fates: Fates, account: Account) -> None:
    """Settle the rows of lists: each shares the best fate of the records that it belongs to."""
    first_of: dict[Hashable, RowPlace] = {}
    for side in sides:
        found = fates.get(side.joins_to, set[Outcome]())
        first = first_of.setdefault(side.content, side.row)
        if "accepted" in found:
            account.accept(side.row)
            _warn(side.defects, side.row, (side.incident_id, side.child_id), account)
            if first is not side.row:
                repeat = _repeat(side.row, first)
                account.warn(repeat, incident_id=side.incident_id, child_id=side.child_id)
        elif "out_of_scope" in found and "rejected" not in found:
            account.leave_out(side.row)
        else:
            why = "was rejected" if found else "is in none of the files"
            expected = "a record that was read"
            message = f"{side.column}: expected that of {expected}, but its record {why}"
            account.reject(
                Defect(side.row, side.column, side.column, "no_record", expected, message), child_id=side.child_id
            )
