"""Canonical CSV: headers are field paths. One row per record, or per record and suspect; lists in files of their own.

What the headers name is what the source holds: a field without a column is not absent from a child's life.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from riskflags.errors import Place, RecordError
from riskflags.incident import TIMES, Facts, Holds, Incident
from riskflags.intake.account import FILE, Account, Defect, RowPlace, echo, short
from riskflags.intake.drafts import Cell, Draft, Gone, Origin, Reader, Side, blank, in_list, nearest, places
from riskflags.intake.tables import TextFile, header, rows
from riskflags.mapping.model import USUAL_DELIMITERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from riskflags.intake.tables import Damage, TextRow

SideName = Literal["actions", "suspects", "markers"]
SIDES: dict[SideName, str] = {"actions": "done", "suspects": "suspects", "markers": "markers"}
"""Files of their own -> the list of a record that their rows belong to."""
KEYS = ("incident.id", "child.id")
_SHOWN = 8
_DOTS_OF_ACTION = 2


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is understood: where it stands, the attribute and field that it fills, and its action, if any."""

    index: int
    title: str
    attribute: str
    name: str
    action: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """A header that is understood. `unknown` are columns that nothing is known of, with what may be meant."""

    file: TextFile
    delimiter: str
    titles: tuple[str, ...]
    columns: tuple[Column, ...]
    unknown: tuple[tuple[str, str], ...]

    def paths(self) -> tuple[str, ...]:
        """Return the field paths that the columns can fill."""
        found = [column.title for column in self.columns if not column.action]
        actions = [f"action.{column.name}" for column in self.columns if column.action]
        return tuple(sorted({*found, *actions, *(["action.code"] if actions else [])}))

    def cells(self, row: TextRow, columns: Sequence[Column]) -> dict[str, Cell]:
        """Return what stands in some of the columns of a row, by the name of the field; blank is left out."""
        found = ((column, row.cells[column.index]) for column in columns)
        return {column.name: Cell(column.title, text) for column, text in found if text.strip()}


def understand(file: TextFile, record: type[Incident], *, side: SideName | None = None) -> Layout:
    """Return the layout of a canonical file, its delimiter being the one that yields the most known names.

    RecordError for a header in which the names that every record needs are not found, or one stands twice.
    """
    found: list[Layout] = []
    for delimiter in USUAL_DELIMITERS:
        titles = header(file, delimiter=delimiter)
        if titles is not None:
            found.append(_layout(file, delimiter, titles, record, side))
    best = max(found, key=lambda layout: len(layout.columns), default=None)
    if best is None or not best.columns:
        seen = max((layout.titles for layout in found), key=len, default=("a quote that is not closed",))
        message = f"the header is not understood: {listed(seen)}"
        hint = "expected field names such as incident.id (riskflags fields), or name a mapping for this format"
        raise RecordError(message, Place(file.name), hint)
    _check_titles(best, side)
    return best


def _layout(
    file: TextFile, delimiter: str, titles: Sequence[str], record: type[Incident], side: SideName | None
) -> Layout:
    columns: list[Column] = []
    unknown: list[tuple[str, str]] = []
    for index, title in enumerate(titles):
        column = _column(index, title, record, side)
        if column is None:
            unknown.append((title, _meant(title, record, side)))
        else:
            columns.append(column)
    return Layout(file, delimiter, tuple(titles), tuple(columns), tuple(unknown))


def _column(index: int, title: str, record: type[Incident], side: SideName | None) -> Column | None:
    if title in places(record):
        attribute, name = places(record)[title]
        listed = (
            attribute == SIDES[side] or title in KEYS if side else attribute == "suspects" or not in_list(attribute)
        )
        return Column(index, title, attribute, name) if listed else None
    if side is None and title.startswith("action.") and title.count(".") >= _DOTS_OF_ACTION:
        code, _, name = title.removeprefix("action.").rpartition(".")
        if code.strip() and name != "code" and f"action.{name}" in places(record):
            return Column(index, title, "done", name, action=code.strip())
    return None


def _meant(title: str, record: type[Incident], side: SideName | None) -> str:
    """Return what to write instead of a column title that is not understood."""
    if not title:
        return "it has no name"
    if side is None and title in places(record):
        kind = "actions" if title.startswith("action.") else "markers"
        columns = " or in columns such as action.referral.at" if kind == "actions" else ""
        return f"{kind} come in a file of their own (--{kind}){columns}"
    near = nearest(title, [path for path in places(record) if _column(0, path, record, side)])
    return f"the nearest field is {near}" if near else "no field has such a name (riskflags fields)"


def _check_titles(layout: Layout, side: SideName | None) -> None:
    known = [column.title for column in layout.columns]
    place = Place(layout.file.name)
    if twice := sorted({title for title in known if known.count(title) > 1}):
        message = f"the column {twice[0]} stands twice in the header"
        raise RecordError(message, place, "take one of them out: which of the two is meant cannot be told")
    needed: dict[SideName | None, tuple[tuple[str, ...], ...]] = {
        None: (("incident.id",), ("incident.type",), TIMES),
        "actions": (("incident.id",), ("action.code",)),
    }
    for choice in needed.get(side, (("incident.id",),)):
        if not set(choice) & set(known):
            message = f"the header has no column {' or '.join(choice)}: {listed(layout.titles)}"
            hints = [f"{title}: {meant}" for title, meant in layout.unknown if any(path in meant for path in choice)]
            raise RecordError(
                message, place, "; ".join(hints) or "every row needs one; a mapping can say what fills it"
            )


def listed(titles: Sequence[str]) -> str:
    """Return column titles as a message may show them: the first eight."""
    shown = ", ".join(short(title) for title in titles[:_SHOWN])
    return f"{shown} and {len(titles) - _SHOWN} more" if len(titles) > _SHOWN else shown


def warn_of_unknown(layout: Layout, account: Account) -> None:
    """Add a warning for each column that nothing is known of: what it holds is not read."""
    for title, meant in layout.unknown:
        row = RowPlace(layout.file.name, FILE)
        message = f"column {echo(title)} is not read: {meant}"
        account.warn(Defect(row, short(title), short(title), "unknown_column", "a field name", message))


# ---- records ---------------------------------------------------------------------------------------------------------


def holds_of(layout: Layout, sides: Mapping[SideName, Layout]) -> Holds:
    """Return what a canonical file, with the files of actions, suspects and markers beside it, records at all."""
    paths = {path for found in (layout, *sides.values()) for path in found.paths()}
    codes = tuple(sorted({column.action for column in layout.columns if column.action}))
    return Holds(
        actions="all" if "actions" in sides else codes or "none",
        markers="markers" in sides,
        suspects="suspects" in sides or any(column.attribute == "suspects" for column in layout.columns),
        contact=any(column.attribute == "contact" for column in layout.columns),
        indicators="incident.indicators" in paths,
        fields=tuple(sorted(paths)),
    )


def drafts(
    layout: Layout, reader: Reader, holds: Holds, account: Account, *, found: Iterable[TextRow] | None = None
) -> Iterator[Draft | Gone]:
    """Yield what becomes of each row of records; with `found`, of those rows alone."""
    origin = Origin(holds, {column.title: column.title for column in layout.columns})
    groups: dict[tuple[str, str], list[Column]] = {}
    for column in layout.columns:
        groups.setdefault((column.attribute, column.action), []).append(column)
    for row in rows(layout.file, delimiter=layout.delimiter, titles=layout.titles) if found is None else found:
        place = RowPlace(layout.file.name, row.number)
        account.see(place)
        if row.damage is None:
            filled = {key: cells for key, columns in groups.items() if (cells := layout.cells(row, columns))}
            yield _draft(filled, reader, origin, place)
        else:
            yield damaged(row.damage, place, _text(layout, row, "child.id"))


def _draft(found: Mapping[tuple[str, str], dict[str, Cell]], reader: Reader, origin: Origin, place: RowPlace) -> Draft:
    groups: dict[str, Facts] = {}
    items: dict[str, tuple[Facts, ...]] = {}
    defects: list[Defect] = []
    for (attribute, action), cells in found.items():
        named = {"code": Cell(action, action), **cells} if action else cells
        facts, bad = reader.facts(attribute, named, place)
        defects += bad
        if in_list(attribute):
            items[attribute] = (*items.get(attribute, ()), facts)
        else:
            groups[attribute] = facts
    return Draft(place, origin, groups, items, tuple(defects))


def damaged(damage: Damage, place: RowPlace, child_id: str | None) -> Gone:
    """Return what becomes of a damaged row. What stands in the place of the child id is only one if it is known."""
    defect = Defect(place, "", damage.column, damage.code, damage.expected, damage.message, fatal=True)
    return Gone(place, frozenset(), defect, child_id, is_sure=False)


def _text(layout: Layout, row: TextRow, title: str) -> str | None:
    """Return the text in a column of a row that may be too short; None where it is blank or not there."""
    index = next((column.index for column in layout.columns if column.title == title), len(row.cells))
    text = row.cells[index] if index < len(row.cells) else ""
    return unicodedata.normalize("NFC", text).strip() or None


# ---- files of actions, suspects and markers --------------------------------------------------------------------------


def sides_of(
    layout: Layout, side: SideName, reader: Reader, account: Account, *, found: Iterable[TextRow] | None = None
) -> Iterator[Side]:
    """Yield the items of a file of actions, suspects or markers; a row that is none is rejected at once.

    With `found`, of those rows alone.
    """
    attribute = SIDES[side]
    columns = [column for column in layout.columns if column.attribute == attribute]
    for row in rows(layout.file, delimiter=layout.delimiter, titles=layout.titles) if found is None else found:
        place = RowPlace(layout.file.name, row.number)
        account.see(place)
        if row.damage is not None:
            damage = row.damage
            account.reject(
                Defect(place, "", damage.column, damage.code, damage.expected, damage.message), child_id=None
            )
            continue
        incident_id, child_id = (_text(layout, row, path) for path in KEYS)
        item, defects = reader.facts(attribute, layout.cells(row, columns), place)
        fatal = next((defect for defect in defects if defect.fatal), None)
        if incident_id is None:
            fatal = blank("incident.id", "incident.id", place)
        elif side == "actions" and getattr(item, "code", None) is None:
            fatal = next((d for d in defects if d.field == "action.code"), blank("action.code", "action.code", place))
        if fatal is not None:
            account.reject(fatal, child_id=child_id)
            continue
        link = ("incident", incident_id) if child_id is None else ("incident", incident_id, child_id)
        yield Side(place, attribute, item, link, "incident.id", incident_id, child_id, tuple(defects))
