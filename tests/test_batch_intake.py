"""Intake at speed says what intake for one record at a time says: same records, rejects, warnings, counts and origins."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import Field, model_validator

from riskflags.batch import intake_cells
from riskflags.batch.facts import World, gathered, schemas
from riskflags.batch.intake import ORIGINS, BatchIntake, read_into
from riskflags.batch.intake_sources import expand, find
from riskflags.batch.store import Store
from riskflags.errors import RecordError
from riskflags.fields import catalogue
from riskflags.incident import Child, Incident
from riskflags.intake import Intake, read
from riskflags.kinds import Text, parse_text
from riskflags.model import Moment
from riskflags.samples.generate import COLUMNS, generate, write_canonical
from riskflags.shipped import default_pack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from riskflags.pack import Pack

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
PACK = default_pack()
ORDERED = ("record", "seat", "item", "source_row", "child_id")


def rows_of(store: Store, name: str) -> list[dict[str, Any]]:
    """Return the rows of a table in order. Not by `Store.rows`: the order of rows is not that of a table."""
    found: list[dict[str, Any]] = store._con.con.sql(f'SELECT * FROM "{name}" ORDER BY ALL').to_arrow_table().to_pylist()
    return sorted(found, key=_numbers)


def _numbers(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ORDERED if name in row)


def both(*paths: str | Path, pack: Pack = PACK, as_read: Sequence[str | Path] = (), **sides: Any) -> BatchIntake:
    """Return what the batch reads, which is the same in every detail as what is read for one record at a time."""
    expected = read(*(as_read or paths), record=pack.record, zone=pack.zone, **sides)
    store = Store()
    try:
        found = read_into(store, *paths, pack=pack, as_of=AS_OF, **sides)
        _compare(store, found, expected, pack)
    finally:
        store.close()
    return found


def _compare(store: Store, found: BatchIntake, expected: Intake, pack: Pack) -> None:
    assert found.rejects == expected.rejects
    assert found.warnings == expected.warnings
    assert found.counts == expected.counts
    tables = gathered([World(expected.incidents, AS_OF, expected.rejects)], pack, zone=pack.zone)
    assert found.holds == tables.holds
    for name, schema in schemas(pack).items():
        assert store.schema(name) == schema
        told = getattr(tables, name).to_pylist()
        assert rows_of(store, name) == sorted(told, key=_numbers), name
    origins = rows_of(store, "origins")
    assert store.schema("origins") == ORIGINS
    assert origins == [
        {"record": number, "source_file": a.source_file, "source_row": a.source_row, "accepted": a.accepted, "warned": a.warned}
        for number, a in enumerate(expected.admitted)
    ]  # fmt: skip


def write(path: Path, columns: Sequence[str], records: Sequence[Mapping[str, str]], **options: Any) -> Path:
    with path.open("w", encoding=options.pop("encoding", "utf-8"), newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", **options)
        writer.writeheader()
        writer.writerows(records)
    return path


def record(number: int, **cells: str) -> dict[str, str]:
    """Return the least that a record needs, with more cells: `child__sex` is child.sex."""
    least = {"incident.id": f"I{number}", "incident.type": "assault", "incident.occurred_at": "2026-03-01T10:00"}
    return least | {"child.id": f"C{number}"} | {name.replace("__", "."): cell for name, cell in cells.items()}


def columns_of(*records: Mapping[str, str]) -> list[str]:
    return list(dict.fromkeys(column for found in records for column in found))


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    def make(*records: Mapping[str, str], name: str = "records.csv", **options: Any) -> Path:
        return write(tmp_path / name, columns_of(*records), records, **options)

    return make


# ---- whole files -----------------------------------------------------------------------------------------------------


def test_no_row_of_a_clean_file_goes_through_the_model(tmp_path: Path) -> None:
    write_canonical(tmp_path / "records.csv", rows=300, seed=1)
    found = both(tmp_path / "records.csv")
    assert (found.counts.read, found.counts.rejected, found.handed_over) == (300, 0, 0)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_every_encoding_and_delimiter_that_is_read_is_read(tmp_path: Path, encoding: str, delimiter: str) -> None:
    path = tmp_path / "records.csv"
    write_canonical(path, rows=40, seed=2, encoding=encoding, delimiter=delimiter)
    found = both(path)
    assert (found.files[0].delimiter, found.handed_over) == (delimiter, 0)


def spoil(cells: dict[str, str], rng: random.Random) -> dict[str, str]:
    """Return a record with one cell that may be wrong, or may only look it."""
    column = rng.choice(COLUMNS) if rng.random() < 0.5 else rng.choice(("incident.id", "incident.type", "child.id"))
    return cells | {column: rng.choice(HOSTILE)}


HOSTILE = (
    "", " ", "(none)", " (none) ", "\u00a0", "\u200b", "a\u00a0", "\u00a0a", "NULL", "nan", "NaN", "inf", "-inf", "infinity",
    "epoch", "today", "1e3", "1e400", "0x10", "15.0", "+15", "-0", "007", "1.5", "121", "999999999.9999995", "٣", "½",
    "29/02/2023", "2023-02-29", "2024-02-29", "03/04/23", "2026-01-31", "1899-12-31", "1900-01-01", "2199-12-31",
    "2199-12-31T23:59", "2200-01-01", "0001-01-01", "2026-03-31T24:00", "2026-03-29T01:30", "2025-10-26T01:30",
    "2025-10-26T01:30:59", "2025-10-26 00:59:59", "2025-10-26T02:00:00", "2026-03-29", "2025-10-26", "2026-03-31T10:00Z",
    "2026-03-31T10:00:00.999", "2026-03-31T10:00+05:45", "2025-10-26T01:30+01:00", "2026-03-31t10:00", "2026-03-31T1:00",
    " 2026-03-31 ", "2026-03-31T10:60", "2026-03-31T10:00:60", "1968-10-27T00:00", "1971-10-31T02:30", "1941-05-04T01:30",
    "café", "cafe\u0301", "\u0301", "a\u0301\u0323", "a\u0323\u0301", "ﬁ", "\u212a", "\u1e9b\u0323", "\ufeffa", "\u2028", "日本", "é\u0344",
    "yes", "Yes", "YES", "yEs", " yes ", "no", "true", "FALSE", "1", "0", "y", "ye\u017f",
    "grooming", "grooming;", ";", " ; ", "grooming; hotel", "hotel;grooming;hotel", "grooming;(none)", "grooming,hotel",
    "groom ing", "Grooming", "missing_episode", " missing_episode", "female", "cse ;cce", "a;b", 'a"b', '"', "a\\b", "a\nb",
    "a\r\nb", "a\rb", "a\tb", "\ta", "a\x00b", "\x85a", "a\x85", "\x1fa", "a,b", "'", "SYN-C00001", "SYN-000001", "x" * 5000,
    "🙂", "a\u200d", "\u3000a", "\ud7ff", "\ufffd", "child", "synthetic", "other system",
)  # fmt: skip


def test_a_file_of_which_every_fifth_row_is_spoilt_is_read_alike(tmp_path: Path) -> None:
    rng = random.Random(7)
    records = [spoil(cells, rng) if rng.random() < 0.2 else cells for cells in generate(1_500, seed=7)]
    found = both(write(tmp_path / "records.csv", COLUMNS, records))
    assert 100 < found.handed_over < 600
    assert found.counts.rejected > 20


def test_every_hostile_cell_is_read_alike_in_every_column(tmp_path: Path) -> None:
    base = list(generate(40, seed=4))
    records = [
        base[(number + turn) % len(base)] | {"incident.id": f"H{number}-{turn}", column: cell}
        for turn, column in enumerate(COLUMNS)
        for number, cell in enumerate(HOSTILE)
    ]
    found = both(write(tmp_path / "records.csv", COLUMNS, records))
    assert found.counts.rejected > 100


# ---- laws ------------------------------------------------------------------------------------------------------------

MAIN = (
    "incident.id", "incident.type", "incident.occurred_at", "incident.reported_at", "incident.source_system",
    "incident.indicators", "incident.other_forces", "child.id", "child.date_of_birth", "child.stated_age", "child.in_care",
    "missing.last_seen_at", "missing.located_at", "missing.returned_at", "missing.earlier_episodes", "suspect.id",
    "suspect.date_of_birth", "suspect.stated_age", "suspect.several", "action.referral.at", "action.referral.outcome",
    "action.see_child.contents", "action.see_child.at", "child.height",
)  # fmt: skip
SIDES = {
    "actions": ("incident.id", "child.id", "action.code", "action.at", "action.outcome", "action.reason", "action.agencies"),
    "suspects": ("incident.id", "child.id", "suspect.id", "suspect.date_of_birth", "suspect.stated_age", "suspect.handle_id"),
    "markers": ("incident.id", "child.id", "marker.type", "marker.placed_at", "marker.target_id", "marker.review_due"),
}  # fmt: skip
GOOD: Mapping[str, Sequence[str]] = {
    "id": ("I1", "I2", "I3", "I4", "I5"), "child": ("C1", "C2", "C3", ""), "type": ("missing_episode", "assault"),
    "moment": ("2026-01-01", "2026-01-01T10:00", "2026-01-01T10:00", "2026-01-02 09:00:30", "2025-10-26T01:30", "", ""),
    "date": ("2010-05-05", "2012-02-29", "2026-01-01", ""), "number": ("13", "15", "15.5", "15.0", ""),
    "yes_no": ("yes", "no", ""), "codes": ("grooming", "hotel;grooming", "(none)", ""), "code": ("completed", "requested", ""),
    "text": ("north", "south", "élan", "say \"no\"", "", ""),
}  # fmt: skip


def cells(column: str, *, hostile: int) -> st.SearchStrategy[str]:
    """Return cells of a column: mostly such as fit, one in some of any kind."""
    info = catalogue(Incident).get(f"action.{column.rpartition('.')[2]}" if column.count(".") == 2 else column)
    kind = {"incident.id": "id", "child.id": "child", "incident.type": "type"}.get(column, info.kind if info else "text")
    good = st.sampled_from(GOOD[kind])
    bad = st.sampled_from(HOSTILE) | st.text(max_size=6)
    return st.integers(0, hostile).flatmap(lambda turn: good if turn else bad)


@st.composite
def tables(draw: st.DrawFn, columns: Sequence[str], *, needed: int, most: int, hostile: int = 25) -> list[list[str]]:
    rest = draw(st.lists(st.sampled_from(columns[needed:]), unique=True))
    header = draw(st.permutations([*columns[:needed], *rest]))
    rows = draw(st.lists(st.tuples(*(cells(column, hostile=hostile) for column in header)), min_size=1, max_size=most))
    return [header, *map(list, rows)]


def as_csv(rows: Sequence[Sequence[str]], *, delimiter: str = ",", end: str = "\n") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(rows)
    return text.getvalue()


def encoded(text: str, encoding: str) -> bytes:
    return text.encode(encoding, errors="replace")


LAW = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.large_base_example])


@LAW
@given(rows=tables(MAIN, needed=4, most=12), encoding=st.sampled_from(["utf-8", "utf-8", "utf-16", "cp1252"]),
       end=st.sampled_from(["\n", "\r\n"]))  # fmt: skip
def test_hostile_cells_are_read_alike(tmp_path: Path, rows: list[list[str]], encoding: str, end: str) -> None:
    path = tmp_path / "records.csv"
    path.write_bytes(encoded(as_csv(rows, end=end), encoding))
    both(path)


@LAW
@given(rows=tables(MAIN, needed=4, most=8, hostile=60), data=st.data())
def test_rows_of_lists_in_files_of_their_own_are_read_alike(tmp_path: Path, rows: list[list[str]], data: st.DataObject) -> None:
    path = tmp_path / "records.csv"
    path.write_text(as_csv(rows), encoding="utf-8", newline="")
    given_: dict[str, Path] = {}
    for side in data.draw(st.lists(st.sampled_from(sorted(SIDES)), unique=True, min_size=1)):
        found = data.draw(tables(SIDES[side], needed=3 if side == "actions" else 2, most=8, hostile=60))
        given_[side] = tmp_path / f"{side}.csv"
        given_[side].write_text(as_csv(found), encoding="utf-8", newline="")
    both(path, **given_)


SCRAPS = ('"', '""', ',', "\n", "\r\n", "\r", " ", "\t", "\x00", '",', ',"', '"\n', "x", "é", "\n\n", "\n \n", ",,", ", ")


@LAW
@given(rows=tables(MAIN, needed=4, most=6, hostile=60), end=st.sampled_from(["\n", "\r\n"]),
       scraps=st.lists(st.tuples(st.floats(0, 1), st.sampled_from(SCRAPS)), max_size=4))  # fmt: skip
def test_files_with_broken_lines_are_read_alike(
    tmp_path: Path, rows: list[list[str]], end: str, scraps: list[tuple[float, str]]
) -> None:
    text = as_csv(rows, end=end)
    begin = text.index(end)
    for where, scrap in scraps:
        place = begin + int(where * (len(text) - begin))
        text = text[:place] + scrap + text[place:]
    path = tmp_path / "records.csv"
    path.write_bytes(text.encode())
    both(path)


@LAW
@given(first=tables(MAIN, needed=8, most=8, hostile=80), second=tables(MAIN, needed=8, most=8, hostile=80))
def test_several_files_are_read_alike(tmp_path: Path, first: list[list[str]], second: list[list[str]]) -> None:
    (tmp_path / "b.csv").write_text(as_csv(first), encoding="utf-8", newline="")
    (tmp_path / "a.csv").write_text(as_csv(second), encoding="utf-8", newline="")
    both(tmp_path / "b.csv", tmp_path / "a.csv")
