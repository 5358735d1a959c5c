"""Assessing many records: one after another, and all at once on DuckDB, with the shipped pack.

`pytest tests/bench/test_in_batch.py` shows both beside each other for 300 and 3,000 generated incidents. The batch has
its statements to plan, whatever the number of records: the more there are, the more it gains.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from riskflags import Engine, Incident, default_pack, read
from riskflags.samples.generate import write_canonical

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from riskflags.engine import Backend

NOW = datetime(2026, 4, 1, 9, tzinfo=ZoneInfo("Europe/London"))


@cache
def incidents(rows: int) -> tuple[Incident, ...]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "incidents.csv"
        write_canonical(path, rows=rows, seed=1)
        return read(path).incidents


@pytest.mark.parametrize("rows", [300, 3_000])
@pytest.mark.parametrize("backend", ["record", "duckdb"])
def test_assess_many(benchmark: BenchmarkFixture, backend: Backend, rows: int) -> None:
    engine, some = Engine(default_pack()), incidents(rows)

    def assess() -> int:
        return sum(1 for _ in engine.assess_many(some, as_of=NOW, backend=backend, verify=0))

    assert benchmark(assess) == len(some)
