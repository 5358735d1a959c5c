"""The pages of formats: for each shipped mapping what it reads, and what a pack can and cannot decide from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.mapping import load_mapping, mappings
from riskflags.mapping.reach import filled, is_held, reach
from riskflags.report.phrases import count, sentence
from riskflags.report.reference.markdown import anchor, code, codes, page, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from riskflags.mapping import FileMapping
    from riskflags.mapping.model import Table
    from riskflags.mapping.reach import Reach
    from riskflags.pack import Pack

_ABOUT = (
    "What a file of each format can tell. A rule needs facts; a format that never holds one of them leaves the rule "
    "undecided, and a run lists it as not assessed. Nothing is read as absent that its source does not hold."
)
_ROWS = {
    "records": "records",
    "suspects": "suspects of a record",
    "done": "actions on record",
    "markers": "markers on record",
    "children": "what is known of a child, for any record of it",
    "lookup": "looked up for a row of another table",
}
_COMES_TO = {
    "decided": "can be decided",
    "in part": "only when what is missing does not matter",
    "fires": "only when it fires: it never clears",
    "clears": "only when it clears: it never fires",
    "never": "never",
}
_NOTE = (
    "Which of these a record comes to depends on what stands in its cells. All files of the format are taken to be "
    "there. A rule that is never decided may still be stopped by its `unless`, as where the child is found to be grown "
    "up."
)
_TABLE = ("table", "its rows are", "known by the headers", "needed")
_HELD = {"suspects": "suspects", "contact": "contact", "markers": "markers", "indicators": "screening indicators"}


def format_pages(pack: Pack) -> dict[str, str]:
    """Return a page for each shipped mapping, and one that lists them, by file name."""
    loaded = {found.name: load_mapping(found.name, record=pack.record) for found in mappings()}
    pages = {f"formats/{name}.md": _format(mapping, pack) for name, mapping in loaded.items()}
    return {"formats.md": _overview(loaded, pack)} | pages


def comes_to(found: Reach) -> str:
    """Return in a word what a rule can come to on records of a format: a key of the table that the pages show."""
    if found.fires and (found.clears or found.is_stopped):
        return "in part" if found.missing else "decided"
    return "fires" if found.fires else "clears" if found.clears else "never"


def _overview(loaded: Mapping[str, FileMapping], pack: Pack) -> str:
    rows = [_row(name, mapping, pack) for name, mapping in loaded.items()]
    heads = ["format", "is", *(_COMES_TO[one] for one in _COMES_TO)]
    return page("Formats", _ABOUT, f"Rules of pack `{pack.id}` that, on records of a format:", table(heads, rows))


def _row(name: str, mapping: FileMapping, pack: Pack) -> list[str]:
    shown = [f"[{name}](formats/{name}.md)", mapping.label]
    if not _has_records(mapping):
        return [*shown, *("" for _ in _COMES_TO)]
    found = [comes_to(one) for one in reach(mapping, pack)]
    return [*shown, *(str(found.count(one)) for one in _COMES_TO)]


def _has_records(mapping: FileMapping) -> bool:
    return any(one.rows == "records" for one in mapping.tables.values())


def _format(mapping: FileMapping, pack: Pack) -> str:
    unused = sorted(map(str, mapping.unused))
    return page(
        mapping.label,
        f"Read it with `riskflags run FILE... --mapping {mapping.name}`.",
        f"What it cannot tell: {mapping.known_limits}" if mapping.known_limits else "",
        f"## Files\n\n{table(_TABLE, map(_table, mapping.tables.values()))}",
        f"## What it holds\n\n{_holds(mapping)}",
        f"## Rules\n\n{_rules(mapping, pack)}",
        f"## Actions\n\n{_actions(mapping, pack)}",
        f"## Fields\n\n{table(['field', 'is filled from'], _fields(mapping))}",
        f"## Not read\n\nColumns that are known, and not read: {codes(unused)}." if unused else "",
    )


def _table(one: Table) -> tuple[str, str, str, str]:
    many = ", any number of them" if one.join is not None and one.join.many else ""
    on = f", by {codes(one.join.on)}" if one.join is not None else ""
    return code(one.name), f"{_ROWS[one.rows]}{on}{many}", codes(one.headers), "" if one.optional else "yes"


def _holds(mapping: FileMapping) -> str:
    held = [words for name, words in _HELD.items() if getattr(mapping.holds, name)]
    lacking = [words for words in _HELD.values() if words not in held]
    match mapping.holds.actions:
        case "all":
            actions = "Every action that was taken."
        case "none":
            actions = "No action: whether one was taken cannot be told."
        case some:
            actions = f"Of actions: {codes(some)}."
    parts = [actions]
    parts += [f"{sentence(_listed(held))}."] if held else []
    parts += [f"No {_listed(lacking, last='or')}."] if lacking else []
    if mapping.no_identity:
        parts.append(f"Nobody can be followed from row to row by {_listed(map(code, sorted(mapping.no_identity)))}.")
    return " ".join(parts)


def _listed(words: Iterable[str], *, last: str = "and") -> str:
    *before, end = words
    return f"{', '.join(before)} {last} {end}" if before else end


def _rules(mapping: FileMapping, pack: Pack) -> str:
    found = reach(mapping, pack)
    if not _has_records(mapping):
        fields = filled(mapping) - {"child.id"}
        reads = [(one, fields - {*one.missing}) for one in found]
        note = "It has no records of its own. These rules read what it fills of those of another file:"
        helped = [(_link(one), codes(sorted(one.reads & some))) for one, some in reads if one.reads & some]
        return f"{note}\n\n{table(['rule', 'reads from it'], helped)}"
    rows = [(_link(one), _COMES_TO[comes_to(one)], codes(one.missing)) for one in sorted(found, key=_order)]
    return f"{_NOTE}\n\n{table(['rule', 'is decided', 'what the format does not hold'], rows)}"


def _order(found: Reach) -> tuple[int, str]:
    return [*_COMES_TO].index(comes_to(found)), found.rule.code


def _link(found: Reach) -> str:
    rule = found.rule
    return f"[{rule.code}](../rules.md#{anchor(f'{rule.code} {rule.title}')}) {rule.title}"


def _actions(mapping: FileMapping, pack: Pack) -> str:
    told = [key for key, action in pack.actions.items() if is_held(action, mapping, pack)]
    if not told:
        return (
            "Of every action that a flag requires it cannot be told whether it was taken. None is ever called overdue."
        )
    rest = len(pack.actions) - len(told)
    links = ", ".join(f"[{key}](../actions.md#{anchor(key)})" for key in told)
    return f"It can be told whether these were taken: {links}. Of the {count(rest, 'other')} it cannot be told."


def _fields(mapping: FileMapping) -> Iterator[tuple[str, str]]:
    for path, source in mapping.fields.items():
        columns = dict.fromkeys(str(column) for column in source.columns())
        note = (
            "no identity: not read"
            if path in mapping.no_identity
            else "always the same"
            if not columns
            else codes(columns)
        )
        yield code(path), note
