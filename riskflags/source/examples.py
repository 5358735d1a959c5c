"""Examples: the records that they are about, written out in full, and what is expected of each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from riskflags.kinds import parse_moment
from riskflags.model import State
from riskflags.pack import NONE_COUNTS, Example, Expected
from riskflags.source import values
from riskflags.source.nodes import ListNode, MapNode, Node, Scalar
from riskflags.source.problems import listed, quoted
from riskflags.source.records import Data, differing, read_field, read_record
from riskflags.source.shape import SHAPES, Taken, keys_of, take

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskflags.model import Severity
    from riskflags.source.names import Names

VerdictName = Literal["fires", "clears", "undecided"]
_VERDICTS: dict[str, VerdictName] = {"fires": "fires", "clears": "clears", "undecided": "undecided"}
_FULL = frozenset(SHAPES["what is expected"])
_NOW = "a time such as 2026-03-31T10:00"


def read_examples(given: Node | None, node: Node | None, names: Names) -> tuple[tuple[Example, ...], bool]:
    """Return the examples, and whether each of them could be read."""
    before = len(names.problems)
    record = read_record(given, names)
    known = record if len(names.problems) == before else None
    found = values.items(node, "a list of examples, each with a dash", names.problems)
    read = [_example(item, known, names) for item in found or ()]
    seen: dict[str, Node] = {}
    for example, item in zip(read, found or (), strict=True):
        if example is not None and example.name in seen:
            first = seen[example.name].place
            message = f"the example {quoted(example.name)} is there twice: first at {first}"
            names.problems.report("RF102", item.place, message, "say in the name what makes it different")
        elif example is not None:
            seen[example.name] = item
    return tuple(one for one in read if one is not None), None not in read and (node is None or found is not None)


def _example(node: Node, given: Data | None, names: Names) -> Example | None:
    """Return an example; None where it is wrong. Where the given record is, only what differs from it is looked at."""
    before = len(names.problems)
    taken = take(node, "an example", names.problems)
    if taken is None:
        return None
    name = values.loose_text(taken.get("name"), names.problems)
    as_of = _as_of(taken.get("as_of"), names)
    record = differing(given or {}, read_record(taken.get("but"), names))
    earlier = values.items(taken.get("history"), "a list of {incident.id: I1, but: {...}}", names.problems)
    history = [differing(given or {}, _earlier(item, names)) for item in earlier or ()]
    if len(names.problems) > before or given is None:
        _expectations(taken, None, names)
        return None
    if not _has_ids(taken, [record, *history], names):
        return None
    expect = _expectations(taken, [record, *history], names)
    if name is None or as_of is None or len(names.problems) > before:
        return None
    return Example(name, as_of, record, tuple(history), expect.all, expect.only, taken.place)


def _as_of(node: Node | None, names: Names) -> datetime | None:
    """Return the moment at which an example is decided: written in local time, known to the second."""
    moment = values.parsed(node, lambda text: parse_moment(text, zone=names.zone), _NOW, names.problems)
    if moment is None or not isinstance(node, Scalar):
        return None
    if moment.is_exact:
        return datetime.fromtimestamp(moment.earliest, names.zone)
    if "T" in moment.local:
        message = f"{quoted(node.text)} is there twice: the clocks go back over it"
        names.problems.report("RF020", node.place, message, f"say which, with its offset: {node.text}+01:00")
    else:
        names.problems.report("RF020", node.place, f"{quoted(node.text)} has no time", f"write {_NOW}")
    return None


def _earlier(node: Node, names: Names) -> Data:
    """Return how an earlier record differs from the given one: by its own keys, and by those under `but`."""
    found: Data = {}
    for key, value in values.pairs(node, "{incident.id: I1, but: {...}}", names.problems, needed=True):
        if key.text == "but":
            found.update(read_record(value, names))
        else:
            found.update(read_field(key, value, names))
    return found


def _has_ids(taken: Taken, records: list[Data], names: Names) -> bool:
    """Return whether each record of an example can be told from the others, having reported it where not."""
    keys = [(record.get("incident.id"), record.get("child.id")) for record in records]
    if any(incident_id is None for incident_id, _ in keys):
        hint = "write incident.id under given, and in each record of the history"
        names.problems.report("RF150", taken.place, "an example with a record that has no incident.id", hint)
        return False
    if len(set(keys)) < len(keys):
        twice = next(key for key, count in Counter(keys).items() if count > 1)
        message = f"an example with two records {quoted(str(twice[0]))} of one child"
        names.problems.report("RF150", taken.place_of("history"), message, "give each an incident.id of its own")
        return False
    return True


# ---- what is expected ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Expectations:
    all: tuple[Expected, ...] = ()
    only: bool = False


def _expectations(taken: Taken, records: list[Data] | None, names: Names) -> _Expectations:
    """Return what is expected of each record. Without records, names of records are not looked at."""
    node = taken.get("expect")
    if node is None:
        return _Expectations()
    if not isinstance(node, MapNode) or any(key.text in _FULL - {"only"} for key, _ in node.pairs):
        incident_id = str(records[0]["incident.id"]) if records else ""
        found, only = _expected(node, incident_id, names)
        return _Expectations((found,) if found is not None else (), only)
    ids = {str(record["incident.id"]) for record in records or ()}
    all_found: list[Expected] = []
    is_only = False
    for key, value in node.pairs:
        if key.text == "only":
            is_only |= values.yes_no(value, names.problems) is True
            continue
        if records is not None and key.text not in ids:
            message = f"{quoted(key.text)} is no record of this example"
            names.problems.report("RF150", key.place, message, f"its records are {listed(sorted(ids))}")
            continue
        found, only = _expected(value, key.text, names)
        is_only |= only
        all_found += [found] if found is not None else []
    return _Expectations(tuple(all_found), is_only)


def _expected(node: Node, incident_id: str, names: Names) -> tuple[Expected | None, bool]:
    """Return what is expected of one record, and whether there may be nothing else."""
    if not isinstance(node, MapNode):
        verdict = values.choice(node, _VERDICTS, names.problems)
        return (None if verdict is None else Expected(incident_id, _VERDICTS[verdict], place=node.place)), False
    taken = keys_of(node, "what is expected", names.problems)
    only = values.yes_no(taken.get("only"), names.problems) is True
    gaps = _gaps(taken.get("gaps"), names)
    verdicts = [name for name in _VERDICTS if name in taken.values]
    if len(verdicts) != 1:
        if not taken.damaged:
            message = "two verdicts of one record" if verdicts else "no verdict"
            hint = "say one of fires, clears and undecided: {fires: {severity: high}, gaps: {...}}"
            names.problems.report("RF011" if verdicts else "RF013", taken.place, message, hint)
        return None, only
    verdict = _VERDICTS[verdicts[0]]
    details = _details(verdict, taken.values[verdict], names)
    return Expected(incident_id, verdict, **details, gaps=gaps, place=taken.place_of(verdict)), only


def _details(verdict: VerdictName, node: Node, names: Names) -> dict[str, Any]:
    """Return what is said of a verdict: severity, ids and suspect of one that fires, needs of one that is undecided."""
    if verdict == "undecided" and isinstance(node, ListNode):
        return {"needs": _needs(node, names)}
    if isinstance(node, Scalar) and (node.is_empty or node.text == "true"):
        return {}
    if isinstance(node, MapNode) and not node.pairs:
        return {}
    taken = take(node, verdict, names.problems)
    if taken is None:
        return {}
    found: dict[str, Any] = {"suspect": values.text(taken.get("suspect"), names.problems)}
    if verdict == "fires":
        severity: Severity | None = values.severity(taken.get("severity"), names.problems)
        found["severity"] = severity
        found["because"] = values.texts(taken.get("because"), "a list of incident ids", names.problems)
    if verdict == "undecided":
        found["needs"] = _needs(taken.get("needs"), names)
    return found


def _needs(node: Node | None, names: Names) -> tuple[str, ...] | None:
    """Return the needs of an undecided rule; a field in one of them must be one."""
    found = values.texts(node, "a list of needs, such as [child.in_care]", names.problems)
    if found is None or not isinstance(node, ListNode):
        return None
    for item, need in zip(node.items, found, strict=True):
        _check_need(item, need, names)
    return found


def _check_need(node: Node, need: str, names: Names) -> None:
    if need.startswith("rejected:"):
        return
    name = need.rpartition(":")[2].partition("@")[0]
    known = (*names.fields, *names.groups, "child.is_adult", "done", "markers", "suspects", *NONE_COUNTS.values())
    if name in known or name.startswith("param."):
        return
    near = names.problems.nearest(name, known)
    meant = f"did you mean {near}? " if near else ""
    hint = f"{meant}A need is a field, a field with @time or @exact, or <incident id>:<field>"
    fix = node.replaced_by(need.replace(name, near)) if isinstance(node, Scalar) and near else None
    names.problems.report("RF104", node.place, f"unknown field {quoted(name)} in a need", hint, fix=fix)


def _gaps(node: Node | None, names: Names) -> tuple[tuple[str, str], ...]:
    """Return the state that is expected of each action."""
    found: list[tuple[str, str]] = []
    for key, value in values.pairs(node, "{action: state}", names.problems):
        names.actions.name(key)
        state = values.choice(value, map(str, State), names.problems)
        if state is not None:
            found.append((key.text, state))
    return tuple(found)


def kinds_of(examples: tuple[Example, ...]) -> Mapping[str, bool]:
    """Return whether some example fires, and whether some example clears."""
    seen = {expected.verdict for example in examples for expected in example.expect}
    return {"fires": "fires" in seen, "clears": "clears" in seen}
