"""The closing words of a run: what was read, who needs someone now, whose actions are missing, and what is not known.

Worst first. No personal field of a child is shown: only ids, messages of rules, and times of actions.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from riskflags.fields import as_value
from riskflags.intake import Intake
from riskflags.model import Absent, Grade, Severity, State
from riskflags.report.phrases import (
    count,
    gap_words,
    listed,
    need_words,
    owner_words,
    plain,
    safe,
    sentence,
    step_words,
)
from riskflags.report.terminal import SEVERITY_STYLES
from riskflags.words import in_words, time_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from riskflags.assessment import Flag, Requirement
    from riskflags.intake.at_once import BatchIntake
    from riskflags.pack import Pack
    from riskflags.report.findings import Failed, RecordKey
    from riskflags.report.numbers import Numbers, Shown
    from riskflags.report.outputs import Written
    from riskflags.report.summary import Rows
    from riskflags.report.terminal import Screen

WANTS_SHOWN = 5
REJECTS_SHOWN = 5
WARNINGS_SHOWN = 5
FIELDS_SHOWN = 8
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True, slots=True)
class Ending:
    """All that the closing words need to know of a run. `written` is empty where no files were asked for."""

    numbers: Numbers
    rows: Rows
    pack: Pack
    intake: Intake | BatchIntake
    written: Sequence[Written]
    show_personal: bool = False


def show_ending(screen: Screen, ending: Ending) -> None:
    """Print the closing words of a run."""
    _show_read(screen, ending)
    _show_failed(screen, ending)
    _show_unclear(screen, ending)
    _show_tallies(screen, ending)
    _show_unknown(screen, ending.numbers)
    _show_files(screen, ending)


def _show_read(screen: Screen, ending: Ending) -> None:
    rows, numbers, pack = ending.rows, ending.numbers, ending.pack
    parts = [f"{rows.accepted:,} accepted"]
    others = (
        (rows.warned, "accepted with warnings"),
        (rows.rejected, "rejected"),
        (rows.out_of_scope, "out of scope"),
    )
    parts += [f"{number:,} {words}" for number, words in others if number]
    for file in ending.intake.files:
        delimiter = f", separated by {_DELIMITERS.get(file.delimiter, file.delimiter)}" if file.delimiter else ""
        name = "standard input" if file.name == "-" else safe(file.name)
        screen.line(f"Read {name} as {safe(file.taken_for)} in {file.encoding}{delimiter}.")
    screen.line(f"{count(rows.read, 'row')}: {', '.join(parts)}. {count(numbers.records, 'record')}.")
    if rows.not_yet:
        screen.line(f"{count(rows.not_yet, 'row')} of them not yet: their time is after that of the run.")
    screen.line(f"As of {time_words(numbers.as_of)} ({numbers.as_of.isoformat()}).")
    rules = sum(rule.status == "active" for rule in pack.rules)
    screen.line(f"Rules: {safe(pack.title)} {safe(pack.version)}, {count(rules, 'rule')}, digest {short_digest(pack)}.")
    for overlay in pack.overlays:
        screen.line(f"Tuned by {safe(overlay.owner)}: {safe(overlay.reason)}.", indent=2)
    severities = Counter[Severity]()
    for (_, severity), flags in numbers.flags.items():
        severities[severity] += flags
    found = [f"{severities[severity]:,} {severity}" for severity in sorted(severities, reverse=True)]
    screen.line(f"{count(severities.total(), 'flag')}{': ' if found else ''}{', '.join(found)}.")
    if cases := sum(numbers.grades.values()):
        settled = {grade: numbers.grades.get((grade, grade), 0) for grade in sorted(Grade)}
        parts = [f"{settled[grade]:,} {plain(str(grade))}" for grade in sorted(Grade) if settled[grade]]
        if unsettled := cases - sum(settled.values()):
            parts.append(f"no telling for {unsettled:,}, which could be worse than what is on record")
        screen.line(f"Indicative grades of {count(cases, 'case')}: {', '.join(parts)}.")
    if numbers.disagreements:
        number = count(numbers.disagreements, "verdict")
        warning = f"The two engines disagree on {number}. No flag is lost. Please report this: see the warnings."
        screen.line((warning, "bold red"))
    for reject in ending.intake.rejects[:REJECTS_SHOWN]:
        where = f"{safe(reject.source_file)}, row {reject.source_row}"
        screen.line(f"Rejected: {where}: {safe(reject.message)}", indent=2)
    if len(ending.intake.rejects) > REJECTS_SHOWN:
        screen.line(f"and {len(ending.intake.rejects) - REJECTS_SHOWN:,} more rejected", indent=2)
    _show_warnings(screen, ending)


def _show_warnings(screen: Screen, ending: Ending) -> None:
    """Print what intake was in doubt about: whole columns first, since they concern every row."""
    warnings = sorted(ending.intake.warnings, key=lambda warning: warning.source_row != 0)
    for warning in warnings[:WARNINGS_SHOWN]:
        row = f", row {warning.source_row}" if warning.source_row else ""
        screen.line(f"Warning: {safe(warning.source_file)}{row}: {safe(warning.message)}", indent=2)
    if len(warnings) > WARNINGS_SHOWN:
        where = "in the files" if ending.written else "with --out DIR"
        screen.line(f"and {len(warnings) - WARNINGS_SHOWN:,} more warnings: all of them are {where}.", indent=2)


def short_digest(pack: Pack) -> str:
    """Return the beginning of a pack's digest: enough to tell two packs apart by eye."""
    kind, _, digits = pack.digest.partition(":")
    return f"{kind}:{digits[:12]}"


def _show_failed(screen: Screen, ending: Ending) -> None:
    failed = ending.numbers.failed
    if not failed.records:
        screen.heading("No child has a critical flag and a required action that is known to be overdue.")
        return
    _show_each(
        screen, failed, ending, heading="Critical flags and no record of a required action", order=", worst first"
    )


def _show_unclear(screen: Screen, ending: Ending) -> None:
    """Print the children with critical flags whose actions the source does not tell of: they may need someone now."""
    if ending.numbers.unclear.records:
        unclear = ending.numbers.unclear
        _show_each(screen, unclear, ending, heading="Critical flags, and no telling what is on record elsewhere")


def _show_each(screen: Screen, found: Shown, ending: Ending, *, heading: str, order: str = "") -> None:
    screen.heading(f"{heading}: {count(found.children, 'child', 'children')}{order}")
    for one in found.first:
        screen.line()
        _show_one(screen, one, ending)
    if more := found.records - len(found.first):
        screen.line()
        where = "in the files" if ending.written else "with --out DIR"
        screen.line(f"and {count(more, 'record')} more: all of them are {where}.")


def _show_one(screen: Screen, one: Failed, ending: Ending) -> None:
    screen.line((record_words(one.incident_id, one.child_id), "bold"))
    if ending.show_personal:
        for line in _personal((one.incident_id, one.child_id), ending):
            screen.line(line, indent=2)
    for flag in one.flags:
        show_flag(screen, flag)
    for gap in one.gaps:
        _show_gap(screen, gap, ending.numbers, ending.pack)


def _personal(key: RecordKey, ending: Ending) -> Iterator[str]:
    """Yield the personal fields of a record that are filled, of the incident and the child."""
    admitted = ending.intake.admitted if isinstance(ending.intake, Intake) else ()
    incident = next(found.incident for found in admitted if found.incident.key == key)
    for path, info in ending.pack.fields.items():
        group, _, name = path.partition(".")
        if info.personal and not info.repeated:
            value = as_value(getattr(getattr(incident, group), name), path)
            if not isinstance(value, Absent):
                yield f"{path}: {safe(in_words(value))}"


def record_words(incident_id: str, child_id: str | None) -> str:
    """Return what names a record: the child and the incident."""
    return f"Child {safe(child_id) if child_id else 'not identified'}, incident {safe(incident_id)}"


def show_flag(screen: Screen, flag: Flag, *, indent: int = 2) -> None:
    """Print one flag: severity, code, message, and the suspect where it is about one."""
    severity = str(flag.severity)
    about = f" (suspect {safe(flag.suspect_id)})" if flag.suspect_id else ""
    worse = f", could be {flag.could_be}" if flag.could_be > flag.severity else ""
    screen.line(
        (severity.upper(), SEVERITY_STYLES[severity]),
        f" {flag.rule_code} {safe(flag.message)}{about}{worse}",
        indent=indent,
    )


def _show_gap(screen: Screen, gap: Requirement, numbers: Numbers, pack: Pack) -> None:
    screen.line(gap_words(gap, as_of=numbers.as_of, roles=pack.roles), indent=4)
    if gap.short_of and gap.state is State.overdue:
        steps = "; ".join(step_words(step) for step in gap.short_of)
        screen.line(f"Recorded, but falls short of it: {steps}", indent=6)


def _show_tallies(screen: Screen, ending: Ending) -> None:
    found = ending.numbers.tallies
    if not found:
        return
    screen.heading("Required actions with no record in time, by action and owner")
    for tally in found:
        late = tally.states.get(State.done_late, 0)
        none = tally.states.get(State.overdue, 0)
        parts = [f"{none:,} no record"] * bool(none) + [f"{late:,} recorded late"] * bool(late)
        owner = safe(owner_words(tally.owner, ending.pack.roles))
        screen.line(
            f"{sentence(safe(tally.label))} ({owner}): {', '.join(parts)}, of {tally.required:,} required", indent=2
        )


def _show_unknown(screen: Screen, numbers: Numbers) -> None:
    if not (numbers.undecided or numbers.not_assessed or numbers.unknown):
        return
    screen.heading("What could not be decided")
    if numbers.undecided:
        lacking = count(numbers.undecided, "verdict")
        records = count(numbers.undecided_records, "record")
        screen.line(f"{lacking} on {records} could not be decided. What would settle most:", indent=2)
        for want in numbers.wants[:WANTS_SHOWN]:
            alone = f", and {want.alone:,} of them by itself" if want.alone else ""
            screen.line(f"{need_words(want.need)}: would help to decide {want.verdicts:,}{alone}", indent=4)
    if numbers.unknown:
        needs = sorted(numbers.unknown_needs.items(), key=lambda pair: (-pair[1], pair[0]))
        most = [need_words(need) for need, _ in needs[:3]]
        lacking = f" Most lack {listed(most)}." if most else ""
        number = count(numbers.unknown, "required action")
        screen.line(f"{number}: no telling whether there is a record in time.{lacking}", indent=2)
    for file in sorted({item.source_file for item in numbers.not_assessed}):
        items = [item for item in numbers.not_assessed if item.source_file == file]
        codes = listed(item.rule_code for item in items)
        names = sorted({field for item in items for field in item.fields})
        more = [f"{len(names) - FIELDS_SHOWN} more"] if len(names) > FIELDS_SHOWN else []
        fields = listed([*names[:FIELDS_SHOWN], *more])
        screen.line(f"Not assessed in {safe(file)}: {codes}. This source does not hold {fields}.", indent=2)


def _show_files(screen: Screen, ending: Ending) -> None:
    if not ending.written:
        screen.line()
        screen.line("No files were written. Add --out DIR for every flag, requirement, reject and warning.")
        return
    screen.heading("Files")
    for file in ending.written:
        rows = "" if file.rows is None else f": {count(file.rows, 'row')}"
        rows += f" in {file.parts:,} files" if file.parts > 1 else ""
        screen.line(f"{safe(str(file.path))}{rows}", indent=2)
