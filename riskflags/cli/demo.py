"""The command `demo`: the shipped rules over four synthetic cases, two that failed a child and two that did not."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from riskflags.cli.exits import Exit
from riskflags.cli.inputs import shortest
from riskflags.engine import Engine
from riskflags.intake import read
from riskflags.model import Severity, State
from riskflags.report.closing import record_words, short_digest, show_flag
from riskflags.report.phrases import count, gap_words, listed, plain, step_words
from riskflags.report.terminal import Screen, progress
from riskflags.shipped import default_pack
from riskflags.words import time_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from riskflags.assessment import Assessment, Requirement
    from riskflags.intake import Intake
    from riskflags.pack import Pack

CASES = Path(__file__).resolve().parent.parent / "samples" / "cases"
AS_OF = "2025-10-16T09:00"
"""When the cases are to be looked at, as samples/cases/README.md says; in the zone of the pack."""


@dataclass(frozen=True, slots=True)
class Story:
    """One case: its letter, how it was handled, and what it is about."""

    letter: str
    handled: str
    about: str


STORIES = (
    Story("A", "failing", "A girl of 15 with a learning disability, in a children's home and repeatedly missing. "
          "A man of 25 writes to her, asks for photos and wants to meet."),
    Story("B", "failing", "A girl of 17 in a children's home, assaulted by a former partner of 35."),
    Story("C", "good", "A boy of 11, groomed by a man who befriended his family."),
    Story("D", "good", "A girl of 15, groomed by a man of 24 on social media; a second victim is found."),
)  # fmt: skip


def show_demo() -> int:
    """Print the cases one by one, and what to try next."""
    screen = Screen()
    with progress("Assessing"):
        pack = default_pack()
        as_of = datetime.fromisoformat(AS_OF).replace(tzinfo=pack.zone)
        intakes = {story: read(CASES / f"case-{story.letter.lower()}.jsonl", zone=pack.zone) for story in STORIES}
        incidents = [incident for intake in intakes.values() for incident in intake.incidents]
        found = {(a.incident_id, a.child_id): a for a in Engine(pack).assess_many(incidents, as_of=as_of)}
    screen.line(("All of this is synthetic: no real child, person or place is in it.", "bold"))
    screen.line(
        "The cases are made up after four that inspectors described: two that failed a child, two handled well."
    )
    screen.line(f"Rules: {pack.title} {pack.version}, digest {short_digest(pack)}. As of {time_words(as_of)}.")
    for story, intake in intakes.items():
        screen.heading(f"Case {story.letter}, {story.handled}: {story.about}")
        _show_case(screen, [found[incident.key] for incident in intake.incidents], intake, pack)
    _show_lesson(screen, {story: [found[i.key] for i in intake.incidents] for story, intake in intakes.items()})
    _show_next(screen)
    return Exit.done


def _show_case(screen: Screen, assessments: Sequence[Assessment], intake: Intake, pack: Pack) -> None:
    for assessment in assessments:
        screen.line(record_words(assessment.incident_id, assessment.child_id), indent=2)
        for flag in assessment.flags:
            show_flag(screen, flag, indent=4)
        for gap in _core([assessment]):
            if gap.is_gap:
                _show_gap(screen, gap, assessment, intake, pack)
    screen.line((_in_time(_core(assessments)), "bold"), indent=2)
    if grades := [a.grade for a in assessments if a.grade is not None]:
        worst, could_be = max(one.grade for one in grades), max(one.could_be for one in grades)
        could = f", could be {plain(str(could_be))}" if could_be > worst else ""
        screen.line((f"Indicative grade: {plain(str(worst))}{could}.", "bold"), indent=2)
    others = sum(not requirement.core for assessment in assessments for requirement in assessment.gaps)
    if others:
        screen.line(f"And {count(others, 'other required action')} with no record in time.", indent=2)


def _show_gap(screen: Screen, gap: Requirement, assessment: Assessment, intake: Intake, pack: Pack) -> None:
    screen.line(gap_words(gap, as_of=assessment.as_of, roles=pack.roles), indent=4)
    for step in gap.short_of if gap.state is State.overdue else ():
        words = f"{step_words(step)}{_days_after_report(step, gap, intake)}"
        screen.line(f"Recorded: {words}. That falls short of it.", indent=6)


def _core(assessments: Iterable[Assessment]) -> list[Requirement]:
    return [requirement for a in assessments for requirement in a.requirements if requirement.core]


def _days_after_report(step: str, gap: Requirement, intake: Intake) -> str:
    """Return how many days after the report of its incident a step was recorded; nothing for the same day."""
    reported = next(i.incident.reported_at for i in intake.incidents if i.key == (gap.incident_id, gap.child_id))
    day = step.rpartition(" ")[2][: len("2025-10-15")]
    days = (date.fromisoformat(day) - reported.day).days if reported is not None and day[0].isdigit() else 0
    return f", {count(days, 'day')} after the report" if days > 0 else ""


def _in_time(core: Sequence[Requirement]) -> str:
    overdue = [requirement for requirement in core if requirement.is_gap]
    done = sum(requirement.state is State.done for requirement in core)
    if overdue:
        return f"Core actions: {len(overdue)} of {len(core)} have no record in time."
    unknown = len(core) - done
    rest = f"; for {unknown} there is no telling from this source" if unknown else ""
    return f"No core action is overdue: {done} of {len(core)} are on record in time{rest}."


def _show_lesson(screen: Screen, cases: dict[Story, list[Assessment]]) -> None:
    screen.heading("What to see in it")
    for handled in ("failing", "good"):
        these = {story: assessments for story, assessments in cases.items() if story.handled == handled}
        letters = listed(story.letter for story in these)
        flags = [flag for assessments in these.values() for a in assessments for flag in a.flags]
        critical = sum(flag.severity is Severity.critical for flag in flags)
        gaps = sum(requirement.is_gap for assessments in these.values() for requirement in _core(assessments))
        screen.line(
            f"{letters} ({handled}): {count(critical, 'critical flag')}, "
            f"{count(gaps, 'core action') if gaps else 'no core action'} with no record in time.",
            indent=2,
        )
    screen.line(
        "The flags say how serious it is. What is on record in time tells a good case from a failing one.", indent=2
    )


def _show_next(screen: Screen) -> None:
    screen.heading("Try next")
    cases = _from_here(CASES)
    case_b = _from_here(CASES / "case-b.jsonl")
    for command in (
        f"riskflags explain {case_b} --incident CASE-B-1 --rule T01 --as-of {AS_OF}",
        f"riskflags explain {case_b} --incident CASE-B-1 --grade --as-of {AS_OF}",
        f"riskflags run {cases}/*.jsonl --as-of {AS_OF} --out out",
        "riskflags fields suspect.",
        "riskflags run your-incidents.csv --out out",
    ):
        screen.line(command, indent=2)


def _from_here(path: Path) -> str:
    return shlex.quote(str(shortest(path)))
