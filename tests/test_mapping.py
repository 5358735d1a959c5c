"""Mapping files: how real extracts become records, and what a mapping that is wrong is told."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_packs import EXPECT

from riskflags.errors import PackError, RecordError
from riskflags.intake import Intake, read
from riskflags.mapping import load_mapping, mappings
from riskflags.mapping.formats import Clock, check_format, read_clock, read_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from riskflags.mapping import FileMapping

POLICE = """\
mapping: police
label: Synthetic police extract, one row per person
language: 1
tables:
  people:
    headers: [Incident Ref, Type, Reported, Role, Person Ref, DOB]
    rows: records
    key: [Incident Ref]
    child: {Role: {in: [Victim, Missing Person]}}
    suspect: {Role: Suspect}
    other: {any: [{Role: Witness}, {Role: {is: Reporter}}]}
    keep: {none: [{Type: {in: [Burglary]}}]}
  log:
    headers: [Incident Ref, Action, Action Date, Action Time, Result]
    rows: done
    join: {on: [Incident Ref]}
    optional: true
  flags:
    headers: [Incident Ref, Flag]
    rows: markers
    join: {on: [Incident Ref]}
    optional: true
  school:
    headers: [Child Ref, School]
    rows: children
    optional: true
read:
  encoding: [utf-8, cp1252]
  delimiter: [",", "|"]
  dates: [dd/mm/yyyy hh:mm, dd/mm/yyyy, dd-mmm-yy, excel_serial]
  two_digit_years: {from: 1930}
  timezone: Europe/London
  decimal: ","
  list: "/"
  blank: [NULL, "-", 01/01/1900]
  header_case: ignore
  header_space: ignore
  value_case: ignore
  code_prefix: [")"]
holds: {actions: [referral, arrest], markers: yes, suspects: yes, contact: no, indicators: no}
no_identity: [incident.address_id]
fields:
  incident.id: {from: people.Incident Ref, as: text, pad: 6}
  incident.type: {from: people.Type, values: {MISPER: missing_episode, ABH: assault, Oddity: blank}, otherwise: reject}
  incident.occurred_at: {date: [people.Occurred, people.Date From], time: people.Time From, time_as: hhmm, pad: 4}
  incident.reported_at: people.Reported
  incident.force: {always: synthetic}
  incident.address_id: people.Address
  incident.status: {from: people.Status, values: {Filed: closed}, otherwise: open}
  incident.district: {from: people.District, upper: true}
  incident.offences: {from: people.Offences, values: {Rape: rape, Kidnap: [abduction, threats]}, otherwise: blank}
  child.id: {first_of: [people.Person Ref, school.Child Ref]}
  child.date_of_birth: people.DOB
  child.stated_age: {from: people.Age, blank_if: {people.Age: {at_most: 0}}}
  child.in_care: {from: people.LAC, values: {Y: yes, N: no, "": no}}
  child.disabilities: {from: people.Disability, values: {a: [unspecified], b: [], c: blank}}
  child.sex: {from: people.Sex, when: {people.Role: Victim}}
  child.school_urn: school.School
  suspect.id: people.Person Ref
  suspect.date_of_birth: people.DOB
  suspect.stated_age: people.Age
  suspect.relationship: {from: people.Relation, values: {Ex: ex_partner}, otherwise: unknown}
  missing.last_seen_at: {first_of: [people.Seen, people.Reported], differ: warn}
  action.code: {from: log.Action, values: {Ref: referral, Arr: arrest}, otherwise: reject}
  action.at: {date: log.Action Date, time: log.Action Time}
  action.outcome: {from: log.Result, values: {Done: completed}, otherwise: attempted}
  marker.type: flags.Flag
unused: [people.Surname]
"""
PERSON = {
    "Incident Ref": "7",
    "Type": "ABH",
    "Reported": "01/03/2026 12:00",
    "Role": "Victim",
    "Person Ref": "P1",
    "DOB": "",
}
Extract = Any


@pytest.fixture
def extract(tmp_path: Path) -> Extract:
    """Return a function that reads people, and other tables by name, with the police mapping or one like it."""
    (tmp_path / "police.yaml").write_text(POLICE)

    def read_all(*people: dict[str, str], change: Callable[[str], str] = str, **others: list[dict[str, str]]) -> Intake:
        (tmp_path / "police.yaml").write_text(change(POLICE))
        paths: list[Path] = []
        for name, rows in {"people": list(people), **others}.items():
            columns = list(dict.fromkeys(column for row in rows for column in row))
            lines = [columns, *([row.get(column, "") for column in columns] for row in rows)]
            paths.append(tmp_path / f"{name}.csv")
            paths[-1].write_text("\n".join("|".join(cells) for cells in lines) + "\n")
        return read(*paths, mapping=tmp_path / "police.yaml")

    return read_all


def person(**cells: str) -> dict[str, str]:
    return PERSON | {name.replace("_", " "): cell for name, cell in cells.items()}


def outcome(intake: Intake) -> tuple[int, int, int, int]:
    counts = intake.counts
    return counts.accepted, counts.warned, counts.rejected, counts.out_of_scope


def told(intake: Intake) -> list[tuple[int, str, str]]:
    """Return the warnings about rows."""
    return [(w.source_row, w.field, w.code) for w in intake.warnings if w.source_row]


def rejects(intake: Intake) -> list[tuple[int, str, str]]:
    return [(reject.source_row, reject.column, reject.code) for reject in intake.rejects]


# ---- dates and times -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("dd/mm/yyyy", "31/03/2026", Clock(date(2026, 3, 31))),
        ("dd/mm/yyyy", "1/3/2026", None),
        ("dd/mm/yyyy", "31/02/2026", None),
        ("dd/mm/yyyy", "31/03/2026 10:00", None),
        ("d/m/yyyy", "1/3/2026", Clock(date(2026, 3, 1))),
        ("dd/mm/yyyy hh:mm", "31/03/2026 23:59", Clock(date(2026, 3, 31), time(23, 59))),
        ("dd/mm/yyyy hh:mm", "31/03/2026 24:00", None),
        ("dd-mmm-yy", "31-Mar-29", Clock(date(2029, 3, 31))),
        ("dd-mmm-yy", "31-MAR-30", Clock(date(1930, 3, 31))),
        ("dd-mmm-yy", "31-Mrz-26", None),
        ("yyyy-mm-dd", "2026-03-31", Clock(date(2026, 3, 31))),
        ("yyyy-mm-ddThh:mm:ss", "2026-03-31T01:02:03", Clock(date(2026, 3, 31), time(1, 2, 3))),
        ("mm/dd/yyyy hh:mm:ss AM", "04/11/2026 12:00:00 AM", Clock(date(2026, 4, 11), time(0))),
        ("mm/dd/yyyy hh:mm:ss AM", "04/11/2026 12:30:00 pm", Clock(date(2026, 4, 11), time(12, 30))),
        ("mm/dd/yyyy hh:mm:ss AM", "04/11/2026 13:30:00 PM", None),
        ("mm/dd/yyyy h:mm", "04/11/2026 0:05", Clock(date(2026, 4, 11), time(0, 5))),
        ("excel_serial", "45200", Clock(date(2023, 10, 1))),
        ("excel_serial", "45200.5", Clock(date(2023, 10, 1), time(12))),
        ("excel_serial", "60", None),
        ("excel_serial", "999999", None),
        ("excel_serial", "45200,5", None),
    ],
)
def test_a_date_is_read_in_its_own_format_or_not_at_all(form: str, text: str, expected: Clock | None) -> None:
    assert read_clock(text, [form], century_from=1930) == expected


def test_formats_are_tried_in_the_order_in_which_they_are_given() -> None:
    assert read_clock("01/02/2026", ["dd/mm/yyyy", "mm/dd/yyyy"]) == Clock(date(2026, 2, 1))
    assert read_clock("01/02/2026", ["mm/dd/yyyy", "dd/mm/yyyy"]) == Clock(date(2026, 1, 2))


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [("hhmm", "845", time(8, 45)), ("hh:mm", "08:45", time(8, 45)), ("hhmm", "2460", None), ("hh:mm", "8", None)],
)
def test_a_time_of_day_is_padded_and_read(form: str, text: str, expected: time | None) -> None:
    assert read_time(text, form, pad=4) == expected


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        ("dd/mm/yyyy", ""),
        ("dd.mmm.yyyy hh:mm:ss", ""),
        ("dd/mm", "a date format has a day, a month and a year, each once"),
        ("dd/mm/yyyy/dd", "a date format has a day, a month and a year, each once"),
        ("DD/MM/YYYY", "DD means nothing in a date format"),
        ("dd/mm/yy", "yy needs two_digit_years: {from: 1930}"),
        ("excel_serial", ""),
    ],
)
def test_a_format_is_checked_before_it_is_used(form: str, wrong: str) -> None:
    assert check_format(form, two_digit_years=False) == wrong


# ---- the SSDA903 return ----------------------------------------------------------------------------------------------

MISSING = "CHILD,DOB,MISSING,MIS_START,MIS_END\n"


@pytest.fixture
def ssda903(tmp_path: Path) -> Callable[..., Intake]:
    """Return a function that reads rows of missing episodes, and files beside them."""

    def read_all(rows: str, **others: str) -> Intake:
        paths = [tmp_path / "missing.csv", *(tmp_path / f"{name}.csv" for name in others)]
        for path, content in zip(paths, [MISSING + rows, *others.values()], strict=True):
            path.write_text(content)
        return read(*paths, mapping="ssda903")

    return read_all


def test_the_shipped_mappings_are_listed_and_load() -> None:
    assert {"ssda903", "nibrs", "ssd"} <= {mapping.name for mapping in mappings()}
    assert load_mapping("ssda903").label in [mapping.label for mapping in mappings()]


def test_an_episode_of_the_return_holds_days_and_nothing_but_the_episode(ssda903: Callable[..., Intake]) -> None:
    intake = ssda903("SYN1,12/03/2012,m,13/11/2025,14/11/2025\nSYN2,,A,1/4/2025,NULL\n")
    first, second = intake.incidents
    assert first.incident.id == "903-SYN1-M-13/11/2025"
    assert (first.incident.type, first.child.in_care) == ("missing_episode", True)
    assert (str(first.incident.occurred_at), str(first.missing.last_seen_at)) == ("2025-11-13", "2025-11-13")
    assert (str(first.missing.located_at), first.missing.returned_at, first.missing.kind) == (
        "2025-11-14",
        None,
        "missing",
    )
    assert (second.missing.located_at, second.missing.returned_at, second.missing.kind) == (None, None, "away")
    assert first.incident.reported_at is None
    assert (first.holds.actions, first.holds.suspects, first.holds.contact) == ("none", False, False)
    assert "child.sex" not in first.holds.fields
    assert "missing.located_at" in first.holds.fields


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("SYN1,,M,31/02/2025,", ("rejected", "MIS_START", "bad_value")),
        ("SYN1,,M,,", ("rejected", "MIS_START", "missing")),
        ("SYN1,,,01/02/2025,", ("rejected", "MISSING", "missing")),
        (",,M,01/02/2025,", ("rejected", "CHILD", "missing")),
        ("SYN1,,M,02/02/2025,01/02/2025", ("rejected", "MIS_END", "contradiction")),
        ("SYN1,,M,02/02/2025", ("rejected", "MIS_END", "ragged")),
        ("SYN1,,M,02/02/2025,x", ("warned", "missing.located_at", "bad_value")),
        ("SYN1,,A,02/02/2025,x", ("warned", "missing.returned_at", "bad_value")),
        ("SYN1,,X,02/02/2025,", ("warned", "missing.kind", "unknown_code")),
        ("SYN1,03/02/2025,M,02/02/2025,", ("warned", "child.date_of_birth", "born_after")),
    ],
)
def test_a_damaged_row_of_the_return_is_rejected_or_warned_of(
    ssda903: Callable[..., Intake], row: str, found: tuple[str, str, str]
) -> None:
    intake = ssda903(row + "\n")
    if found[0] == "rejected":
        assert rejects(intake) == [(1, *found[1:])]
    else:
        assert told(intake) == [(1, *found[1:])]


def test_where_the_kind_cannot_be_read_the_end_is_when_the_child_was_found(ssda903: Callable[..., Intake]) -> None:
    missing = ssda903("SYN1,,X,02/02/2025,03/02/2025\n").incidents[0].missing
    assert (missing.kind, str(missing.located_at), missing.returned_at) == (None, "2025-02-03", None)


def test_header_and_placement_are_joined(ssda903: Callable[..., Intake]) -> None:
    header = (
        "CHILD,SEX,DOB,ETHNIC,UPN,MOTHER,MC_DOB\nSYN1,2,12/03/2012,wbri,,,\nSYN9,1,,,,,\nSYN1,2,12/03/2012,wbri,,,\n"
    )
    episodes = (
        "CHILD,DECOM,RNE,LS,CIN,PLACE,PLACE_PROVIDER,DEC,REC,REASON_PLACE_CHANGE,HOME_POST,PL_POST,URN\n"
        "SYN1,01/01/2025,S,C2,N1,U1,PR1,01/03/2025,X1,,,,SC1\n"
        "SYN1,01/03/2025,P,C2,N1,K2,PR4,,,,,,XXXXXXX\n"
        "SYN1,soon,P,C2,N1,K2,PR4,,,,,,1\n"
    )
    rows = "SYN1,,M,01/02/2025,02/02/2025\nSYN1,13/03/2012,M,01/03/2025,02/03/2025\n"
    intake = ssda903(rows, header=header, episodes=episodes)
    first, second = intake.incidents
    assert (first.child.sex, first.child.ethnicity, str(first.child.date_of_birth)) == ("female", "WBRI", "2012-03-12")
    assert (first.child.placement_type, first.child.placement_id) == ("U1", "urn-SC1")
    assert (second.child.placement_type, second.child.placement_id) == ("K2", None)
    assert {"child.sex", "child.placement_type"} <= set(first.holds.fields)
    assert [(r.source_row, r.column) for r in intake.rejects] == [(3, "DECOM")]
    assert told(intake) == [(2, "child.date_of_birth", "sources_differ"), (3, "", "repeated_row")]
    assert outcome(intake) == (4, 2, 1, 1)


def test_two_rows_that_could_be_joined_are_joined_neither(ssda903: Callable[..., Intake]) -> None:
    header = "CHILD,SEX,DOB,ETHNIC\nSYN1,2,,WBRI\nSYN1,1,,WBRI\n"
    intake = ssda903("SYN1,,M,01/02/2025,\n", header=header)
    assert intake.incidents[0].child.sex is None
    assert told(intake) == [(1, "header", "many_match")]


def test_a_bad_cell_of_a_joined_row_is_told_once_where_it_stands(ssda903: Callable[..., Intake]) -> None:
    header = "CHILD,SEX,DOB,ETHNIC\nSYN1,3,,WBRI\n"
    intake = ssda903("SYN1,,M,01/02/2025,02/02/2025\nSYN1,,M,03/02/2025,\n", header=header)
    (warning,) = intake.warnings
    assert Path(warning.source_file).name == "header.csv"
    assert (warning.source_row, warning.incident_id, warning.child_id) == (1, None, "SYN1")
    assert warning.message == 'header.SEX: expected one of 1, 2, got "3"; read as absent'
    assert outcome(intake) == (2, 1, 0, 0)


# ---- one row per person ----------------------------------------------------------------------------------------------


def test_children_are_records_and_suspects_belong_to_all_of_them(extract: Extract) -> None:
    intake = extract(
        person(),
        person(Person_Ref="P2", Role="missing person"),
        person(Person_Ref="S1", Role="Suspect", DOB="1-Jan-00", Age="40,5", Relation="Ex"),
        person(Person_Ref="W1", Role="Witness"),
        person(Incident_Ref="8", Person_Ref="S2", Role="Suspect"),
        person(Incident_Ref="9", Type="Burglary", Person_Ref="P3"),
        person(Incident_Ref="9", Type="ABH", Person_Ref="S3", Role="Suspect"),
        person(Role="Wizard"),
        person(Incident_Ref="", Role="Suspect"),
    )
    assert [incident.key for incident in intake.incidents] == [("000007", "P1"), ("000007", "P2")]
    for incident in intake.incidents:
        (suspect,) = incident.suspects
        assert (suspect.id, suspect.relationship, str(suspect.stated_age)) == ("S1", "ex_partner", "40.5")
    assert rejects(intake) == [
        (5, "Incident Ref", "no_record"),
        (8, "Role", "unknown_code"),
        (9, "Incident Ref", "missing"),
    ]
    assert told(intake) == [(3, "suspect.date_of_birth", "bad_value")]
    assert outcome(intake) == (2, 1, 3, 3)


def test_actions_and_markers_join_by_their_reference(extract: Extract) -> None:
    intake = extract(
        person(),
        person(Incident_Ref="8", Person_Ref="P2", Type="nonsense"),
        log=[
            {
                "Incident Ref": "7",
                "Action": "Ref",
                "Action Date": "02/03/2026",
                "Action Time": "09:30",
                "Result": "Done",
            },
            {
                "Incident Ref": "7",
                "Action": "Arr",
                "Action Date": "02/03/2026",
                "Action Time": "noon",
                "Result": "Tried",
            },
            {"Incident Ref": "7", "Action": "Tea", "Action Date": "", "Action Time": "", "Result": ""},
            {"Incident Ref": "7", "Action": "", "Action Date": "", "Action Time": "", "Result": ""},
            {"Incident Ref": "8", "Action": "Ref", "Action Date": "", "Action Time": "", "Result": ""},
            {"Incident Ref": "6", "Action": "Ref", "Action Date": "", "Action Time": "", "Result": ""},
        ],
        flags=[{"Incident Ref": "7", "Flag": "cse"}],
    )
    (incident,) = intake.incidents
    done = {action.code: (str(action.at), action.outcome) for action in incident.done}
    assert done == {"referral": ("2026-03-02T09:30:00+00:00", "completed"), "arrest": ("2026-03-02", "attempted")}
    assert [marker.type for marker in incident.markers] == ["cse"]
    assert incident.holds.actions == ("referral", "arrest")
    assert {"action.code", "action.at", "marker.type"} <= set(incident.holds.fields)
    assert rejects(intake)[1:] == [
        (3, "Action", "unknown_code"),
        (4, "Action", "missing"),
        (5, "Incident Ref", "no_record"),
        (6, "Incident Ref", "no_record"),
    ]
    assert told(intake) == [(2, "action.at", "bad_value")]
    assert "the day alone is read" in intake.warnings[-1].message


def test_rows_of_children_fill_in_what_is_absent(extract: Extract) -> None:
    intake = extract(
        person(),
        school=[
            {"Child Ref": "P1", "School": "100"},
            {"Child Ref": "P9", "School": "200"},
            {"Child Ref": "", "School": "3"},
        ],
    )
    assert intake.incidents[0].child.school_urn == "100"
    assert "child.school_urn" in intake.incidents[0].holds.fields
    assert rejects(intake) == [(3, "Child Ref", "missing")]
    assert outcome(intake) == (2, 0, 1, 1)


def test_children_also_fill_in_canonical_records(tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text(
        "mapping: list\nlabel: Synthetic list of children\nlanguage: 1\n"
        "tables: {list: {headers: [Child, Care], rows: children}}\n"
        "holds: {actions: none, markers: no, suspects: no, contact: no, indicators: no}\n"
        "fields: {child.id: list.Child, child.in_care: list.Care}\n"
    )
    (tmp_path / "list.csv").write_text("Child,Care\nC1,yes\nC1,no\nC2,yes\nC2,yes,\n")
    (tmp_path / "records.csv").write_text(
        "incident.id,incident.type,incident.occurred_at,child.id\nI1,assault,2026-03-01,C1\nI2,assault,2026-03-01,C2\n"
    )
    intake = read(tmp_path / "list.csv", tmp_path / "records.csv", mapping=tmp_path / "list.yaml")
    assert [incident.child.in_care for incident in intake.incidents] == [None, True]
    assert all("child.in_care" in incident.holds.fields for incident in intake.incidents)
    assert told(intake) == [(2, "child.in_care", "rows_disagree")]
    assert outcome(intake) == (4, 1, 1, 0)


# ---- what is done with a cell ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "path", "value"),
    [
        ({}, "incident.id", "000007"),
        ({}, "incident.force", "synthetic"),
        ({"Reported": "45200"}, "incident.reported_at", "2023-10-01"),
        ({"Reported": "02-Mar-26"}, "incident.reported_at", "2026-03-02"),
        ({"Occurred": "28/02/2026 00:00", "Time From": "845"}, "incident.occurred_at", "2026-02-28T08:45:00+00:00"),
        ({"Date From": "28/02/2026", "Time From": ""}, "incident.occurred_at", "2026-02-28"),
        ({"Occurred": "-", "Time From": "845"}, "incident.occurred_at", None),
        ({"Address": "A1"}, "incident.address_id", None),
        ({"Status": "filed"}, "incident.status", "closed"),
        ({"Status": "New"}, "incident.status", "open"),
        ({"Status": ""}, "incident.status", None),
        ({"District": "ab"}, "incident.district", "AB"),
        ({"Offences": "Rape/ kidnap /Arson"}, "incident.offences", ("abduction", "rape", "threats")),
        ({"Offences": "Arson"}, "incident.offences", None),
        ({"Age": "0"}, "child.stated_age", None),
        ({"Age": "15,5"}, "child.stated_age", "15.5"),
        ({"LAC": "y"}, "child.in_care", True),
        ({"LAC": "null"}, "child.in_care", False),
        ({"Disability": "a) Yes"}, "child.disabilities", ("unspecified",)),
        ({"Disability": "b) No"}, "child.disabilities", ()),
        ({"Disability": "c) Unknown"}, "child.disabilities", None),
        ({"Sex": "female"}, "child.sex", "female"),
        ({"Sex": "female", "Role": "Missing Person"}, "child.sex", None),
        ({"DOB": "01/01/1900"}, "child.date_of_birth", None),
        ({"Seen": "", "Reported": "01/03/2026"}, "missing.last_seen_at", "2026-03-01"),
    ],
)
def test_a_cell_becomes_the_value_that_the_mapping_says(
    extract: Extract, cells: dict[str, str], path: str, value: object
) -> None:
    intake = extract(PERSON | cells)
    group, _, name = path.partition(".")
    found = getattr(getattr(intake.incidents[0], group), name)
    assert (found if value is None or isinstance(value, bool | tuple) else str(found)) == value
    assert outcome(intake) == (1, 0, 0, 0)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            {"Reported": "2026-03-01", "Occurred": "01/03/2026"},
            "Reported: expected a date as dd/mm/yyyy hh:mm or dd/mm/yyyy or",
        ),
        ({"LAC": "maybe"}, 'LAC: expected one of Y, N, got "maybe"; read as absent'),
        ({"Age": "15.5"}, "Age: expected a number with a decimal comma, such as 15,5"),
        ({"DOB": "12/2011"}, "DOB: expected a date as"),
        ({"Sex": "femal"}, "the nearest is female"),
        ({"Seen": "28/02/2026"}, "Reported: expected the same as in Seen; the two differ"),
        (
            {"Occurred": "28/02/2026", "Time From": "9999"},
            'Time From: expected a time as hhmm, got "9999"; the day alone is read',
        ),
    ],
)
def test_a_cell_that_cannot_be_read_is_a_warning_in_the_words_of_the_mapping(
    extract: Extract, cells: dict[str, str], message: str
) -> None:
    intake = extract(PERSON | cells)
    assert outcome(intake) == (0, 1, 0, 0)
    assert any(message in warning.message for warning in intake.warnings)
    assert "2011" not in repr(intake.warnings)


def test_a_code_that_the_mapping_rejects_rejects_the_row(extract: Extract) -> None:
    intake = extract(person(Type="MISPR"), person(Type="Oddity"))
    assert rejects(intake) == [(1, "Type", "unknown_code"), (2, "Type", "no_type")]
    assert intake.rejects[0].message == 'Type: expected one of MISPER, ABH, Oddity, got "MISPR"; the nearest is MISPER'
    assert [reject.child_id for reject in intake.rejects] == ["P1", "P1"]


def test_sources_that_differ_can_reject_the_row(extract: Extract) -> None:
    intake = extract(person(Seen="28/02/2026"), change=lambda text: text.replace("differ: warn", "differ: reject"))
    assert rejects(intake) == [(1, "Reported", "sources_differ")]


def test_fields_of_lists_may_stand_in_the_row_of_the_record(extract: Extract) -> None:
    def change(text: str) -> str:
        return text.replace("action.code: {from: log.Action", "action.code: {from: people.Did")

    intake = extract(person(Did="Ref"), person(Incident_Ref="8", Did=""), change=change)
    assert [[action.code for action in incident.done] for incident in intake.incidents] == [["referral"], []]


def test_a_row_whose_day_cannot_be_read_joins_nothing_that_is_in_force_on_a_day(ssda903: Callable[..., Intake]) -> None:
    episodes = "CHILD,DECOM,RNE,LS,PLACE,PLACE_PROVIDER,DEC,URN\nSYN1,01/01/2025,S,C2,U1,PR1,,SC1\nSYN1,x\n"
    intake = ssda903("SYN1,,M,soon,\n", episodes=episodes)
    assert rejects(intake) == [(1, "MIS_START", "bad_value"), (2, "RNE", "ragged")]
    assert outcome(intake) == (0, 0, 2, 1)


def test_rows_of_other_tables_can_be_damaged_or_kept_out(extract: Extract) -> None:
    def change(text: str) -> str:
        keep = "rows: done\n    keep: {none: [{Result: Void}]}"
        return text.replace("rows: done", keep).replace(
            "    rows: children", "    rows: children\n    keep: {School: 1}"
        )

    row = {"Incident Ref": "7", "Action": "Ref", "Action Date": "", "Action Time": "", "Result": "Void"}
    school = [{"Child Ref": "P1", "School": "2"}, {"Child Ref": "P1|x", "School": "1"}]
    intake = extract(person(), log=[row, row | {"Result": "a|b"}], school=school, change=change)
    assert rejects(intake) == [(2, "after Result", "ragged"), (2, "after School", "ragged")]
    assert outcome(intake) == (1, 0, 2, 2)


def test_a_child_in_a_table_of_children_may_be_rejected_or_warned_of(extract: Extract) -> None:
    def change(text: str) -> str:
        sex = "{first_of: [{from: school.Sex, values: {F: female}, otherwise: reject}]}"
        return text.replace("{from: people.Sex, when: {people.Role: Victim}}", sex)

    school = [{"Child Ref": "P1", "School": "a\x00", "Sex": "F"}, {"Child Ref": "P1", "School": "1", "Sex": "Q"}]
    intake = extract(person(), school=school, change=change)
    assert rejects(intake) == [(2, "Sex", "unknown_code")]
    assert told(intake) == [(1, "child.school_urn", "bad_value")]
    assert intake.incidents[0].child.sex == "female"


def test_lists_and_numbers_are_read_without_a_table_of_values(extract: Extract) -> None:
    def change(text: str) -> str:
        return text.replace(
            "{from: people.Offences, values: {Rape: rape, Kidnap: [abduction, threats]}, otherwise: blank}",
            "people.Offences",
        )

    found = [
        extract(person(Offences=cell), change=change).incidents[0].incident.offences
        for cell in ("rape) Rape / threats", "(none)", " / ")
    ]
    assert found == [("rape", "threats"), (), None]


def test_a_damaged_row_of_people_keeps_a_child_that_is_known(extract: Extract) -> None:
    intake = extract(person(), person(DOB="|"))
    assert [(reject.source_row, reject.child_id) for reject in intake.rejects] == [(2, "P1")]


def test_a_key_without_identity_stays_out_of_the_record(extract: Extract) -> None:
    def change(text: str) -> str:
        school = text[text.index("  school:\n") : text.index("read:\n")]
        kept = text.replace(school, "").replace("  child.school_urn: school.School\n", "")
        return kept.replace(", school.Child Ref", "").replace("[incident.address_id]", "[child.id, suspect.id]")

    intake = extract(person(), person(Role="Suspect"), person(DOB="|"), change=change)
    (incident,) = intake.incidents
    assert incident.key == ("000007", None)
    assert [suspect.id for suspect in incident.suspects] == ["000007#1"]
    assert not {"child.id", "suspect.id"} & set(incident.holds.fields)
    assert intake.rejects[0].child_id is None


def test_columns_that_a_file_lacks_or_nobody_reads_are_warnings_about_the_file(extract: Extract) -> None:
    intake = extract(person(Surname="x", Notes="y", Distrct="z"))
    found = {warning.field: warning.message for warning in intake.warnings}
    assert found["Notes"] == 'column "Notes" is not read by the mapping police: map it, or list it under unused'
    assert found["Distrct"] == 'column "Distrct" is not read by the mapping police: is it District?'
    assert found["incident.offences"] == "incident.offences is not read from this file: expected a column Offences"
    assert "Surname" not in found
    assert "incident.district" not in intake.incidents[0].holds.fields
    assert outcome(intake) == (1, 0, 0, 0)


PEOPLE = (
    "Incident Ref",
    "Type",
    "Reported",
    "Role",
    "Person Ref",
    "DOB",
    "Occurred",
    "Time From",
    "Age",
    "Offences",
    "LAC",
)
LOG = ("Incident Ref", "Action", "Action Date", "Action Time", "Result")
WORDS = [
    "ABH",
    "MISPER",
    "Oddity",
    "Burglary",
    "Victim",
    "Suspect",
    "Witness",
    "Wizard",
    "P1",
    "Rape/Arson",
    "Y",
    "Ref",
    "Arr",
    "Done",
    "(none)",
    "é",
]
TIMES = ("01/03/2026", "01/03/2026 10:00", "31/02/2026", "45200", "845", "10:00")
CELLS = st.sampled_from(["", "-", "7", "8", "\x00", *WORDS, *TIMES])


@given(
    people=st.lists(st.lists(CELLS, min_size=len(PEOPLE) - 1, max_size=len(PEOPLE) + 1), max_size=6),
    log=st.lists(st.lists(CELLS, min_size=len(LOG), max_size=len(LOG)), max_size=4),
)
def test_random_extracts_are_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, people: list[list[str]], log: list[list[str]]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "police.yaml").write_text(POLICE)
    for name, rows in {"people": [PEOPLE, *people], "log": [LOG, *log]}.items():
        (folder / f"{name}.csv").write_text("".join("|".join(row) + "\n" for row in rows))
    intake = read(folder / "people.csv", folder / "log.csv", mapping=folder / "police.yaml")
    assert intake.counts.read == sum(outcome(intake)) == len(people) + len(log)
    assert intake.counts.rejected == len(intake.rejects)
    assert all(reject.column and reject.expected for reject in intake.rejects)


# ---- which file is which table ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("Incident Ref|Type|Reported|Role|Person Ref", "the file fits no table of the mapping police: its header is"),
        ("Incident Ref|Type|Reported|Role|Person Ref|DOB|Flag", "the header fits 2 tables of police: people, flags"),
        ("INCIDENT  REF|Type|Reported|Role|Person Ref|DOB|Incident Ref", "stands twice in the header"),
        ("Child Ref|School", "none of the files is the table people of the mapping police"),
        ('"Incident Ref|Type', "a quote in its header is not closed"),
    ],
)
def test_a_file_that_is_no_one_table_is_a_record_error(tmp_path: Path, header: str, message: str) -> None:
    (tmp_path / "police.yaml").write_text(POLICE)
    (tmp_path / "file.csv").write_text(header + "\n")
    with pytest.raises(RecordError) as caught:
        read(tmp_path / "file.csv", mapping=tmp_path / "police.yaml")
    assert message in str(caught.value)


def test_the_nearest_table_is_named_with_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "file.csv").write_text("CHILD,DOB,MISSING,START,END\n")
    with pytest.raises(RecordError, match=r"the nearest is missing, which also has MIS_START, MIS_END"):
        read(tmp_path / "file.csv", mapping="ssda903")


def test_json_lines_and_files_of_lists_go_beside_a_mapping(tmp_path: Path) -> None:
    (tmp_path / "missing.csv").write_text(MISSING + "SYN1,,M,01/02/2025,\n")
    (tmp_path / "more.jsonl").write_text(
        '{"incident.id": "I9", "incident.type": "other", "incident.occurred_at": "2026-01-01"}\n'
    )
    (tmp_path / "actions.csv").write_text("incident.id,action.code\n903-SYN1-M-01/02/2025,referral\n")
    paths = (tmp_path / "missing.csv", tmp_path / "more.jsonl")
    intake = read(*paths, mapping="ssda903", actions=tmp_path / "actions.csv")
    found = {incident.incident.id: incident for incident in intake.incidents}
    assert set(found) == {"903-SYN1-M-01/02/2025", "I9"}
    assert found["903-SYN1-M-01/02/2025"].holds.actions == "all"
    assert [action.code for action in found["903-SYN1-M-01/02/2025"].done] == ["referral"]


# ---- mappings that are wrong -----------------------------------------------------------------------------------------

TYPE_LINE = next(line for line in POLICE.splitlines(keepends=True) if "incident.type" in line)
WRONG: list[tuple[str, str, str, str]] = [
    ("language: 1", "language: 1\nopen: 5", "RF020", "`5` does not fit here"),
    ("language: 1", "language: 1\nopen: [5]", "RF020", "`5` does not fit here"),
    ("language: 1", "language: 1\nopen: [{question: Why}]", "RF013", "an open question without `write`"),
    ("language: 1", "language: 1\nopen: [{question: [Why], write: x}]", "RF020", "a list does not fit here"),
    ("language: 1", "language: 2", "RF020", "language `2` is not known"),
    ("label: Synthetic", "lable: Synthetic", "RF010", "unknown key `lable`"),
    ("mapping: police\n", "", "RF013", "a mapping without `mapping`"),
    ("rows: records", "rows: recrds", "RF020", "`recrds` does not fit here"),
    ("    rows: records\n", "", "RF013", "a table without `rows`"),
    (
        "{on: [Incident Ref]}\n    optional: true\n  flags",
        "{on: [Ref]}\n    optional: true\n  flags",
        "RF101",
        "`Ref` is not among",
    ),
    (
        "    join: {on: [Incident Ref]}\n    optional: true\n  flags",
        "    optional: true\n  flags",
        "RF013",
        "without `join`",
    ),
    ("    key: [Incident Ref]\n", "", "RF013", "rows of suspects, but no `key`"),
    ("    child: {Role: {in: [Victim, Missing Person]}}\n", "", "RF013", "one row per person, but no `child`"),
    ("suspect: {Role: Suspect}", "suspect: {Rle: Suspect}", "RF101", "`Rle` is not among the headers of people"),
    ("{is: Reporter}", "{iss: Reporter}", "RF010", "unknown key `iss`"),
    ("{Role: Suspect}", "{Role: {between: [1]}}", "RF020", "two ends are needed"),
    ("{Role: Suspect}", "{Role: {at_least: many}}", "RF020", "`many` does not fit here"),
    ("{Role: Suspect}", "[Role]", "RF020", "a list does not fit here"),
    ("{Role: Suspect}", "{Role: [Suspect]}", "RF020", "a list does not fit here"),
    ("{any: [{Role: Witness}", "{any: {Role: Witness}, all: [{Role: Witness}", "RF020", "keys with values do not fit"),
    ("{Role: Suspect}", "{}", "RF020", "nothing is written here"),
    ("[utf-8, cp1252]", "[utf-7]", "RF020", "`utf-7` does not fit here"),
    ('[",", "|"]', '[","," "]', "RF020", "` ` does not fit here"),
    ("dd-mmm-yy", "dd-mmm-ww", "RF020", "`dd-mmm-ww`: ww means nothing in a date format"),
    ("  two_digit_years: {from: 1930}\n", "", "RF020", "yy needs two_digit_years"),
    ("Europe/London", "Europe/Londn", "RF020", "`Europe/Londn` is no timezone"),
    ("markers: yes, ", "", "RF013", "without `markers`"),
    ("suspects: yes", "suspects: no", "RF020", "suspect.id is filled, but holds says"),
    ("actions: [referral, arrest]", "actions: some", "RF020", "`some` does not fit here"),
    ("[incident.address_id]", "[incident.id]", "RF020", "incident.id cannot be without identity here"),
    ("[incident.address_id]", "[child.id]", "RF020", "child.id cannot be without identity here"),
    ("[incident.address_id]", "[incident.adress_id]", "RF104", "no field `incident.adress_id`"),
    ("child.in_care:", "child.in_car:", "RF104", "no field `child.in_car`"),
    ("as: text, pad: 6", "as: text, pad: six", "RF020", "`six` does not fit here"),
    ("as: text, pad: 6", "as: number", "RF020", "`number` does not fit here"),
    ("ABH: assault", "ABH: asault", "RF106", "`asault` is not a code of incident.type"),
    ("ABH: assault", "ABH: [assault]", "RF105", "incident.type takes one value"),
    ("{Y: yes, N: no", "{Y: aye, N: no", "RF020", "`aye` does not fit child.in_care"),
    ("otherwise: open", "otherwise: opn", "RF106", "`opn` is not a code of incident.status"),
    (
        "{from: people.District, upper: true}",
        "{from: people.District, otherwise: x}",
        "RF013",
        "otherwise without values",
    ),
    ("{always: synthetic}", "{always: synthetic, pad: 3}", "RF011", "`pad` does not go with always"),
    ("{always: synthetic}", "{always: synthetic, from: people.Force}", "RF011", "not from and always"),
    ("{always: synthetic}", "{when: {people.Role: Victim}}", "RF011", "a source has one of"),
    ("people.District", "peple.District", "RF101", "`peple.District` names no table"),
    ("{always: synthetic}", '{text: "a{people.Force}{b"}', "RF020", "a brace that is not closed"),
    ("{always: synthetic}", '{text: "force"}', "RF020", "no column in the text"),
    ("{always: synthetic}", "{date: people.Force}", "RF105", "only a date or a moment has a day and a time"),
    ("time_as: hhmm", "time_as: hmm", "RF020", "`hmm` does not fit here"),
    ("differ: warn", "differ: maybe", "RF020", "`maybe` does not fit here"),
    (
        "child.school_urn: school.School",
        "incident.team: school.School",
        "RF111",
        "cannot be filled from a table with rows",
    ),
    (
        "  action.code: {from: log.Action, values: {Ref: referral, Arr: arrest}, otherwise: reject}\n",
        "",
        "RF013",
        "nothing fills",
    ),
    (
        TYPE_LINE,
        "",
        "RF013",
        "nothing fills incident.type",
    ),
    ("[people.Surname]", "[poeple.Surname]", "RF101", "`poeple.Surname` names no table"),
    ("headers: [Child Ref, School]", "headers: [Child Ref, Child Ref]", "RF102", "stands twice in the headers"),
    ("headers: [Child Ref, School]", "headers: {Child Ref: School}", "RF020", "keys with values do not fit here"),
    (
        "    rows: children",
        "    rows: children\n    key: [School]",
        "RF020",
        "`key` in a table whose rows are no records",
    ),
    (
        "    rows: children",
        "    rows: children\n    join: {on: [School]}",
        "RF020",
        "`join` in a table with rows: children",
    ),
    (
        "    rows: markers\n    join: {on: [Incident Ref]}",
        "    rows: markers\n    join: {on: [Flag]}",
        "RF101",
        "no table of records has",
    ),
    (
        "    rows: markers\n    join: {on: [Incident Ref]}",
        "    join: {on: [Incident Ref], in_force_at: people.DOB, to: Flag}",
        "RF013",
        "a join without `from`",
    ),
    (
        "  child.date_of_birth: people.DOB",
        "  child.date_of_birth: people.DOB\n  child.date_of_birth: x",
        "RF001",
        "stands twice",
    ),
    ("key: [Incident Ref]", "key: []", "RF020", "an empty list"),
    ("headers: [Child Ref, School]", "headers: []", "RF020", "an empty list"),
    ("{Role: Suspect}", "{any: []}", "RF020", "an empty list"),
    ("{Role: Suspect}", "{Role: {in: []}}", "RF020", "an empty list"),
    ("{Role: Suspect}", "{Role: {between: []}}", "RF020", "two ends are needed"),
    ("{Role: Suspect}", "{Role: {between: 5}}", "RF020", "`5` does not fit here"),
    (
        "child.school_urn: school.School",
        "child.school_urn: school.School\n  incident.team: {form: flags.Flag}",
        "RF010",
        "`form`",
    ),
    ("  school:\n    headers", "  other: none\n  school:\n    headers", "RF020", "`none` does not fit here"),
    ("{always: synthetic}", '{text: "{peple.Force}"}', "RF101", "`peple.Force` names no table"),
    (
        "otherwise: reject}\n  incident.occ",
        "otherwise: warn}\n  incident.occ: x\n  incident.occ",
        "RF104",
        "`incident.occ`",
    ),
    ("{Role: Suspect}", "{Role: {in: [[Suspect]]}}", "RF020", "a list does not fit here"),
    ("{Role: Suspect}", "{Role: {in: Suspect}}", "RF020", "`Suspect` does not fit here"),
    ("{Role: Suspect}", "{Role: {between: [1, x]}}", "RF020", "`x` does not fit here"),
    ("dates: [dd/mm/yyyy hh:mm", "dates: [[dd/mm/yyyy]", "RF020", "a list does not fit here"),
    ("Europe/London", "[a]", "RF020", "a list does not fit here"),
    ("values: {Filed: closed}", "values: [closed]", "RF020", "a list does not fit here"),
    ("values: {Filed: closed}", "values: {Filed: {a: b}}", "RF020", "keys with values do not fit here"),
    ("{from: people.District, upper: true}", "5.5", "RF101", "`5.5` names no table"),
    ("{from: people.District, upper: true}", "{text: [a]}", "RF020", "a list does not fit here"),
    ("{from: people.District, upper: true}", "{form: people.District, uper: true}", "RF010", "unknown key `uper`"),
    ("{from: people.District, upper: true}", "{from: [{a: b}]}", "RF020", "keys with values do not fit here"),
    ("{always: synthetic}", "{always: [a, b]}", "RF105", "incident.force takes one value"),
    (
        "    join: {on: [Incident Ref]}\n    optional: true\n  school",
        "    join: {on: [Incident Ref], in_force_at: people.Nil, from: Flag, to: Flag}\n    optional: true\n  school",
        "RF101",
        "`Nil` is not among the headers of people",
    ),
    ("  marker.type: flags.Flag", "  suspect.id: flags.Flag\n  marker.type: flags.Flag", "RF001", "stands twice"),
]


@pytest.mark.parametrize(("old", "new", "code", "message"), WRONG)
def test_a_mapping_that_is_wrong_is_told_where_and_how(
    tmp_path: Path, old: str, new: str, code: str, message: str
) -> None:
    assert old in POLICE
    path = tmp_path / "police.yaml"
    path.write_text(POLICE.replace(old, new))
    with pytest.raises(PackError) as caught:
        load_mapping(path)
    problem = next(p for p in caught.value.problems if p.code == code and message in str(p))
    assert problem.place.path == str(path)
    assert problem.place.line > 0
    assert problem.hint


def test_a_mapping_with_open_questions_is_refused_with_each_of_them(tmp_path: Path) -> None:
    path = Path(__file__).parent / "bad_rules" / "mappings" / "open-questions.mapping.yaml"
    with pytest.raises(PackError) as caught:
        read(tmp_path / "never-read.csv", mapping=path)
    told = [(problem.code, problem.place.line, problem.place.column) for problem in caught.value.problems]
    text = path.read_text(encoding="utf-8")
    assert told == [(code, int(line), int(column)) for code, line, column in EXPECT.findall(text)]
    first, second = caught.value.problems
    assert first.message.startswith("an open question about `extract.Reported`: Is 03/04/2026 the third of April")
    assert second.message == "an open question: What says the type of an incident?"
    assert first.hint.startswith("Put dd/mm/yyyy or mm/dd/yyyy under `read`")
    assert first.hint.endswith("\nThen take this question out of `open`.")


def test_a_mapping_whose_questions_are_all_answered_is_read(tmp_path: Path) -> None:
    path = tmp_path / "police.yaml"
    path.write_text(f"{POLICE}open: []\n")
    assert load_mapping(path) == load_mapping_of(POLICE, tmp_path)


def load_mapping_of(text: str, folder: Path) -> FileMapping:
    (folder / "same.yaml").write_text(text)
    return load_mapping(folder / "same.yaml")


def test_what_is_needed_is_asked_for_again_when_no_question_is_open(tmp_path: Path) -> None:
    open_question = "open: [{question: 'What is the type?', write: 'Write incident.type.'}]\n"
    with pytest.raises(PackError) as asked:
        load_mapping_of(POLICE.replace(TYPE_LINE, "") + open_question, tmp_path)
    with pytest.raises(PackError) as needed:
        load_mapping_of(POLICE.replace(TYPE_LINE, ""), tmp_path)
    assert [problem.code for problem in asked.value.problems] == ["RF160"]
    assert [problem.code for problem in needed.value.problems] == ["RF013"]


def test_every_problem_is_told_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "police.yaml"
    path.write_text(POLICE.replace("rows: records", "rows: recrds").replace("people.District", "peple.District"))
    with pytest.raises(PackError) as caught:
        load_mapping(path)
    lines = [problem.place.line for problem in caught.value.problems]
    assert lines == sorted(lines)
    assert {7, 50} <= set(lines)


@pytest.mark.parametrize("name", ["ssda904", "no/such/file.yaml", "../mappings/ssda903"])
def test_a_mapping_that_is_not_there_names_those_that_are(name: str) -> None:
    with pytest.raises(PackError, match=r"ssda903"):
        load_mapping(name)


@pytest.mark.parametrize(
    "content", ["", "# nothing\n", "text", "[a, b]", "tables: 5\nfields: 5\nholds: 5\nread: 5\n", "\tx"]
)
def test_a_file_that_is_no_mapping_is_a_pack_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(content)
    with pytest.raises(PackError):
        load_mapping(path)


LINES = POLICE.splitlines(keepends=True)


@given(
    cut=st.lists(st.integers(0, len(LINES) - 1), max_size=6),
    swap=st.lists(st.tuples(st.integers(0, len(LINES) - 1), st.integers(0, len(LINES) - 1)), max_size=3),
    noise=st.lists(
        st.tuples(st.integers(0, len(POLICE)), st.sampled_from([*"{}[]:,'\"\n- #&*!", "x", "  "])), max_size=3
    ),
)
def test_any_mapping_loads_or_is_a_pack_error(
    tmp_path_factory: pytest.TempPathFactory, cut: list[int], swap: list[tuple[int, int]], noise: list[tuple[int, str]]
) -> None:
    lines = list(LINES)
    for first, second in swap:
        lines[first], lines[second] = lines[second], lines[first]
    text = "".join(line for number, line in enumerate(lines) if number not in cut)
    for index, extra in noise:
        text = text[:index] + extra + text[index:]
    path = tmp_path_factory.getbasetemp() / "mapping.yaml"
    path.write_text(text)
    try:
        mapping = load_mapping(path)
    except PackError:
        return
    assert mapping.tables
