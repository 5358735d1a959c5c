"""A run takes the way that is quicker for its files, or the only one that reads them."""

from __future__ import annotations

import gzip
import os
from typing import TYPE_CHECKING

import pytest

from riskflags.cli import run
from riskflags.cli.inputs import Inputs, Terms
from riskflags.cli.run import RunOptions
from riskflags.cli.sizes import AT_ONCE_FROM, pays_at_once
from riskflags.samples.generate import write_canonical

if TYPE_CHECKING:
    from pathlib import Path


def test_the_rows_of_all_files_together_are_told_by_their_first_ones(tmp_path: Path) -> None:
    few, half, rest = (tmp_path / f"{name}.csv" for name in ("few", "half", "rest"))
    write_canonical(few, rows=AT_ONCE_FROM * 7 // 10, seed=1)
    write_canonical(half, rows=AT_ONCE_FROM * 6 // 10, seed=2)
    write_canonical(rest, rows=AT_ONCE_FROM * 6 // 10, seed=3)
    assert not pays_at_once([str(few)])
    assert not pays_at_once([str(half)])
    assert pays_at_once([str(half), str(rest)])


def test_one_row_without_an_end_and_what_is_no_file_are_few_rows(tmp_path: Path) -> None:
    (tmp_path / "long.csv").write_bytes(b"x" * 10_000_000)
    (tmp_path / "empty.csv").touch()
    assert not pays_at_once([str(tmp_path / name) for name in ("long.csv", "empty.csv", "none.csv", "")])


def test_what_the_database_alone_reads_goes_there(tmp_path: Path) -> None:
    (tmp_path / "packed.csv").write_bytes(gzip.compress(b"incident.id\n"))
    (tmp_path / "[1].csv").touch()
    assert pays_at_once([str(tmp_path / "packed.csv")])
    assert pays_at_once([str(tmp_path / "2026-*.csv")])
    assert not pays_at_once([str(tmp_path / "[1].csv")])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_told_by_intake(tmp_path: Path) -> None:
    (tmp_path / "locked.csv").touch(mode=0)
    assert not pays_at_once([str(tmp_path / "locked.csv")])


@pytest.mark.parametrize(
    ("changes", "is_at_once"),
    [
        ({}, True),
        ({"backend": "duckdb"}, True),
        ({"backend": "record"}, False),
        ({"form": "xlsx"}, False),
        ({"terms": Terms(show_personal=True)}, False),
    ],
)
def test_what_needs_the_records_keeps_them(tmp_path: Path, changes: dict[str, object], *, is_at_once: bool) -> None:
    path = tmp_path / "incidents.csv"
    path.write_text("incident.id\n" * (AT_ONCE_FROM + 1))
    options = RunOptions(**({"inputs": Inputs((str(path),)), "terms": Terms()} | changes))  # type: ignore[arg-type]
    assert run._at_once(options) is is_at_once  # noqa: SLF001
