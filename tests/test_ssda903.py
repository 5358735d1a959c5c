"""A file of a format that this project did not invent, end to end, against a count made by hand from its cells.

The oracle below reads the file with the csv module alone and knows nothing of riskflags.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import pytest

from riskflags.samples.generate import Damaged, write_ssda903

if TYPE_CHECKING:
    from pathlib import Path

ROWS, DAMAGED = 2_000, 40
AS_OF = "2026-10-31T17:00"


class Ran(NamedTuple):
    """A run over the file: the file, its damaged rows, the folder of the output, and what was printed."""

    file: Path
    damaged: tuple[Damaged, ...]
    out: Path
    printed: str


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("ssda903")
    file = folder / "missing.csv"
    damaged = write_ssda903(file, rows=ROWS, seed=903, damaged=DAMAGED)
    command = [sys.executable, "-m", "riskflags", "run", str(file), "--mapping", "ssda903"]
    done = subprocess.run(
        [*command, "--as-of", AS_OF, "--out", str(folder / "out")], capture_output=True, text=True, check=True
    )
    return Ran(file, damaged, folder / "out", done.stdout)


def table(out: Path, name: str) -> list[dict[str, str]]:
    with (out / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def day(cell: str) -> date | None:
    try:
        return datetime.strptime(cell.strip(), "%d/%m/%Y").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return None


def _birthday(born: date) -> tuple[int, int]:
    return (3, 1) if (born.month, born.day) == (2, 29) else (born.month, born.day)


def by_hand(file: Path) -> dict[tuple[str, str, str], str]:
    """Return what repeat-missing must say of each record, by child, kind and start as they are written."""
    with file.open(encoding="utf-8", newline="") as stream:
        header, *rows = list(csv.reader(stream))
    assert header == ["CHILD", "DOB", "MISSING", "MIS_START", "MIS_END"]
    episodes: dict[str, set[tuple[date, str, str, date | None]]] = defaultdict(set)
    perhaps: Counter[str] = Counter()
    for row in rows:
        whole = len(row) == len(header)
        child = row[0].strip() if row else ""
        cells = dict(zip(header, (cell.strip() for cell in row), strict=False))
        start = day(cells.get("MIS_START", ""))
        end = day(cells.get("MIS_END", ""))
        if not whole or start is None or not child or (end is not None and end < start):
            perhaps[child] += 1
        else:
            episodes[child].add((start, cells["MISSING"].upper(), cells["MIS_START"], day(cells["DOB"])))
    said: dict[tuple[str, str, str], str] = {}
    for child, found in episodes.items():
        for start, kind, written, born in found:
            counting = [s for s, k, _, _ in found if k != "A" and start - timedelta(days=90) < s <= start]
            grown = born is not None and start >= date(born.year + 18, *_birthday(born))
            said[child, kind, written] = (
                "clears" if kind == "A" or grown
                else "fires" if len(counting) >= 3
                else "undecided" if len(counting) + perhaps[child] >= 3
                else "clears"
            )  # fmt: skip
    return said


def test_every_row_is_accounted_for(ran: Ran) -> None:
    _, _, out, _ = ran
    rows = json.loads((out / "summary.json").read_text(encoding="utf-8"))["rows"]
    assert rows["read"] == ROWS
    assert rows["accepted"] + rows["warned"] + rows["rejected"] + rows["out_of_scope"] + rows["not_yet"] == ROWS
    assert rows["accepted"] + rows["warned"] + rows["rejected"] == ROWS
    assert rows["rejected"] == len(table(out, "rejects"))


def test_every_damaged_row_is_named_with_its_column_and_what_was_expected(ran: Ran) -> None:
    _, damaged, out, _ = ran
    assert len(damaged) == DAMAGED
    rejects = {int(row["source_row"]): row for row in table(out, "rejects")}
    warnings = defaultdict(list)
    for row in table(out, "warnings"):
        warnings[int(row["source_row"])].append(row)
    for harm in damaged:
        if harm.row in rejects:
            reject = rejects[harm.row]
            assert reject["column"]
            assert reject["expected"]
            assert reject["code"]
        else:
            said = [row["message"] for row in warnings[harm.row]]
            assert any(harm.column in message and "expected" in message for message in said), harm
    assert set(rejects) <= {harm.row for harm in damaged}


def test_repeat_missing_says_what_a_count_by_hand_says(ran: Ran) -> None:
    file, _, out, _ = ran
    expected = by_hand(file)
    ids = {f"903-{child}-{kind}-{written}".upper(): verdict for (child, kind, written), verdict in expected.items()}
    fired = {row["incident_id"] for row in table(out, "flags") if row["rule_id"] == "repeat-missing"}
    unsure = {row["incident_id"] for row in table(out, "undecided") if row["rule_id"] == "repeat-missing"}
    assert fired == {record for record, verdict in ids.items() if verdict == "fires"}
    assert unsure == {record for record, verdict in ids.items() if verdict == "undecided"}
    assert fired
    assert unsure
    needs = [row["needs"].split(";") for row in table(out, "undecided") if row["rule_id"] == "repeat-missing"]
    assert all(need.startswith("rejected:") for row in needs for need in row)


def test_nothing_is_called_overdue_since_the_source_holds_no_action(ran: Ran) -> None:
    _, _, out, printed = ran
    requirements = table(out, "requirements")
    assert requirements
    assert {row["state"] for row in requirements} == {"cannot_tell"}
    assert not re.search(r"\d overdue|hours? overdue|days? overdue", printed)
