"""Sources, roles, lists and parameters, as sources.yaml and vocabulary.yaml define them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from riskflags.calendar import Duration
from riskflags.pack import Citation, CodeList, Param, Source
from riskflags.source import values
from riskflags.source.nodes import MapNode, Node, Scalar
from riskflags.source.order import in_order
from riskflags.source.problems import quoted
from riskflags.source.shape import refuse_shape, take

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from decimal import Decimal

    from riskflags.errors import Place
    from riskflags.source.names import Names, Table

T = TypeVar("T")
Defined = tuple[Scalar, Node]
MOST_CODES = 500_000
"""Codes that the lists of a pack may hold, those that come in from other lists counted each time."""


def declared(node: Node | None, table: Table[T], names: Names, *, derived: bool = False) -> dict[str, Defined]:
    """Return what a section defines, by name; a name that is not one is reported, and known as broken."""
    found: dict[str, Defined] = {}
    before = len(names.problems)
    written = values.pairs(node, f"{{name: a {table.what}}}", names.problems)
    if len(names.problems) > before or (isinstance(node, MapNode) and node.damaged):
        table.complete = False
    for key, value in written:
        table.declare(key.text, key.place)
        if values.is_name(key, names.problems, derived=derived):
            found[key.text] = (key, value)
        else:
            table.misnamed.add(key.text)
    return found


def citations(node: Node | None, names: Names) -> tuple[Citation, ...]:
    """Return what is cited under `source`."""
    found: list[Citation] = []
    for item in values.items(node, "a list of {ref, at, says, checked}", names.problems) or ():
        taken = take(item, "a citation", names.problems)
        if taken is None:
            continue
        source = names.sources.find(taken.get("ref"))
        at = values.text(taken.get("at"), names.problems)
        says = values.text(taken.get("says"), names.problems)
        checked = values.day(taken.get("checked"), names.problems)
        if source is not None:
            found.append(Citation(source.key, at or "", says or "", checked))
    return tuple(found)


def read_sources(defined: Mapping[str, Defined], names: Names) -> None:
    """Fill the table of sources."""
    for name, (_, node) in defined.items():
        taken = take(node, "a source", names.problems)
        if taken is None:
            continue
        title = values.text(taken.get("title"), names.problems)
        publisher = values.text(taken.get("publisher"), names.problems)
        published = values.loose_text(taken.get("published"), names.problems)
        url = values.text(taken.get("url"), names.problems)
        names.sources.known[name] = Source(name, title or "", publisher or "", published or "", url or "")


def read_roles(defined: Mapping[str, Defined], names: Names) -> None:
    """Fill the table of roles."""
    for name, (_, node) in defined.items():
        taken = take(node, "a role", names.problems)
        if taken is not None:
            names.roles.known[name] = values.text(taken.get("label"), names.problems) or ""


# ---- lists -----------------------------------------------------------------------------------------------------------


def read_lists(defined: Mapping[str, Defined], names: Names) -> None:
    """Fill the table of lists. A list may take in others, in a circle with none."""
    parts = {name: _ListParts(key, node, names) for name, (key, node) in defined.items()}
    order, circles = in_order({name: part.others for name, part in parts.items()})
    for circle in circles:
        path = " -> ".join(circle)
        hint = "take one of them out of the other's values"
        names.problems.report("RF120", parts[circle[0]].key.place, f"lists that hold each other: {path}", hint)
    total = 0
    for name in order:
        codes = names.tuning.codes(name, parts[name].codes_with(names), names)
        total += len(codes)
        if total > MOST_CODES:
            message = f"more than {MOST_CODES:,} codes in the lists of the pack"
            names.problems.report("RF001", parts[name].key.place, message, "take lists into lists less often")
            return
        if parts[name].is_complete(names):
            names.lists.known[name] = parts[name].made(codes)
            names.code_places[name] = codes


class _ListParts:
    """A list as it is written: its own codes with their places, and the lists that it takes in."""

    def __init__(self, key: Scalar, node: Node, names: Names) -> None:
        self.key = key
        self.others: list[str] = []
        self._codes: dict[str, Place] = {}
        self._whole = False
        taken = take(node, "a list", names.problems)
        if taken is None:
            return
        self._label = values.text(taken.get("label"), names.problems) or ""
        self._source = citations(taken.get("source"), names)
        found = values.items(taken.get("values"), "a list of codes", names.problems)
        self._whole = found is not None
        for item in found or ():
            self._whole &= self._take_in(item, names)
        if found is not None and not found:
            names.problems.report("RF020", key.place, f"the list {quoted(key.text)} is empty", "name a code")

    def _take_in(self, item: Node, names: Names) -> bool:
        if isinstance(item, MapNode):
            if len(item.pairs) != 1 or item.pairs[0][0].text != "list":
                refuse_shape(item, "expected a code, or {list: name}", names.problems)
                return False
            other = item.pairs[0][1]
            names.lists.find(other)
            if isinstance(other, Scalar):
                self.others.append(other.text)
            return isinstance(other, Scalar) and names.lists.is_declared(other.text)
        code = values.text(item, names.problems)
        if code is not None:
            self._codes.setdefault(code, item.place)
        return code is not None

    def codes_with(self, names: Names) -> dict[str, Place]:
        """Return every code, those of other lists among them, with the place where it is written."""
        codes: dict[str, Place] = {}
        for other in self.others:
            codes.update(names.code_places.get(other, {}))
        codes.update(self._codes)
        return codes

    def is_complete(self, names: Names) -> bool:
        return self._whole and all(other in names.lists.known for other in self.others)

    def made(self, codes: Mapping[str, Place]) -> CodeList:
        return CodeList(self.key.text, self._label, frozenset(codes), self._source, self.key.place)


# ---- parameters ------------------------------------------------------------------------------------------------------


def read_params(defined: Mapping[str, Defined], names: Names) -> None:
    """Fill the table of parameters, each with the days from which its values hold, oldest first."""
    for name, (key, node) in defined.items():
        taken = take(node, "a parameter", names.problems)
        if taken is None:
            continue
        label = values.text(taken.get("label"), names.problems)
        unit = values.text(taken.get("unit"), names.problems)
        source = citations(taken.get("source"), names)
        local = values.choice(taken.get("default"), ("local",), names.problems)
        dated = _dated(taken.get("values"), is_duration=unit == "duration", names=names)
        if unit is None or not dated:
            continue
        found = _tuned(name, sorted(dated, key=lambda one: one[0]), is_duration=unit == "duration", names=names)
        is_local = local == "local" or name in names.tuning.params
        names.params.known[name] = Param(name, label or "", unit, found, source, is_local, key.place)


def _tuned(
    name: str, dated: list[tuple[date, Decimal | Duration]], *, is_duration: bool, names: Names
) -> tuple[tuple[date, Decimal | Duration], ...]:
    """Return the values of a parameter as an overlay has them: from its day on, or at all times."""
    tuned = names.tuning.params.get(name)
    if tuned is None:
        return tuple(dated)
    read = values.duration(tuned.value, names.problems) if is_duration else _number(tuned.value, names)
    if read is None:
        return tuple(dated)
    since = tuned.since or dated[0][0]
    return (*(one for one in dated if one[0] < since), (since, read))


def _dated(node: Node | None, *, is_duration: bool, names: Names) -> list[tuple[date, Decimal | Duration]]:
    """Return the values with their first days; none where one of them is wrong."""
    found: list[tuple[date, Decimal | Duration]] = []
    written = values.pairs(node, "values with their first days: {2014-01-01: 3}", names.problems, needed=True)
    for key, value in written:
        day = values.day(key, names.problems)
        read = values.duration(value, names.problems) if is_duration else _number(value, names)
        if day is not None and day in dict(found):
            names.problems.report("RF151", key.place, f"two values from {day} on", "keep one of the two")
        elif day is not None and read is not None:
            found.append((day, read))
    return found if len(found) == len(written) else []


def _number(node: Node, names: Names) -> Decimal | None:
    if isinstance(node, Scalar) and _is_duration(node.text):
        message = f"{quoted(node.text)} is a duration, and the unit of the parameter is not"
        names.problems.report("RF020", node.place, message, "write unit: duration")
        return None
    return values.number(node, names.problems)


def _is_duration(text: str) -> bool:
    try:
        Duration.parse(text)
    except ValueError:
        return False
    return True
