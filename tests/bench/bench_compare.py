"""How the files of a run differ from those of the SQL: line by line and in order, or in their counts where many.

`python tests/bench/bench_compare.py OURS THEIRS --rows 1000` says so and fails where they differ.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import bench_sql
from hand_words import text

from riskflags.report.tables import TABLES

ALL_COMPARED = 100_000
"""Rows up to which every line of the two is compared; above, their counts."""
_COUNTED = {
    "flags": "rule_id, severity", "requirements": "action, state, severity", "undecided": "rule_id, needs",
    "grades": "grade", "not_assessed": "rule_id", "rejects": "code", "warnings": "code",
}  # fmt: skip


def differences(ours: Path, theirs: Path, *, rows: int) -> list[str]:
    """Return how the files of riskflags differ from those of the SQL: in their lines, or in their counts if many."""
    con: Any = bench_sql.duckdb.connect()
    found: list[str] = []
    for name in TABLES:
        sides = [text(str(side / f"{name}.parquet")) for side in (ours, theirs)]
        lines = [f"SELECT row_number() OVER () AS line, * FROM {side}" for side in sides]
        if rows > ALL_COMPARED:
            lines = [f"SELECT {_COUNTED[name]}, count(*) FROM {side} GROUP BY ALL" for side in sides]
        only_ours, only_theirs = (
            con.execute(f"SELECT count(*) FROM ({first} EXCEPT ALL {second})").fetchall()[0][0]
            for first, second in (lines, lines[::-1])
        )
        if only_ours or only_theirs:
            found.append(f"{name}: {only_ours} only of riskflags, {only_theirs} only of the SQL")
    con.close()
    return found


def main() -> None:
    """Compare two folders."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("ours", type=Path)
    parser.add_argument("theirs", type=Path)
    parser.add_argument("--rows", type=int, required=True)
    asked = parser.parse_args()
    if found := differences(asked.ours, asked.theirs, rows=asked.rows):
        raise SystemExit("\n".join(found))


if __name__ == "__main__":
    main()
