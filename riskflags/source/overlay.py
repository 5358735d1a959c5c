"""Overlays: what a deployment tunes in a pack that is not its own: parameters, lists and status, and never a condition.

Each says whose it is and why. They stand side by side: what two of them touch is refused, so that their order never
matters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from riskflags.errors import Place
from riskflags.pack import Overlay
from riskflags.source import values
from riskflags.source.nodes import MOST_BYTES, MapNode, Scalar, parse
from riskflags.source.problems import clean, listed, quoted
from riskflags.source.shape import take

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from riskflags.source.names import Names
    from riskflags.source.nodes import Node
    from riskflags.source.shape import Taken

_STATUSES = ("draft", "active", "retired")


@dataclass(frozen=True, slots=True)
class TunedParam:
    """A value of a parameter in place of the pack's, from a day on or at all times."""

    value: Node
    since: date | None
    key: Scalar


@dataclass(frozen=True, slots=True)
class TunedList:
    """Codes that a list takes in, and codes that it leaves out."""

    add: Mapping[str, Place]
    remove: Mapping[str, Place]
    key: Scalar


@dataclass(frozen=True, slots=True)
class TunedStatus:
    """A status of a rule in place of its own."""

    status: str
    key: Scalar


@dataclass(slots=True)
class Tuning:
    """All that the overlays of a run change, by name."""

    overlays: list[Overlay] = field(default_factory=list["Overlay"])
    params: dict[str, TunedParam] = field(default_factory=dict[str, TunedParam])
    lists: dict[str, TunedList] = field(default_factory=dict[str, TunedList])
    status: dict[str, TunedStatus] = field(default_factory=dict[str, "TunedStatus"])

    def codes(self, name: str, written: Mapping[str, Place], names: Names) -> dict[str, Place]:
        """Return the codes of a list as it is tuned. One that is to be left out, and is not there, is reported."""
        tuned = self.lists.get(name)
        if tuned is None:
            return dict(written)
        for code, place in tuned.remove.items():
            if code not in written:
                hint = f"the list has {listed(sorted(written), most=20)}"
                names.problems.report("RF101", place, f"{quoted(code)} is not in the list {quoted(name)}", hint)
        kept = {code: place for code, place in written.items() if code not in tuned.remove}
        return kept | dict(tuned.add)


def read_overlays(paths: Sequence[str | Path], names: Names) -> Tuning:
    """Return what the overlays change. What is wrong in one, and what two of them touch, is reported."""
    tuning = Tuning()
    for path in paths:
        taken = _file(Path(path), names)
        if taken is None:
            continue
        owner, reason = (values.text(taken.get(key), names.problems) for key in ("owner", "reason"))
        tuning.overlays.append(Overlay(owner or "", reason or ""))
        for key, node in _entries(taken.get("params"), tuning.params, "parameter", names):
            _param(key, node, tuning, names)
        for key, node in _entries(taken.get("lists"), tuning.lists, "list", names):
            _list(key, node, tuning, names)
        for key, node in _entries(taken.get("status"), tuning.status, "rule", names):
            status = values.choice(node, _STATUSES, names.problems)
            if status is not None:
                tuning.status[key.text] = TunedStatus(status, key)
    tuning.overlays.sort(key=lambda one: (one.owner, one.reason))
    return tuning


def _file(path: Path, names: Names) -> Taken | None:
    shown = clean(path.as_posix())
    try:
        data = path.read_bytes()[: MOST_BYTES + 1]
    except OSError as error:
        message = f"the overlay cannot be read: {error.strerror or error}"
        names.problems.report("RF002", Place(shown), message, "name a file that can be read")
        return None
    before = len(names.problems)
    node = parse(data, shown, names.problems)
    if node is None and len(names.problems) == before:
        names.problems.report("RF001", Place(shown), "the file is empty", "write at least owner and reason")
    return take(node, "an overlay", names.problems) if node is not None else None


def _entries(node: Node | None, seen: Mapping[str, object], what: str, names: Names) -> Iterator[tuple[Scalar, Node]]:
    """Yield what an overlay changes of one sort, without what another changes too."""
    for key, value in values.pairs(node, "names with what changes", names.problems) if node is not None else ():
        if key.text in seen:
            message = f"the {what} {quoted(key.text)} is changed by two overlays"
            names.problems.report("RF102", key.place, message, "take it out of one of them: their order has no meaning")
        else:
            yield key, value


def _param(key: Scalar, node: Node, tuning: Tuning, names: Names) -> None:
    if not isinstance(node, MapNode):
        tuning.params[key.text] = TunedParam(node, None, key)
        return
    taken = take(node, "a tuned parameter", names.problems)
    value = taken.get("value") if taken is not None else None
    if taken is not None and value is not None:
        tuning.params[key.text] = TunedParam(value, values.day(taken.get("from"), names.problems), key)


def _list(key: Scalar, node: Node, tuning: Tuning, names: Names) -> None:
    taken = take(node, "a tuned list", names.problems)
    if taken is not None:
        add, remove = (_codes(taken.get(name), names) for name in ("add", "remove"))
        tuning.lists[key.text] = TunedList(add, remove, key)


def _codes(node: Node | None, names: Names) -> dict[str, Place]:
    found = values.items(node, "a list of codes", names.problems) if node is not None else ()
    codes = [(values.text(item, names.problems), item.place) for item in found or ()]
    return {code: place for code, place in codes if code is not None}


# ---- names -----------------------------------------------------------------------------------------------------------


def check_names(tuning: Tuning, names: Names) -> None:
    """Report what an overlay changes and the pack does not have."""
    for param in tuning.params.values():
        names.params.find(param.key)
    for codes in tuning.lists.values():
        names.lists.find(codes.key)
    for status in tuning.status.values():
        names.rules.name(status.key)
