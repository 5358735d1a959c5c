"""From what a run found to the contents of its page: sections, tables, charts and words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from riskflags.figures.facts import NOT_RECORDED
from riskflags.report.page.leaders import leaders
from riskflags.report.page.parts import GROUPS_SHOWN, Cells, Part, Row, Source, first, shown
from riskflags.report.page.values import MOST_CASES, percent, rules_on_page, severity_names
from riskflags.report.phrases import count, need_words, plain, sentence
from riskflags.words import time_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from riskflags.report.page.values import CaseOnPage, Gap
    from riskflags.report.summary import Rows

NOW_SHOWN = 25
"""Children on the first screens, at most; the rest are in the list of all flagged records."""
OWNERS_SHOWN = 3
"""Those who owe a child something, in the table of all children, at most; all are told below it."""
LABELS_SHOWN = 3
SOON_SHOWN = 200
REJECTS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Child:
    """A child who needs someone now: the worst record, and the other urgent ones."""

    worst: CaseOnPage
    others: tuple[CaseOnPage, ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """What the template lays out, and `cases`, which the script lists."""

    title: str
    marking: str
    as_of: str
    read: str
    now: tuple[Child, ...]
    now_says: str
    glance: Cells | None
    soon: tuple[Cells, ...]
    held: str
    filters: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]
    columns: tuple[tuple[str, str], ...]
    numbers: tuple[tuple[str, str], ...]
    leaders: tuple[Part, ...]
    trust: tuple[Cells, ...]
    terms: tuple[tuple[str, str], ...]
    footer: str
    cases: tuple[CaseOnPage, ...]


def contents(source: Source) -> Contents:
    """Return the contents of the page of a run."""
    cases = tuple(source.kept.cases())
    urgent = [case for case in cases if case.severity == "critical" and case.open]
    children = _by_child(urgent)
    pack, rows = source.pack, source.rows
    return Contents(
        title=f"{pack.title}: report",
        marking=source.marking,
        as_of=time_words(source.findings.as_of),
        read=f"{count(source.findings.records, 'record')} assessed, {count(source.kept.flagged, 'record')} flagged.",
        now=tuple(children[:NOW_SHOWN]),
        now_says=_now_says(children, source),
        glance=_at_a_glance(children[:NOW_SHOWN]) if len(children) > 1 else None,
        soon=(_noticed(source), *_soon(source)),
        held=_held(source, cases),
        filters=tuple(_filters(cases)),
        columns=(
            ("severity", "Severity"), ("incident", "Incident"), ("child", "Child"), ("unit", "Unit"),
            ("open", "No record of"), ("late", "Longest overdue"),
        ),
        numbers=tuple(_numbers(urgent, source)),
        leaders=tuple(leaders(source)),
        trust=tuple(_trust(source)),
        terms=(
            ("Rules", f"{pack.id} {pack.version}, {pack.digest}"),
            *((f"Tuned by {one.owner}", one.reason) for one in pack.overlays),
            ("As of", source.findings.as_of.isoformat()),
            ("Made by", f"riskflags {source.version}"),
            ("Rows", _rows_words(rows)),
            ("Personal fields", "shown in explanations" if source.kept.show_personal else "masked in explanations"),
        ),
        footer="Made from records as they stood then. It holds what the records hold: handle it as they are handled.",
        cases=cases,
    )  # fmt: skip


def _by_child(urgent: Sequence[CaseOnPage]) -> list[Child]:
    """Return the children of some records, worst first: each with the worst record, and the others of the child."""
    found: dict[str, list[CaseOnPage]] = {}
    for case in urgent:
        found.setdefault(case.child or case.id, []).append(case)
    return [Child(worst, tuple(others)) for worst, *others in found.values()]


def _at_a_glance(children: Sequence[Child]) -> Cells:
    """Return a line for each child and each of those who owe it something: what, and how long it is overdue."""
    rows: list[Row] = []
    links: list[str] = []
    for child in children:
        owed: dict[str, list[Gap]] = {}
        for gap in (gap for case in (child.worst, *child.others) for gap in case.gaps if gap.state == "overdue"):
            owed.setdefault(gap.owner, []).append(gap)
        for owner, gaps in list(owed.items())[:OWNERS_SHOWN]:
            labels = list(dict.fromkeys(gap.label for gap in gaps))
            more = f"; and {len(labels) - LABELS_SHOWN} more" if len(labels) > LABELS_SHOWN else ""
            late = max(gaps, key=lambda gap: gap.late_hours).late.removesuffix(" overdue")
            who = child.worst.child or f"{NOT_RECORDED}, {child.worst.incident}"
            rows.append((who, owner, f"{'; '.join(labels[:LABELS_SHOWN])}{more}", late))
            links.append(f"case={quote(child.worst.id, safe='')}")
    heads = ("Child", "Who has to act", "No record of", "Overdue by")
    return Cells("Which child needs what, and from whom; in full below", heads, tuple(rows), links=tuple(links))


def _rows_words(rows: Rows) -> str:
    told = f"{rows.read:,} read: {rows.accepted:,} accepted, {rows.warned:,} accepted with warnings"
    return f"{told}, {rows.rejected:,} rejected, {rows.out_of_scope:,} out of scope"


def _now_says(children: Sequence[Child], source: Source) -> str:
    if not children:
        return (
            "No record with a critical flag has a required action that is overdue. See what could not be decided below."
        )
    more = f" (in the {MOST_CASES:,} worst records)" if source.kept.flagged > MOST_CASES else ""
    rest = f" The worst {NOW_SHOWN} are here, the others in the list below." if len(children) > NOW_SHOWN else ""
    many = count(len(children), "child", "children")
    return f"{many} with a critical flag and no record of a required action that is overdue{more}, worst first.{rest}"


def _held(source: Source, cases: Sequence[CaseOnPage]) -> str:
    if source.kept.flagged > len(cases):
        listed = f"{source.kept.flagged:,} records are flagged. This page lists the worst {len(cases):,};"
        return f"{listed} the figures below are of all of them, and the files of the run hold every one."
    return f"Every flagged record is in this list: {len(cases):,}."


def _soon(source: Source) -> Iterator[Cells]:
    due = sorted(source.kept.due_soon, key=lambda one: (one.due_at, one.incident, one.child))
    for hours, words in ((24, "in the next 24 hours"), (72, "in the 48 hours after that")):
        found = [one for one in due if one.hours == hours]
        rows = tuple(
            (time_words(one.due_at), f"{one.label}{f' (suspect {one.suspect})' if one.suspect else ''}", one.owner,
             one.child or NOT_RECORDED, one.incident, one.severity)
            for one in found[:SOON_SHOWN]
        )  # fmt: skip
        heads = ("Due", "Action", "Owner", "Child", "Incident", "Severity")
        yield Cells(f"Falls due {words}, with no record yet{first(SOON_SHOWN, len(found))}", heads, rows)


def _noticed(source: Source) -> Cells:
    """Return the children of the last 24 hours who were flagged and have no referral on record."""
    found = source.report.noticed()
    rows = tuple(
        (time_words(one.reported_at), one.child_id or NOT_RECORDED, one.incident_id, one.severity, ", ".join(one.rules))
        for one in found[:SOON_SHOWN]
    )
    caption = f"Flagged in the last 24 hours, with no record of a referral{first(SOON_SHOWN, len(found))}"
    return Cells(caption, ("Reported", "Child", "Incident", "Severity", "Rules"), rows)


def _filters(cases: Sequence[CaseOnPage]) -> Iterable[tuple[str, str, tuple[tuple[str, str], ...]]]:
    def of(values: Iterable[str]) -> tuple[tuple[str, str], ...]:
        return tuple((value, value) for value in sorted(set(values)))

    there = {case.severity for case in cases}
    yield "severity", "Severity", tuple((one, one) for one in severity_names() if one in there)
    titles = {flag.code: flag.title for case in cases for flag in case.flags}
    yield "rule", "Rule", tuple((code, f"{code} {title}") for code, title in sorted(titles.items()))
    labels = {gap.action: gap.label for case in cases for gap in case.gaps}
    yield "action", "No record in time of", tuple(sorted(labels.items(), key=lambda pair: pair[1]))
    yield "unit", "Unit", of(case.unit for case in cases)
    yield "age", "Age", of(case.age_band for case in cases)
    yield "care", "In care", of(case.in_care for case in cases)


def _numbers(urgent: Sequence[CaseOnPage], source: Source) -> Iterable[tuple[str, str]]:
    whole = next((one for one in source.report.actions() if one.action is None), None)
    yield f"{source.kept.flagged:,}", "flagged records"
    yield f"{len(urgent):,}", "with a critical flag and an action overdue"
    if whole is not None:
        yield percent(whole.gap_rate), "of due actions have no record (recognition gap rate)"
        yield percent(whole.on_time_rate), "of due actions are on record in time"


# ---- trust -----------------------------------------------------------------------------------------------------------


def _trust(source: Source) -> Iterator[Cells]:
    findings, intake = source.findings, source.intake
    wants = source.report.undecided()[:GROUPS_SHOWN]
    rows: list[Row] = [(sentence(need_words(one.need)), shown(one.verdicts), shown(one.alone)) for one in wants]
    heads: tuple[str, ...] = ("What is missing", "Verdicts that lack it", "Verdicts that lack nothing else")
    yield Cells("What could not be decided, and what would settle most of it", heads, tuple(rows), numbers=1)
    rows = [
        (one.rule_code, one.source_file or NOT_RECORDED, ", ".join(map(need_words, one.fields)), shown(one.records))
        for one in findings.not_assessed
    ]
    heads = ("Rule", "Source", "Fields that it does not hold", "Records")
    yield Cells("Rules that a source can never decide", heads, tuple(rows))
    rows = [(r.source_file, shown(r.source_row), r.column or "", r.message) for r in intake.rejects[:REJECTS_SHOWN]]
    caption = f"Rows that could not be read{first(REJECTS_SHOWN, len(intake.rejects))}"
    yield Cells(caption, ("File", "Row", "Column", "Why"), tuple(rows))
    yield Cells("Data quality, by source", ("Source", "What was wrong", "How often"), _warned(source))
    fired = Counter(flag.rule_id for flag in findings.flags)
    undecided = Counter(line.rule_id for line in findings.undecided)
    ruled = rules_on_page(source.pack, fired, undecided, findings.records)
    rows = [(f"{one.code} {one.title}", shown(one.fired), shown(one.undecided), one.says) for one in ruled]
    links = tuple(f"rule={quote(one.code, safe='')}" for one in ruled)
    yield Cells("How each rule came out", ("Rule", "Flags", "Undecided", "Note"), tuple(rows), links=links)


def _warned(source: Source) -> tuple[Row, ...]:
    found = Counter((warning.source_file, warning.code) for warning in source.intake.warnings)
    found.update(("assessment", caution.code) for _, caution in source.findings.cautions)
    found.update((reject.source_file, "row rejected") for reject in source.intake.rejects)
    return tuple((file, plain(code), shown(number)) for (file, code), number in sorted(found.items()))
