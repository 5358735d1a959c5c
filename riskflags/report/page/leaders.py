"""The figures for leaders on a page: by action, group and week, the funnel, who waits, who is missing again, grades."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from riskflags.figures.facts import NOT_RECORDED
from riskflags.report.page import charts
from riskflags.report.page.parts import GROUPS_SHOWN, Cells, Part, Row, first, shown
from riskflags.report.page.values import group_words, percent, repeat_missing, suspects_of_several
from riskflags.report.phrases import owner_words, plain, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from riskflags.figures.values import ActionFigures
    from riskflags.report.page.parts import Source

BARS_SHOWN = 12
SUSPECTS_DRAWN = 12
WEEKS_SHOWN = 53
_GROUPS = (("unit", "unit"), ("team", "team"), ("age_band", "age of the child"), ("looked_after", "child in care"))
_STAGES = {
    "required": "Required", "on_record": "Anything on record", "held": "Held", "with_outcome": "With its outcome",
    "in_time": "In time",
}  # fmt: skip
_FIGURES = ("Due", "In time", "Late", "No record", "Gap rate", "In time, share", "Oldest open, days")


def leaders(source: Source) -> Iterator[Part]:
    """Yield the parts of the figures for leaders."""
    yield _by_action(source)
    yield from (_by_group(source, by, words) for by, words in _GROUPS)
    yield _by_week(source)
    yield from _strategy(source)
    yield from _suspects(source)
    yield from _children(source)
    yield from _grades(source)


def _figures(one: ActionFigures) -> Row:
    numbers = (one.due, one.in_time, one.late, one.no_record)
    return (*map(shown, numbers), percent(one.gap_rate), percent(one.on_time_rate), shown(one.oldest_open_days))


def _by_action(source: Source) -> Part:
    pack = source.pack
    found = [(one.action, one) for one in source.report.actions() if one.action is not None and one.due]
    found.sort(key=lambda pair: (-(pair[1].no_record or 0), pair[0]))
    labels = {key: sentence(action.label) for key, action in pack.actions.items()}
    rows: list[Row] = [
        (labels[key], sentence(owner_words(pack.actions[key].owner, pack.roles)), *_figures(one)) for key, one in found
    ]
    links = tuple(f"action={quote(key, safe='')}" for key, _ in found)
    heads = ("Action", "Owner", *_FIGURES)
    table = Cells("Required actions, most with no record first", heads, tuple(rows), numbers=2, links=links)
    drawn = [(labels[key], round(one.gap_rate * 100)) for key, one in found[:BARS_SHOWN] if one.gap_rate is not None]
    chart = charts.bars(drawn, label="Share of due actions with no record, by action", unit="%") if drawn else ""
    says = "The share of due actions that have no record. Each action links to the records without it."
    return Part("Recognition gap, by action", table, chart, says)


def _by_group(source: Source, by: str, words: str) -> Part:
    found = [one for one in source.report.actions(by=by) if one.action is None]
    rows = tuple((group_words(one.group), *_figures(one)) for one in found[:GROUPS_SHOWN])
    caption = f"All required actions together, by {words}{first(GROUPS_SHOWN, len(found))}"
    table = Cells(caption, (sentence(words), *_FIGURES), rows, numbers=1)
    shares = [(group_words(one.group), round(one.gap_rate * 100)) for one in found if one.gap_rate is not None]
    label = f"Share of due actions with no record, by {words}"
    return Part(f"By {words}", table, charts.bars(shares[:BARS_SHOWN], label=label, unit="%") if shares else "")


def _by_week(source: Source) -> Part:
    every = [(one.group, one) for one in source.report.actions(by="week") if one.action is None]
    found = sorted(((week, one) for week, one in every if week and week != NOT_RECORDED), key=lambda pair: pair[0])
    found = found[-WEEKS_SHOWN:]
    changed = {rule.effective_from.strftime("%G-W%V") for rule in source.pack.rules if rule.effective_from is not None}
    rows = tuple((week, *_figures(one), "rules changed" if week in changed else "") for week, one in found)
    table = Cells("All required actions together, by week", ("Week", *_FIGURES, "Rules"), rows, numbers=1)
    points = [(week, None if one.on_time_rate is None else float(one.on_time_rate)) for week, one in found]
    marks = [week for week, _ in points if week in changed]
    label = "Share of due actions on record in time, by week"
    says = "By the week in which the child came to notice. Dotted lines mark weeks in which rules came into force."
    return Part("Trend", table, charts.line(points, label=label, marks=marks) if points else "", says)


def _strategy(source: Source) -> Iterator[Part]:
    stages = source.report.strategy()
    if stages:
        rows = tuple((_STAGES[one.stage], shown(one.records)) for one in stages)
        drawn = [(_STAGES[one.stage], one.records) for one in stages if one.records is not None]
        caption = "Strategy discussions, by how far they got"
        table = Cells(caption, ("Stage", "Records"), rows, numbers=1)
        yield Part("Strategy discussions", table, charts.bars(drawn, label=caption) if drawn else "")


def _suspects(source: Source) -> Iterator[Part]:
    bands = source.report.suspects()
    if bands:
        rows = tuple((f"{one.days} days or more", shown(one.no_record), shown(one.cannot_tell)) for one in bands)
        drawn = [(f"{one.days} days or more", one.no_record) for one in bands if one.no_record is not None]
        caption = "Suspects without a decision on record, by how long they have been known"
        table = Cells(caption, ("Known for", "No record of a decision", "Cannot tell"), rows, numbers=1)
        yield Part("Suspects who wait", table, charts.bars(drawn, label=caption) if drawn else "")


def _children(source: Source) -> Iterator[Part]:
    repeated = repeat_missing(source.findings.flags, rule=source.pack.report.repeat_missing)
    if repeated:
        rows = tuple((child, shown(number)) for child, number in repeated[:GROUPS_SHOWN])
        caption = f"Children flagged for repeat missing episodes{first(GROUPS_SHOWN, len(repeated))}"
        table = Cells(caption, ("Child", "Records that raised the flag"), rows, numbers=1)
        yield Part("Children who are missing again and again", table)
    several = suspects_of_several(source.findings.flags)
    if several:
        named = [(one.suspect, shown(len(one.children)), ", ".join(one.children)) for one in several[:GROUPS_SHOWN]]
        caption = f"Suspects whom flags link to several children{first(GROUPS_SHOWN, len(several))}"
        table = Cells(caption, ("Suspect", "Children", "Which"), tuple(named))
        chart = charts.network(several[:SUSPECTS_DRAWN], label="Suspects and the children to whom flags link them")
        yield Part("Suspects linked to several children", table, chart)


def _grades(source: Source) -> Iterator[Part]:
    grades = source.report.grades()
    if grades:
        rows = tuple((sentence(plain(one.grade)), shown(one.cases), shown(one.could_be_worse)) for one in grades)
        heads = ("Grade", "Cases", "Of these, could be worse")
        yield Part("Indicative grades", Cells("Cases by indicative grade; not an inspection", heads, rows, numbers=1))
