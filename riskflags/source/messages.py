"""Messages of flags: every name in braces can be filled in, and none shows a personal value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from riskflags.errors import Fix, Place
from riskflags.source.nodes import Scalar
from riskflags.source.problems import quoted
from riskflags.source.scope import allowed, unknown_derived
from riskflags.words import names_in

if TYPE_CHECKING:
    from riskflags.source.names import Names, Term
    from riskflags.source.nodes import Node
    from riskflags.source.scope import Scope

_NAME = re.compile(r"\{[a-z_.0-9]+\}")


def check_message(message: str, node: Node, scope: Scope, names: Names) -> None:
    """Report names in a message that are unknown, personal or a suspect's where none is chosen, and stray braces."""
    rest = _NAME.sub("", message)
    if "{" in rest or "}" in rest:
        hint = "braces hold the name of a field or of a derived value: {calc.age_gap}"
        names.problems.report("RF170", node.place, "braces that hold no name", hint)
    for name in dict.fromkeys(names_in(message)):
        if not _is_broken(name, scope, names):
            _check_name(name, node, scope, names)


def _is_broken(name: str, scope: Scope, names: Names) -> bool:
    """Return whether a name has a problem of its own, which was reported."""
    if name in scope.own:
        return scope.own[name] is None
    if names.derived.is_declared(name):
        names.derived.used.add(name)
        return name not in names.derived.known
    if name.startswith("param."):
        param = name.removeprefix("param.")
        names.params.used.add(param)
        return param not in names.params.known and (names.params.is_declared(param) or not names.params.complete)
    return False


def _check_name(name: str, node: Node, scope: Scope, names: Names) -> None:
    scalar = Scalar(name, *node.place)
    term: Term | None = scope.own.get(name) or names.term(name)
    if term is None and name.startswith("calc."):
        unknown_derived(scalar, scope, names, code="RF170")
    elif term is None and name.startswith("param."):
        names.params.refuse(Scalar(name.removeprefix("param."), *node.place), code="RF170")
    elif term is None or term.item or term.kind in ("group", "severity"):
        near = names.problems.nearest(name, names.fields)
        hint = f"did you mean {{{near}}}?" if near else "`riskflags fields` lists the fields"
        message = f"the message names {quoted(name)}, which is unknown"
        names.problems.report("RF170", node.place, message, hint, fix=_renamed(node, name, near))
    elif term.personal:
        hint = "name an id, an age or a count instead: messages are shown to everyone who sees the flag"
        names.problems.report("RF170", node.place, f"the message would show {quoted(name)}, which is personal", hint)
    else:
        allowed(scalar, term.traits, scope, names)


def _renamed(node: Node, name: str, near: str) -> Fix | None:
    """Return the correction that writes the nearest name into the braces of a message."""
    if not isinstance(node, Scalar) or not near:
        return None
    before = node.text[: node.text.index(f"{{{name}}}") + 1]
    start = Place(node.place.path, node.place.line, node.place.column + node.quoted + len(before))
    return Fix(start, name, near)
