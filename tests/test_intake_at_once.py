"""Intake at speed says what intake for one record at a time says: same records, rejects, warnings and counts."""

from __future__ import annotations

import csv
import dataclasses
import gzip
import io
import json
import random
from datetime import UTC, date, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field, model_validator

from riskflags.batch.facts import World, gathered, schemas
from riskflags.batch.store import Store
from riskflags.errors import RecordError
from riskflags.fields import catalogue
from riskflags.incident import Child, Incident
from riskflags.intake import Intake, at_once_cells, read
from riskflags.intake.at_once import ORIGINS, BatchIntake, read_into
from riskflags.intake.at_once_sources import expand, find
from riskflags.kinds import Text, parse_text
from riskflags.model import Moment
from riskflags.samples.generate import COLUMNS, generate, write_canonical
from riskflags.shipped import default_pack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from riskflags.pack import Pack

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
PACK = default_pack()
PARQUET: Any = import_module("pyarrow.parquet")  # it ships no types
ORDERED = ("record", "seat", "item", "source_row", "child_id")


def rows_of(store: Store, name: str) -> list[dict[str, Any]]:
    """Return the rows of a table in order. Not by `Store.rows`: the order of rows is not that of a table."""
    found: list[dict[str, Any]] = connection(store).sql(f'FROM "{name}" ORDER BY ALL').to_arrow_table().to_pylist()
    return sorted(found, key=_numbers)


def connection(store: Store) -> Any:
    return store.connection


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
        assert store.columns(name) == tuple(schema)
        told = getattr(tables, name).to_pylist()
        assert rows_of(store, name) == sorted(told, key=_numbers), name
    origins = rows_of(store, "origins")
    assert store.columns("origins") == tuple(ORIGINS)
    assert origins == [
        dict(zip(ORIGINS, (number, a.source_file, a.source_row, a.accepted, a.warned), strict=True))
        for number, a in enumerate(expected.admitted)
    ]


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
    "", " ", "(none)", " (none) ", "\u00a0", "\u200b", "a\u00a0", "\u00a0a", "NULL", "nan", "NaN", "inf", "-inf",
    "infinity", "epoch", "today", "1e3", "1e400", "0x10", "15.0", "+15", "-0", "007", "1.5", "121",
    "999999999.9999995", "٣", "½", "29/02/2023", "2023-02-29", "2024-02-29", "03/04/23", "2026-01-31", "1899-12-31",
    "1900-01-01", "2199-12-31", "2199-12-31T23:59", "2200-01-01", "0001-01-01", "2026-03-31T24:00", "2026-03-29T01:30",
    "2025-10-26T01:30", "2025-10-26T01:30:59", "2025-10-26 00:59:59", "2025-10-26T02:00:00", "2026-03-29",
    "2025-10-26", "2026-03-31T10:00Z", "2026-03-31T10:00:00.999", "2026-03-31T10:00+05:45", "2025-10-26T01:30+01:00",
    "2026-03-31t10:00", "2026-03-31T1:00", " 2026-03-31 ", "2026-03-31T10:60", "2026-03-31T10:00:60",
    "1968-10-27T00:00", "1971-10-31T02:30", "1941-05-04T01:30", "café", "cafe\u0301", "\u0301", "a\u0301\u0323",
    "a\u0323\u0301", "ﬁ", "\u212a", "\u1e9b\u0323", "\ufeffa", "\u2028", "日本", "é\u0344", "yes", "Yes", "YES", "yEs",
    " yes ", "no", "true", "FALSE", "1", "0", "y", "ye\u017f", "grooming", "grooming;", ";", " ; ", "grooming; hotel",
    "hotel;grooming;hotel", "grooming;(none)", "grooming,hotel", "groom ing", "Grooming", "missing_episode",
    " missing_episode", "female", "cse ;cce", "a;b", 'a"b', '"', "a\\b", "a\nb", "a\r\nb", "a\rb", "a\tb", "\ta",
    "a\x00b", "\x85a", "a\x85", "\x1fa", "a,b", "'", "SYN-C00001", "SYN-000001", "x", "🙂", "a\u200d", "\u3000a",
    "\ud7ff", "\ufffd", "child", "synthetic", "other system",
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
    "incident.indicators", "incident.other_forces", "child.id", "child.date_of_birth", "child.stated_age",
    "child.in_care",
    "missing.last_seen_at", "missing.located_at", "missing.returned_at", "missing.earlier_episodes", "suspect.id",
    "suspect.date_of_birth", "suspect.stated_age", "suspect.several", "action.referral.at", "action.referral.outcome",
    "action.see_child.contents", "action.see_child.at", "child.height",
)  # fmt: skip
SIDES = {
    "actions": ("incident.id", "child.id", "action.code", "action.at", "action.outcome", "action.reason",
                "action.agencies"),
    "suspects": ("incident.id", "child.id", "suspect.id", "suspect.date_of_birth", "suspect.stated_age",
                 "suspect.handle_id"),
    "markers": ("incident.id", "child.id", "marker.type", "marker.placed_at", "marker.target_id", "marker.review_due"),
}  # fmt: skip
GOOD: Mapping[str, Sequence[str]] = {
    "id": ("I1", "I2", "I3", "I4", "I5"), "child": ("C1", "C2", "C3", ""), "type": ("missing_episode", "assault"),
    "moment": ("2026-01-01", "2026-01-01T10:00", "2026-01-01T10:00", "2026-01-02 09:00:30", "2025-10-26T01:30", "", ""),
    "date": ("2010-05-05", "2012-02-29", "2026-01-01", ""), "number": ("13", "15", "15.5", "15.0", ""),
    "yes_no": ("yes", "no", ""), "codes": ("grooming", "hotel;grooming", "(none)", ""),
    "code": ("completed", "requested", ""),
    "text": ("north", "south", "élan", 'say "no"', "", ""),
}  # fmt: skip


def cells(column: str, *, hostile: int) -> st.SearchStrategy[str]:
    """Return cells of a column: mostly such as fit, one in some of any kind."""
    info = catalogue(Incident).get(f"action.{column.rpartition('.')[2]}" if column.count(".") == 2 else column)
    kind = {"incident.id": "id", "child.id": "child", "incident.type": "type"}.get(
        column, info.kind if info else "text"
    )
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


LAW = settings(
    max_examples=max(20, settings().max_examples // 5),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.large_base_example],
)


@LAW
@given(rows=tables(MAIN, needed=4, most=12), encoding=st.sampled_from(["utf-8", "utf-8", "utf-16", "cp1252"]),
       end=st.sampled_from(["\n", "\r\n"]))  # fmt: skip
def test_hostile_cells_are_read_alike(tmp_path: Path, rows: list[list[str]], encoding: str, end: str) -> None:
    path = tmp_path / "records.csv"
    path.write_bytes(encoded(as_csv(rows, end=end), encoding))
    both(path)


@LAW
@given(rows=tables(MAIN, needed=4, most=8, hostile=60), data=st.data())
def test_rows_of_lists_in_files_of_their_own_are_read_alike(
    tmp_path: Path, rows: list[list[str]], data: st.DataObject
) -> None:
    path = tmp_path / "records.csv"
    path.write_text(as_csv(rows), encoding="utf-8", newline="")
    given_: dict[str, Any] = {}
    for side in data.draw(st.lists(st.sampled_from(sorted(SIDES)), unique=True, min_size=1)):
        found = data.draw(tables(SIDES[side], needed=3 if side == "actions" else 2, most=8, hostile=60))
        given_[side] = tmp_path / f"{side}.csv"
        given_[side].write_text(as_csv(found), encoding="utf-8", newline="")
    both(path, **given_)


def test_clean_files_of_lists_are_read_without_the_model(tmp_path: Path) -> None:
    rng = random.Random(11)
    records = [
        record(n, suspect__id=f"S{n % 3}", suspect__several="yes", action__see_child__at="2026-03-02")
        for n in range(60)
    ]
    records += [record(n, child__id=f"D{n}", child__date_of_birth="2010-05-05") for n in range(0, 60, 4)]
    sides: dict[str, list[dict[str, str]]] = {"actions": [], "suspects": [], "markers": []}
    for turn in range(300):
        number = rng.randrange(60)
        key = {"incident.id": f"I{number}"} | ({"child.id": f"C{number}"} if rng.random() < 0.5 else {})
        when = f"2026-03-{rng.randrange(1, 28):02}T{rng.randrange(24):02}:{turn % 60:02}"
        outcome = rng.choice(("", "completed"))
        sides["actions"].append(key | {"action.code": f"a{turn}", "action.at": when, "action.outcome": outcome})
        sides["markers"].append(key | {"marker.target_id": f"T{turn}", "marker.placed_at": when, "marker.type": "cse"})
        age = rng.choice(("", "19", "30", "4.5"))
        sides["suspects"].append(
            key
            | {"suspect.handle_id": f"h{turn}", "suspect.stated_age": age, "suspect.id": rng.choice(("", f"X{turn}"))}
        )
    given_: dict[str, Any] = {
        side: write(tmp_path / f"{side}.csv", columns_of(*rows, {"child.id": ""}), rows) for side, rows in sides.items()
    }
    found = both(write(tmp_path / "records.csv", columns_of(*records), records), **given_)
    assert (found.handed_over, found.counts.read, found.counts.accepted) == (0, 975, 975)


SCRAPS = (
    '"',
    '""',
    ",",
    "\n",
    "\r\n",
    "\r",
    " ",
    "\t",
    "\x00",
    '",',
    ',"',
    '"\n',
    "x",
    "é",
    "\n\n",
    "\n \n",
    ",,",
    ", ",
)


@LAW
@given(rows=tables(MAIN, needed=4, most=6, hostile=60), end=st.sampled_from(["\n", "\r\n"]),
       scraps=st.lists(st.tuples(st.floats(0, 1), st.sampled_from(SCRAPS)), max_size=4))  # fmt: skip
def test_files_with_broken_lines_are_read_alike(
    tmp_path: Path, rows: list[list[str]], end: str, scraps: list[tuple[float, str]]
) -> None:
    text = as_csv(rows, end=end)
    begin = text.index(end) + len(end)
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


# ---- laws of the check -----------------------------------------------------------------------------------------------


@given(
    st.text(
        st.characters(max_codepoint=0x2100, exclude_categories=["Cs"]) | st.sampled_from("e\u0301\u0323\u0344\u1e9b"),
        max_size=8,
    )
)
def test_text_that_the_check_takes_is_text_that_the_model_takes(text: str) -> None:
    found = taken("incident.unit", [text])[0]
    assert found is None or found == parse_text(text)


def test_every_letter_that_the_check_takes_is_written_as_the_model_writes_it() -> None:
    letters = [chr(point) for point in range(1, 0x30000) if not 0xD800 <= point < 0xE000]
    words = [f"a{letter}\u0301b" for letter in letters]
    for cell, found in zip([*letters, *words], taken("incident.unit", [*letters, *words]), strict=True):
        assert found is None or found == parse_text(cell)


def taken(path: str, cells_: Sequence[str]) -> list[Any]:
    """Return what the check makes of cells of a field; None where it takes nothing."""
    store = Store()
    info = catalogue(Incident)[path]
    made = at_once_cells.read_cell(0, info, at_once_cells.how_read(Incident)[path], may_hold_nul=True, sorts=False)
    try:
        con = connection(store)
        con.execute("CREATE TABLE cells (row BIGINT, c0 VARCHAR)")
        con.register("given", at_once_cells.pa.table({"row": range(len(cells_)), "c0": list(cells_)}))
        con.execute("INSERT INTO cells SELECT * FROM given")
        query = f"FROM (FROM cells SELECT row, {made.cut} AS {made.cell}) SELECT {made.values['v0']} ORDER BY row"
        return [found for (found,) in con.execute(query).fetchall()]
    finally:
        store.close()


def test_the_check_takes_most_of_what_people_write() -> None:
    names = ["north", "Élan", "O\u2019Neill", "Ng\u00f4 B\u1ea3o", "£40", "a \u2013 b", "Zo\u00eb"]
    assert taken("incident.unit", names) == names


ZONES = (
    "Europe/London",
    "America/New_York",
    "America/Havana",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
    "UTC",
    "Asia/Kathmandu",
)


@pytest.mark.parametrize("name", ZONES)
def test_a_day_of_a_zone_begins_and_ends_when_zoneinfo_says(name: str) -> None:
    zone = ZoneInfo(name)
    days = at_once_cells.zone_days(zone).to_pylist()
    changing = [day for day in days if day["before"] != day["after"]]
    assert name in ("UTC", "America/Havana", "Asia/Kathmandu") or len(changing) > 50
    for day in [*changing, *random.Random(1).sample(days, 400)]:
        whole = Moment.whole_day(day["day"], zone=zone)
        assert (whole.earliest, whole.latest) == (day["begins"], day["ends"])


TURNS = ("2025-10-26T00:59", "2025-10-26T01:00", "2025-10-26T01:59:59", "2025-10-26T02:00", "2026-03-29T00:59:59",
         "2026-03-29T01:00", "2026-03-29T01:59:59", "2026-03-29T02:00", "2026-03-29", "2025-10-26", "1968-10-27T00:30",
         "1971-10-31T02:59", "1947-04-13T02:30", "1947-05-11T01:30", "1900-01-01", "2199-12-31", "2026-03-08T02:30",
         "2025-11-02T01:30", "2025-10-05T02:15", "2026-04-05T01:45", "2025-11-02T00:30")  # fmt: skip


@pytest.mark.parametrize("name", ZONES)
def test_the_hours_at_which_clocks_change_are_read_alike(table: Callable[..., Path], name: str) -> None:
    found = both(table(*(record(n, incident__occurred_at=when) for n, when in enumerate(TURNS))), pack=_in_zone(name))
    assert found.handed_over < len(TURNS) / 2


def _in_zone(name: str, model: type[Incident] = Incident) -> Pack:
    return dataclasses.replace(default_pack(record=model), zone_name=name)


# ---- what makes rows doubtful ----------------------------------------------------------------------------------------


def test_only_the_rows_of_a_doubtful_incident_go_through_the_model(table: Callable[..., Path]) -> None:
    found = both(
        table(
            record(1),
            record(1),
            record(2),
            record(3, incident__injury="big"),
            record(3, child__id="C9"),
            record(4, child__date_of_birth="2027-01-01"),
            record(5, incident__type=""),
            record(6),
        )
    )
    assert (found.handed_over, found.counts.read) == (6, 8)


def test_episodes_that_overlap_are_found_without_the_model(table: Callable[..., Path]) -> None:
    def episode(number: int, start: str, end: str, **more: str) -> dict[str, str]:
        more = {"child__id": "C1", "missing__located_at": end, "incident__source_system": "A"} | more
        return record(number, incident__type="missing_episode", missing__last_seen_at=start, **more)

    found = both(
        table(
            episode(1, "2026-01-01T10:00", "2026-01-05T10:00"),
            episode(2, "2026-01-02T10:00", "2026-01-03T10:00"),
            episode(3, "2026-01-04T10:00", "", incident__source_system="B"),
            episode(4, "2026-01-05T10:00", "2026-01-05T10:00"),
            episode(5, "2026-01-05T10:00", "2026-01-05T10:00"),
            episode(6, "2026-01-05T10:00", "soon"),
            episode(7, "2026-01-09", "2026-01-09"),
            episode(8, "2026-01-09", "2026-01-10", child__id="C2"),
        )
    )
    assert {warning.code for warning in found.warnings} == {"episodes_overlap", "probable_duplicate", "bad_value"}
    assert found.handed_over == 1


def test_one_event_that_two_systems_tell_is_found_without_the_model(table: Callable[..., Path]) -> None:
    def told(number: int, system: str, when: str) -> dict[str, str]:
        return record(number, child__id="C1", incident__source_system=system, incident__occurred_at=when)

    times = ("2026-01-01T10:00", "2026-01-01", "2026-01-01T11:00", "2026-01-02T10:00")
    found = both(
        table(*(told(n, system, when) for n, (system, when) in enumerate((s, w) for s in "ABA" for w in times)))
    )
    assert {warning.code for warning in found.warnings} == {"probable_duplicate"}
    assert found.handed_over == 0


def test_a_child_id_in_a_damaged_row_counts_where_a_row_that_no_model_reads_has_it(tmp_path: Path) -> None:
    path = tmp_path / "records.csv"
    path.write_text("child.id,incident.id,incident.type,incident.occurred_at\nC1,I1,assault,2026-01-01\nC1,I2\nC2,I3\n")
    found = both(path)
    assert [reject.child_id for reject in found.rejects] == ["C1", None]


# ---- models of one's own ---------------------------------------------------------------------------------------------


class LocalChild(Child):
    height: Text = Field(default=None, description="Height")
    short: Annotated[Text, Field(max_length=3)] = Field(default=None, description="A short word")


class LocalIncident(Incident):
    child: LocalChild = LocalChild()  # pyright: ignore[reportIncompatibleVariableOverride] - the record is frozen


class StrictIncident(Incident):
    @model_validator(mode="after")
    def _no_north(self) -> StrictIncident:
        if self.incident.unit == "north":
            message = "the unit north is closed"
            raise ValueError(message)
        return self


def test_a_field_with_a_check_of_its_own_goes_through_the_model_where_it_is_filled(table: Callable[..., Path]) -> None:
    pack = _in_zone("Europe/London", LocalIncident)
    records = [record(1, child__height="tall"), record(2, child__short="abc"), record(3, child__short="abcdef")]
    found = both(table(*records), pack=pack)
    assert (found.handed_over, found.counts.warned) == (2, 1)


def test_a_model_with_a_check_of_its_own_reads_every_row(table: Callable[..., Path]) -> None:
    pack = _in_zone("Europe/London", StrictIncident)
    found = both(table(record(1, incident__unit="north"), record(2, incident__unit="south")), pack=pack)
    assert (found.handed_over, [reject.source_row for reject in found.rejects]) == (2, [1])


# ---- kinds of file ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_packed_file_is_read_as_what_is_in_it(tmp_path: Path, kind: str, encoding: str) -> None:
    plain = tmp_path / "records.csv"
    write_canonical(plain, rows=30, seed=5, encoding=encoding)
    store, packed = Store(), tmp_path / "records.csv.packed"
    with at_once_cells.pa.output_stream(str(packed), compression=kind) as stream:
        stream.write(plain.read_bytes() + "SYN-BAD\r\n".encode(encoding.replace("16", "16-le")))
    found = read_into(store, packed, pack=PACK, as_of=AS_OF)
    assert (found.counts.accepted + found.counts.warned, [r.code for r in found.rejects]) == (30, ["ragged"])
    again = Store()
    read_into(again, plain, pack=PACK, as_of=AS_OF)
    assert rows_of(store, "records") == rows_of(again, "records")
    store.close()
    again.close()


def test_a_packed_file_that_is_cut_short_is_told(tmp_path: Path) -> None:
    write_canonical(tmp_path / "records.csv", rows=300, seed=5)
    packed = tmp_path / "records.csv.gz"
    packed.write_bytes(gzip.compress((tmp_path / "records.csv").read_bytes())[:-2000])
    with pytest.raises(RecordError, match="cannot be read"):
        read_into(Store(), packed, pack=PACK, as_of=AS_OF)
    assert find(tmp_path / "records.csv").encoding == "utf-8"


def test_a_pattern_names_its_files_in_order_of_their_names(tmp_path: Path) -> None:
    for number, name in enumerate(("b.csv", "a.csv", "c[1].csv")):
        write(tmp_path / name, columns_of(record(1)), [record(number)])
    names = [tmp_path / name for name in ("a.csv", "b.csv", "c[1].csv")]
    both(tmp_path / "*.csv", as_read=[str(name) for name in names])
    assert expand(tmp_path / "c[1].csv") == [tmp_path / "c[1].csv"]
    with pytest.raises(RecordError, match="no file fits this pattern"):
        expand(tmp_path / "*.parquet")


def test_json_lines_are_read_alike_beside_csv(tmp_path: Path) -> None:
    lines = [
        {"incident": {"id": f"I{n}", "type": "assault", "occurred_at": "2026-01-01"}, "done": [{"code": "x"}]}
        for n in range(3)
    ]
    (tmp_path / "records.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n{oops\n")
    path = write(tmp_path / "records.csv", columns_of(record(1)), [record(1), record(2) | {"child.id": ""}, record(8)])
    found = both(path, tmp_path / "records.jsonl")
    assert found.handed_over == 3


# ---- JSON lines ------------------------------------------------------------------------------------------------------

GROUPED = tuple(path for path in MAIN if path.count(".") == 1 and not path.startswith("suspect."))
ITEMS = {
    "done": ("action.code", "action.at", "action.outcome", "action.reason", "action.agencies"),
    "suspects": ("suspect.id", "suspect.date_of_birth", "suspect.stated_age", "suspect.handle_id", "suspect.several"),
    "markers": ("marker.type", "marker.placed_at", "marker.target_id", "marker.review_due"),
}
ODD: Sequence[Any] = (None, None, "", 15, 15.5, -1, 0.1234567, 1e30, 10**12, True, False, [], ["hotel"],
                      ["hotel", "grooming"], ["a;b"], [1], {}, {"a": 1}, "\ud800")  # fmt: skip
STRAY: Sequence[dict[str, Any]] = (
    {"holds": {"actions": "none"}}, {"holds": {"markers": "?"}}, {"holds.suspects": False}, {"holds": 1}, {"done": 1},
    {"suspects": [1]}, {"nonsense": 1}, {"child.nonsense": 1}, {"child": 1}, {"action.code": "x"}, {"action": []},
)  # fmt: skip


def typed(path: str, cell: str) -> Any:
    """Return a cell as JSON may hold it: a number, yes or no, or a list, where it is one."""
    info = catalogue(Incident).get(path)
    kind = info.kind if info else "text"
    if kind == "number" and cell.isascii() and cell.isdecimal() and not cell.startswith("0"):
        return int(cell)
    if kind == "codes" and ";" in cell:
        return cell.split(";")
    return {"yes": True, "no": False}.get(cell, cell) if kind == "yes_no" else cell


@st.composite
def values(draw: st.DrawFn, path: str, *, hostile: int) -> Any:
    if draw(st.integers(0, hostile)) == 0:
        return draw(st.sampled_from(ODD))
    cell = draw(cells(path, hostile=hostile)) or None
    return typed(path, cell) if cell is not None and draw(st.booleans()) else cell


@st.composite
def objects(draw: st.DrawFn, *, hostile: int = 60) -> dict[str, Any]:
    """Draw a record as JSON: groups nested or dotted, lists of items, and here and there what should not be there."""
    found: dict[str, Any] = {}
    for path in [*MAIN[:3], "child.id", *draw(st.lists(st.sampled_from(GROUPED[3:]), unique=True, max_size=8))]:
        group, _, name = path.partition(".")
        value = draw(values(path, hostile=hostile))
        if draw(st.booleans()):
            found[path] = value
        else:
            found.setdefault(group, {})[draw(st.sampled_from([name, name, path]))] = value
    for attribute in draw(st.lists(st.sampled_from(sorted(ITEMS)), unique=True)):
        columns = draw(st.lists(st.sampled_from(ITEMS[attribute]), unique=True, max_size=3))
        columns += ["action.code"] if attribute == "done" and draw(st.integers(0, 9)) else []
        item = st.fixed_dictionaries({path.partition(".")[2]: values(path, hostile=hostile) for path in columns})
        found[attribute] = draw(st.lists(item, max_size=3))
    return found | (draw(st.sampled_from(STRAY)) if draw(st.integers(0, 9)) == 0 else {})


NO_ACTIONS: Mapping[str, Any] = {"holds": {"actions": "none"}}


@LAW
@given(records=st.lists(objects(), min_size=1, max_size=8), holds=st.sampled_from([{}, {}, NO_ACTIONS]),
       scrap=st.sampled_from(["", "", "", "{oops", "[]", '{"a":1,"a":2}', "\n", '{"child": {"id": NaN}}']))  # fmt: skip
def test_json_lines_are_read_alike(
    tmp_path: Path, records: list[dict[str, Any]], holds: Mapping[str, Any], scrap: str
) -> None:
    path = tmp_path / "records.jsonl"
    written = [json.dumps({**holds, **found}) for found in records]
    path.write_text("\n".join([*written[:1], scrap, *written[1:]]) + "\n", encoding="utf-8")
    both(path)


@pytest.mark.parametrize(
    "line",
    [
        {"child.id": None, "child": {"id": "C1"}},
        {"child": {"id": "C1", "child.id": None}},
        {"child": {"child.id": None, "id": "C1"}},
        {"child": {"id": "C1"}, "child.id": "C2"},
    ],
)
def test_a_field_that_stands_twice_in_a_line_is_read_alike(tmp_path: Path, line: dict[str, Any]) -> None:
    least = {"incident.id": "I1", "incident.type": "assault", "incident.occurred_at": "2026-01-01"}
    (tmp_path / "records.jsonl").write_text(json.dumps(least | line) + "\n")
    assert both(tmp_path / "records.jsonl").handed_over == 1


def test_no_plain_line_goes_through_the_model(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number, found in enumerate(generate(300, seed=1)):
            plain: dict[str, Any] = {p: cell for p, cell in found.items() if cell and p in GROUPED}
            plain["suspects"] = [{"stated_age": 35, "handle_id": f"h{number}"}, {"id": f"S{number}"}]
            plain["done"] = [{"code": "see_child", "at": "2026-03-01T10:00", "agencies": ["police", "health"]}]
            file.write(json.dumps(plain | {"markers": [], "holds": {"markers": False}}) + "\n")
    found_all = both(path)
    assert (found_all.counts.read, found_all.counts.rejected, found_all.handed_over) == (300, 0, 0)


MISSING = {
    "CHILD": ("C1", "C2", "C3", "", "NULL"), "DOB": ("01/02/2012", "1/2/2012", "29/02/2023", "", "x"),
    "MISSING": ("M", "A", "m", "", "?"), "MIS_START": ("01/05/2025", "3/5/2025", "26/10/2025", "", "2025-05-01"),
    "MIS_END": ("02/05/2025", "04/05/2025", "01/01/2025", "", "later"),
}  # fmt: skip
POLICE = """
mapping: police
label: Incidents with tests, lists and formats
language: 1
tables:
  log: {headers: [REF, KIND, WHEN, AT, CHILD, ROLE, SIGNS, CARE, AGE, S_ID, S_AGE, UNIT], rows: records,
        keep: {none: [{UNIT: {in: [other]}}]}, child: {ROLE: {in: [V, ""]}}, other: {ROLE: {in: [W]}}}
read: {dates: [dd/mm/yyyy], list: "|", decimal: ",", value_case: ignore, code_prefix: [")"]}
holds: {actions: none, markers: no, contact: no, suspects: yes, indicators: yes}
fields:
  incident.id: {text: "P-{log.REF}", upper: true}
  incident.type: {from: log.KIND, values: {a: assault, m: missing_episode}, otherwise: reject}
  incident.occurred_at: {date: log.WHEN, time: log.AT, time_as: [hh:mm, hhmm]}
  incident.unit: log.UNIT
  incident.indicators: log.SIGNS
  child.id: {from: log.CHILD, pad: 3}
  child.in_care: {from: log.CARE, values: {y: yes, n: no, "?": blank}, otherwise: warn}
  child.stated_age: {first_of: [log.AGE, log.S_AGE], differ: warn}
  suspect.id: log.S_ID
"""
LOG = {
    "REF": ("1", "2", "3", "4", "a1", ""), "KIND": ("a", "M", "z", ""), "WHEN": ("01/02/2026", "26/10/2025", "x", ""),
    "AT": ("10:00", "0130", "01:30", "25:00", ""), "CHILD": ("7", "12", "C9", ""), "ROLE": ("V", "v", "", "W", "X"),
    "SIGNS": ("grooming", "hotel|grooming", "a) hotel", "nonsense", ""), "CARE": ("y", "N", "?", "x", ""),
    "AGE": ("13", "14,5", "x", "121", ""), "S_ID": ("", "", "", "S1"), "S_AGE": ("", "", "13", "40"),
    "UNIT": ("north", "e\u0301lan", " x ", "(none)", "other", ""),
}  # fmt: skip


@st.composite
def mapped_rows(draw: st.DrawFn, columns: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Draw a table whose cells are mostly the first ones of their columns."""
    rows = st.tuples(*(st.sampled_from([*of, *[*of[:2]] * 4]) for of in columns.values()))
    return [list(columns), *map(list, draw(st.lists(rows, min_size=1, max_size=10)))]


@LAW
@given(rows=mapped_rows(MISSING), ragged=st.sampled_from(["", "", "C1,x\n"]))
def test_missing_episodes_of_a_mapping_are_read_alike(tmp_path: Path, rows: list[list[str]], ragged: str) -> None:
    path = tmp_path / "missing.csv"
    path.write_text(as_csv(rows) + ragged, encoding="utf-8", newline="")
    both(path, mapping="ssda903")


@LAW
@given(rows=mapped_rows(LOG))
def test_files_of_a_mapping_with_tests_and_formats_are_read_alike(tmp_path: Path, rows: list[list[str]]) -> None:
    (tmp_path / "police.mapping.yaml").write_text(POLICE, encoding="utf-8")
    path = tmp_path / "log.csv"
    path.write_text(as_csv(rows), encoding="utf-8", newline="")
    both(path, mapping=tmp_path / "police.mapping.yaml")


def test_no_plain_row_of_a_mapping_goes_through_the_model(tmp_path: Path) -> None:
    rows = [["CHILD", "DOB", "MISSING", "MIS_START", "MIS_END"]]
    rows += [[f"C{n}", "01/02/2012", "MA"[n % 2], f"{1 + n % 9:02}/05/2025", "20/05/2025"] for n in range(200)]
    (tmp_path / "missing.csv").write_text(as_csv(rows))
    found = both(tmp_path / "missing.csv", mapping="ssda903")
    assert (found.counts.read, found.counts.rejected, found.handed_over) == (200, 0, 0)


def test_files_of_a_mapping_are_read_alike(tmp_path: Path) -> None:
    path = tmp_path / "missing.csv"
    path.write_text(
        "CHILD,DOB,MISSING,MIS_START,MIS_END\nC1,01/02/2012,M,01/05/2025,02/05/2025\nC1,,M,01/06/2025,soon\n"
    )
    found = both(path, mapping="ssda903")
    assert found.handed_over == 1


def test_a_parquet_file_is_read_as_the_csv_of_its_values(tmp_path: Path) -> None:
    pa = at_once_cells.pa
    values = {
        "incident.id": ["I1", "I2", "I3"],
        "incident.type": pa.array(["assault", "assault", "nonsense"]).dictionary_encode(),
        "incident.occurred_at": [datetime(2026, 1, 1, 10, 0, 5), datetime(2026, 3, 29, 1, 30), None],  # noqa: DTZ001
        "incident.reported_at": pa.array([datetime(2026, 7, 1, 9, tzinfo=UTC), None, None]),
        "child.date_of_birth": [date(2012, 2, 29), None, None], "child.in_care": [True, False, None],
        "child.stated_age": [13.0, None, 121.0], "incident.indicators": [["hotel", "grooming"], [], None],
        "child.id": pa.array(["C1", "", None], pa.large_string()),
        "missing.earlier_episodes": pa.array([3, None, None], pa.int8()),
    }  # fmt: skip
    PARQUET.write_table(pa.table(values), tmp_path / "records.parquet")
    as_text = [
        ["I1", "assault", "2026-01-01T10:00:05", "2026-07-01T09:00:00Z", "2012-02-29", "true", "13.0",
         "hotel;grooming", "C1", "3"],
        ["I2", "assault", "2026-03-29T01:30:00", "", "", "false", "", "(none)", "", ""],
        ["I3", "nonsense", "", "", "", "", "121.0", "", "", ""],
    ]  # fmt: skip
    (tmp_path / "same").mkdir()
    same = tmp_path / "same" / "records.csv"
    same.write_text(as_csv([list(values), *as_text]))
    store, expected = Store(), read(same)
    found = read_into(store, tmp_path / "records.parquet", pack=PACK, as_of=AS_OF)
    assert [(r.source_row, r.code) for r in found.rejects] == [(r.source_row, r.code) for r in expected.rejects]
    assert [w.message for w in found.warnings] == [w.message for w in expected.warnings]
    assert found.counts == expected.counts
    tables_ = gathered([World(expected.incidents, AS_OF)], PACK, zone=PACK.zone)
    assert rows_of(store, "records") == tables_.records.to_pylist()
    store.close()


def test_a_parquet_column_that_has_no_text_is_told(tmp_path: Path) -> None:
    pa = at_once_cells.pa
    table_ = pa.table({"incident.id": ["I1"], "incident.type": [{"a": 1}], "incident.occurred_at": ["2026-01-01"]})
    PARQUET.write_table(table_, tmp_path / "records.parquet")
    with pytest.raises(RecordError, match=r"incident\.type is of a kind that is not read"):
        read_into(Store(), tmp_path / "records.parquet", pack=PACK, as_of=AS_OF)


def test_a_cell_of_two_megabytes_is_refused_alike(table: Callable[..., Path]) -> None:
    found = both(
        table(
            record(1),
            record(2, incident__narrative="x" * 2_000_000),
            record(3),
            record(4, incident__unit="y" * 131_072),
        )
    )
    assert [(reject.source_row, reject.code) for reject in found.rejects] == [(2, "too_long")]


def test_a_file_that_is_given_twice_is_refused(table: Callable[..., Path]) -> None:
    path = table(record(1))
    with pytest.raises(RecordError, match="given twice"):
        read_into(Store(), path, path, pack=PACK, as_of=AS_OF)
    with pytest.raises(TypeError, match="at least one path"):
        read_into(Store(), pack=PACK, as_of=AS_OF)
