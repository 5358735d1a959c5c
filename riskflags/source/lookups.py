"""Look-ups: values that come from other records, or from the actions, markers and suspects of this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from riskflags.condition import names_read
from riskflags.pack import LookUp, LookUpFunction, Window
from riskflags.source import values
from riskflags.source.conditions import past_limits, read_condition
from riskflags.source.names import Term, Traits, together
from riskflags.source.nodes import MapNode, Node, Scalar
from riskflags.source.problems import quoted
from riskflags.source.scope import resolve
from riskflags.source.shape import keys_of, refuse_shape, take
from riskflags.source.spans import params_in, read_span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from riskflags.source.names import Names
    from riskflags.source.scope import Over, Scope
    from riskflags.source.shape import Taken

_FUNCTIONS: dict[str, LookUpFunction] = {
    "how_many": "how_many",
    "how_many_different": "how_many_different",
    "earliest": "earliest",
    "latest": "latest",
    "union": "union",
}
_OVER: dict[str, Over] = {"records": "records", "done": "done", "markers": "markers", "suspects": "suspects"}
WINDOW_UNITS = (*values.ELAPSED, *values.CALENDAR)


def read_look_up(function: Scalar, node: Node, scope: Scope, names: Names) -> tuple[LookUp, Term] | None:
    """Return a look-up, and what is known of its value."""
    taken = take(node, "a look-up", names.problems)
    if taken is None:
        return None

    chosen = values.choice(taken.get("in"), _OVER, names.problems)
    if chosen is None:
        return None
    over = _OVER[chosen]
    inner = scope.looking_at(over)
    of = _of(function, taken, inner, names)
    where_node = taken.get("where")
    where = read_condition(where_node, inner, names)
    by = _by(taken, inner, names)
    window = _window(taken, inner, names)
    others = values.yes_no(taken.get("others"), names.problems) if over == "records" else False
    if not _is_complete(function, taken, over, names):
        return None
    if of is None or by is None or window is None or (where_node is not None and where is None):
        return None
    if any(past_limits(names.traits(one), function.place, names) for one in (where, window.of) if one is not None):
        return None
    how = LookUp(
        _FUNCTIONS[function.text], over, of.name, where, tuple(term.name for term in by), window, others is True
    )
    return how, _value(how, of, by, names)


def _is_complete(function: Scalar, taken: Taken, over: Over, names: Names) -> bool:
    """Return whether a look-up has what it needs and nothing else, having reported what is wrong."""
    before = len(names.problems)
    if over == "records":
        for key, example in (("by", "[child.id]"), ("window", "{back: 90 days}")):
            if key not in taken.values and not taken.damaged:
                hint = f"say which records belong together, and how far back: {key}: {example}"
                names.problems.report("RF130", function.place, f"a look-up over records without {quoted(key)}", hint)
    else:
        for key in ("by", "window", "others"):
            if key in taken.values:
                hint = f"take it out: only a look-up over records has {key}"
                message = f"{quoted(key)} in a look-up over {over}"
                names.problems.report("RF130", taken.place_of(key), message, hint)
    if function.text == "how_many":
        if "of" in taken.values:
            hint = "take it out, or say how_many_different"
            names.problems.report(
                "RF130", taken.place_of("of"), "how_many counts items and reads nothing `of` them", hint
            )
    elif "of" not in taken.values and not taken.damaged:
        example = "of: child.id" if function.text in ("how_many_different", "union") else "of: action.at"
        names.problems.report("RF130", function.place, f"{function.text} without `of`", f"say of what: {example}")
    return len(names.problems) == before


def _of(function: Scalar, taken: Taken, inner: Scope, names: Names) -> Term | None:
    """Return the name that a look-up reads of each item; a term without name where it reads none."""
    node = taken.get("of")
    if node is None or function.text == "how_many":
        return Term("", "number")
    term = _items_own(node, inner, names)
    if term is None:
        return None
    dated = function.text in ("earliest", "latest")
    worded = function.text == "union" and term.kind not in ("text", "code", "codes")
    if (dated and term.kind != "moment") or worded or term.kind in ("group", "duration", "severity"):
        message = f"{function.text} does not take {term.name.rpartition('/')[2]}, which is of kind {term.kind}"
        hint = "name a moment" if dated else "name a text, a code or a list of codes" if worded else "name a field"
        names.problems.report("RF105", node.place, message, hint)
        return None
    return term


def _by(taken: Taken, inner: Scope, names: Names) -> Sequence[Term] | None:
    if "by" not in taken.values or inner.over != "records":
        return ()
    nodes = values.items(taken.get("by"), "a list of names: by: [child.id]", names.problems)
    if nodes is None:
        return None
    if not nodes:
        hint = "name what the records must have in common: by: [child.id]"
        names.problems.report("RF130", taken.place_of("by"), "a look-up over records by nothing", hint)
        return None
    return values.complete([_key(node, inner, names) for node in nodes])


def _items_own(node: Node, inner: Scope, names: Names) -> Term | None:
    """Return what a name of the looked-at item is; one of the current record is refused."""
    if isinstance(node, Scalar) and node.text.startswith("this."):
        hint = f"write {node.text.removeprefix('this.')}: a name here is the looked-at item's"
        names.problems.report("RF111", node.place, f"{quoted(node.text)} names the current record", hint)
        return None
    return resolve(node, inner, names)


def _key(node: Node, inner: Scope, names: Names) -> Term | None:
    term = _items_own(node, inner, names)
    if term is not None and term.kind in ("group", "duration", "severity"):
        names.problems.report("RF105", node.place, f"records cannot be linked by {quoted(term.name)}", "name a field")
        return None
    return term


def _window(taken: Taken, inner: Scope, names: Names) -> Window | None:
    node = taken.get("window")
    if node is None or (isinstance(node, Scalar) and node.text == "all"):
        return Window()
    if not isinstance(node, MapNode):
        refuse_shape(node, "write window: {back: 90 days}, or window: all", names.problems)
        return None
    window = keys_of(node, "a window", names.problems)
    if "last" in window.values:
        return _last(window, inner, names)
    if "of" in window.values:
        hint = "put the condition under where"
        names.problems.report("RF130", window.place_of("of"), "`of` in a window that reaches back", hint)
    elif "back" not in window.values and not window.damaged:
        hint = "say how far back: window: {back: 90 days}, or window: all"
        names.problems.report("RF130", window.place, "a window without `back`", hint)
    back = read_span(window.get("back"), names, units=WINDOW_UNITS)
    up_to = values.choice(window.get("up_to"), ("as_of",), names.problems)
    return None if back is None else Window(back, up_to == "as_of")


def _last(window: Taken, inner: Scope, names: Names) -> Window | None:
    """Return a window of the last records that meet a condition."""
    for key in ("back", "up_to"):
        if key in window.values:
            hint = "keep one of the two: {back: 90 days}, or {last: 3, of: a condition}"
            names.problems.report("RF130", window.place_of(key), f"{quoted(key)} in a window of the last records", hint)
    last = values.whole(window.get("last"), names.problems, least=1)
    of = read_condition(window.get("of"), inner, names)
    if "of" not in window.values and not window.damaged:
        hint = "say of which records: window: {last: 3, of: {incident.type: missing_episode}}"
        names.problems.report("RF130", window.place, "the last records of no sort", hint)
    if last is None or of is None or "back" in window.values or "up_to" in window.values:
        return None
    return Window(last=last, of=of)


def _value(how: LookUp, of: Term, by: Sequence[Term], names: Names) -> Term:
    """Return what is known of a look-up's value. Only what it reads of the current record makes it a suspect's."""
    read = frozenset[str]().union(*map(names_read, how.conditions))
    this = [_traits(name, names) for name in read if name.startswith("this.")]
    this += [Traits(suspect=term.traits.suspect) for term in by]
    theirs = [*(_traits(name, names) for name in read if not name.startswith("this.")), of.traits]
    parts = together([*this, *theirs])
    traits = Traits(
        suspect=any(part.suspect for part in this),
        across=how.over == "records" or any(part.across for part in this),
        reads=any(names.traits(one).reads for one in how.conditions),
        record=True,
        params=parts.params | params_in(how.window.back),
        height=parts.height + max((names.traits(one).height for one in how.conditions), default=0),
    )
    kind: Literal["number", "moment", "codes"] = _KINDS.get(how.function, "number")
    codes = of.codes if kind == "codes" else None
    return Term("", kind, codes=codes, personal=kind != "number" and of.personal, traits=traits)


_KINDS: dict[str, Literal["number", "moment", "codes"]] = {"earliest": "moment", "latest": "moment", "union": "codes"}


def _traits(name: str, names: Names) -> Traits:
    term = names.term(name.removeprefix("this."))
    return term.traits if term is not None else Traits()
