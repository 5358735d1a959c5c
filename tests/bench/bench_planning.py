"""What a pack costs before there are records: loading it, writing its statements, and DuckDB planning them.

Ten rows are decided, so hardly any of the time of a statement is that of rows. `python tests/bench/bench_planning.py
--rules 300` prints what it found as JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench_packs import write_pack
from bench_records import AS_OF, write_records

from riskflags import Pack
from riskflags.batch import Plan, Store
from riskflags.intake.at_once import read_into
from riskflags.record import Names


@dataclass(frozen=True, slots=True)
class Planned:
    """Seconds to load a pack, to write its statements, and for DuckDB to plan and run them on ten rows."""

    rules: int
    load: float
    text: float
    duckdb: float
    statements: int


class _Timed:
    """A connection that adds up how long its statements take."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.seconds, self.statements = 0.0, 0

    def _time(self, call: Any, *arguments: Any) -> Any:
        begun = time.perf_counter()
        found = call(*arguments)
        self.seconds += time.perf_counter() - begun
        self.statements += 1
        return found

    def execute(self, *arguments: Any) -> Any:
        return self._time(self._connection.execute, *arguments)

    def sql(self, *arguments: Any) -> Any:
        return self._time(self._connection.sql, *arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def planned(rules: int) -> Planned:
    """Plan a pack of so many rules over ten rows."""
    with TemporaryDirectory() as folder:
        write_records(Path(folder) / "ten.csv", rows=10)
        write_pack(Path(folder) / "pack", rules=rules)
        begun = time.perf_counter()
        pack = Pack.load(Path(folder) / "pack").with_drafts()
        loaded = time.perf_counter() - begun
        store = Store()
        as_of = datetime.fromisoformat(AS_OF).replace(tzinfo=pack.zone)
        intake = read_into(store, Path(folder) / "ten.csv", pack=pack, as_of=as_of)
        timed = _Timed(store.connection)
        store.connection = timed
        begun = time.perf_counter()
        Plan(Names.of(pack), store, intake.holds, only={}).run()
        total = time.perf_counter() - begun
        store.close()
    return Planned(rules, loaded, total - timed.seconds, timed.seconds, timed.statements)


def main() -> None:
    """Plan a pack."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--rules", type=int, default=30)
    print(json.dumps(asdict(planned(parser.parse_args().rules))))  # noqa: T201 - a command


if __name__ == "__main__":
    main()
