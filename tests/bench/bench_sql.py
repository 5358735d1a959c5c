"""The rival: the rules of the benchmarks as DuckDB SQL, laid out as one who writes it by hand for these files would.

It does what a run of riskflags does on the same file: it checks every cell, decides in three values with what is
missing, tells the evidence of the flags that fired, sets deadlines in hours and working days, says where every
requirement stands, and writes the same files in the same order. Of what the general engine can do it does only what
these columns and rules need: one file, one suspect a row, times to the minute or the day, no second version of a rule.
Cells that it does not take are told as rejects; no model reads them again.

A few hundred rules are typed by nobody, so the text of a rule is put together from its condition, in a few lines for
each operator. The layout is by hand: windows over the few columns that they read, all verdicts in one pass, one
filtered SELECT for each rule, deadlines from the wide table of verdicts, evidence joined back for the records that
fired alone, and what is sorted are numbers. The statements are in `hand_intake.py`, `hand_verdicts.py` and
`hand_results.py`.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_records import AS_OF
from bench_rules import ACTIONS, BASE, look_ups_of, rules_of
from hand_intake import facts, header, overlaps
from hand_results import evidence, flags, readers_of, requirements, undecided
from hand_verdicts import YEARS_OF, looked, verdicts, working
from hand_words import LONDON, NO_TEXTS, RANKS, SHOWN, days, either, name, summers, text, texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench_rules import Rule

duckdb: Any = import_module("duckdb")  # its types are partly unknown

# ---- files -----------------------------------------------------------------------------------------------------------


def _copy(query: str, path: Path) -> str:
    return f"COPY ({query}) TO {text(str(path))} (FORMAT parquet)"


def _local(seconds: str) -> str:
    """Return UTC seconds as local text with the offset."""
    spans = (
        f"({seconds} >= {int(start.replace(tzinfo=UTC).timestamp())} "
        f"AND {seconds} < {int(end.replace(tzinfo=UTC).timestamp())})"
        for start, end in summers()
    )
    summer = either(spans)
    shifted = f"make_timestamp(({seconds} + CASE WHEN {summer} THEN 3600 ELSE 0 END) * 1000000)"
    return f"strftime({shifted}, '%Y-%m-%dT%H:%M:%S') || CASE WHEN {summer} THEN '+01:00' ELSE '+00:00' END"


def _written(rules: Sequence[Rule], file: str, as_of: datetime) -> dict[str, str]:
    """Return the query of each file: what is sorted are numbers, and what is the same in many rows is put in after."""
    when, source = text(as_of.isoformat()), text(file)
    nothing = {
        "grades": "incident_id, child_id, grade, could_be, needs, as_of, source_file, source_row",
        "not_assessed": "source_file, rule_code, rule_id, fields, records",
    }
    rule_code, rule_id = "printf('X%03d', number) AS rule_code", "printf('bench-%03d', number) AS rule_id"
    severity = f"[{texts(['', '', *sorted(RANKS, key=RANKS.__getitem__)])}][rank + 1] AS severity"
    keys, labels = sorted(ACTIONS), [ACTIONS[key] for key in sorted(ACTIONS)]
    action = f"[{texts(keys)}][number + 1] AS action, [{texts(key.upper() for key in keys)}][number + 1] AS action_code"
    found = {
        "flags": (
            f"SELECT incident_id, child_id, suspect_id, {rule_code}, {rule_id}, 1 AS rule_version, {severity}, "
            f"severity AS could_be, {NO_TEXTS} AS severity_needs, 'child' AS about, message, "
            f"because[1:{SHOWN}] AS because, len(because) AS because_count, {when} AS as_of, {source} AS source_file, "
            f"row AS source_row FROM (FROM flags ORDER BY rank DESC, number, place)"
        ),
        "requirements": (
            f"SELECT incident_id, child_id, NULL::VARCHAR AS suspect_id, {action}, "
            f"[{texts(labels)}][number + 1] AS label, 'officer' AS owner, {_local('low')} AS due_from, "
            f"CASE WHEN low = high THEN due_from ELSE {_local('high')} END AS due_at, state, recorded_at, "
            f"recorded_outcome, NULL::VARCHAR AS recorded_by, short_of, needs, state IN ('overdue', 'done_late') "
            f"AS is_gap, {severity}, rules, {when} AS as_of, {source} AS source_file, row AS source_row "
            f"FROM (FROM requirements ORDER BY rank DESC, number, place)"
        ),
        "undecided": (
            f"SELECT incident_id, child_id, suspect_id, {rule_code}, {rule_id}, {severity}, needs, {when} AS as_of "
            f"FROM (FROM undecided ORDER BY rank DESC, number, place)"
        ),
        "rejects": (
            f"SELECT {source} AS source_file, row AS source_row, child_id, "
            "array_to_string(bad, ', ') AS \"column\", 'not_taken' AS code, NULL::VARCHAR AS expected, "
            "'the cell is not taken' AS message FROM refused ORDER BY row"
        ),
        "warnings": (
            f"SELECT w.id AS incident_id, w.child AS child_id, {source} AS source_file, w.row AS source_row, "
            "'missing.last_seen_at' AS field, 'episodes_overlap' AS code, 'the episode overlaps ' || o.id || "
            f"' (row ' || format('{{:,}}', o.row) || ' of ' || {source} || '): "
            f"expected a start after the end of the child''s episode "
            f"before; both are counted' AS message FROM ({overlaps()[1]}) w JOIN episodes o ON o.row = w.other "
            "ORDER BY w.row"
        ),
    }
    for one, columns in nothing.items():
        found[one] = "SELECT " + ", ".join(f"NULL AS {column}" for column in columns.split(", ")) + " LIMIT 0"
    return found


def run(file: Path, rules: Sequence[Rule], folder: Path, *, memory_limit: str | None = None) -> None:
    """Read a file, decide all rules and write the files of a run into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {"temp_directory": str(folder / "spill")} | ({"memory_limit": memory_limit} if memory_limit else {})
    con = duckdb.connect(config=settings)
    as_of = datetime.fromisoformat(AS_OF).replace(tzinfo=LONDON)
    for statement in statements(file, rules, as_of=as_of):
        con.execute(statement)
    ((repeats,),) = con.execute("SELECT repeats FROM taken").fetchall()
    if repeats:
        msg = f"{repeats} records have more than one row: the rival puts no rows together"
        raise ValueError(msg)
    for one, query in _written(rules, str(file), as_of).items():
        con.execute(_copy(query, folder / f"{one}.parquet"))
    (folder / "summary.json").write_text(json.dumps(_summary(con, as_of), indent=1), encoding="utf-8")
    con.close()


def statements(file: Path, rules: Sequence[Rule], *, as_of: datetime) -> Iterator[str]:
    """Yield the statements that lead from a file to the tables of results."""
    seconds = int(as_of.timestamp())
    yield YEARS_OF
    yield f"CREATE TABLE days AS {days(sorted({amount for _, (_, amount) in working(rules)}) or [1])}"
    yield facts(file)
    yield "SET preserve_insertion_order = false"
    yield overlaps()[0]
    yield 'CREATE TABLE refused AS SELECT row, "child.id" AS child_id, bad FROM facts WHERE bad IS NOT NULL'
    yield (
        "CREATE TABLE taken AS SELECT count(*) AS read, count(bad) AS refused, "
        '(SELECT count(*) FROM (SELECT 1 FROM facts GROUP BY "incident.id", "child.id" HAVING count(*) > 1)) '
        "AS repeats FROM facts"
    )
    yield looked(rules, as_of=seconds)
    yield verdicts(rules)
    yield "DROP TABLE facts"
    yield "DROP TABLE looked"
    read = readers_of(rules)
    for one in look_ups_of(tuple(rules)):
        yield evidence(one, read[one.name])
    yield f"CREATE TABLE flags AS {flags(rules)}"
    yield f"CREATE TABLE undecided AS {undecided(rules)}"
    for one in look_ups_of(tuple(rules)):
        yield f"DROP TABLE {name('ids of ' + one.name)}"
    yield f"CREATE TABLE requirements AS {requirements(rules, as_of=seconds)}"
    yield "DROP TABLE decided"


def _summary(con: Any, as_of: datetime) -> dict[str, Any]:
    def rows(query: str) -> list[Any]:
        found: list[Any] = con.execute(query).fetchall()
        return found

    named = {rank: severity for severity, rank in RANKS.items()}
    flagged: dict[str, dict[str, int]] = {}
    for rule, rank, number in rows("SELECT number, rank, count(*) FROM flags GROUP BY ALL ORDER BY ALL"):
        flagged.setdefault(f"bench-{rule:03}", {})[named[rank]] = number
    states: dict[str, dict[str, int]] = {}
    for action, state, number in rows("SELECT number, state, count(*) FROM requirements GROUP BY ALL ORDER BY ALL"):
        states.setdefault(sorted(ACTIONS)[action], {})[state] = number
    needed = rows("SELECT need, count(*) FROM (SELECT unnest(needs) AS need FROM undecided) GROUP BY need ORDER BY ALL")
    worst = rows(
        "SELECT f.child_id, count(*) FROM flags f JOIN requirements r USING (row) WHERE f.rank = 4 "
        "AND r.state = 'overdue' GROUP BY f.child_id ORDER BY 2 DESC, 1 LIMIT 5"
    )
    ((read, refused),) = rows("SELECT read, refused FROM taken")
    return {
        "as_of": as_of.isoformat(), "rows": {"read": read, "rejected": refused}, "flags": flagged,
        "requirements": states, "undecided": dict(needed), "worst": worst,
    }  # fmt: skip


def read_alone(file: Path) -> int:
    """Read a file into a table of texts, and nothing else; return how many rows it has."""
    con = duckdb.connect()
    columns = ", ".join(f"{text(one)}: 'VARCHAR'" for one in header(file))
    con.execute(
        f"CREATE TABLE raw AS FROM read_csv({text(str(file))}, columns={{{columns}}}, header=true, delim=',', "
        "quote='\"', escape='\"', auto_detect=false)"
    )
    ((rows,),) = con.execute("SELECT count(*) FROM raw").fetchall()
    con.close()
    return int(rows)


def main() -> None:
    """Run the rules over a file, or read it alone where no folder is given."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--out", type=Path, help="the folder of the files; without it the file is read and no more")
    parser.add_argument("--rules", type=int, default=BASE)
    parser.add_argument("--memory-limit")
    asked = parser.parse_args()
    if asked.out is None:
        read_alone(asked.file)
    else:
        run(asked.file, rules_of(asked.rules), asked.out, memory_limit=asked.memory_limit)


if __name__ == "__main__":
    main()
