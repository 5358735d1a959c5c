"""actions.yaml, and the deadlines of actions and of rules that set their own."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

from riskflags.pack import Action, Due, MarkerInPlace, RecordedAction, RecordedField, Way
from riskflags.source import values
from riskflags.source.conditions import past_limits, read_condition
from riskflags.source.derived import first_recorded
from riskflags.source.nodes import MapNode, Node, Scalar
from riskflags.source.operands import read_codes
from riskflags.source.problems import quoted
from riskflags.source.scope import Scope, resolve
from riskflags.source.shape import Taken, lost, take
from riskflags.source.spans import params_in, read_span, units_of
from riskflags.source.vocabulary import citations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskflags.calendar import Span
    from riskflags.condition import Condition
    from riskflags.errors import Place
    from riskflags.source.names import Names, Term
    from riskflags.source.vocabulary import Defined

_PER: dict[str, Literal["incident", "child", "suspect"]] = {
    "incident": "incident",
    "child": "child",
    "suspect": "suspect",
}
_NO_SUSPECT = "say per: suspect, so that the action is required once for each suspect"
_NO_READINGS = "put the condition where a rule requires the action: requires: [{do: action, when: {flag: ...}}]"


def read_actions(defined: Mapping[str, Defined], names: Names) -> None:
    """Fill the table of actions."""
    for name, (key, node) in defined.items():
        taken = take(node, "an action", names.problems, place=key.place)
        action = _action(key, taken, names) if taken is not None else None
        if action is not None:
            names.actions.known[name] = action


def _action(key: Scalar, taken: Taken, names: Names) -> Action | None:
    problems = names.problems
    code = values.text(taken.get("code"), problems)
    label = values.text(taken.get("label"), problems)
    owner = _owner(taken.get("owner"), names)
    per = values.choice(taken.get("per"), _PER, problems) if "per" in taken.values else "incident"
    core = values.yes_no(taken.get("core"), problems)
    no_suspects = "" if per in (None, "suspect") else _NO_SUSPECT
    scope = Scope(no_suspects=no_suspects, no_readings=_NO_READINGS, owner=f"action {key.text}")
    when = read_whole(taken.get("when"), scope, names)
    due = read_dues(taken.get("due"), scope, names)
    ways = [_way(node, scope, names) for node in values.one_or_many(taken.get("satisfied_by"))]
    if "satisfied_by" in taken.values and not ways:
        problems.report(
            "RF020", taken.value_place("satisfied_by"), "nothing satisfies the action", "name at least one way"
        )
    steps = values.texts(taken.get("steps"), "a list of codes", problems)
    source = citations(taken.get("source"), names)
    complete: tuple[Way, ...] | None = values.complete(ways)
    if code is None or owner is None or per is None or due is None or not complete or lost(taken, "when", when):
        return None
    names.action_params[key.text] = params_of([when], due, names) | params_of(_wheres(complete), (), names)
    names.action_params[key.text] |= frozenset[str]().union(*(params_in(span) for span in _reaching_back(complete)))
    return Action(
        key=key.text, code=code, label=label or "", owner=owner, due=due, satisfied_by=complete, per=_PER[per],
        core=core is True, when=when, steps=frozenset(steps or ()), source=source, place=key.place,
    )  # fmt: skip


def _owner(node: Node | None, names: Names) -> str | None:
    """Return who owns an action: one of the roles of the vocabulary, where it names any."""
    if names.roles.places or not names.roles.complete:
        names.roles.find(node)
    return values.text(node, names.problems)


def read_whole(node: Node | None, scope: Scope, names: Names) -> Condition | None:
    """Return a condition that stands alone, within the limits of size."""
    condition = read_condition(node, scope, names)
    if condition is None or node is None or past_limits(names.traits(condition), node.place, names):
        return None
    return condition


def _wheres(ways: tuple[Way, ...]) -> list[Condition | None]:
    return [way.where for way in ways if not isinstance(way, RecordedField)]


def params_of(conditions: list[Condition | None], dues: tuple[Due, ...], names: Names) -> frozenset[str]:
    """Return the parameters behind conditions and deadlines."""
    found = [names.traits(condition).params for condition in conditions if condition is not None]
    for due in dues:
        anchor = names.term(due.anchor)
        found += [params_in(due.within), anchor.traits.params if anchor is not None else frozenset()]
        if due.when is not None:
            found.append(names.traits(due.when).params)
    return frozenset[str]().union(*found)


def _reaching_back(ways: tuple[Way, ...]) -> list[Span | None]:
    return [way.still_counts for way in ways if isinstance(way, RecordedAction)]


# ---- deadlines -------------------------------------------------------------------------------------------------------


def read_dues(node: Node | None, scope: Scope, names: Names) -> tuple[Due, ...] | None:
    """Return the deadlines of `due`: the first whose condition holds counts."""
    nodes = values.one_or_many(node)
    found = [_due(one, scope, names) for one in nodes]
    if node is not None and not nodes:
        names.problems.report("RF140", node.place, "no deadline", "write {within: 24 hours, of: incident.reported_at}")
        return None
    for number, one in enumerate(found[:-1]):
        if one is not None and one.when is None:
            hint = "the first deadline whose `when` holds counts: give this one a `when`, or put it last"
            names.problems.report("RF020", nodes[number].place, "the deadlines after this one never count", hint)
    return None if node is None else values.complete(found)


def _due(node: Node, scope: Scope, names: Names) -> Due | None:
    taken = take(node, "a deadline", names.problems)
    if taken is None:
        return None
    within = read_span(taken.get("within"), names)
    anchor = _anchor(taken.get("of"), scope, names)
    when = read_whole(taken.get("when"), dataclasses.replace(scope, severity=True), names)
    if within is not None and not _can_be_counted(within, taken.value_place("within"), names):
        return None
    if within is None or anchor is None or lost(taken, "when", when):
        return None
    return Due(within, anchor.name, when)


def _can_be_counted(within: Span, place: Place, names: Names) -> bool:
    """Return whether the pack says which days are working days or school days, where a deadline needs them."""
    units = units_of(within, names)
    if "working days" in units and not names.has_calendar:
        hint = "name one in pack.yaml: calendar: england-and-wales"
        names.problems.report("RF140", place, "working days without a calendar", hint)
        return False
    if "before next school day" in units and not names.has_school:
        hint = 'name the terms in pack.yaml:\nschool:\n  day_starts: "09:00"\n  terms:\n    - from: 2026-09-01'
        names.problems.report("RF140", place, "school days without terms", f"{hint}\n      to: 2026-10-23")
        return False
    return True


def _anchor(node: Node | None, scope: Scope, names: Names) -> Term | None:
    """Return the moment from which a deadline counts."""
    if node is None:
        return None
    term = first_recorded(node, scope, names) if isinstance(node, MapNode) else resolve(node, scope, names)
    if term is not None and term.kind != "moment":
        message = f"a deadline counts from a moment, and this is of kind {term.kind}"
        names.problems.report("RF140", node.place, message, "name a moment, such as incident.reported_at")
        return None
    return term


# ---- what satisfies an action ----------------------------------------------------------------------------------------

_WAYS = {"codes": ("codes", "outcomes", "where", "still_counts"), "field": ("field",), "marker": ("marker",)}


def _way(node: Node, scope: Scope, names: Names) -> Way | None:
    taken = take(node, "what satisfies an action", names.problems)
    if taken is None:
        return None
    kinds = [kind for kind, keys in _WAYS.items() if any(key in taken.values for key in keys)]
    if len(kinds) != 1:
        if not taken.damaged:
            message = f"{' and '.join(kinds)} in one item" if kinds else "nothing that can be on record"
            hint = "one dash each: - {codes: [...], outcomes: [completed]}, - {field: name}, - {marker: condition}"
            names.problems.report("RF011", taken.place, message, hint)
        return None
    match kinds[0]:
        case "codes":
            return _recorded_action(taken, scope, names)
        case "field":
            return _recorded_field(taken.values["field"], scope, names)
        case _:
            where = read_whole(taken.get("marker"), scope.looking_at("markers"), names)
            return None if where is None else MarkerInPlace(where)


def _recorded_action(taken: Taken, scope: Scope, names: Names) -> RecordedAction | None:
    for key in ("codes", "outcomes"):
        if key not in taken.values and not taken.damaged:
            hint = "write {codes: [see_child], outcomes: [completed]}"
            names.problems.report("RF013", taken.place, f"what satisfies an action, without {quoted(key)}", hint)
    codes, outcomes = (
        read_codes(node, term, names) if node is not None and term is not None else None
        for node, term in (
            (taken.get("codes"), names.term("action.code")),
            (taken.get("outcomes"), names.term("action.outcome")),
        )
    )
    where = read_whole(taken.get("where"), scope.looking_at("done"), names)
    back = taken.get("still_counts")
    still_counts = None if back is None else read_span(back, names, units=values.CALENDAR)
    if codes is None or outcomes is None or lost(taken, "where", where) or lost(taken, "still_counts", still_counts):
        return None
    return RecordedAction(codes, outcomes, where, still_counts)


def _recorded_field(node: Node, scope: Scope, names: Names) -> RecordedField | None:
    term = resolve(node, scope, names)
    if term is None:
        return None
    if term.kind != "moment" or term.name not in names.fields:
        message = f"{quoted(term.name)} is no field that holds a moment"
        names.problems.report("RF140", node.place, message, "name a field such as incident.crime_recorded_at")
        return None
    return RecordedField(term.name)
