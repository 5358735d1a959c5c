"""Which names can be read where a condition stands, and what each of them is.

In a look-up plain names are those of the looked-at item, and `this.<name>` is the current record's.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from riskflags.source.names import AS_OF, SEVERITY, Term
from riskflags.source.problems import quoted
from riskflags.source.values import written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from riskflags.source.names import Names, Traits
    from riskflags.source.nodes import Node, Scalar

Over = Literal["records", "done", "markers", "suspects"]
ITEMS: Mapping[str, str] = {"done": "action", "markers": "marker", "suspects": "suspect"}
"""List of a record -> first part of the names of its items."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What can be read where a condition stands.

    `own` holds the rule's own derived values by the names that its author writes (None: broken). `no_suspects` and
    `no_readings` say what to do where suspects, or flags and gaps, cannot be read; empty where they can. `owner` is
    the rule or action that is to be mended then. `over` is the list that a look-up looks at, `outer` what `this.`
    reads.
    """

    own: Mapping[str, Term | None] = field(default_factory=dict[str, Term | None])
    no_suspects: str = ""
    no_readings: str = ""
    owner: str = ""
    severity: bool = False
    over: Over | None = None
    outer: Scope | None = None

    def looking_at(self, over: Over) -> Scope:
        """Return the scope of a look-up that stands here."""
        hint = "only a look-up over records can read flags and gaps: those of the record that it looks at"
        return Scope(self.own, no_readings="" if over == "records" else hint, over=over, outer=self)


def resolve(node: Node, scope: Scope, names: Names) -> Term | None:
    """Return what a name is; None where it is unknown, broken or cannot be read here, which is reported."""
    scalar = written(node, "the name of a field or of a derived value", names.problems)
    if scalar is None:
        return None
    if scalar.text.startswith("this."):
        return _of_this(scalar, scope, names)
    if scalar.text == "as_of":
        return AS_OF
    if scalar.text == "severity":
        return _severity(scalar, scope, names)
    if scalar.text.startswith("param."):
        name = scalar._replace(text=scalar.text.removeprefix("param."))
        return names.param_term(name.text) if names.params.find(name) is not None else None
    if scalar.text in scope.own:
        term = scope.own[scalar.text]
    elif names.derived.is_declared(scalar.text):
        names.derived.used.add(scalar.text)
        term = names.derived.known.get(scalar.text)
    else:
        term = names.term(scalar.text)
        if term is None or "/" in scalar.text:
            _unknown(scalar, scope, names)
            return None
    return term if term is not None and _readable(scalar, term, scope, names) else None


def _of_this(node: Scalar, scope: Scope, names: Names) -> Term | None:
    if scope.outer is None:
        plain = node.text.removeprefix("this.")
        hint = f"write {plain}; this. is for look-ups, where plain names are another's"
        message = f"{quoted(node.text)} outside a look-up"
        names.problems.report("RF111", node.place, message, hint, fix=node.replaced_by(plain))
        return None
    term = resolve(node._replace(text=node.text.removeprefix("this.")), scope.outer, names)
    return None if term is None else dataclasses.replace(term, name=f"this.{term.name}")


def _severity(node: Scalar, scope: Scope, names: Names) -> Term | None:
    if scope.severity:
        return SEVERITY
    hint = "only `when` of a deadline or of a required action can read the severity of the flag that asks"
    names.problems.report("RF111", node.place, "`severity` cannot be read here", hint)
    return None


def _readable(node: Scalar, term: Term, scope: Scope, names: Names) -> bool:
    """Return whether a name can be read here, having reported it where it cannot."""
    item = ITEMS.get(scope.over or "")
    if item is not None and not _is_items_own(term, item):
        hint = f"here plain names are {item}.*; for the current record write this.{node.text}"
        names.problems.report("RF111", node.place, f"{quoted(node.text)} is not of the list {scope.over}", hint)
        return False
    if item is None and term.item:
        over = next(name for name, item in ITEMS.items() if item == term.item)
        hint = f"only a look-up can read it: how_many: {{in: {over}, where: {{{node.text}: ...}}}}"
        names.problems.report("RF111", node.place, f"{quoted(node.text)} belongs to a list", hint)
        return False
    return allowed(node, term.traits, scope, names)


def _is_items_own(term: Term, item: str) -> bool:
    if item == "suspect":
        return term.traits.suspect and not term.traits.across
    return term.item == item


def allowed(node: Scalar, traits: Traits, scope: Scope, names: Names) -> bool:
    """Return whether what a name or a condition brings with it is allowed here, having reported it where it is not."""
    if scope.over == "records" and traits.across:
        hint = "a look-up may look at what other records hold, not at what they look up in turn"
        names.problems.report("RF130", node.place, f"{quoted(node.text)} looks at other records itself: two hops", hint)
        return False
    if traits.reads and scope.no_readings:
        code = "RF130" if scope.over else "RF111"
        names.problems.report(code, node.place, f"{quoted(node.text)} reads a flag or a gap", scope.no_readings)
        return False
    if traits.suspect and scope.no_suspects and scope.over is None:
        names.refuse_suspect(node, scope.owner, scope.no_suspects)
        return False
    return True


def _unknown(node: Scalar, scope: Scope, names: Names) -> None:
    """Report a name that is no field and no derived value, unless it may stand in a file that could not be read."""
    if node.text.startswith("calc."):
        unknown_derived(node, scope, names)
        return
    near = names.problems.nearest(node.text, _readable_names(scope, names))
    hint = f"{_meant(near)}`riskflags fields` lists the fields"
    message = f"unknown field {quoted(node.text)}"
    names.problems.report("RF104", node.place, message, hint, fix=node.replaced_by(near))


def unknown_derived(node: Scalar, scope: Scope, names: Names, *, code: str = "RF104") -> None:
    """Report a name that no derived value has, unless it may stand in a file that could not be read."""
    if not names.derived.complete:
        return
    near = names.problems.nearest(node.text, _readable_names(scope, names))
    if near in names.derived.misnamed or (near in scope.own and scope.own[near] is None):
        return
    hint = f"{_meant(near)}They stand in vocabulary.yaml and in the rule, under derived"
    message = f"unknown derived value {quoted(node.text)}"
    names.problems.report_unknown(code, node.place, message, hint, fix=node.replaced_by(near))


def _meant(near: str) -> str:
    return f"did you mean {near}? " if near else ""


def _readable_names(scope: Scope, names: Names) -> Iterator[str]:
    item = ITEMS.get(scope.over or "")
    for path, info in names.fields.items():
        group = path.partition(".")[0]
        if item is None and (not info.repeated or group == "suspect"):
            yield path
        elif item is not None:
            yield path if group == item else f"this.{path}"
    if item is None:
        yield from names.derived.places
        yield from scope.own
        yield "as_of"
