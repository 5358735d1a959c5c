"""The seeded generator: the same for the same seed, plainly synthetic, and read back as it is meant."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, get_args

import pytest

from riskflags.codes import IncidentType
from riskflags.intake import read
from riskflags.samples.extract import EVERY_COLUMN, HOLES, extract, write_extract
from riskflags.samples.generate import COLUMNS, DAMAGES, generate, write_canonical, write_ssda903

if TYPE_CHECKING:
    from pathlib import Path

REJECTED = {
    "bad date": "bad_value",
    "end before start": "contradiction",
    "empty child id": "missing",
    "ragged line": "ragged",
}
WARNED = {"bad date": "bad_value", "unknown code": "unknown_code"}


def test_the_same_seed_gives_the_same_records(tmp_path: Path) -> None:
    assert list(generate(200, seed=5)) == list(generate(200, seed=5))
    assert list(generate(200, seed=5)) != list(generate(200, seed=6))
    for name in ("a.csv", "b.csv"):
        write_ssda903(tmp_path / name, rows=100, seed=5, damaged=10)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_a_record_of_a_seed_never_changes() -> None:
    record = next(generate(1, seed=1))
    assert (record["incident.id"], record["incident.type"]) == ("SYN-000001", "sexual_offence")
    assert (record["child.date_of_birth"], record["incident.occurred_at"]) == ("2014-05-06", "2025-05-03T08:42")


def test_every_id_and_narrative_says_that_it_is_synthetic() -> None:
    for record in generate(300, seed=2):
        assert all(cell.startswith("SYN") for path, cell in record.items() if path.endswith((".id", "_id", "force")))
        assert record.get("incident.narrative", "SYNTHETIC").startswith("SYNTHETIC")
        assert set(record) <= set(COLUMNS)


def test_a_few_children_have_most_of_the_records() -> None:
    numbers = Counter(record["child.id"] for record in generate(2_000, seed=3))
    half = sum(number for _, number in numbers.most_common(len(numbers) // 5))
    assert half > 1_000
    assert len(numbers) > 100


@pytest.mark.parametrize("rows", [1, 3, 40])
def test_small_files_are_made_too(tmp_path: Path, rows: int) -> None:
    assert len(list(generate(rows, seed=4))) == rows
    write_ssda903(tmp_path / "missing.csv", rows=rows, seed=4)
    assert read(tmp_path / "missing.csv", mapping="ssda903").counts.accepted == rows


@pytest.mark.parametrize(
    ("encoding", "delimiter"), [("utf-8", ","), ("utf-8-sig", ";"), ("utf-16", "\t"), ("cp1252", ",")]
)
def test_a_canonical_file_in_any_encoding_is_read_whole(tmp_path: Path, encoding: str, delimiter: str) -> None:
    path = tmp_path / "records.csv"
    write_canonical(path, rows=300, seed=7, encoding=encoding, delimiter=delimiter)
    intake = read(path)
    assert len(intake.incidents) == intake.counts.read == 300
    assert not intake.rejects
    assert {warning.code for warning in intake.warnings} <= {"episodes_overlap"}
    written = {record["incident.id"]: record for record in generate(300, seed=7)}
    for incident in intake.incidents:
        assert incident.incident.narrative == written[incident.incident.id or ""].get("incident.narrative")


def test_two_thousand_rows_of_the_return_with_forty_damaged_ones_are_accounted_for(tmp_path: Path) -> None:
    path = tmp_path / "missing.csv"
    damaged = write_ssda903(path, rows=2_000, seed=903, damaged=40)
    assert Counter(one.kind for one in damaged) == dict.fromkeys(DAMAGES, 8)
    intake = read(path, mapping="ssda903")

    rejected = {(one.row, one.column, REJECTED[one.kind]) for one in damaged if not _is_warned(one.kind, one.column)}
    warned = {(one.row, WARNED[one.kind]) for one in damaged if _is_warned(one.kind, one.column)}
    assert {(reject.source_row, reject.column, reject.code) for reject in intake.rejects} == rejected
    assert {(warning.source_row, warning.code) for warning in intake.warnings} == warned
    assert (len(intake.rejects), len(intake.warnings)) == (28, 12)
    counts = intake.counts
    assert (counts.read, counts.accepted, counts.warned, counts.rejected) == (2_000, 1_960, 12, 28)


def _is_warned(kind: str, column: str) -> bool:
    return kind == "unknown code" or (kind == "bad date" and column == "MIS_END")


def test_each_reject_and_warning_names_the_row_the_column_and_what_was_expected(tmp_path: Path) -> None:
    path = tmp_path / "missing.csv"
    damaged = {one.row: one.column for one in write_ssda903(path, rows=2_000, seed=1, damaged=40)}
    intake = read(path, mapping="ssda903")
    for reject in intake.rejects:
        assert reject.source_file == str(path)
        assert reject.column == damaged[reject.source_row]
        assert reject.expected
        assert "expected" in reject.message
    for warning in intake.warnings:
        assert warning.message.startswith(f"{damaged[warning.source_row]}: expected ")


def test_a_rejected_row_keeps_its_child_where_it_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "missing.csv"
    damaged = {one.row: one.kind for one in write_ssda903(path, rows=2_000, seed=2, damaged=40)}
    children = [line.split(",")[0] for line in path.read_text().splitlines()]
    for reject in read(path, mapping="ssda903").rejects:
        kind, child = damaged[reject.source_row], children[reject.source_row]
        readable = children.count(child) > 1 if kind == "ragged line" else kind != "empty child id"
        assert reject.child_id == (child if readable else None)


# ---- extracts --------------------------------------------------------------------------------------------------------


def test_an_extract_is_the_same_for_the_same_seed_and_all_of_it_is_synthetic() -> None:
    first = list(extract(300, seed=5))
    assert first == list(extract(300, seed=5)) != list(extract(300, seed=6))
    for record in first:
        names = (path for path in record if path.endswith((".id", "_id", "force", "authority")))
        assert [record[path] for path in names if not record[path].startswith("SYN")] == []
        assert set(record) <= set(EVERY_COLUMN)


def test_an_extract_is_read_whole(tmp_path: Path) -> None:
    write_extract(tmp_path / "extract.csv", rows=1_000, seed=1)
    intake = read(tmp_path / "extract.csv")
    assert (len(intake.incidents), intake.rejects) == (1_000, ())
    assert {warning.code for warning in intake.warnings} <= {"episodes_overlap"}
    assert {path for incident in intake.incidents for path in incident.holds.fields} >= {
        "child.ethnicity",
        "contact.met",
    }


def test_an_extract_has_each_kind_of_incident_and_child_and_holes_as_it_says() -> None:
    records = list(extract(2_000, seed=2))
    assert {record["incident.type"] for record in records} == set(get_args(IncidentType)) - {"other"}
    assert {record["child.sex"] for record in records} == {"female", "male", "other", "unknown"}
    assert min(record["child.date_of_birth"] for record in records if "child.date_of_birth" in record) < "2009"
    assert max(record["child.date_of_birth"] for record in records if "child.date_of_birth" in record) > "2019"
    for path in ("child.ethnicity", "child.protection_plan", "child.trusted_adult"):
        blank = sum(path not in record for record in records) / len(records)
        assert abs(blank - HOLES[path]) < 0.05, path


def test_a_child_stays_the_same_in_every_record_of_an_extract() -> None:
    for path in ("child.sex", "child.ethnicity", "child.date_of_birth", "child.social_worker_id"):
        seen: dict[str, set[str]] = defaultdict(set)
        for record in extract(1_000, seed=3):
            seen[record["child.id"]] |= {record[path]} if path in record else set()
        assert max(len(values) for values in seen.values()) == 1, path
