"""JSON lines: one record a line, nested by group or with dotted keys, holding what it says it holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, cast

from riskflags.fields import catalogue
from riskflags.incident import GROUPS, Facts, Holds, Incident
from riskflags.intake.account import FILE, Account, Defect, RowPlace, echo, short
from riskflags.intake.drafts import Cell, Draft, Gone, Origin, Reader, describe, fact_models, in_list, nearest, places
from riskflags.intake.tables import WHOLE_ROW, TextFile, lines

Json = Mapping[str, Any]
_NOTHING_HELD: Mapping[str, Any] = {
    "actions": "none", "markers": False, "suspects": False, "contact": False, "indicators": False, "fields": (),
}  # fmt: skip
"""What to take for the parts of `holds` that cannot be read: nothing is then missing that may not be."""
_LIST_HELD = {"done": "actions", "suspects": "suspects", "markers": "markers"}


@dataclass(slots=True)
class _Taken:
    """The values of one line, by where they go; `unheld` are parts of `holds` that this line cannot vouch for."""

    row: RowPlace
    groups: dict[str, dict[str, Cell]] = field(default_factory=dict[str, dict[str, Cell]])
    items: dict[str, list[dict[str, Cell]]] = field(default_factory=dict[str, list[dict[str, Cell]]])
    holds: dict[str, Any] = field(default_factory=dict[str, Any])
    unheld: set[str] = field(default_factory=set[str])
    unknown: list[str] = field(default_factory=list[str])
    defects: list[Defect] = field(default_factory=list[Defect])

    def complain(self, path: str, expected: str, value: object) -> None:
        """Add a defect of a part that is of another form; it may hold anything, so its text is not told."""
        message = f"{path}: expected {expected}, got {_form(value)}"
        self.defects.append(Defect(self.row, path, path, "bad_value", expected, message))


def drafts(
    file: TextFile, reader: Reader, account: Account, *, found: Iterable[tuple[int, str]] | None = None
) -> Iterator[Draft | Gone]:
    """Yield what becomes of each line; with `found`, of those alone. A key that no field has is a warning, once."""
    unknown: dict[str, int] = {}
    for number, line in lines(file) if found is None else found:
        row = RowPlace(file.name, number)
        account.see(row)
        data = parse(line)
        if isinstance(data, str):
            message = f"the line is not read: {data}"
            yield Gone(row, frozenset(), Defect(row, "", WHOLE_ROW, "bad_json", "one JSON object", message, fatal=True))
            continue
        taken = _take(data, reader.record, row)
        draft = _draft(taken, reader)
        for key in taken.unknown:
            unknown.setdefault(key, number)
        yield draft
    for key, number in unknown.items():
        near = nearest(key, [*places(reader.record), *fact_models(reader.record), "holds"])
        meant = f"the nearest is {near}" if near else "no field has such a name (riskflags fields)"
        message = f"{echo(key)} is not read (first in row {number:,}): {meant}"
        account.warn(
            Defect(RowPlace(file.name, FILE), short(key), short(key), "unknown_column", "a field name", message)
        )


def parse(line: str) -> Json | str:
    """Return the object of a line, or what is wrong with it."""
    try:
        data = json.loads(line, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        return f"{error.msg.lower()} at character {error.pos + 1}"
    except ValueError as error:
        return str(error)
    except RecursionError:
        return "it is nested too deeply"
    return cast("Json", data) if isinstance(data, dict) else "it is not an object"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        message = "a key stands twice in one object"
        raise ValueError(message)
    return found


def _no_constant(name: str) -> NoReturn:
    message = f"{name} is not a number"
    raise ValueError(message)


def _take(data: Json, record: type[Incident], row: RowPlace) -> _Taken:
    """Return the values of an object by where they go. Of a dotted key and a nested one the dotted stands."""
    taken = _Taken(row)
    attributes = {GROUPS.get(name, name): name for name in fact_models(record)}
    for key, value in sorted(data.items(), key=lambda item: "." in item[0]):
        group, dot, name = key.partition(".")
        attribute = key if in_list(key) else attributes.get(group)
        if group == "holds":
            taken.holds.update({name: value} if dot else _holds_given(taken, value))
        elif attribute is None or (dot and in_list(attribute)):
            taken.unknown.append(key)
        elif in_list(attribute):
            _take_list(taken, attribute, value, record)
        elif dot:
            _take_fields(
                taken, taken.groups.setdefault(attribute, {}), GROUPS.get(attribute, attribute), {name: value}, record
            )
        elif isinstance(value, dict):
            _take_fields(taken, taken.groups.setdefault(attribute, {}), group, cast("Json", value), record)
        elif value is not None:
            taken.complain(key, "an object", value)
    return taken


def _take_fields(taken: _Taken, into: dict[str, Cell], group: str, values: Json, record: type[Incident]) -> None:
    for key, value in values.items():
        name = key.removeprefix(f"{group}.")
        if f"{group}.{name}" not in places(record):
            taken.unknown.append(f"{group}.{name}")
        elif not is_text(value):
            info, cell = catalogue(record)[f"{group}.{name}"], Cell(f"{group}.{name}", value)
            taken.defects.append(describe(info, cell, taken.row, reason="half a character is no text"))
        elif value is not None:
            into[name] = Cell(f"{group}.{name}", value)
        else:
            into.pop(name, None)


def _form(value: object) -> str:
    match value:
        case str():
            return "text"
        case dict():
            return "an object"
        case list():
            return "a list"
        case _:
            return json.dumps(value)


def is_text(value: object) -> bool:
    """Return whether a value can be written again: JSON can spell half a character, which is no text anywhere else."""
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return False
    return True


def _take_list(taken: _Taken, attribute: str, value: object, record: type[Incident]) -> None:
    if value is None:
        return
    if not isinstance(value, list):
        taken.complain(attribute, "a list of objects", value)
        taken.unheld.add(_LIST_HELD[attribute])
        return
    for item in cast("list[object]", value):
        if isinstance(item, dict):
            cells: dict[str, Cell] = {}
            _take_fields(taken, cells, GROUPS[attribute], cast("Json", item), record)
            taken.items.setdefault(attribute, []).append(cells)
        else:
            taken.complain(attribute, "an object for each item", item)
            taken.unheld.add(_LIST_HELD[attribute])


def _holds_given(taken: _Taken, value: object) -> Json:
    if isinstance(value, dict):
        return cast("Json", value)
    if value is not None:
        taken.complain("holds", "an object", value)
        taken.unheld |= set(_NOTHING_HELD)
    return {}


def _draft(taken: _Taken, reader: Reader) -> Draft:
    groups: dict[str, Facts] = {}
    items: dict[str, tuple[Facts, ...]] = {}
    for attribute, cells in taken.groups.items():
        groups[attribute], bad = reader.facts(attribute, cells, taken.row)
        taken.defects += bad
    for attribute, listed in taken.items.items():
        found = [reader.facts(attribute, cells, taken.row) for cells in listed]
        items[attribute] = tuple(facts for facts, _ in found)
        taken.defects += [defect for _, bad in found for defect in bad]
    return Draft(taken.row, Origin(_holds(taken), {}), groups, items, tuple(taken.defects))


def plain_holds(value: object, file: TextFile) -> Holds | None:
    """Return what a line holds that says this of it; None where anything of it cannot be read."""
    taken = _Taken(RowPlace(file.name, FILE))
    taken.holds.update(_holds_given(taken, value))
    found = _holds(taken)
    return None if taken.defects or taken.unknown else found


def _holds(taken: _Taken) -> Holds:
    """Return what the line says that its source holds. What it says and cannot be read is taken as not held."""
    given: dict[str, Any] = {}
    for name, value in taken.holds.items():
        if name not in _NOTHING_HELD:
            taken.unknown.append(f"holds.{name}")
        elif value is not None:
            given[name] = value
    for name, value in list(given.items()):
        try:
            Holds.model_validate({name: value})
        except ValueError:
            taken.complain(f"holds.{name}", _HELD[name], value)
            given[name] = _NOTHING_HELD[name]
    return Holds.model_validate({**given, **{name: _NOTHING_HELD[name] for name in taken.unheld}})


_HELD = {
    "actions": "all, none or a list of codes", "markers": "true or false", "suspects": "true or false",
    "contact": "true or false", "indicators": "true or false", "fields": "all or a list of field paths",
}  # fmt: skip
