"""Messages of flags: every name in braces can be filled in, and none shows a personal value."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

from riskflags.source.nodes import Scalar
from riskflags.source.problems import quoted
from riskflags.source.scope import allowed
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
        return names.params.is_declared(param) and param not in names.params.known
    return name.startswith("calc.") and not names.derived.complete


def _check_name(name: str, node: Node, scope: Scope, names: Names) -> None:
    term: Term | None = scope.own.get(name) or names.term(name)
    if term is None or term.item or term.kind in ("group", "severity"):
        known = chain(names.fields, names.derived.places, names.derived.misnamed, scope.own)
        near = names.problems.nearest(name, known)
        if near in names.derived.misnamed:
            return
        hint = f"did you mean {{{near}}}?" if near else "`riskflags fields` lists the fields"
        names.problems.report("RF170", node.place, f"the message names {quoted(name)}, which is unknown", hint)
    elif term.personal:
        hint = "name an id, an age or a count instead: messages are shown to everyone who sees the flag"
        names.problems.report("RF170", node.place, f"the message would show {quoted(name)}, which is personal", hint)
    else:
        allowed(Scalar(name, node.place), term.traits, scope, names)
