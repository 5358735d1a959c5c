"""Reading records: every row has one outcome, whatever the file, and nothing personal is told."""

from __future__ import annotations

import csv
import io
import json
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, model_validator

import riskflags.intake
from riskflags.errors import RecordError
from riskflags.fields import catalogue
from riskflags.incident import Child, Incident
from riskflags.intake import CODES, Counts, Intake, read
from riskflags.kinds import Text  # noqa: TC001 - pydantic reads annotations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Write = Any
MINIMUM = {
    "incident.id": "I1",
    "incident.type": "assault",
    "incident.occurred_at": "2026-03-01T10:00",
    "child.id": "C1",
}


@pytest.fixture
def table(tmp_path: Path) -> Write:
    """Return a function that writes records, each a mapping of cells, as canonical CSV and gives the path."""

    def write(*records: Mapping[str, str], name: str = "records.csv") -> Path:
        columns = list(dict.fromkeys(column for record in records for column in record))
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(records)
        return path

    return write


@pytest.fixture
def text(tmp_path: Path) -> Write:
    """Return a function that writes a file and gives the path."""

    def write(content: str | bytes, name: str = "records.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def record(**cells: str) -> dict[str, str]:
    """Return the least that a record needs, with more cells: `child__sex` is child.sex."""
    return MINIMUM | {name.replace("__", "."): cell for name, cell in cells.items()}


def outcome(intake: Intake) -> tuple[int, int, int, int]:
    counts = intake.counts
    return counts.accepted, counts.warned, counts.rejected, counts.out_of_scope


def warnings(intake: Intake) -> list[tuple[int, str, str]]:
    return [(warning.source_row, warning.field, warning.code) for warning in intake.warnings]


def rejects(intake: Intake) -> list[tuple[int, str, str]]:
    return [(reject.source_row, reject.column, reject.code) for reject in intake.rejects]


# ---- what a good file gives ------------------------------------------------------------------------------------------


def test_a_row_becomes_an_incident_that_knows_where_it_stands(table: Write) -> None:
    path = table(record(child__in_care="yes"), record(incident__id="I2"))
    intake = read(path)
    assert [incident.key for incident in intake.incidents] == [("I1", "C1"), ("I2", "C1")]
    assert [(a.source_file, a.source_row, a.accepted, a.warned) for a in intake.admitted] == [
        (str(path), 1, 1, 0),
        (str(path), 2, 1, 0),
    ]
    assert intake.incidents[0].child.in_care is True
    assert outcome(intake) == (2, 0, 0, 0)


def test_a_blank_cell_is_absent_and_none_in_parentheses_is_an_empty_list(table: Write) -> None:
    intake = read(
        table(record(incident__indicators="(none)", child__disabilities="", incident__offences="rape; threats"))
    )
    incident = intake.incidents[0]
    assert incident.incident.indicators == ()
    assert incident.child.disabilities is None
    assert incident.incident.offences == ("rape", "threats")


def test_none_in_parentheses_and_a_lone_semicolon_are_bad_values_elsewhere(table: Write) -> None:
    intake = read(table(record(incident__unit="(none)", incident__indicators=";")))
    assert warnings(intake) == [(1, "incident.indicators", "unknown_code"), (1, "incident.unit", "bad_value")]
    assert intake.incidents[0].incident.indicators is None


def test_a_local_time_is_in_the_zone_that_is_asked_for(table: Write) -> None:
    intake = read(table(record()), zone=ZoneInfo("America/New_York"))
    assert intake.incidents[0].incident.occurred_at is not None
    assert str(intake.incidents[0].incident.occurred_at) == "2026-03-01T10:00:00-05:00"


def test_a_quoted_newline_does_not_count_as_a_row(text: Write) -> None:
    intake = read(
        text(
            "incident.id,incident.type,incident.occurred_at,incident.narrative\r\n"
            'I1,assault,2026-03-01,"line one\r\nline two"\r\n'
            "I2,nonsense,2026-03-01,\r\n"
        )
    )
    assert rejects(intake) == [(2, "incident.type", "unknown_code")]
    assert intake.incidents[0].incident.narrative == "line one\r\nline two"


def test_an_intake_pickles_and_compares(table: Write) -> None:
    intake = read(table(record(incident__injury="big")))
    assert pickle.loads(pickle.dumps(intake)) == intake  # noqa: S301 - our own bytes


def test_a_record_of_a_subclass_reads_its_own_column(table: Write) -> None:
    intake = read(table(record(child__school_house="Red")), record=HouseIncident)
    assert isinstance(intake.incidents[0], HouseIncident)
    assert intake.incidents[0].child.school_house == "Red"


class HouseChild(Child):
    school_house: Text = Field(default=None, description="House at school")


class HouseIncident(Incident):
    child: HouseChild = HouseChild()  # pyright: ignore[reportIncompatibleVariableOverride] - the record is frozen


class StrictChild(Child):
    badge: Annotated[str, *Child.model_fields["id"].metadata]

    @model_validator(mode="after")
    def _no_secret(self) -> StrictChild:
        if self.sex == "unknown":
            message = "this system knows the sex of every child"
            raise ValueError(message)
        return self


class StrictIncident(Incident):
    child: StrictChild = Field(default=...)  # pyright: ignore[reportIncompatibleVariableOverride] - as above

    @model_validator(mode="after")
    def _no_other(self) -> StrictIncident:
        if self.incident.type == "other":
            message = "this system has no other incidents"
            raise ValueError(message)
        return self


def test_what_a_subclass_refuses_rejects_the_row_in_its_words(table: Write) -> None:
    intake = read(
        table(
            record(child__badge="B1"),
            record(incident__id="I2"),
            record(incident__id="I3", child__badge="B1", child__sex="unknown"),
            record(incident__id="I4", child__badge="B1", incident__type="other"),
        ),
        record=StrictIncident,
    )
    assert outcome(intake) == (1, 0, 3, 0)
    assert [reject.message for reject in intake.rejects] == [
        "child.badge: Field required",
        "child: this system knows the sex of every child",
        "the record: this system has no other incidents",
    ]


# ---- encodings, delimiters and headers -------------------------------------------------------------------------------

SPELLED = "Zoë said “no” \N{EN DASH} £40"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-mark", "utf-16-be-mark", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_encoding_and_delimiter_gives_the_same_incidents(
    text: Write, encoding: str, delimiter: str, line_end: str
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=line_end)
    writer.writerow([*MINIMUM, "incident.narrative", "incident.offences"])
    writer.writerow([*MINIMUM.values(), SPELLED, "rape;threats"])
    content = out.getvalue()
    name, _, mark = encoding.partition("-mark")
    data = content.encode(name) if encoding == name and not mark else ("\ufeff" + content).encode(name)
    incident = read(text(data)).incidents[0]
    assert incident.incident.narrative == SPELLED
    assert incident.incident.offences == ("rape", "threats")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf \r\n\r\n", "the file is empty"),
        (b'""\n', "the header is not understood"),
        (b"PK\x03\x04rest", "this is an Excel workbook or a zip file, not text"),
        (b"incident.id\n\x81", "the text is in none of the encodings that are read"),
        (b"\xff\xfea\x00\x00", "the text is in none of the encodings that are read"),
        (b"[{}]", "this is a JSON array"),
        (b"name,age\nSYN,12\n", "the header is not understood: name, age"),
        (b'"name,age\nSYN,12\n', "the header is not understood: a quote that is not closed"),
        (b"i\x00n\x00c\x00", "the header is not understood: i?n?c?"),
        (b"incident.id,incident.id,incident.type,incident.occurred_at\n", "the column incident.id stands twice"),
        (b"incident.id,incident.typ,incident.occurred_at\n", "the header has no column incident.type"),
        (b"incident.id,incident.type\n", "the header has no column incident.occurred_at or incident.reported_at"),
        (b"incident.type,incident.occurred_at\n", "the header has no column incident.id"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_was_seen(text: Write, content: bytes, message: str) -> None:
    path = text(content)
    with pytest.raises(RecordError) as caught:
        read(path)
    assert message in str(caught.value)
    assert caught.value.place.path == str(path)


def test_a_header_that_is_nearly_right_names_what_was_meant(text: Write) -> None:
    with pytest.raises(RecordError, match=r"incident.typ: the nearest field is incident.type"):
        read(text("incident.id,incident.typ,incident.occurred_at\n"))


@pytest.mark.parametrize("name", ["no such file.csv", "."])
def test_a_path_that_is_no_file_is_a_record_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(RecordError, match="the file cannot be read"):
        read(tmp_path / name)


def test_no_path_is_misuse_and_the_same_path_twice_an_error(table: Write) -> None:
    with pytest.raises(TypeError):
        read()
    path = table(record())
    with pytest.raises(RecordError, match="given twice"):
        read(path, actions=path)


def test_a_header_alone_holds_no_rows(text: Write) -> None:
    assert read(text(",".join(MINIMUM) + "\n")).counts == Counts(0, 0, 0, 0, 0)


def test_standard_input_and_pipes_are_read(monkeypatch: pytest.MonkeyPatch, table: Write) -> None:
    data = table(record()).read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    intake = read("-")
    assert intake.admitted[0].source_file == "-"
    assert intake.files[0].encoding == "utf-8"


def test_a_column_that_is_not_known_is_a_warning_about_the_file_with_the_nearest_field(table: Write) -> None:
    cells = record() | {"child.in_car": "yes", "Notes": "x", "": "1", "action.code": "referral", "marker.type": "cse"}
    intake = read(table(cells))
    assert outcome(intake) == (1, 0, 0, 0)
    assert {warning.field: warning.message for warning in intake.warnings} == {
        "child.in_car": 'column "child.in_car" is not read: the nearest field is child.in_care',
        "Notes": 'column "Notes" is not read: no field has such a name (riskflags fields)',
        "": 'column "" is not read: it has no name',
        "action.code": 'column "action.code" is not read: actions come in a file of their own (--actions) '
        "or in columns such as action.referral.at",
        "marker.type": 'column "marker.type" is not read: markers come in a file of their own (--markers)',
    }
    assert {warning.source_row for warning in intake.warnings} == {0}


# ---- rows that are damaged -------------------------------------------------------------------------------------------

HEADER = "child.id,incident.id,incident.type,incident.occurred_at\n"
GOOD = "C1,I1,assault,2026-03-01\n"


@pytest.mark.parametrize(
    ("line", "column", "code"),
    [
        ("C1,I2,assault\n", "incident.occurred_at", "ragged"),
        ("C1,I2,assault,2026-03-01,\n", "after incident.occurred_at", "ragged"),
        ('C1,"I2,assault,2026-03-01\n', "(whole row)", "bad_quotes"),
        ('C1,"I"2,assault,2026-03-01\n', "(whole row)", "bad_quotes"),
        (f"C1,{'x' * 200_000},assault,2026-03-01\n", "(whole row)", "too_long"),
        ("C1,I\x002,assault,2026-03-01\n", "incident.id", "bad_value"),
        ("C1,,assault,2026-03-01\n", "incident.id", "missing"),
        ("C1,I2,,2026-03-01\n", "incident.type", "no_type"),
        ("C1,I2,assault,\n", "incident.occurred_at", "no_time"),
        ("C1,I2,asault,2026-03-01\n", "incident.type", "unknown_code"),
        ("C1,I2,assault,1 March\n", "incident.occurred_at", "bad_value"),
        (",,,\n", "incident.id", "missing"),
    ],
)
def test_a_damaged_row_is_rejected_alone_and_the_rows_beside_it_are_read(
    text: Write, line: str, column: str, code: str
) -> None:
    intake = read(text(HEADER + GOOD + line + GOOD.replace("I1", "I3")))
    assert [incident.incident.id for incident in intake.incidents] == ["I1", "I3"]
    assert rejects(intake) == [(2, column, code)]
    assert intake.rejects[0].expected
    assert "expected" in intake.rejects[0].message or "quote" in intake.rejects[0].message or code == "too_long"


def test_an_unclosed_quote_costs_one_row_not_the_rest_of_the_file(text: Write) -> None:
    good = "".join(f"C1,I{n},assault,2026-03-01\n" for n in range(2, 50))
    intake = read(text(HEADER + 'C1,"I1,assault,2026-03-01\n' + good))
    assert outcome(intake) == (48, 0, 1, 0)
    assert "looked for over 49 lines" in intake.rejects[0].message


def test_empty_lines_are_no_rows(text: Write) -> None:
    assert read(text("\n" + HEADER + "\n" + GOOD + "\n   \n\n")).counts.read == 1


@pytest.mark.parametrize(("child", "known"), [("C1", "C1"), ("C9", None)])
def test_the_child_id_of_a_damaged_row_counts_only_where_another_row_has_it(
    text: Write, child: str, known: str | None
) -> None:
    intake = read(text(HEADER + GOOD + f"{child},I2,assault\n"))
    assert intake.rejects[0].child_id == known


def test_a_rejected_row_keeps_its_child_and_tells_all_else_that_is_wrong(table: Write) -> None:
    intake = read(table(record(incident__occurred_at="soon", child__sex="femal")))
    assert [(reject.child_id, reject.code) for reject in intake.rejects] == [("C1", "bad_value")]
    assert warnings(intake) == [(1, "child.sex", "unknown_code")]
    assert outcome(intake) == (0, 0, 1, 0)


# ---- values that cannot be read --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "cell", "message"),
    [
        (
            "child.sex",
            "femal",
            'child.sex: expected one of female, male, other, unknown, got "femal"; the nearest is female',
        ),
        ("incident.indicators", "grooming;hotell", "the nearest is hotel; read as absent"),
        ("child.in_care", "Y", 'child.in_care: expected yes or no, got "Y"; read as absent'),
        ("child.stated_age", "15ish", "child.stated_age: expected a number with at most 6 decimal places"),
        ("incident.recorded_at", "2026-02-30", "2026-02-30 is not a day of the calendar"),
        (
            "incident.recorded_at",
            "2026-03-29T01:30",
            "does not exist in Europe/London: the clocks went forward over it",
        ),
        ("incident.recorded_at", "0999-01-01", "expected a year from 1900 to 2199"),
        ("child.placement_type", "A9", "and 7 more (riskflags fields child.placement_type)"),
        ("incident.team", "a\x00b", 'expected text, in quotes, got "a?b"'),
        ("incident.injury", "x" * 90, f'"{"x" * 39}…"'),
    ],
)
def test_a_bad_value_becomes_absent_with_a_warning_that_says_what_was_expected(
    table: Write, field: str, cell: str, message: str
) -> None:
    intake = read(table(MINIMUM | {field: cell}))
    assert outcome(intake) == (0, 1, 0, 0)
    (warning,) = intake.warnings
    assert (warning.incident_id, warning.child_id, warning.source_row, warning.field) == ("I1", "C1", 1, field)
    assert message in warning.message
    assert warning.message.endswith("read as absent")


PERSONAL = sorted(path for path, info in catalogue().items() if info.personal and not path.startswith("action."))


@pytest.mark.parametrize("field", PERSONAL)
def test_a_personal_value_is_never_told(table: Write, field: str) -> None:
    personal = "31/12/2011 \x00 Alex Example"
    intake = read(table(MINIMUM | {field: personal}))
    assert [warning.field for warning in intake.warnings] == [field]
    told = repr(intake.warnings) + repr(intake.rejects)
    assert "2011" not in told
    assert "Alex" not in told


# ---- what is doubtful ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "field", "code"),
    [
        ({"child.date_of_birth": "2012-03-01", "child.stated_age": "13"}, "child.stated_age", "age_disagrees"),
        ({"child.date_of_birth": "2012-03-02", "child.stated_age": "14"}, "child.stated_age", "age_disagrees"),
        ({"child.date_of_birth": "2026-03-01"}, "child.date_of_birth", "born_on_the_day"),
        ({"child.date_of_birth": "2026-03-02"}, "child.date_of_birth", "born_after"),
        ({"suspect.date_of_birth": "2026-03-02"}, "suspect.date_of_birth", "born_after"),
        ({"suspect.date_of_birth": "2000-03-01", "suspect.stated_age": "25"}, "suspect.stated_age", "age_disagrees"),
    ],
)
def test_ages_and_dates_of_birth_that_do_not_fit_are_warnings(
    table: Write, cells: dict[str, str], field: str, code: str
) -> None:
    intake = read(table(MINIMUM | cells))
    assert warnings(intake) == [(1, field, code)]
    assert not any(cell in intake.warnings[0].message for cell in cells.values() if "-" in cell)
    born = intake.incidents[0].child.date_of_birth or next(
        (s.date_of_birth for s in intake.incidents[0].suspects), None
    )
    assert (born is None) == (code == "born_after")


def test_ages_that_fit_are_no_warning(table: Write) -> None:
    cells = {"child.date_of_birth": "2012-03-01", "child.stated_age": "14.5", "suspect.stated_age": "30"}
    assert outcome(read(table(MINIMUM | cells))) == (1, 0, 0, 0)


def episode(number: int, start: str, end: str = "", **cells: str) -> dict[str, str]:
    given = {"incident.id": f"I{number}", "incident.type": "missing_episode", "incident.occurred_at": ""}
    times = {"missing.last_seen_at": start, "missing.located_at": end}
    return MINIMUM | given | times | {name.replace("__", "."): cell for name, cell in cells.items()}


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        (("2026-03-01", "2026-03-03"), ("2026-03-02", "2026-03-04"), True),
        (("2026-03-01", "2026-03-03"), ("2026-03-03", "2026-03-04"), False),
        (("2026-03-01T10:00", "2026-03-01T20:00"), ("2026-03-01T19:59", "2026-03-01T23:00"), True),
        (("2026-03-01T10:00", "2026-03-01T20:00"), ("2026-03-01T20:00", "2026-03-01T23:00"), False),
        (("2026-03-01", ""), ("2026-03-09", "2026-03-10"), True),
        (("2026-03-01", "nonsense"), ("2026-03-09", "2026-03-10"), False),
        (("2026-03-01", "2026-03-01"), ("2026-03-01", "2026-03-02"), False),
    ],
)
def test_two_episodes_of_one_child_that_surely_overlap_are_a_warning(
    table: Write, first: tuple[str, str], second: tuple[str, str], overlap: bool
) -> None:
    for order in ((1, 2), (2, 1)):
        numbered = {1: episode(1, *first), 2: episode(2, *second)}
        intake = read(table(*(numbered[number] for number in order)))
        found = [w.incident_id for w in intake.warnings if w.code == "episodes_overlap"]
        assert found == (["I2"] if overlap else [])


def test_episodes_of_two_children_do_not_overlap(table: Write) -> None:
    assert not read(table(episode(1, "2026-03-01"), episode(2, "2026-03-02", child__id="C2"))).warnings


@pytest.mark.parametrize(
    ("first", "second", "doubtful"),
    [
        ("2026-03-01T10:00", "2026-03-01T10:00", True),
        ("2026-03-01T10:00", "2026-03-01", True),
        ("2026-03-01", "2026-03-01T10:00", True),
        ("2026-03-01", "2026-03-01", True),
        ("2026-03-01T10:00", "2026-03-01T10:01", False),
        ("2026-03-01", "2026-03-02", False),
    ],
)
def test_one_event_told_by_two_systems_is_probably_a_duplicate(
    table: Write, first: str, second: str, doubtful: bool
) -> None:
    intake = read(
        table(
            record(incident__occurred_at=first, incident__source_system="police"),
            record(incident__id="I2", incident__occurred_at=second, incident__source_system="care"),
            record(incident__id="I3", incident__occurred_at="2026-05-01", incident__source_system="care"),
            record(incident__id="I4", incident__occurred_at="2026-05-01"),
        )
    )
    assert [w.incident_id for w in intake.warnings if w.code == "probable_duplicate"] == (["I2"] if doubtful else [])
    assert len(intake.incidents) == 4


def test_overlapping_episodes_of_two_systems_are_a_probable_duplicate(table: Write) -> None:
    intake = read(
        table(
            episode(1, "2026-03-01T18:00", "2026-03-02T03:00", incident__source_system="police"),
            episode(2, "2026-03-01T20:00", "2026-03-02", incident__source_system="care"),
        )
    )
    assert warnings(intake) == [(2, "incident.source_system", "probable_duplicate")]


def test_a_record_is_doubted_once_beside_the_others_of_its_child(table: Write) -> None:
    intake = read(
        table(
            episode(1, "2026-03-01", incident__source_system="police"),
            episode(2, "2026-03-01", incident__source_system="care"),
            episode(3, "2026-03-02", incident__source_system="care"),
        )
    )
    assert [(w.incident_id, w.code) for w in intake.warnings] == [
        ("I2", "probable_duplicate"),
        ("I3", "probable_duplicate"),
    ]


def test_every_code_that_intake_uses_has_its_meaning() -> None:
    package = Path(riskflags.intake.__file__).parent
    text = "".join(path.read_text() for path in package.glob("*.py") if path.name != "account.py")
    assert [code for code in CODES if f'"{code}"' not in text] == []


def test_counts_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValueError, match="not every one is accounted for"):
        Counts(read=2, accepted=1, warned=0, rejected=0, out_of_scope=0)


# ---- rows of one record ----------------------------------------------------------------------------------------------


def test_rows_with_several_suspects_are_one_record_and_each_row_is_counted(table: Write) -> None:
    intake = read(
        table(
            record(suspect__id="S1", suspect__stated_age="30"),
            record(suspect__id="S2"),
            record(suspect__id="S1", suspect__relationship="stranger"),
            record(suspect__stated_age="20"),
        )
    )
    (incident,) = intake.incidents
    assert {suspect.id for suspect in incident.suspects} == {"I1#1", "S1", "S2"}
    assert next(s.relationship for s in incident.suspects if s.id == "S1") == "stranger"
    assert outcome(intake) == (4, 0, 0, 0)
    assert (intake.admitted[0].accepted, intake.admitted[0].warned) == (4, 0)


def test_rows_that_disagree_leave_the_field_absent(table: Write) -> None:
    intake = read(
        table(
            record(incident__injury="minor", child__sex="male", suspect__id="S1", suspect__stated_age="30"),
            record(incident__injury="serious", child__sex="", suspect__id="S1", suspect__stated_age="31"),
        )
    )
    incident = intake.incidents[0]
    assert (incident.incident.injury, incident.child.sex, incident.suspects[0].stated_age) == (None, "male", None)
    assert warnings(intake) == [(2, "incident.injury", "rows_disagree"), (2, "suspect.stated_age", "rows_disagree")]
    assert (
        'expected the same as row 1 of this record, got "serious" where that says "minor"' in intake.warnings[0].message
    )
    assert outcome(intake) == (1, 1, 0, 0)


def test_rows_that_disagree_on_a_date_of_birth_do_not_tell_it(table: Write) -> None:
    intake = read(table(record(child__date_of_birth="2012-01-01"), record(child__date_of_birth="2012-01-02")))
    assert intake.incidents[0].child.date_of_birth is None
    assert "2012" not in intake.warnings[0].message


def test_rows_that_disagree_on_the_type_are_no_record(table: Write) -> None:
    intake = read(table(record(), record(incident__type="other")))
    assert rejects(intake) == [(1, "incident.type", "no_type"), (2, "incident.type", "no_type")]
    assert "disagree" in intake.rejects[0].message


def test_a_row_that_repeats_another_is_a_warning_and_counted_once(table: Write) -> None:
    first, second = table(record(), record()), table(record(), name="again.csv")
    intake = read(first, second)
    assert len(intake.incidents) == 1
    assert outcome(intake) == (1, 2, 0, 0)
    assert [warning.code for warning in intake.warnings] == ["repeated_row", "repeated_row"]
    assert f"this row repeats row 1 of {first}" in intake.warnings[1].message
    assert (intake.admitted[0].accepted, intake.admitted[0].warned) == (1, 2)


def test_a_repeat_of_a_rejected_row_is_rejected_too(table: Write) -> None:
    assert rejects(read(table(record(incident__type=""), record(incident__type="")))) == [
        (1, "incident.type", "no_type"),
        (2, "incident.type", "no_type"),
    ]


def test_times_that_contradict_each_other_reject_every_row_of_the_record(table: Write) -> None:
    intake = read(
        table(
            record(incident__reported_at="2026-02-28", suspect__id="S1"),
            record(incident__reported_at="2026-02-28", suspect__id="S2"),
        )
    )
    assert rejects(intake) == [
        (1, "incident.reported_at", "contradiction"),
        (2, "incident.reported_at", "contradiction"),
    ]
    assert intake.rejects[0].expected == "a time that is not before incident.occurred_at"


# ---- what the source holds -------------------------------------------------------------------------------------------


def test_what_the_headers_name_is_what_the_source_holds(table: Write) -> None:
    cells = record(suspect__id="S1") | {"action.referral.at": "", "contact.met": ""}
    holds = read(table(cells)).incidents[0].holds
    assert holds.actions == ("referral",)
    assert (holds.suspects, holds.contact, holds.markers, holds.indicators) == (True, True, False, False)
    assert set(holds.fields) == {*MINIMUM, "suspect.id", "contact.met", "action.code", "action.at"}


def test_a_plain_file_holds_no_actions_and_no_suspects(table: Write) -> None:
    holds = read(table(record())).incidents[0].holds
    assert (holds.actions, holds.suspects, holds.markers, holds.contact) == ("none", False, False, False)


def test_action_columns_are_actions_done(table: Write) -> None:
    cells = {"action.referral.at": "2026-03-02", "action.referral.outcome": "completed", "action.arrest.at": ""}
    incident = read(table(MINIMUM | cells)).incidents[0]
    (action,) = incident.done
    assert (action.code, str(action.at), action.outcome) == ("referral", "2026-03-02", "completed")
    assert incident.holds.actions == ("arrest", "referral")


def test_an_action_whose_time_cannot_be_read_is_still_on_record(table: Write) -> None:
    intake = read(table(record() | {"action.referral.at": "soon"}))
    assert [(action.code, action.at) for action in intake.incidents[0].done] == [("referral", None)]
    assert warnings(intake) == [(1, "action.at", "bad_value")]


# ---- files of actions, suspects and markers --------------------------------------------------------------------------


def test_rows_of_lists_join_their_records(table: Write) -> None:
    main = table(record(), record(child__id="C2"), record(incident__id="I2"))
    actions = table(
        {"incident.id": "I1", "child.id": "", "action.code": "referral", "action.at": "2026-03-02"},
        {"incident.id": "I1", "child.id": "C2", "action.code": "see_child", "action.at": ""},
        name="actions.csv",
    )
    suspects = table({"incident.id": "I2", "suspect.id": "S1"}, {"incident.id": "I2", "suspect.id": ""}, name="s.csv")
    markers = table({"incident.id": "I1", "marker.type": "cse"}, name="markers.csv")
    intake = read(main, actions=actions, suspects=suspects, markers=markers)
    done = {incident.key: [action.code for action in incident.done] for incident in intake.incidents}
    assert done == {("I1", "C1"): ["referral"], ("I1", "C2"): ["referral", "see_child"], ("I2", "C1"): []}
    assert [len(incident.suspects) for incident in intake.incidents] == [0, 0, 2]
    assert [len(incident.markers) for incident in intake.incidents] == [1, 1, 0]
    holds = intake.incidents[0].holds
    assert (holds.actions, holds.suspects, holds.markers) == ("all", True, True)
    assert {"action.code", "suspect.id", "marker.type"} <= set(holds.fields)
    assert outcome(intake) == (8, 0, 0, 0)


def test_rows_of_lists_that_belong_to_no_record_are_rejected(table: Write) -> None:
    main = table(record(), record(incident__id="I2", incident__type="?"))
    actions = table(
        *(
            {"incident.id": incident, "child.id": "", "action.code": code, "action.outcome": outcome}
            for incident, code, outcome in (
                ("I1", "referral", "done"),
                ("I1", "referral", "done"),
                ("I2", "referral", ""),
                ("I3", "referral", ""),
                ("", "referral", ""),
                ("I1", "", ""),
            )
        ),
        name="actions.csv",
    )
    intake = read(main, actions=actions)
    assert outcome(intake) == (1, 2, 5, 0)
    assert rejects(intake)[:4] == [
        (3, "incident.id", "no_record"),
        (4, "incident.id", "no_record"),
        (5, "incident.id", "missing"),
        (6, "action.code", "missing"),
    ]
    assert "was rejected" in intake.rejects[0].message
    assert warnings(intake) == [
        (1, "action.outcome", "unknown_code"),
        (2, "", "repeated_row"),
        (2, "action.outcome", "unknown_code"),
    ]


def test_a_damaged_row_of_a_list_is_rejected(text: Write, table: Write) -> None:
    actions = text("incident.id,action.code\nI1,referral,x\n", "actions.csv")
    assert rejects(read(table(record()), actions=actions)) == [(1, "after action.code", "ragged")]


@pytest.mark.parametrize(
    ("side", "header"), [("actions", "incident.id,action.at"), ("suspects", "suspect.id,child.id")]
)
def test_a_file_of_a_list_without_its_key_is_a_record_error(text: Write, table: Write, side: str, header: str) -> None:
    with pytest.raises(RecordError, match="the header has no column"):
        read(table(record()), **{side: text(header + "\n", "side.csv")})


# ---- JSON lines ------------------------------------------------------------------------------------------------------


def lines(*records: object) -> str:
    return "\n".join(json.dumps(record) for record in records) + "\n"


NESTED: dict[str, Any] = {
    "incident": {"id": "I1", "type": "assault", "occurred_at": "2026-03-01T10:00"},
    "child": {"id": "C1", "in_care": True, "stated_age": 15},
    "suspects": [{"id": "S1", "suspect.stated_age": 30}],
    "done": [{"code": "referral", "at": "2026-03-02"}],
}


def test_nested_and_dotted_json_give_the_same_incident(text: Write) -> None:
    dotted = {f"{group}.{name}": value for group in ("incident", "child") for name, value in NESTED[group].items()}
    lists = {name: NESTED[name] for name in ("suspects", "done")}
    nested = read(text(lines(NESTED), "a.jsonl"))
    assert nested.incidents == read(text(lines(dotted | lists), "b.jsonl")).incidents
    assert nested.incidents == (Incident.model_validate(NESTED),)
    assert nested.files[0].taken_for == "JSON lines"


def test_json_says_itself_what_its_source_holds(text: Write) -> None:
    given = read(text(lines(NESTED | {"holds": {"actions": ["referral"]}, "holds.markers": False}))).incidents[0].holds
    assert (given.actions, given.markers, given.suspects, given.fields) == (("referral",), False, True, "all")


def test_what_json_cannot_say_it_holds_is_taken_as_not_held(text: Write) -> None:
    unread = NESTED | {"done": "none", "suspects": ["S1", {"id": "S2"}], "holds": {"markers": "maybe"}}
    intake = read(text(lines(unread)))
    holds = intake.incidents[0].holds
    assert (holds.actions, holds.suspects, holds.markers, holds.contact) == ("none", False, False, True)
    assert warnings(intake) == [
        (1, "done", "bad_value"),
        (1, "holds.markers", "bad_value"),
        (1, "suspects", "bad_value"),
    ]
    assert len(intake.incidents[0].suspects) == 1
    assert read(text(lines(NESTED | {"holds": 5}))).incidents[0].holds.fields == ()


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "nothing",
        "5",
        '{"incident.id": "I2", "incident.id": "I3"}',
        '{"child.stated_age": NaN}',
        "[" * 100_000,
        '{"child.stated_age": ' + "9" * 5000 + "}",
    ],
)
def test_a_line_that_is_no_json_object_is_rejected_alone(text: Write, line: str) -> None:
    intake = read(text(lines(NESTED) + "\n" + line + "\n" + lines(NESTED | {"child": {"id": "C2"}})))
    assert rejects(intake) == [(2, "(whole row)", "bad_json")]
    assert len(intake.incidents) == 2


def test_bad_parts_of_json_become_absent(text: Write) -> None:
    broken = {
        "incident": NESTED["incident"] | {"indicators": ["grooming", 5], "narrative": ["x"]},
        "child": {"id": "C1", "sex": 5, "stated_age": {}},
        "missing": "yes",
        "contact": None,
        "suspects": None,
        "markers": [{"type": "nonsense"}],
        "holds": None,
    }
    intake = read(text(lines(broken)))
    assert warnings(intake) == [
        (1, "child.sex", "bad_value"),
        (1, "child.stated_age", "bad_value"),
        (1, "incident.indicators", "bad_value"),
        (1, "incident.narrative", "bad_value"),
        (1, "marker.type", "unknown_code"),
        (1, "missing", "bad_value"),
    ]
    assert len(intake.incidents[0].markers) == 1


def test_a_part_of_json_in_another_form_is_not_told(text: Write) -> None:
    secret = {"child": "Alex Example", "suspects": ["Alex Example"], "incident.narrative": "Alex Example \ud800"}
    intake = read(text(lines(NESTED | secret)))
    assert warnings(intake) == [(1, name, "bad_value") for name in ("child", "incident.narrative", "suspects")]
    assert "Alex" not in repr(intake.warnings)


def test_keys_that_json_makes_up_are_told_once_for_the_file(text: Write) -> None:
    extra = NESTED | {"childs": 1, "child.agee": 5, "suspect.id": "S1", "holds.all": True}
    intake = read(text(lines(extra, extra | {"incident.id": "I2"})))
    assert warnings(intake) == [
        (0, name, "unknown_column") for name in ("child.agee", "childs", "holds.all", "suspect.id")
    ]
    assert outcome(intake) == (2, 0, 0, 0)


def test_a_null_in_json_is_absent_and_takes_back_what_is_nested(text: Write) -> None:
    assert read(text(lines(NESTED | {"child.in_care": None}))).incidents[0].child.in_care is None


def test_a_surrogate_alone_is_no_text(text: Write) -> None:
    line = json.dumps(NESTED | {"incident.team": "x"}).replace('"x"', '"\\ud800"')
    intake = read(text(line))
    assert warnings(intake) == [(1, "incident.team", "bad_value")]
    str(intake.warnings).encode()


# ---- any file at all -------------------------------------------------------------------------------------------------

CELLS = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "I1",
            "I2",
            "C1",
            "(none)",
            ";",
            "yes",
            "assault",
            "missing_episode",
            "2026-03-01",
            "2012-03-01",
            "2026-03-01T10:00",
            "2026-02-30",
            "15",
            "S1",
            "grooming;hotel",
            '"',
            "x,y",
            "a\nb",
            "\x00",
            "é",
        ]
    ),
    st.text(max_size=6),
)
COLUMNS = st.lists(
    st.sampled_from(
        [
            *(path for path, info in catalogue().items() if not info.repeated or path.startswith("suspect.")),
            "action.referral.at",
            "action.referral.outcome",
            "action.a.b.suspect_id",
            "Notes",
            "",
        ]
    ),
    unique=True,
    max_size=9,
)


def encoded(rows: Iterable[Sequence[str]], *, delimiter: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue().encode("utf-8", "replace")


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch")


def check_counts(intake: Intake) -> None:
    counts = intake.counts
    assert counts.read == sum(outcome(intake))
    assert counts.rejected == len(intake.rejects)
    assert (
        counts.accepted + counts.warned >= sum(a.accepted + a.warned for a in intake.admitted) >= len(intake.incidents)
    )
    assert len({incident.key for incident in intake.incidents}) == len(intake.incidents)
    assert all(reject.expected and reject.message and reject.column for reject in intake.rejects)
    assert {reject.code for reject in intake.rejects} | {warning.code for warning in intake.warnings} <= set(CODES)


@given(columns=COLUMNS, data=st.data(), delimiter=st.sampled_from([",", ";", "\t"]))
def test_random_tables_are_accounted_for(
    scratch: Path, columns: list[str], data: st.DataObject, delimiter: str
) -> None:
    header = [*MINIMUM, *(column for column in columns if column not in MINIMUM)]
    rows = data.draw(st.lists(st.lists(CELLS, min_size=len(header), max_size=len(header)), max_size=6))
    path = scratch / "table.csv"
    path.write_bytes(encoded([header, *rows], delimiter=delimiter))
    intake = read(path)
    check_counts(intake)
    assert intake.counts.read == len(rows)


@given(content=st.lists(st.text(alphabet='CI1,;"\n\r\x00é-2026', max_size=40), max_size=6))
def test_random_text_after_a_header_is_accounted_for(scratch: Path, content: list[str]) -> None:
    path = scratch / "text.csv"
    path.write_bytes((HEADER + "\n".join(content)).encode())
    check_counts(read(path))


@given(content=st.binary(max_size=60))
def test_random_bytes_are_an_intake_or_a_record_error(scratch: Path, content: bytes) -> None:
    path = scratch / "bytes"
    path.write_bytes(content)
    try:
        intake = read(path)
    except RecordError:
        return
    check_counts(intake)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["I1", "C1", "assault", "2026-03-01", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "type", "at", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        "incident",
        "child",
        "missing",
        "suspects",
        "done",
        "markers",
        "holds",
        "holds.actions",
        "child.id",
        "incident.id",
        "incident.type",
        "incident.occurred_at",
        "suspect.id",
        "x.y",
        "x",
    ]
)


@given(records=st.lists(st.dictionaries(KEYS, JSON, max_size=6), min_size=1, max_size=4))
def test_random_json_is_accounted_for(scratch: Path, records: list[dict[str, Any]]) -> None:
    path = scratch / "records.jsonl"
    path.write_text(lines(*(NESTED | record for record in records)))
    intake = read(path)
    check_counts(intake)
    assert intake.counts.read == len(records)


@given(order=st.permutations(range(6)))
def test_the_order_of_rows_never_changes_the_incidents(scratch: Path, order: list[int]) -> None:
    rows = [
        record(suspect__id="S1", incident__injury="minor"),
        record(suspect__id="S2", incident__injury="serious"),
        record(suspect__stated_age="30"),
        record(incident__id="I2", child__sex="bad"),
        record(incident__id="I2", child__sex="male"),
        record(incident__id="I3", incident__reported_at="2026-01-01"),
    ]
    header = list(dict.fromkeys(column for row in rows for column in row))
    path = scratch / "ordered.csv"
    path.write_bytes(
        encoded([header, *([rows[index].get(column, "") for column in header] for index in order)], delimiter=",")
    )
    found = sorted(incident.model_dump_json() for incident in read(path).incidents)
    path.write_bytes(encoded([header, *([row.get(column, "") for column in header] for row in rows)], delimiter=","))
    assert found == sorted(incident.model_dump_json() for incident in read(path).incidents)
