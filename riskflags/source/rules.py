"""One file, one rule: everything that it says, with every name resolved."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from riskflags.errors import Place
from riskflags.pack import Ask, FlagText, Rule, SeverityCase
from riskflags.source import values
from riskflags.source.actions import params_of, read_dues, read_whole
from riskflags.source.definitions import own_derived
from riskflags.source.examples import kinds_of, read_examples
from riskflags.source.messages import check_message
from riskflags.source.nodes import ListNode, MapNode, Node, Scalar
from riskflags.source.problems import clean, quoted
from riskflags.source.scope import Scope
from riskflags.source.shape import Taken, check_when, keys_of, lost, take
from riskflags.source.vocabulary import citations
from riskflags.source.web import conditions_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from riskflags.condition import Condition
    from riskflags.pack import Derived
    from riskflags.source.names import Names, Term

CODE = re.compile(r"([A-Z]{1,4})(\d{1,4})", re.ASCII)
_VERSION = re.compile(r"(.+)\.v(\d{1,6})", re.ASCII)
_STATUS: dict[str, Literal["draft", "active", "retired"]] = {"draft": "draft", "active": "active", "retired": "retired"}
_ABOUT: dict[str, Literal["child", "suspect", "incident"]] = {
    "child": "child",
    "suspect": "suspect",
    "incident": "incident",
}
_FOR_EACH = "add for_each: suspects, so that the rule is decided once for each suspect"
_PER_SUSPECT = "the deadline of an action that is not per: suspect cannot go by a suspect"


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A file of a rule: its path, what its name says, and what is in it (None: it could not be read)."""

    path: str
    stem: str
    node: Node | None

    @property
    def rule_id(self) -> str:
        """The id that the name of the file gives."""
        found = _VERSION.fullmatch(self.stem)
        return found[1] if found else self.stem

    @property
    def version(self) -> int | None:
        """The version in the name of the file of an earlier version."""
        found = _VERSION.fullmatch(self.stem)
        return int(found[2]) if found else None

    @property
    def place(self) -> Place:
        """Where what is in the file begins."""
        return self.node.place if self.node is not None else Place(self.path)

    def scalar(self, key: str) -> Scalar | None:
        """Return what is written under a key, as far as the file could be read."""
        found = self.node.get(key) if isinstance(self.node, MapNode) else None
        return found if isinstance(found, Scalar) and not found.is_empty else None


@dataclass(frozen=True, slots=True)
class Dated:
    """A rule, with where its effective range is written and the parameters that it needs on its first day."""

    rule: Rule
    place: Place
    params: frozenset[str]


def read_rule(file: RuleFile, names: Names) -> Dated | None:
    """Return the rule of a file; None where something in it is wrong, which is reported."""
    problems = names.problems
    before = len(problems)
    taken = take(file.node, "a rule", problems) if file.node is not None else None
    if taken is None:
        return None
    _check_name(file, taken, names)
    version = values.whole(taken.get("version"), problems, least=1)
    texts = {key: values.text(taken.get(key), problems) for key in ("title", "why", "known_limits")}
    status = values.choice(taken.get("status"), _STATUS, problems)
    if file.rule_id in names.tuning.status:
        status = names.tuning.status[file.rule_id].status
    effective = _effective(taken, names)
    source = citations(taken.get("source"), names)
    values.choice(taken.get("for_each"), ("suspects",), problems)
    for_each = "for_each" in taken.values
    own, derived = _own(taken, file, names)
    scope = Scope(own, no_suspects="" if for_each else _FOR_EACH, owner=file.path)
    when = read_whole(taken.get("when"), scope, names)
    unless = _unless(taken, scope, names)
    flag = _flag(taken.get("flag"), scope, names)
    requires = _requires(taken, scope, names)
    review = values.day(taken.get("review"), problems)
    ignore = values.warnings(taken.get("ignore"), problems)
    examples, complete = read_examples(taken.get("given"), taken.get("examples"), names)
    if status == "active":
        _check_active(taken, kinds_of(examples) if complete else {}, names)
    code = file.scalar("code")
    if len(problems) > before or not complete or code is None or version is None or status is None:
        return None
    if when is None or flag is None or unless is None or requires is None or len(derived) < len(own):
        return None
    rule = Rule(
        code=code.text, id=file.rule_id, title=texts["title"] or "", why=texts["why"] or "", version=version,
        status=_STATUS[status], when=when, flag=flag, effective_from=effective[0], effective_to=effective[1],
        source=source, for_each=for_each, derived=derived, unless=unless, requires=requires,
        known_limits=texts["known_limits"] or "", review=review, ignore=ignore, examples=examples, place=taken.place,
    )  # fmt: skip
    return Dated(rule, _effective_place(taken), _params(rule, names))


def _check_name(file: RuleFile, taken: Taken, names: Names) -> None:
    """Report an id, a version or a code that is not as the file's name, or the form of codes, has it."""
    found = values.written(taken.get("id"), "a name such as repeat-missing", names.problems)
    if found is not None and found.text != file.rule_id:
        message = f"the rule {quoted(found.text)} stands in a file named {clean(file.stem)}.yaml"
        names.problems.report(
            "RF103", found.place, message, f"name the file {found.text}.yaml, or the rule as the file"
        )
    elif found is not None:
        values.is_name(found, names.problems)
    version = taken.get("version")
    if file.version is not None and isinstance(version, Scalar) and version.text != str(file.version):
        message = f"version {clean(version.text)} stands in a file named {clean(file.stem)}.yaml"
        hint = f"write version: {file.version}, or name the file {file.rule_id}.v{version.text}.yaml"
        names.problems.report("RF103", version.place, message, hint)
    code = values.written(taken.get("code"), "a code such as M03", names.problems)
    if code is not None and not CODE.fullmatch(code.text):
        hint = "write the letters of its family and a number, such as M03"
        names.problems.report("RF020", code.place, f"{quoted(code.text)} is not a rule's code", hint)


def _own(taken: Taken, file: RuleFile, names: Names) -> tuple[dict[str, Term | None], tuple[Derived, ...]]:
    """Return the derived values that a rule defines for itself: by name, and as the pack holds them."""
    found: dict[str, tuple[Scalar, Node]] = {}
    misnamed: list[str] = []
    for key, value in values.pairs(taken.get("derived"), "{calc.name: a derived value}", names.problems):
        if names.derived.is_declared(key.text):
            message = f"the derived value {quoted(key.text)} is there twice: first at {names.derived.places[key.text]}"
            names.problems.report("RF102", key.place, message, "give one of the two another name")
        elif values.is_name(key, names.problems, derived=True):
            found[key.text] = (key, value)
        else:
            misnamed.append(key.text)
    return own_derived(found, misnamed, file.stem, names)


def _effective(taken: Taken, names: Names) -> tuple[date | None, date | None]:
    node = taken.get("effective")
    dates = take(node, "effective", names.problems) if node is not None else None
    if dates is None:
        return None, None
    start, end = (values.day(dates.get(key), names.problems) for key in ("from", "to"))
    if start is not None and end is not None and end < start:
        hint = "both days are in: `to` is the last"
        names.problems.report(
            "RF151", dates.value_place("to"), f"in force from {start} to {end}, which is before", hint
        )
    return start, end


def _effective_place(taken: Taken) -> Place:
    node = taken.get("effective")
    start = node.get("from") if isinstance(node, MapNode) else None
    return start.place if start is not None else taken.place_of("effective")


def _unless(taken: Taken, scope: Scope, names: Names) -> tuple[Condition, ...] | None:
    found = values.items(taken.get("unless"), "a list of conditions, each with a dash", names.problems)
    return (
        None if lost(taken, "unless", found) else values.complete(read_whole(one, scope, names) for one in found or ())
    )


def _params(rule: Rule, names: Names) -> frozenset[str]:
    found = params_of(list(conditions_of(rule)), (), names)
    for ask in rule.requires:
        found |= params_of([], ask.due, names) | names.action_params.get(ask.action, frozenset())
    return found


# ---- flag ------------------------------------------------------------------------------------------------------------


def _flag(node: Node | None, scope: Scope, names: Names) -> FlagText | None:
    if node is None:
        return None
    taken = take(node, "a flag", names.problems)
    if taken is None:
        return None
    cases = _severities(taken.get("severity"), scope, names)
    about = values.choice(taken.get("about"), _ABOUT, names.problems)
    message_node = taken.get("message")
    message = values.text(message_node, names.problems)
    if message is not None and message_node is not None:
        check_message(message, message_node, scope, names)
    return None if not cases or about is None or message is None else FlagText(cases, _ABOUT[about], message)


def _severities(node: Node | None, scope: Scope, names: Names) -> tuple[SeverityCase, ...]:
    """Return the cases of a severity, the first that holds; the last and only the last holds always."""
    if not isinstance(node, ListNode):
        found = values.severity(node, names.problems)
        return () if found is None else (SeverityCase(found),)
    read = [_severity(item, number == len(node.items), scope, names) for number, item in enumerate(node.items, start=1)]
    if not read:
        names.problems.report("RF020", node.place, "no severity", "write low, medium, high or critical")
    return values.complete(read) or ()


def _severity(node: Node, is_last: bool, scope: Scope, names: Names) -> SeverityCase | None:  # noqa: FBT001
    taken = take(node, "a severity", names.problems)
    if taken is None:
        return None
    severity = values.severity(taken.get("is"), names.problems)
    when = read_whole(taken.get("when"), scope, names)
    check_when(taken, is_last=is_last, one="severity", many="severities", problems=names.problems)
    return None if severity is None or lost(taken, "when", when) else SeverityCase(severity, when)


# ---- requires and what an active rule must have ----------------------------------------------------------------------


def _requires(taken: Taken, scope: Scope, names: Names) -> tuple[Ask, ...] | None:
    found = values.items(taken.get("requires"), "a list of actions: requires: [see_child]", names.problems)
    return None if lost(taken, "requires", found) else values.complete(_ask(item, scope, names) for item in found or ())


def _ask(node: Node, scope: Scope, names: Names) -> Ask | None:
    if not isinstance(node, MapNode):
        action = names.actions.find(node)
        return None if action is None else Ask(action.key, place=node.place)
    taken = keys_of(node, "a required action", names.problems)
    action = names.actions.find(taken.get("do"))
    when = read_whole(taken.get("when"), dataclasses.replace(scope, severity=True), names)
    if action is None or lost(taken, "when", when):
        return None
    no_suspects = "" if action.per == "suspect" else _PER_SUSPECT
    for_action = dataclasses.replace(scope, no_suspects=no_suspects, owner=f"{scope.owner} {action.key}")
    due = read_dues(taken.get("due"), for_action, names) if "due" in taken.values else ()
    return None if due is None else Ask(action.key, when, due, taken.place)


def _check_active(taken: Taken, kinds: Mapping[str, bool], names: Names) -> None:
    """Report what an active rule lacks: source, effective date, an example that fires and one that clears."""
    if taken.damaged:
        return
    wanted = {
        "source": "source: [{ref: name, says: what it says, checked: 2026-11-23}], with ref from sources.yaml",
        "effective": "effective: {from: 2014-01-01}",
    }
    for key, form in wanted.items():
        node = taken.get(key)
        if node is None or (isinstance(node, ListNode) and not node.items):
            names.problems.report("RF150", taken.place, f"an active rule without {quoted(key)}", f"write {form}")
    missing = " and without one that ".join(kind for kind, seen in kinds.items() if not seen)
    if missing:
        hint = "an active rule shows by examples that it fires and that it clears; or say status: draft"
        names.problems.report("RF150", taken.place, f"an active rule without an example that {missing}", hint)
