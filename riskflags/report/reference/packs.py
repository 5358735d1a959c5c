"""The pages of a pack: its rules, its actions and its vocabulary, each with what it cites."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.calendar import Duration
from riskflags.report.phrases import owner_words, sentence
from riskflags.report.reference.markdown import anchor, block, code, codes, page, table
from riskflags.source.write.actions import actions
from riskflags.source.write.conditions import condition
from riskflags.source.write.emit import in_blocks
from riskflags.source.write.rules import rule
from riskflags.source.write.vocabulary import vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from riskflags.pack import Action, Citation, Pack, Param, Rule
    from riskflags.source.write.emit import Written

_LOGIC = ("for_each", "derived", "when", "unless")
_LOCAL = "*Local default*: ours, and not guidance. Change it where yours differs."


def rules_page(pack: Pack) -> str:
    """Return the page of the rules: each with its reason, its sources, its logic and its limits."""
    rows = [
        (f"[{one.code}](#{anchor(_heading(one))})", one.title, _severity(one), one.status)
        for one in sorted(pack.rules, key=_order)
    ]
    parts = [_rule(one, pack) for one in sorted(pack.rules, key=_order)]
    return page(f"Rules of {pack.title}", _about(pack), table(["code", "rule", "severity", "status"], rows), *parts)


def _about(pack: Pack) -> str:
    return f"Pack `{pack.id}`, version {pack.version}, {len(pack.rules)} rules and {len(pack.actions)} actions."


def _order(one: Rule) -> tuple[str, int, int]:
    letters = one.code.rstrip("0123456789")
    return letters, int(one.code.removeprefix(letters)), one.version


def _heading(one: Rule) -> str:
    return f"{one.code} {one.title}"


def _severity(one: Rule) -> str:
    return " or ".join(dict.fromkeys(str(case.severity) for case in one.flag.severity))


def _rule(one: Rule, pack: Pack) -> str:
    data = rule(one, pack)
    flag: Written = {key: value for key, value in _mapping(data["flag"]).items() if key in ("severity", "message")}
    logic = {key: data[key] for key in _LOGIC if key in data}
    requires = [f"[{ask.action}](actions.md#{anchor(ask.action)})" for ask in one.requires]
    since = f" In force from {one.effective_from}" if one.effective_from else ""
    until = f" to {one.effective_to}" if one.effective_to else ""
    parts = [
        f"## {_heading(one)}",
        f"`{one.id}`, version {one.version}, {one.status}.{since}{until}{'.' if since else ''}",
        one.why,
        cited(one.source, pack),
        block(in_blocks({**logic, "flag": flag}), of="yaml"),
        f"Requires {', '.join(requires)}." if requires else "",
        f"What it cannot tell: {one.known_limits}" if one.known_limits else "",
    ]
    return "\n\n".join(filter(None, parts))


def _mapping(data: Written) -> Mapping[str, Written]:
    return data if isinstance(data, dict) else {}


def cited(found: Iterable[Citation], pack: Pack) -> str:
    """Return what is cited, as a list: title, publisher, what it says and when it was read."""
    return "\n".join(f"- {_citation(one, pack)}" for one in found)


def _citation(one: Citation, pack: Pack) -> str:
    source = pack.sources[one.ref]
    title = f"[{source.title}]({source.url})" if source.url else source.title
    where = f", {one.at}" if one.at else ""
    says = f": {one.says}" if one.says else ""
    checked = f" (read {one.checked})" if one.checked else ""
    return f"{title}, {source.publisher}, {source.published}{where}{says}{checked}"


# ---- actions ---------------------------------------------------------------------------------------------------------


def actions_page(pack: Pack) -> str:
    """Return the page of the actions: each with its owner, its deadlines and what satisfies it."""
    data = _mapping(actions(pack).get("actions", {}))
    parts = [_action(one, _mapping(data[key]), pack) for key, one in pack.actions.items()]
    return page(f"Actions of {pack.title}", _about(pack), *parts)


def _action(one: Action, data: Mapping[str, Written], pack: Pack) -> str:
    logic = {key: data[key] for key in ("per", "when", "due", "satisfied_by", "steps") if key in data}
    asked = sorted({rule.code for rule in pack.rules for ask in rule.requires if ask.action == one.key})
    core = " A core action: no record of it in time is shown first." if one.core else ""
    owner = owner_words(one.owner, pack.roles)
    parts = [
        f"## {one.key}",
        f"{sentence(one.label)}. {owner}.{core}",
        cited(one.source, pack),
        block(in_blocks(logic), of="yaml"),
        f"Required by {', '.join(asked)}." if asked else "",
    ]
    return "\n\n".join(filter(None, parts))


# ---- vocabulary ------------------------------------------------------------------------------------------------------


def vocabulary_page(pack: Pack) -> str:
    """Return the page of what the rules name: parameters, lists, derived values, named conditions, roles."""
    return page(
        f"Vocabulary of {pack.title}",
        _about(pack),
        _section("Parameters", (_param(one, pack) for one in pack.params.values())),
        _section("Lists", _lists(pack)),
        _section("Derived values", _derived(pack)),
        _section("Named conditions", _conditions(pack)),
        _section("Roles", [table(["role", "is"], ((code(key), label) for key, label in pack.roles.items()))]),
        _section("Sources", [table(["source", "title", "publisher", "published"], _sources(pack))]),
    )


def _section(title: str, parts: Iterable[str]) -> str:
    found = "\n\n".join(filter(None, parts))
    return f"## {title}\n\n{found}" if found else ""


def _param(one: Param, pack: Pack) -> str:
    unit = "" if one.unit == "duration" else f" {one.unit}"
    rows = [(str(day), f"{value if isinstance(value, Duration) else f'{value:f}'}{unit}") for day, value in one.values]
    parts = [
        f"### {one.name}",
        f"{one.label}.",
        table(["from", "value"], rows),
        _LOCAL if one.is_local else "",
        cited(one.source, pack),
    ]
    return "\n\n".join(filter(None, parts))


def _lists(pack: Pack) -> Iterator[str]:
    for one in pack.lists.values():
        yield f"### {one.name}\n\n{one.label}: {codes(sorted(one.values))}"
        yield cited(one.source, pack)


def _derived(pack: Pack) -> Iterator[str]:
    for name, data in _mapping(vocabulary(pack).get("derived", {})).items():
        how = {key: value for key, value in _mapping(data).items() if key != "label"}
        yield f"### {name}\n\n{pack.derived[name].label}.\n\n{block(in_blocks(how), of='yaml')}"


def _conditions(pack: Pack) -> Iterator[str]:
    for one in pack.conditions.values():
        yield f"### {one.name}\n\n{block(in_blocks(condition(one.condition, pack)), of='yaml')}"


def _sources(pack: Pack) -> Iterator[tuple[str, ...]]:
    for key, one in pack.sources.items():
        title = f"[{one.title}]({one.url})" if one.url else one.title
        yield code(key), title, one.publisher, one.published
