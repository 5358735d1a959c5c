"""The command map: what is sure of an extract, what is guessed, and what is asked. Nothing is guessed in silence."""

from __future__ import annotations

import codecs
import csv
import io
import re
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from command_line import MORE, riskflags
from hypothesis import given
from hypothesis import strategies as st

from riskflags.authoring.proposal import Placed, Proposal, as_mapping, propose
from riskflags.authoring.proposal.dates import dates_of, times_of
from riskflags.authoring.proposal.names import meant_by, words_of
from riskflags.errors import PackError, RecordError
from riskflags.fields import catalogue
from riskflags.intake import read
from riskflags.intake.account import RowPlace
from riskflags.intake.sources import Seen, Sight, cell_of
from riskflags.mapping import load_mapping, mappings
from riskflags.samples.generate import write_canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from riskflags.mapping import FileMapping

SAMPLES = Path(__file__).resolve().parent.parent / "riskflags" / "samples" / "formats"
SAMPLE_FILES = sorted(SAMPLES.glob("*/*.csv"))
Proposed = "Callable[..., Proposal]"


@pytest.fixture
def proposed(tmp_path: Path) -> Callable[..., Proposal]:
    """Return a function that proposes a mapping for columns, each with its values: all synthetic."""

    def for_columns(columns: dict[str, Sequence[str]]) -> Proposal:
        path = tmp_path / "extract.csv"
        longest = max(map(len, columns.values()))
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(
                [values[row] if row < len(values) else "" for values in columns.values()] for row in range(longest)
            )
        return propose(path)

    return for_columns


def place_of(proposal: Proposal, title: str) -> Placed:
    (found,) = [one for one in proposal.columns if one.column.title == title]
    return found


def asked(one: Placed) -> str:
    return " ".join(doubt.question for doubt in one.doubts)


def loaded(proposal: Proposal, folder: Path) -> FileMapping:
    """Return the mapping of a proposal as if its author had taken every question out."""
    text = as_mapping(proposal).partition("\nopen:\n")[0]
    (folder / "answered.yaml").write_text(text, encoding="utf-8")
    return load_mapping(folder / "answered.yaml")


# ---- titles ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Date of Birth", "date of birth"),
        ("Child's Legal Status", "child legal status"),
        ("childDateOfBirth", "child date of birth"),
        ("incident.reported_at", "incident reported at"),
        ("  DOB  ", "dob"),
        ("École", "école"),
        ("", ""),
        ("()", ""),
    ],
)
def test_a_title_is_read_as_words(title: str, words: str) -> None:
    assert " ".join(words_of(title)) == words


@pytest.mark.parametrize(
    ("title", "path", "strength"),
    [
        ("child.in_care", "child.in_care", "own name"),
        ("Child In Care", "child.in_care", "known name"),
        ("Incident Ref", "incident.id", "known name"),
        ("SUSPECT_DOB", "suspect.date_of_birth", "known name"),
        ("Date Reported", "incident.reported_at", "known name"),
        ("DOB", "child.date_of_birth", "hint of a person"),
        ("Person Ref", "child.id", "hint of a person"),
        ("Victim DOB", "child.date_of_birth", "hint"),
        ("Offender Date of Birth", "suspect.date_of_birth", "hint"),
        ("Last Seen", "missing.last_seen_at", "hint"),
        ("Age of Child (Years)", "child.stated_age", "hint"),
        ("CHILD", "child.id", "hint"),
    ],
)
def test_a_title_means_a_field_as_strongly_as_it_says_so(title: str, path: str, strength: str) -> None:
    first = meant_by(title, catalogue())[0]
    assert (first.path, first.strength) == (path, strength)


@pytest.mark.parametrize(
    "title", ["Surname", "Notes", "", "()", "victim_type_id", "sex_id", "Suspect Sex", "Child Present"]
)
def test_a_title_that_means_no_field_means_none(title: str) -> None:
    assert meant_by(title, catalogue()) == ()


def test_every_title_that_is_taken_for_sure_means_a_field_that_there_is() -> None:
    from riskflags.authoring.proposal.names import _HINTS, _WHOLE_HINTS, KNOWN, OF_A_PERSON  # noqa: PLC0415

    paths = set(catalogue())
    assert set(KNOWN) | set(_WHOLE_HINTS.values()) <= paths
    assert {f"child.{name}" for name in OF_A_PERSON} <= paths
    assert {path.replace("@", "child.") for path in _HINTS} <= paths
    phrases = [phrase for path, some in KNOWN.items() for phrase in (" ".join(words_of(path)), *some)]
    assert len(phrases) == len(set(phrases))


# ---- dates -----------------------------------------------------------------------------------------------------------

DATES: list[tuple[tuple[str, ...], tuple[str, ...], str]] = [
    (("2026-03-31", "2026-04-01"), ("yyyy-mm-dd",), ""),
    (("2026-03-31T10:00", "2026-03-31T10:00:01"), ("yyyy-mm-ddThh:mm", "yyyy-mm-ddThh:mm:ss"), ""),
    (("2026-03-31 10:00:00.000",), ("yyyy-mm-dd hh:mm:ss.000",), ""),
    (("31/03/2026", "01/02/2026"), ("dd/mm/yyyy",), ""),
    (("03/31/2026", "01/02/2026"), ("mm/dd/yyyy",), ""),
    (("31/3/2026", "1/2/2026", "01/02/2026"), ("d/m/yyyy", "dd/mm/yyyy"), ""),
    (("31.03.2026 23:59",), ("dd.mm.yyyy hh:mm",), ""),
    (("04/13/2026 12:30:00 PM",), ("mm/dd/yyyy hh:mm:ss AM",), ""),
    (("31-Mar-2026", "1 Apr 2026"), ("dd-mmm-yyyy", "d mmm yyyy"), ""),
    (("31/03/2026", "2026-04-01"), ("yyyy-mm-dd", "dd/mm/yyyy"), ""),
    (("03/04/2026", "05/06/2026"), (), "Are the dates day first or month first?"),
    (("03/03/2026",), (), "Are the dates day first or month first?"),
    (("31/03/2026", "03/31/2026"), (), "Some dates can only be day first and others only month first."),
    (("31-Mar-26",), ("dd-mmm-yy",), "The years have two digits."),
    (("31/03/26",), (), "Are the dates day first or year first?"),
    (("31/03/26", "01/02/00"), ("dd/mm/yy",), "The years have two digits."),
    (("03/04/05",), (), "Are the dates day first, month first or year first?"),
    (("25/12/11", "26/11/10"), (), "Are the dates day first or year first?"),
    (("45200", "45201.5"), ("excel_serial",), "Are these numbers the days that a spreadsheet counts"),
    (("2026-03-31T10:00:00Z", "2026-03-31T10:00+01:00"), (), "The times end in an offset from UTC"),
    (("01/01/1900", "31/03/2026"), ("dd/mm/yyyy",), "Does 01/01/1900 stand for a date that is not known?"),
    (("31/03/2026", "01/04/2026", "soon"), ("dd/mm/yyyy",), "One value is no date that can be read, first in row 3."),
    (("31/03/2026", "31/02/2026", "30/02/2026", "01/04/2026"), ("dd/mm/yyyy",), "2 different values are no date"),
]


@pytest.mark.parametrize(("values", "formats", "question"), DATES)
def test_the_formats_of_dates_are_worked_out_from_every_value(
    values: tuple[str, ...], formats: tuple[str, ...], question: str
) -> None:
    found = dates_of({value: row for row, value in enumerate(values, start=1)})
    assert found is not None
    assert found.formats == formats
    questions = [doubt.question for doubt in found.doubts]
    assert any(one.startswith(question) for one in questions) if question else questions == []


@pytest.mark.parametrize(
    "values", [(), ("soon", "later"), ("1", "2"), ("SYN-1",), ("2026-03",), ("10:00",), ("9999-12-31",)]
)
def test_what_is_no_date_is_none(values: tuple[str, ...]) -> None:
    assert dates_of(dict.fromkeys(values, 1)) is None


@pytest.mark.parametrize(
    ("values", "formats", "pad"),
    [(("08:45",), ("hh:mm",), 0), (("0845", "1"), ("hhmm",), 4), (("8:45", "08:45:01"), ("h:mm", "hh:mm:ss"), 0)],
)
def test_the_formats_of_times_are_worked_out_too(values: Sequence[str], formats: tuple[str, ...], pad: int) -> None:
    found = times_of(values)
    assert found is not None
    assert (found.formats, found.pad) == (formats, pad)
    assert times_of(["noon", "late"]) is times_of([]) is None


# ---- what is sure ----------------------------------------------------------------------------------------------------

IDS = {"Incident Ref": ["SYN-1", "SYN-2"], "Child Ref": ["SYN-C1", "SYN-C2"]}


@pytest.mark.parametrize(
    ("title", "values", "path"),
    [
        ("Incident Ref", ["SYN/1/26", "SYN/2/26"], "incident.id"),
        ("incident.type", ["assault", "other"], "incident.type"),
        ("Incident Type", ["Missing Episode", "ASSAULT"], "incident.type"),
        ("Date Reported", ["13/01/2026", "01/02/2026"], "incident.reported_at"),
        ("incident.reported_at", ["2026-01-13T10:00", "2026-01-14"], "incident.reported_at"),
        ("child_in_care", ["Y", "n", "Yes", "FALSE"], "child.in_care"),
        ("Child Sex", ["F", "M", "female"], "child.sex"),
        ("child.stated_age", ["14", "15.5"], "child.stated_age"),
        ("incident.unit", ["SYNTHETIC"], "incident.unit"),
        ("incident.authority", ["SYN-LA-1"], "incident.authority"),
        ("child.placement_id", ["SYN-A1"], "child.placement_id"),
        ("contact.channels", ["social_media;phone", "(none)", "Phone"], "contact.channels"),
        ("Suspect DOB", ["2001-03-04"], "suspect.date_of_birth"),
    ],
)
def test_a_title_that_means_one_field_with_values_that_fit_is_sure(
    proposed: Callable[..., Proposal], title: str, values: list[str], path: str
) -> None:
    one = place_of(proposed({title: values}), title)
    assert (one.how, one.paths, one.doubts) == ("sure", (path,), ())


@pytest.mark.parametrize(
    ("title", "values", "question"),
    [
        ("Date Reported", ["03/04/2026", "05/06/2026"], "Are the dates day first or month first?"),
        ("Date Reported", ["13/04/2026 00:00", "14/04/2026 00:00"], "Every time of day is 00:00."),
        ("Date Reported", ["13/04/2026 00:00", "14/04/2026 10:00"], "1 row has the time 00:00."),
        ("Date Reported", ["13/04/26"], "The years have two digits."),
        ("Date Reported", ["46000"], "a spreadsheet counts"),
        (
            "Date Reported",
            ["13/04/2026", "14/04/2026", "soon"],
            "One value is no date that can be read, first in row 3.",
        ),
        ("Date Reported", ["", ""], "No value was seen."),
        ("Incident Ref", ["1.2E+10", "1.3E+10"], "Has a spreadsheet changed the ids"),
        ("Incident Ref", ["4711.0"], "Has a spreadsheet changed the ids"),
        ("Incident Ref", ["0047", "47"], "Some ids differ only in zeros"),
        ("Child Ref", ["SYN-C1", "Unknown", "unknown"], 'Does "Unknown", "unknown" mean that there is no id?'),
        ("Child Ref", ["SYN-C1", "0"], 'Does "0" mean that there is no id?'),
        ("Incident Type", ["assault", "MISPER", "MISPER"], 'What do these mean: "MISPER"?'),
        ("child.in_care", ["1", "0"], 'Is it right that "1" is yes, "0" is no?'),
        ("child.in_care", ["a) Yes", "b) No"], 'Is it right that "a) Yes" is yes, "b) No" is no?'),
        ("child.in_care", ["Y", "NK"], 'What do these mean: "NK"?'),
        ("child.sex", ["F", "X"], 'What do these mean: "X"?'),
        ("child.legal_status", ["C2: Full care order"], 'Is it right that "C2: Full care order" is C2?'),
        ("child.stated_age", ["14", "0"], "Does an age of 0 mean that it is not known?"),
        ("child.stated_age", ["14", "15", "16", "17", "12", "-1"], "One value is no number that fits, first in row 6."),
        ("Child DOB", ["2011-03-04 23:00"], "Can the day be one off"),
        ("Incident Authority", ["SYN-LA-1"], "Are these the official codes, written alike in every such column?"),
        ("Incident Address ID", ["SYN-A1"], "Has every address one id, in this column as in any other?"),
        ("Child Placement ID", ["SYN-A1"], "Has every address one id, in this column as in any other?"),
        ("contact.channels", ["phone,online"], "Does , stand between the codes of a cell?"),
        ("incident.other_forces", ["SYN-A/SYN-B"], "Does / stand between the codes of a cell?"),
    ],
)
def test_a_title_that_means_one_field_is_asked_about_where_a_value_leaves_a_doubt(
    proposed: Callable[..., Proposal], title: str, values: list[str], question: str
) -> None:
    one = place_of(proposed({title: values}), title)
    assert one.how == "guessed"
    assert question in asked(one)


@pytest.mark.parametrize(
    ("title", "values", "reason"),
    [
        ("Incident Ref", ["Y", "N"], "its values are no ids"),
        ("Incident Ref", ["13/04/2026"], "its values are no ids"),
        ("Child Ref", ["x" * 500], "its values are too long for an id"),
        ("Date Reported", ["SYNTHETIC", "words"], "its values are no dates"),
        ("Date Reported", ["2026-03-31T10:00:00Z"], "its dates cannot be read as they are"),
        ("Date Reported", ["13/04/2026", "04/13/2026"], "its dates cannot be read as they are"),
        ("Incident Type", ["MISPER"], "no value is one of its codes"),
        ("Incident Type", [f"SYN{number}" for number in range(50)], "its values are too many"),
        ("child.stated_age", ["fourteen"], "its values are no numbers"),
        ("incident.unit", ["a\x00b"], "NUL character"),
        ("action.code", ["referral"], "actions stand in a file of their own"),
        ("action.referral.at", ["2026-01-01"], "actions stand in a file of their own"),
        ("Marker Type", ["cse"], "markers stand in a file of their own"),
        ("Surname", ["SYNTHETIC"], "its title says nothing that is known"),
        ("Risk", ["Tuesday", "Monday"], "no value is one of its codes"),
    ],
)
def test_a_column_whose_values_do_not_fit_is_not_placed_and_asked_about(
    proposed: Callable[..., Proposal], title: str, values: list[str], reason: str
) -> None:
    one = place_of(proposed({title: values}), title)
    assert (one.how, one.paths) == ("not placed", ())
    assert reason in one.why
    assert all(doubt.question and doubt.write for doubt in one.doubts)
    assert one.doubts


@pytest.mark.parametrize("title", ["DOB", "Sex", "Last Seen", "LAC", "District", "Crime Ref", "CHILD", "Victim DOB"])
def test_a_hint_is_never_sure(proposed: Callable[..., Proposal], title: str) -> None:
    values = {"DOB": "2011-03-04", "Victim DOB": "2011-03-04", "Last Seen": "2026-03-04", "LAC": "Y", "Sex": "F"}
    one = place_of(proposed({title: [values.get(title, "SYN-1")]}), title)
    assert one.how == "guessed"
    assert "Is this" in asked(one)


def test_a_date_of_birth_is_the_childs_where_a_row_can_be_of_nobody_else(proposed: Callable[..., Proposal]) -> None:
    birth = {"DOB": ["2011-03-04", "2012-03-14"]}
    assert place_of(proposed({**IDS, **birth}), "DOB").how == "sure"
    for other in ("Role", "Suspect Name", "Mother", "Relationship", "Victim Ref"):
        one = place_of(proposed({**IDS, other: ["SYNTHETIC"], **birth}), "DOB")
        assert (one.how, "Whose is it?" in asked(one)) == ("guessed", True)


def test_an_age_is_never_sure_without_its_own_name(proposed: Callable[..., Proposal]) -> None:
    one = place_of(proposed({**IDS, "Age": ["14", "15"]}), "Age")
    assert (one.how, one.paths) == ("guessed", ("child.stated_age",))
    assert "Is it the age on the day of the incident" in asked(one)


def test_a_column_of_codes_of_one_field_is_guessed_by_its_values(proposed: Callable[..., Proposal]) -> None:
    found = proposed({"PLACE": ["K2", "u6", "U6"], "Letter": ["SYN", "K2"], "One": ["K2", "K2"]})
    one = place_of(found, "PLACE")
    assert (one.how, one.paths, one.values) == (
        "guessed",
        ("child.placement_type",),
        {"K2": "K2", "u6": "U6", "U6": "U6"},
    )
    assert {place_of(found, title).how for title in ("Letter", "One")} == {"not placed"}


# ---- columns together ------------------------------------------------------------------------------------------------


def test_two_columns_of_one_field_are_one_guess_and_one_question(proposed: Callable[..., Proposal]) -> None:
    found = proposed({"Incident Ref": ["SYN-1"], "Incident No": ["7"], "Crime Ref": ["SYN-9"]})
    assert [one.how for one in found.columns] == ["guessed", "not placed", "not placed"]
    assert "or Incident No?" in asked(found.columns[0])
    assert "Incident Ref" in asked(found.columns[1])


def test_the_own_name_of_a_field_wins(proposed: Callable[..., Proposal]) -> None:
    found = proposed({"Incident Ref": ["SYN-1"], "incident.id": ["7"]})
    assert [one.how for one in found.columns] == ["not placed", "sure"]


def test_a_title_that_stands_twice_is_not_placed(proposed: Callable[..., Proposal], tmp_path: Path) -> None:
    (tmp_path / "twice.csv").write_text("Incident Ref,DOB,incident  ref\nSYN-1,2011-03-04,SYN-2\n")
    found = propose(tmp_path / "twice.csv")
    assert [one.how for one in found.columns] == ["not placed", "guessed", "not placed"]
    assert "2 columns have this title" in found.columns[0].why
    assert found.columns[1].column.values == ("2011-03-04",)


def test_a_time_of_day_goes_beside_its_day(proposed: Callable[..., Proposal], tmp_path: Path) -> None:
    found = proposed({**IDS, "Date Reported": ["13/01/2026"], "Time Reported": ["21:40"], "Time": ["10:00"]})
    day, time, other = found.columns[2:]
    assert (day.how, time.how, time.paths) == ("sure", "sure", ("incident.reported_at",))
    assert other.how == "not placed"
    data = yaml.safe_load(as_mapping(found))
    assert data["fields"]["incident.reported_at"] == {
        "date": "extract.Date Reported",
        "time": "extract.Time Reported",
        "time_as": ["hh:mm"],
    }


@pytest.mark.parametrize(
    ("times", "question"),
    [
        (["845"], "Have times lost zeros"),
        (["00:00"], "Is a time of 00:00 midnight"),
        (["10:00", "11:00", "late"], "One value is no time of day"),
    ],
)
def test_a_time_in_doubt_puts_its_day_in_doubt(
    proposed: Callable[..., Proposal], times: list[str], question: str
) -> None:
    found = proposed({"Date Reported": ["13/01/2026"] * len(times), "Time Reported": times})
    assert [one.how for one in found.columns] == ["guessed", "guessed"]
    assert question in asked(found.columns[1])


def test_a_column_that_the_dates_of_others_would_misread_is_not_placed(proposed: Callable[..., Proposal]) -> None:
    found = proposed(
        {
            "Date Reported": ["13/01/2026", "02/03/2026"],
            "Date Occurred": ["01/13/2026", "02/03/2026"],
            "Time Occurred": ["10:00", "11:00"],
        }
    )
    assert [one.how for one in found.columns] == ["sure", "not placed", "not placed"]
    assert found.formats == ("dd/mm/yyyy",)
    assert "in another order than other columns" in asked(found.columns[1])


def test_a_column_in_doubt_is_never_sure_by_the_others(proposed: Callable[..., Proposal]) -> None:
    found = proposed({"Date Reported": ["13/01/2026"], "Date Occurred": ["02/03/2026"]})
    reported, occurred = found.columns
    assert (reported.how, occurred.how) == ("sure", "guessed")
    assert asked(occurred).startswith("Is the order of day and month that of other columns?")
    assert asked(occurred).endswith("it will be read as dd/mm/yyyy.")


def test_two_orders_of_day_and_month_clash_even_where_no_value_that_was_seen_does(
    proposed: Callable[..., Proposal],
) -> None:
    found = proposed({"Date Reported": ["13/01/2026"], "Date Occurred": ["01/13/2026"]})
    assert [one.how for one in found.columns] == ["sure", "not placed"]


def test_codes_joined_by_another_sign_than_those_of_others_are_not_placed(proposed: Callable[..., Proposal]) -> None:
    found = proposed({"contact.channels": ["phone;online"], "incident.offences": ["rape/threats"]})
    assert [one.how for one in found.columns] == ["sure", "not placed"]
    assert found.joint == ";"


def test_one_row_a_person_is_proposed_and_asked_about(proposed: Callable[..., Proposal], tmp_path: Path) -> None:
    found = proposed(
        {
            "Incident Ref": ["SYN-1", "SYN-1", "SYN-2"],
            "Incident Type": ["assault", "assault", "other"],
            "Date Reported": ["13/01/2026", "13/01/2026", "02/03/2026"],
            "Role": ["Victim", "Suspect", "Misper"],
            "Person Ref": ["SYN-P1", "SYN-P2", "SYN-P3"],
            "DOB": ["14/05/2011", "02/03/1990", "20/10/2012"],
        }
    )
    assert place_of(found, "DOB").paths == ("child.date_of_birth", "suspect.date_of_birth")
    assert "the child: Victim, Misper; a suspect: Suspect" in asked(place_of(found, "Role"))
    (table,) = loaded(found, tmp_path).tables.values()
    assert (table.key, table.child is None, table.suspect is None) == (("Incident Ref",), False, False)
    intake = read(tmp_path / "extract.csv", mapping=tmp_path / "answered.yaml")
    assert [len(incident.suspects) for incident in intake.incidents] == [1, 0]


def test_rows_of_one_incident_without_a_child_are_asked_about(proposed: Callable[..., Proposal]) -> None:
    found = proposed(
        {"Incident Ref": ["SYN-1", "SYN-1"], "incident.type": ["other"] * 2, "Date Reported": ["13/01/2026"] * 2}
    )
    (question,) = found.questions
    assert (
        question.question == "What is a row? One incident has several rows, and no column tells one child from another."
    )


def test_what_a_record_needs_and_no_column_has_is_asked_for(proposed: Callable[..., Proposal]) -> None:
    questions = " ".join(one.question for one in proposed({"Surname": ["SYNTHETIC"]}).questions)
    assert "What tells one incident from another?" in questions
    assert "rows: children" in questions
    assert "What type of incident is it?" in questions
    assert "When was it?" in questions


def test_a_role_without_a_reference_of_the_incident_is_asked_about(
    proposed: Callable[..., Proposal], tmp_path: Path
) -> None:
    found = proposed({"Role": ["Victim", "Suspect"], "Person Ref": ["SYN-1", "SYN-2"]})
    assert any("no reference brings them together" in one.question for one in found.questions)


# ---- what is written -------------------------------------------------------------------------------------------------


def problems_of(path: Path) -> list[tuple[str, str]]:
    with pytest.raises(PackError) as caught:
        load_mapping(path)
    return [(problem.code, problem.message) for problem in caught.value.problems]


@pytest.mark.parametrize("file", SAMPLE_FILES, ids=lambda path: path.stem)
def test_the_file_is_a_mapping_in_which_nothing_is_wrong_but_its_open_questions(file: Path, tmp_path: Path) -> None:
    proposal = propose(file)
    path = tmp_path / "mine.yaml"
    path.write_text(as_mapping(proposal), encoding="utf-8")
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert len(data.get("open", [])) == proposal.open_questions
    if proposal.open_questions:
        found = problems_of(path)
        assert [code for code, _ in found] == ["RF160"] * proposal.open_questions
        for one in proposal.columns:
            named = [message for _, message in found if f"`extract.{one.column.title[:40]}" in message]
            assert bool(named) is (one.how != "sure")
    else:
        assert load_mapping(path).name == proposal.name


def test_a_canonical_file_is_read_the_same_by_the_mapping_that_is_proposed_for_it(tmp_path: Path) -> None:
    path = tmp_path / "canonical.csv"
    write_canonical(path, rows=400, seed=11)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if not name.startswith("action.") and any(row[name] for row in rows)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    proposal = propose(path)
    doubted = {one.paths: asked(one) for one in proposal.columns if one.how != "sure"}
    assert all("the time 00:00" in question for question in doubted.values())
    loaded(proposal, tmp_path)
    ours, theirs = read(path, mapping=tmp_path / "answered.yaml"), read(path)
    assert ours.incidents == theirs.incidents
    assert len(ours.incidents) > 300


def test_an_answered_proposal_runs(tmp_path: Path) -> None:
    path = tmp_path / "extract.csv"
    path.write_text(
        "Incident Ref;Incident Type;Date Reported;Child Ref;DOB;LAC\n"
        "SYN-1;Missing Episode;13/02/2026;SYN-C1;14/05/2011;Y\nSYN-2;assault;02/03/2026;SYN-C2;05/06/2012;N\n"
    )
    out = tmp_path / "mine.yaml"
    made = riskflags("map", path, "--out", out)
    assert made.exit_code == 0, made.stderr
    refused = riskflags("run", path, "--mapping", out, "--as-of", "2026-04-01T09:00")
    assert refused.exit_code == 2
    assert refused.stderr.count("RF160") == 1
    assert "Is this child.in_care" in refused.stderr
    text = out.read_text(encoding="utf-8")
    out.write_text(text.partition("\nopen:")[0], encoding="utf-8")
    assert riskflags("run", path, "--mapping", out, "--as-of", "2026-04-01T09:00").exit_code == 0
    first, second = read(path, mapping=out).incidents
    assert (first.child.in_care, str(first.child.date_of_birth), str(first.incident.reported_at)) == (
        True,
        "2011-05-14",
        "2026-02-13",
    )
    assert (second.incident.type, second.child.in_care) == ("assault", False)


# ---- the shipped mappings --------------------------------------------------------------------------------------------

LEAST_AS_SHIPPED = {
    "annex-a-8": 8,
    "data-police-uk": 1,
    "lapd": 4,
    "nibrs": 8,
    "police-vulnerable-persons": 26,
    "ssd": 9,
    "ssda903": 9,
}
"""Mapping -> how many columns of its sample are placed, surely or by a guess, where the shipped mapping puts them."""


@cache
def shipped_paths(name: str) -> dict[str, set[str]]:
    """Return the fields that a shipped mapping fills from each title, in any of its tables."""
    mapping = load_mapping(name)
    found: dict[str, set[str]] = {}
    for path, source in mapping.fields.items():
        for column in source.columns():
            found.setdefault(mapping.read.header(column.header), set()).add(path)
    return found


@pytest.mark.parametrize("name", [mapping.name for mapping in mappings()])
def test_no_column_of_a_shipped_sample_is_wrongly_sure(name: str) -> None:
    header = load_mapping(name).read.header
    as_shipped = 0
    for file in sorted((SAMPLES / name).glob("*.csv")):
        proposal = propose(file)
        is_canonical = any(one.column.title == "incident.id" for one in proposal.columns)
        for one in proposal.columns:
            known = shipped_paths(name).get(header(one.column.title), set())
            known = {one.column.title} if is_canonical else known
            assert one.how != "sure" or set(one.paths) <= known, f"{file.name}: {one.column.title} is {one.paths}"
            as_shipped += bool(one.paths) and not is_canonical and not known.isdisjoint(one.paths)
    assert as_shipped >= LEAST_AS_SHIPPED[name]


# ---- hostile files ---------------------------------------------------------------------------------------------------

HEADER = "Incident Ref;Child Ref;Date Reported;Caf\xe9 \xa3"
ROW = "SYN-1;SYN-C1;13/01/2026;d\xe9j\xe0 vu"


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [("utf-8", b""), ("utf-8", codecs.BOM_UTF8), ("utf-16-le", codecs.BOM_UTF16_LE), ("cp1252", b"")],
)
def test_every_encoding_that_intake_reads_is_read(tmp_path: Path, encoding: str, mark: bytes) -> None:
    path = tmp_path / "extract.csv"
    path.write_bytes(mark + f"{HEADER}\r\n{ROW}\r\n".encode(encoding))
    proposal = propose(path)
    assert [one.column.title for one in proposal.columns] == HEADER.split(";")
    assert [one.how for one in proposal.columns] == ["sure", "sure", "sure", "not placed"]
    out = tmp_path / "mine.yaml"
    out.write_text(
        as_mapping(proposal).partition("\nopen:\n")[0] + "\n  incident.type: {always: other}\n", encoding="utf-8"
    )
    assert [str(one.incident.reported_at) for one in read(path, mapping=out).incidents] == ["2026-01-13"]


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_splits_the_header_most(tmp_path: Path, sign: str) -> None:
    path = tmp_path / "extract.csv"
    path.write_text(sign.join(["Incident Ref", '"a, b; c"', "Child Ref"]) + "\n" + sign.join(["1", "x", "2"]) + "\n")
    assert propose(path).sample.delimiter == sign


def test_of_two_delimiters_the_one_that_damages_fewer_rows_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "extract.csv"
    path.write_text("Incident Ref,First;Child Ref\nSYN-1;SYN-C1\nSYN-2;SYN-C2\n")
    assert propose(path).sample.delimiter == ";"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\n \n", "the file is empty"),
        (b",,\n1,2,3\n", "no column has a name"),
        (b'""\n', "no column has a name"),
        (b'"Incident Ref,Child Ref\n', "a quote in the header is not closed"),
        (b"PK\x03\x04rest", "an Excel workbook"),
        (b'{"incident.id": "SYN-1"}\n', "these are JSON lines"),
        (b"[1]\n", "this is a JSON array"),
        (
            b"SYN-1,SYN-C1,13/01/2026\nSYN-2,SYN-C2,14/01/2026\n",
            "the first line holds a date: it is a row, and no header",
        ),
        (b"a\x81\x00,b\n\xff\xfe", "in none of the encodings"),
    ],
)
def test_a_file_without_a_header_that_can_be_read_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "extract.csv"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=message):
        propose(path)
    out = tmp_path / "mine.yaml"
    assert riskflags("map", path, "--out", out).exit_code == 3
    assert not out.exists()


def test_damaged_rows_are_counted_and_told(tmp_path: Path) -> None:
    path = tmp_path / "extract.csv"
    path.write_text(f'Incident Ref,Child Ref\nSYN-1,SYN-C1\nSYN-2\nSYN-3,"x\nSYN-4,{"y" * 200_000}\nSYN-5,SYN-C5\n')
    proposal = propose(path)
    assert (len(proposal.sample.rows), proposal.sample.damaged) == (2, 3)
    assert "2 rows (3 more could not be read)" in as_mapping(proposal)
    assert (
        "2 rows looked at, 3 more could not be read" in riskflags("map", path, "--out", tmp_path / "mine.yaml").stdout
    )


def test_a_huge_cell_is_kept_only_by_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "extract.csv"
    path.write_text(f"Notes\n{'SYNTHETIC ' * 12_000}\n")
    (column,) = propose(path).sample.columns
    assert (column.is_long, [len(value) for value in column.values]) == (True, [200])


def test_a_long_file_is_looked_at_only_in_its_first_rows(tmp_path: Path) -> None:
    path = tmp_path / "extract.csv"
    path.write_text("Incident Ref\n" + "".join(f"SYN-{number}\n" for number in range(6_000)))
    proposal = propose(path)
    assert (len(proposal.sample.rows), proposal.sample.is_whole) == (5_000, False)
    assert "from the first 5,000 rows of extract.csv" in as_mapping(proposal)


NASTY = [
    "a: b",
    "# x",
    "- x",
    "{x}",
    "[x]",
    "'",
    '"',
    "*x",
    "&x",
    "!x",
    "%x",
    "@x",
    "x.y",
    "true",
    "1",
    "~",
    "é\u202e",
    "a\tb",
    "c\nd",
]


def test_titles_that_mean_something_to_yaml_are_written_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "extract.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([NASTY, NASTY])
    proposal = propose(path)
    data = yaml.safe_load(as_mapping(proposal))
    assert data["tables"]["extract"]["headers"] == NASTY
    out = tmp_path / "mine.yaml"
    out.write_text(as_mapping(proposal), encoding="utf-8")
    assert {code for code, _ in problems_of(out)} == {"RF160"}


# ---- what is shown ---------------------------------------------------------------------------------------------------


def test_no_value_that_may_name_somebody_gets_into_the_file(tmp_path: Path) -> None:
    secret = [f"Synthia Synthetic{number}" for number in range(9)]
    path = tmp_path / "extract.csv"
    titles = ["Surname", "Reported By", "Role", "Risk", "Notes", "DOB", "Child Ref", "Relationship", "Status"]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([titles, *[[f"{name} {title}" for title in titles] for name in secret]])
    out = tmp_path / "mine.yaml"
    made = riskflags("map", path, "--out", out)
    assert "Synthia" not in out.read_text(encoding="utf-8") + made.stdout + made.stderr


def test_dates_are_never_shown_but_those_that_stand_for_nothing(proposed: Callable[..., Proposal]) -> None:
    found = proposed({"Child DOB": ["03/04/2011", "05/06/2012"], "Suspect DOB": ["13/04/1981", "01/01/1900"]})
    text = as_mapping(found)
    assert re.findall(r"\d\d/\d\d/\d{4}", text) == ["01/01/1900", "01/01/1900"]


def test_codes_that_are_seen_more_than_once_are_shown_and_others_by_their_row(
    proposed: Callable[..., Proposal],
) -> None:
    found = proposed({"Incident Type": ["MISPER", "MISPER", "SYNTHETIC", "assault"]})
    assert 'What do these mean: "MISPER" and what stands only in row 3?' in asked(found.columns[0])


# ---- the command -----------------------------------------------------------------------------------------------------


def test_the_command_says_what_is_sure_what_is_guessed_and_what_is_not_placed(tmp_path: Path) -> None:
    path = tmp_path / "extract.csv"
    path.write_text("Incident Ref,DOB,Surname\nSYN-1,2011-03-04,SYNTHETIC\n")
    made = riskflags("map", path, "--out", tmp_path / "new" / "mine.yaml")
    assert made.exit_code == 0
    for line in ("Sure: 1 column", "Guessed: 1 column", "Not placed: 1 column", "with 4 open questions"):
        assert line in made.stdout
    assert (tmp_path / "new" / "mine.yaml").is_file()


def test_the_command_writes_over_nothing(tmp_path: Path) -> None:
    path = tmp_path / "extract.csv"
    path.write_text("Incident Ref\nSYN-1\n")
    out = tmp_path / "mine.yaml"
    out.write_text("mine\n")
    for target in (out, path, tmp_path):
        made = riskflags("map", path, "--out", target)
        assert (made.exit_code, "is there already" in made.stderr) == (4, True)
    assert (out.read_text(), path.read_text()) == ("mine\n", "Incident Ref\nSYN-1\n")


def test_without_a_name_the_file_goes_beside_under_the_name_of_the_extract(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "My Extract (2).csv").write_text("Incident Ref\nSYN-1\n")
    (tmp_path / "2026.csv").write_text("Incident Ref\nSYN-1\n")
    for name in ("My Extract (2).csv", "2026.csv"):
        assert riskflags("map", name).exit_code == 0
    assert sorted(path.name for path in tmp_path.glob("*.yaml")) == [
        "extract-2026.mapping.yaml",
        "my-extract-2.mapping.yaml",
    ]


def test_a_mapping_that_could_not_be_read_for_its_size_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"{number} {'column ' * 800}" for number in range(100)) + "\n")
    made = riskflags("map", path, "--out", tmp_path / "mine.yaml")
    assert (made.exit_code, "take out those that no field takes" in made.stderr) == (4, True)
    assert not (tmp_path / "mine.yaml").exists()


def test_standard_input_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = riskflags("map", "-", stdin="Incident Ref\nSYN-1\n")
    assert (made.exit_code, (tmp_path / "extract.mapping.yaml").is_file()) == (0, True)


def test_a_file_that_can_be_read_already_is_told(tmp_path: Path) -> None:
    known = riskflags("map", SAMPLES / "ssda903" / "missing-synthetic.csv", "--out", tmp_path / "a.yaml")
    assert "the table missing of the mapping ssda903" in known.stdout
    canonical = riskflags("map", SAMPLES / "annex-a-8" / "incidents-synthetic.csv", "--out", tmp_path / "b.yaml")
    assert "run reads it without a mapping too" in canonical.stdout


def test_fields_of_a_model_of_ones_own_are_placed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mapped_records.py").write_text(MORE)
    (tmp_path / "extract.csv").write_text("Child Shoe Size\n38\n")
    made = riskflags("map", "extract.csv", "--record", "mapped_records:MyIncident")
    assert "Child Shoe Size: child.shoe_size" in made.stdout


# ---- any file --------------------------------------------------------------------------------------------------------

TITLES = [
    *("Incident Ref", "incident.id", "DOB", "Role", "Date Reported", "Time Reported", "Person Ref", "Sex", "LAC", ""),
    *(
        "Incident Type",
        "contact.channels",
        "action.code",
        "suspect.stated_age",
        "Age",
        "Date From",
        "Time From",
        "Risk",
    ),
]
CELLS = [
    *(
        "",
        "SYN-1",
        "0047",
        "47",
        "Victim",
        "Suspect",
        "03/04/2026",
        "13/04/2026",
        "04/13/2026",
        "2026-03-31 00:00",
        "845",
    ),
    *("00:00", "Y", "1", "a) Yes", "phone;online", "phone/online", "(none)", "NULL", "-", "45200", "1.2E+10", "MISPER"),
    *("31/03/26", "2026-03-31T10:00Z", "assault", "\x00", "é" * 300, '"', "01/01/1900", "F", "high", "-1"),
]
SIGNS = st.sampled_from([",", ";", "\t", "|"])
ANY_TITLE = st.one_of(st.sampled_from(TITLES), st.sampled_from(list(catalogue())), st.text(max_size=12))
ANY_CELL = st.one_of(st.sampled_from(CELLS), st.text(max_size=8))


@given(
    titles=st.lists(ANY_TITLE, min_size=1, max_size=9),
    rows=st.lists(st.lists(ANY_CELL, max_size=10), max_size=8),
    sign=SIGNS,
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
)
def test_of_any_file_every_column_is_sure_guessed_or_not_placed_and_the_file_is_a_mapping(
    tmp_path_factory: pytest.TempPathFactory, titles: list[str], rows: list[list[str]], sign: str, encoding: str
) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=sign)
    writer.writerows([titles, *([*row[: len(titles)], *[""] * (len(titles) - len(row))] for row in rows)])
    folder = tmp_path_factory.getbasetemp()
    (folder / "any.csv").write_bytes(buffer.getvalue().encode(encoding, "replace"))
    try:
        proposal = propose(folder / "any.csv")
    except RecordError:
        return
    assert [one.column.index for one in proposal.columns] == list(range(len(proposal.sample.columns)))
    assert sum(len(proposal.of(how)) for how in ("sure", "guessed", "not placed")) == len(proposal.columns)
    for one in proposal.columns:
        assert bool(one.doubts) is (one.how != "sure")
        assert one.paths or one.how != "sure"
    days = [path for one in proposal.columns if not one.time_of for path in one.paths]
    assert len(days) == len(set(days))
    _loads(proposal, folder)


def _loads(proposal: Proposal, folder: Path) -> None:
    """Nothing is wrong with the file but its open questions; without them only what a record needs can be missing."""
    (folder / "any.yaml").write_text(as_mapping(proposal), encoding="utf-8")
    if proposal.open_questions:
        assert {code for code, _ in problems_of(folder / "any.yaml")} == {"RF160"}
    else:
        assert load_mapping(folder / "any.yaml").name == proposal.name
    codes = {code for code, _ in _answered(proposal, folder)}
    assert codes <= {"RF013"}


def _answered(proposal: Proposal, folder: Path) -> list[tuple[str, str]]:
    """Return what is wrong with the file once its questions are taken out."""
    (folder / "any.yaml").write_text(as_mapping(proposal).partition("\nopen:\n")[0], encoding="utf-8")
    try:
        load_mapping(folder / "any.yaml")
    except PackError as error:
        return [(problem.code, problem.message) for problem in error.problems]
    return []


# ---- sure means sure -------------------------------------------------------------------------------------------------

WRITTEN: list[str] = [
    "%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d", "%d-%b-%Y", "%d.%m.%Y", "%d/%m/%y", "%m/%d/%y", "%Y-%m-%d %H:%M",
    "%d/%m/%Y %H:%M", "%m/%d/%Y %I:%M:%S %p",
]  # fmt: skip
MINUTES = st.integers(0, 5_000_000)
START = datetime(2020, 1, 1)  # noqa: DTZ001 - a local time, as extracts write it
MOMENTS = MINUTES.map(lambda minutes: START + timedelta(minutes=minutes))
DATED = ["incident.occurred_at", "incident.reported_at", "missing.located_at"]


@given(
    columns=st.lists(
        st.tuples(st.sampled_from(WRITTEN), st.lists(MOMENTS, min_size=7, max_size=7)), min_size=3, max_size=3
    )
)
def test_a_date_that_is_sure_is_read_as_the_day_that_was_written(
    tmp_path_factory: pytest.TempPathFactory, columns: list[tuple[str, list[datetime]]]
) -> None:
    """The file holds four of the seven days of each column: what comes later is read by the same mapping."""
    folder = tmp_path_factory.getbasetemp()
    named = list(zip(DATED, columns, strict=True))
    with (folder / "dated.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["incident.id", "incident.type", "incident.recorded_at", *DATED])
        for row in range(4):
            cells = [whens[row].strftime(form) for _, (form, whens) in named]
            writer.writerow([f"SYN-{row}", "other", "2020-01-01", *cells])
    proposal = propose(folder / "dated.csv")
    sure = {one.paths[0] for one in proposal.of("sure")}
    try:
        mapping = loaded(proposal, folder)
    except PackError:
        return  # no time of the record was placed: the author is asked for one
    sources = {path: mapping.fields[path] for path in sure & {*DATED}}
    for path, source in sources.items():
        form, whens = dict(named)[path]
        for when in whens:
            written = {column.header: when.strftime(form) for column in source.filled_from()}
            seen = Seen(RowPlace("dated.csv", 1), written)
            found = cell_of(source, catalogue()[path], Sight("extract", {"extract": seen}, mapping.read))
            assert found is not None
            assert str(found.value).startswith(when.date().isoformat())
            assert ("T" in str(found.value)) is ("%H" in form or "%I" in form)
