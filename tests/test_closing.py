"""The numbers and the closing words of a run, from hand-made assessments."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from handmade import AS_OF, REJECT, assessment, flag, found, requirement, undecided

from riskflags.intake import Counts, FileRead, Intake
from riskflags.model import Severity, State
from riskflags.report.closing import Ending, show_ending
from riskflags.report.findings import tallies, wants, worst_first
from riskflags.report.numbers import numbers_of
from riskflags.report.phrases import gap_words, need_kind, safe, step_words
from riskflags.report.summary import Rows, rows_of
from riskflags.report.terminal import Screen
from riskflags.shipped import default_pack

if TYPE_CHECKING:
    from riskflags.assessment import Assessment


def test_rows_that_do_not_add_up_are_an_error() -> None:
    with pytest.raises(ValueError, match="10 rows were read, but 9 are accounted for"):
        Rows(read=10, accepted=6, warned=1, rejected=1, out_of_scope=1, not_yet=3)


def test_worst_first_is_most_critical_flags_then_most_gaps_then_longest_overdue() -> None:
    def one(incident: str, *, flags: int, gaps: int, days: int) -> Assessment:
        due = AS_OF - timedelta(days=days)
        return assessment(
            incident,
            flags=tuple(flag(incident, rule_code=f"E0{number}") for number in range(flags)),
            requirements=tuple(requirement(incident, action=f"a{n}", due_from=due, due_at=due) for n in range(gaps)),
        )

    several = [
        one("I4", flags=1, gaps=1, days=1),
        one("I3", flags=1, gaps=1, days=9),
        one("I2", flags=1, gaps=2, days=1),
    ]
    several += [
        one("I1", flags=2, gaps=1, days=1),
        one("I0", flags=1, gaps=0, days=1),
        one("I5", flags=0, gaps=3, days=9),
    ]
    assert [failed.incident_id for failed in worst_first(found(*several))] == ["I1", "I2", "I3", "I4"]


def test_an_action_recorded_late_alone_is_no_missing_record() -> None:
    late = assessment(flags=(flag(),), requirements=(requirement(state=State.done_late, recorded_at="2026-03-30"),))
    assert worst_first(found(late)) == ()


def test_gaps_are_counted_by_action_and_owner() -> None:
    several = (requirement(), requirement(state=State.done_late), requirement(state=State.done))
    (tally,) = tallies(found(assessment(requirements=several)))
    assert (tally.label, tally.owner, tally.gaps, tally.required) == ("crime recorded", "crime_registrar", 2, 3)


def test_what_would_settle_most_by_itself_comes_first() -> None:
    needs = [
        ("child.in_care",),
        ("child.in_care",),
        ("I7:child.id", "child.sex"),
        ("I8:child.id", "child.sex"),
        ("child.sex",),
    ]
    several = found(assessment(undecided=tuple(undecided(needs=need) for need in needs)))
    assert [(w.need, w.verdicts, w.alone) for w in wants(several, kind=need_kind)] == [
        ("child.in_care", 2, 2),
        ("child.sex", 3, 1),
        ("<incident id>:child.id", 2, 0),
    ]


def test_a_gap_says_no_record_and_never_not_done() -> None:
    line = gap_words(requirement(), as_of=AS_OF, roles={"crime_registrar": "Crime registrar"})
    assert line == "No record of crime recorded. Crime registrar. Due 28 March 2026, 9:00am, 3 days overdue"


def test_an_action_recorded_late_says_when() -> None:
    late = requirement(state=State.done_late, recorded_at="2026-03-30", suspect_id="S1")
    assert gap_words(late, as_of=AS_OF, roles={}) == (
        "Recorded late: crime recorded (suspect S1). Crime registrar. Due 28 March 2026, 9:00am, recorded 30 March 2026"
    )


def test_a_deadline_that_is_not_exactly_known_is_said_as_a_span() -> None:
    span = requirement(due_from=AS_OF - timedelta(hours=30), due_at=AS_OF - timedelta(minutes=20))
    assert gap_words(span, as_of=AS_OF, roles={}).endswith(
        "Due between 30 March 2026, 3:00am and 31 March 2026, 8:40am, 20 minutes overdue"
    )
    assert gap_words(requirement(due_at=None, due_from=None), as_of=AS_OF, roles={}).endswith("Due date not known")


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("approach completed 2025-10-15T10:00:00+01:00", "approach, completed, 15 October 2025, 10:00am"),
        ("see_child (outcome not recorded) (not dated)", "see child, (outcome not recorded) (not dated)"),
    ],
)
def test_a_step_on_record_is_said_with_its_outcome_and_time(step: str, words: str) -> None:
    assert step_words(step) == words


def ending(*assessments: Assessment, rejects: int = 0, warned: int = 0) -> str:
    """Return the closing words for assessments that were made by hand."""
    findings = found(*assessments)
    read = len(assessments) + rejects
    counts = Counts(read=read, accepted=len(assessments) - warned, warned=warned, rejected=rejects, out_of_scope=0)
    intake = Intake((), (REJECT,) * rejects, (), counts, (FileRead("in.csv", "utf-8", "\t", "canonical CSV"),))
    stream = io.StringIO()
    show_ending(Screen(stream), Ending(numbers_of(findings), rows_of(intake, findings), default_pack(), intake, ()))
    return stream.getvalue()


def test_rejected_rows_are_named_up_to_five() -> None:
    text = ending(rejects=7)
    assert text.count("  Rejected: in.csv, row 7: not a date") == 5
    assert "  and 2 more rejected" in text


def test_engines_that_disagree_are_said_loudly() -> None:
    text = ending(assessment(engines_disagree=("online-age-gap v1",)))
    assert "The two engines disagree on 1 verdict. No flag is lost. Please report this: see the warnings." in text


def test_a_severity_that_could_be_worse_is_said() -> None:
    one = assessment(
        flags=(flag(), flag(severity=Severity.high, could_be=Severity.critical)), requirements=(requirement(),)
    )
    assert "  CRITICAL E01 10 years older\n" in ending(one)
    worse = assessment(flags=(flag(severity=Severity.critical),), requirements=(requirement(suspect_id="S1"),))
    assert "(suspect S1)" in ending(worse)


def test_what_cannot_be_told_is_said_with_what_it_lacks() -> None:
    unknown = (requirement(state=State.cannot_tell, needs=("done",)), requirement(state=State.undated))
    assert "What could not be decided\n  2 required actions: " in ending(assessment(requirements=unknown))
    text = ending(assessment(requirements=unknown, undecided=(undecided(needs=("I7:child.id",)),)))
    assert "2 required actions: no telling whether there is a record in time. Most lack actions done." in text
    assert "child.id in other records: would help to decide 1, and 1 of them by itself" in text


@pytest.mark.parametrize("text", ["a\x1b[31m", "a\u202eb", "a\r\nb", "\ud800"])
def test_text_from_data_cannot_steer_a_terminal(text: str) -> None:
    assert safe(text).isascii()
    assert safe(text).isprintable()


def test_a_child_with_a_critical_flag_is_named_where_the_source_tells_of_no_action() -> None:
    one = assessment(flags=(flag(),), requirements=(requirement(state=State.cannot_tell),))
    text = ending(one)
    assert "Critical flags, and no telling what is on record elsewhere: 1 child" in text
    assert flag().message in text
