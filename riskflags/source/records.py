"""The records of examples: fields with values of their kind, and how the record of one example differs from another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from riskflags.incident import GROUPS, LISTS, Holds
from riskflags.kinds import parse_moment
from riskflags.source import values
from riskflags.source.nodes import ListNode, MapNode, Node, Scalar
from riskflags.source.operands import code_value
from riskflags.source.problems import listed, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from riskflags.source.names import Names, Term

Data = dict[str, Any]


class _Absent:
    """The value of a field that an example takes away."""


ABSENT: Final = _Absent()
_LISTED_FIELD = "it belongs to the list {name}: {name}: [{{{path}: ...}}]"


def differing(record: Mapping[str, Any], changes: Mapping[str, Any]) -> Data:
    """Return a record with some fields changed and those that are absent taken away."""
    found = dict(record)
    for key, value in changes.items():
        if value is not ABSENT:
            found[key] = value
        else:
            for gone in [name for name in found if name == key or name.startswith(f"{key}.")]:
                del found[gone]
    return found


def read_record(node: Node | None, names: Names) -> Data:
    """Return the fields of a record by dotted keys. `absent` stands for ABSENT."""
    found: Data = {}
    for key, value in values.pairs(node, "fields with their values: {incident.id: I1}", names.problems):
        found.update(read_field(key, value, names))
    return found


def read_field(key: Scalar, value: Node, names: Names, *, prefix: str = "") -> Data:
    """Return what one key of a record says: a field, a list of the record, or a group of fields."""
    path = f"{prefix}{key.text}"
    if not prefix and key.text in LISTS:
        return _list(key, value, names)
    if not prefix and isinstance(value, MapNode) and (key.text in names.groups or key.text == "holds"):
        inner: Data = {}
        for name, one in value.pairs:
            inner.update(read_field(name, one, names, prefix=f"{key.text}."))
        return inner
    if not prefix and (key.text in names.groups or key.text == "holds") and _is_absent(value):
        return {key.text: ABSENT}
    if path.startswith("holds."):
        return _holds(key, path, value, names)
    term = names.term(path) if path in names.fields else None
    if term is None or names.fields[path].repeated:
        _refuse_field(key, path, names)
        return {}
    read = ABSENT if _is_absent(value) else _value(value, term, names)
    return {} if read is None else {path: read}


def _is_absent(node: Node) -> bool:
    return isinstance(node, Scalar) and node.text == "absent" and not node.quoted


def _refuse_field(key: Scalar, path: str, names: Names) -> None:
    info = names.fields.get(path)
    if info is not None:
        attribute = next(name for name in LISTS if GROUPS[name] == path.partition(".")[0])
        hint = _LISTED_FIELD.format(name=attribute, path=path)
        names.problems.report("RF111", key.place, f"{quoted(path)} belongs to a list", hint)
        return
    near = names.problems.nearest(path, [*(one for one, known in names.fields.items() if not known.repeated), *LISTS])
    meant = f"did you mean {near}? " if near else ""
    hint = f"{meant}`riskflags fields` lists the fields; the lists of a record are {listed(sorted(LISTS))}"
    fix = key.replaced_by(near.removeprefix(path.removesuffix(key.text)))
    names.problems.report("RF104", key.place, f"unknown field {quoted(path)}", hint, fix=fix)


def _value(node: Node, term: Term, names: Names) -> Any:
    """Return a value as a record takes it; None where it is not of the field's kind, which is reported."""
    problems = names.problems
    match term.kind:
        case "number":
            return values.number(node, problems)
        case "yes_no":
            return values.yes_no(node, problems)
        case "date":
            return values.day(node, problems)
        case "moment":
            read = values.parsed(node, lambda text: parse_moment(text, zone=names.zone), "a time", problems)
            return node.text.strip() if read is not None and isinstance(node, Scalar) else None
        case "codes":
            return _codes(node, term, names)
        case _:
            return code_value(node, term, names)


def _codes(node: Node, term: Term, names: Names) -> tuple[str, ...] | None:
    found = values.items(node, f"a list of codes: {term.name}: [...]", names.problems)
    if found is None:
        return None
    return values.complete([code_value(item, term, names) for item in found])


def _list(key: Scalar, node: Node, names: Names) -> Data:
    if _is_absent(node):
        return {key.text: ABSENT}
    group = GROUPS[key.text]
    example = f"a list, such as {key.text}: [{{{group}.{'code' if group == 'action' else 'id'}: ...}}]"
    items = values.items(node, example, names.problems)
    if items is None:
        return {}
    return {key.text: tuple(dict(_entry(item, group, names)) for item in items)}


def _entry(node: Node, group: str, names: Names) -> Iterator[tuple[str, Any]]:
    """Yield the fields of one suspect, marker or action; the first part of a name may be left out."""
    for key, value in values.pairs(node, f"fields such as {group}.id", names.problems, needed=True):
        path = key.text if key.text.startswith(f"{group}.") else f"{group}.{key.text}"
        term = names.term(path) if path in names.fields else None
        if term is None:
            near = names.problems.nearest(path, (one for one in names.fields if one.startswith(f"{group}.")))
            meant = f"did you mean {near}? " if near else ""
            hint = f"{meant}`riskflags fields {group}` lists the fields"
            fix = key.replaced_by(near.removeprefix(path.removesuffix(key.text)))
            names.problems.report("RF104", key.place, f"unknown field {quoted(key.text)}", hint, fix=fix)
        elif not _is_absent(value):
            read = _value(value, term, names)
            if read is not None:
                yield path, read


def _holds(key: Scalar, path: str, node: Node, names: Names) -> Data:
    """Return what a record says of its source: which actions, lists and groups it holds at all."""
    name = path.removeprefix("holds.")
    if name not in Holds.model_fields:
        known = [f"holds.{one}" for one in Holds.model_fields]
        near = names.problems.nearest(path, known)
        meant = f"did you mean {near}? " if near else ""
        message = f"unknown field {quoted(path)}"
        fix = key.replaced_by(near.removeprefix(path.removesuffix(key.text)))
        names.problems.report("RF104", key.place, message, f"{meant}They are {listed(known)}", fix=fix)
        return {}
    if Holds.model_fields[name].annotation is bool:
        flag = values.yes_no(node, names.problems)
        return {} if flag is None else {path: flag}
    if isinstance(node, ListNode):
        codes = values.texts(node, "a list", names.problems)
        return {} if codes is None else {path: codes}
    words = ("all", "none") if name == "actions" else ("all",)
    word = values.choice(node, words, names.problems)
    return {} if word is None else {path: word}
