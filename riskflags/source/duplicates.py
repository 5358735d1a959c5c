"""pack.yaml, `duplicates`: which records are probably of one event, and whether look-ups count them once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.pack import Duplicates
from riskflags.source import values
from riskflags.source.actions import read_whole
from riskflags.source.problems import quoted
from riskflags.source.scope import Scope, resolve
from riskflags.source.shape import take

if TYPE_CHECKING:
    from riskflags.source.names import Names, Term
    from riskflags.source.nodes import Node

_ONE_RECORD = "whether two records are of one event follows from what each says by itself"
_LINKS = ("text", "code", "date", "number", "yes_no")


def read_duplicates(node: Node | None, names: Names) -> tuple[Duplicates, ...]:
    """Return the definitions of what is probably one event."""
    nodes = values.items(node, "a list of {of, by, from, to, counted}", names.problems) if node is not None else ()
    if node is not None and nodes is not None and not nodes:
        names.problems.report("RF020", node.place, "an empty list", "say of which records: - of: {use: missing_child}")
    return values.complete([_one(one, names) for one in nodes or ()]) or ()


def _one(node: Node, names: Names) -> Duplicates | None:
    taken = take(node, "duplicates", names.problems)
    if taken is None:
        return None
    scope = Scope(no_suspects=_ONE_RECORD, no_readings=_ONE_RECORD, owner="duplicates")
    of = read_whole(taken.get("of"), scope, names)
    if of is not None and names.traits(of).across and "of" in taken.values:
        names.problems.report("RF130", taken.value_place("of"), "`of` looks at other records", _ONE_RECORD)
        of = None
    by = [_name(one, _LINKS, "records cannot be linked by", scope, names) for one in _names(taken.get("by"), names)]
    begins, ends = (
        _name(taken.values[key], ("moment",), f"{key} is a moment, and not", scope, names)
        if key in taken.values
        else ""
        for key in ("from", "to")
    )
    counted = values.choice(taken.get("counted"), ("each", "once"), names.problems)
    links = values.complete(by)
    if of is None or not links or not begins or not ends or counted is None:
        return None
    return Duplicates(of, tuple(links), begins, ends, once=counted == "once", place=taken.place)


def _names(node: Node | None, names: Names) -> tuple[Node, ...]:
    found = values.items(node, "a list of names: by: [child.id]", names.problems) if node is not None else ()
    if node is not None and found is not None and not found:
        hint = "name what the records must have in common: by: [child.id]"
        names.problems.report("RF020", node.place, "an empty list", hint)
    return tuple(found or ())


def _name(node: Node, kinds: tuple[str, ...], wrong: str, scope: Scope, names: Names) -> str | None:
    """Return a name of the record itself, of one of the kinds."""
    term: Term | None = resolve(node, scope, names)
    if term is None:
        return None
    if term.kind not in kinds:
        message = f"{wrong} {quoted(term.name)}, which is of kind {term.kind}"
        names.problems.report("RF105", node.place, message, f"name a value of kind {' or '.join(kinds)}")
        return None
    if term.traits.across:
        names.problems.report("RF130", node.place, f"{quoted(term.name)} looks at other records", _ONE_RECORD)
        return None
    return term.name
