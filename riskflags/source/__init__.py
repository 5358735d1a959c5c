"""From the folder of a pack to a `Pack` in which every name is resolved, or to every problem at once.

Nothing in a pack is executed. A problem is reported once: what only follows from it is not reported again.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from riskflags.errors import PackError
from riskflags.incident import Incident
from riskflags.pack import Pack
from riskflags.source.actions import read_actions
from riskflags.source.catalogue import check_catalogue, check_nothing_is_lost, declare_rules, unused
from riskflags.source.codes import PROBLEMS
from riskflags.source.definitions import define
from riskflags.source.duplicates import read_duplicates
from riskflags.source.examples import read_examples
from riskflags.source.files import read_files
from riskflags.source.layers import layered
from riskflags.source.names import Names
from riskflags.source.overlay import check_names, read_overlays
from riskflags.source.problems import Problems
from riskflags.source.rules import read_rule
from riskflags.source.settings import pack_time, read_grades, read_reported, read_settings
from riskflags.source.shape import SHAPES, take
from riskflags.source.vocabulary import declared, read_lists, read_params, read_roles, read_sources
from riskflags.source.wording import check_wording
from riskflags.source.write import dump

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from riskflags.pack import Duplicates, GradeCase, Reported, Rule
    from riskflags.source.files import Files
    from riskflags.source.layers import Layered
    from riskflags.source.nodes import Node
    from riskflags.source.rules import Dated
    from riskflags.source.settings import Settings

__all__ = ["PROBLEMS", "SHAPES", "dump", "load"]


def load(path: str | Path, *, record: type[Incident] = Incident, overlays: Sequence[str | Path] = ()) -> Pack:
    """Return the pack of a folder. PackError carries every problem, in order of file, line and column.

    Paths in problems begin as `path` was given. `record` is the model of the records that the rules will read.
    """
    problems = Problems()
    names = Names(record, problems)
    files = read_files(Path(path), Path(path).as_posix(), problems)
    if files is None:
        raise PackError(problems.found())
    settings = read_settings(files.named["pack.yaml"].node, names)
    names.zone = settings.zone
    declare_rules(files.rules, names)
    names.tuning = read_overlays(overlays, names)
    _read_names(files, names)
    check_names(names.tuning, names)
    settled = Settled(
        grades=read_grades(settings, names),
        report=read_reported(settings, names),
        duplicates=read_duplicates(settings.taken.get("duplicates") if settings.taken is not None else None, names),
        times=(pack_time("event_time", settings, names), pack_time("effective_by", settings, names)),
    )
    rules = [rule for file in files.rules if (rule := read_rule(file, names)) is not None]
    check_catalogue(rules, names)
    found = layered(_sorted(rules), names)
    if not len(problems):
        check_nothing_is_lost(files.rules, rules, names)
    if len(problems):
        raise PackError(problems.found())
    unused(names)
    check_wording(files, found.rules, problems)
    return _pack(settings, settled, found, names)


def _sorted(rules: Sequence[Dated]) -> tuple[Rule, ...]:
    return tuple(sorted((dated.rule for dated in rules), key=lambda rule: (rule.code, rule.id, rule.version)))


def _read_names(files: Files, names: Names) -> None:
    """Fill the tables of names from vocabulary.yaml, actions.yaml and sources.yaml."""
    vocabulary, actions, sources = (files.named[name] for name in ("vocabulary.yaml", "actions.yaml", "sources.yaml"))
    words = take(vocabulary.node, "vocabulary.yaml", names.problems) if vocabulary.node is not None else None
    required = take(actions.node, "actions.yaml", names.problems) if actions.node is not None else None
    whole = vocabulary.is_read and not (words is not None and words.damaged)
    for table in (names.lists, names.params, names.roles, names.derived, names.conditions):
        table.complete = whole
    names.actions.complete = actions.is_read and not (required is not None and required.damaged)
    names.sources.complete = sources.is_read
    read_sources(declared(sources.node, names.sources, names), names)
    sections: Mapping[str, Node] = words.values if words is not None else {}
    read_roles(declared(sections.get("roles"), names.roles, names), names)
    lists = declared(sections.get("lists"), names.lists, names)
    params = declared(sections.get("params"), names.params, names)
    derived = declared(sections.get("derived"), names.derived, names, derived=True)
    conditions = declared(sections.get("conditions"), names.conditions, names)
    to_do = declared(required.get("actions") if required is not None else None, names.actions, names)
    read_lists(lists, names)
    read_params(params, names)
    full = define(derived, conditions, names)
    read_actions(to_do, names)
    for one in full:
        examples, _ = read_examples(one.taken.get("given"), one.taken.get("examples"), names)
        condition = names.conditions.known.get(one.name)
        if condition is not None:
            names.conditions.known[one.name] = dataclasses.replace(condition, examples=examples)


class Settled(NamedTuple):
    """What pack.yaml says in names of the pack, which are known once the vocabulary is read."""

    grades: tuple[GradeCase, ...]
    report: Reported
    duplicates: tuple[Duplicates, ...]
    times: tuple[str, str]


def _pack(settings: Settings, settled: Settled, found: Layered, names: Names) -> Pack:
    return Pack(
        id=settings.id, title=settings.title, version=settings.version, calendar=settings.calendar,
        zone_name=settings.zone.key, event_time=settled.times[0], effective_by=settled.times[1],
        lists=dict(sorted(names.lists.known.items())),
        params=dict(sorted(names.params.known.items())),
        derived=dict(sorted(found.derived.items())),
        conditions=dict(sorted(names.conditions.known.items())),
        roles=dict(sorted(names.roles.known.items())),
        actions=dict(sorted(names.actions.known.items())),
        sources=dict(sorted(names.sources.known.items())),
        rules=found.rules, readings=found.readings, layers=found.layers, read_across=found.read_across,
        school=settings.school,
        ignore=settings.ignore, grades=settled.grades, report=settled.report, duplicates=settled.duplicates,
        overlays=tuple(names.tuning.overlays),
        record=names.record,
        warnings=names.problems.found(),
    )  # fmt: skip
