"""Synthetic records for the benchmarks, as a canonical CSV of any length, written by DuckDB in seconds.

The same rows and seed give the same file. A child has as many records in a long file as in a short one: four on
average, the busiest some sixty. Nothing is drawn from real records, every share is made up, and ids begin with SYN.

`python tests/bench/bench_records.py FILE --rows 1000000` writes one.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path
from typing import Any

from bench_rules import ACTIONS, AUTHORITIES, TEAMS, UNITS

duckdb: Any = import_module("duckdb")  # its types are partly unknown

AS_OF = "2026-04-01T09:00"
"""When the records are looked at: after all of them."""
_PRIME = 2_147_483_647
_A_BLOCK = 1000
"""Records that draw on the same children, suspects and addresses."""
_CHILDREN, _SUSPECTS, _ADDRESSES = 250, 150, 200
_TYPES = (
    (0.45, "missing_episode"), (0.62, "online_contact"), (0.74, "exploitation_concern"), (0.80, "assault"),
    (0.90, "child_concern"), (1.00, "domestic_abuse"),
)  # fmt: skip
_RELATIONS = ("friend", "acquaintance", "online_only", "partner", "parent", "step_parent", "family", "stranger")
_PLACEMENTS = ("K2", "U1", "U4", "P1", "R1")


def write_records(path: Path, *, rows: int, seed: int = 1, whole: bool = False) -> None:
    """Write a canonical CSV of synthetic records.

    A whole file has a value in every cell but those of actions, a suspect in every row, and all times to the minute.
    """
    con = duckdb.connect(config={"threads": 2})
    con.execute(f"CREATE MACRO rising(x) AS ((x * x + 12345) % {_PRIME})")
    con.execute(
        f"CREATE MACRO drawn(i, salt) AS "
        f"rising(rising((i::BIGINT * 48271 + salt::BIGINT * 1103515245 + {seed * 69621}) % {_PRIME})) / {_PRIME}.0"
    )
    con.execute(f"CREATE MACRO blank(drawn, share) AS {'false' if whole else 'drawn < share'}")
    con.execute(f"CREATE MACRO told(here) AS {'true' if whole else 'here'}")
    con.execute("CREATE MACRO one_of(words, share) AS words[1 + CAST(floor(share * len(words)) AS INT)]")
    con.execute("CREATE MACRO awake(t) AS CASE WHEN hour(t) = 1 THEN t + INTERVAL 1 HOUR ELSE t END")
    con.execute(
        "CREATE MACRO spelled(t, day_only) AS "
        "CASE WHEN day_only THEN strftime(t, '%Y-%m-%d') ELSE strftime(t, '%Y-%m-%dT%H:%M') END"
    )
    con.execute(f"COPY ({_query(rows)}) TO {_text(str(path))} (FORMAT csv, HEADER)")
    con.close()


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _list(texts: tuple[str, ...]) -> str:
    return "[" + ", ".join(map(_text, texts)) + "]"


def _yes_no(share: str, *, of: str, blank: str, blanks: float) -> str:
    """Return a cell that says yes for a share of records, and nothing for a share."""
    return f"CASE WHEN blank({blank}, {blanks}) THEN NULL WHEN {of} < {share} THEN 'yes' ELSE 'no' END"


def _blank(cell: str, *, of: str, share: float) -> str:
    return f"CASE WHEN blank({of}, {share}) THEN NULL ELSE {cell} END"


def _query(rows: int) -> str:
    blocks = max(1, rows // _A_BLOCK)
    kinds = " ".join(f"WHEN u1 < {share} THEN {_text(kind)}" for share, kind in _TYPES)
    drawn = ", ".join(f"drawn(i, {n}) AS u{n}" for n in range(1, 60))
    base = f"""
        SELECT *, CASE {kinds} END AS kind,
          CAST(floor(u2 * {blocks}) AS BIGINT) AS block
        FROM (SELECT i, {drawn} FROM range(1, {rows + 1}) t(i))"""
    persons = f"""
        SELECT *, block * {_CHILDREN} + CAST(floor(u3 * u3 * {_CHILDREN}) AS BIGINT) AS child,
          CASE WHEN told(u4 < 0.45)
            THEN block * {_SUSPECTS} + CAST(floor(u5 * u5 * {_SUSPECTS}) AS BIGINT) END AS suspect,
          awake(TIMESTAMP '2025-04-01' + to_minutes(CAST(floor(u6 * 340 * 1440) AS BIGINT))) AS occurred
        FROM ({base})"""
    times = f"""
        SELECT *, drawn(child, 101) AS c1, drawn(child, 102) AS c2, drawn(coalesce(suspect, 0), 103) AS s1,
          awake(occurred + to_minutes(CAST(10 + floor(u7 * 290) AS BIGINT)
            + CASE WHEN u8 < 0.15 THEN CAST(1440 * floor(1 + u9 * 13) AS BIGINT) ELSE 0 END)) AS reported
        FROM ({persons})"""
    return (
        f"SELECT {', '.join(f'{cell} AS {_quoted(name)}' for name, cell in _cells().items())} FROM ({times}) ORDER BY i"
    )


def _quoted(name: str) -> str:
    return f'"{name}"'


def _cells() -> dict[str, str]:
    """Return the expression of each column."""
    is_missing = "kind = 'missing_episode'"
    returned = "awake(occurred + to_minutes(CAST(floor(u12 * u12 * u12 * u12 * 3 * 1440) AS BIGINT) + 20))"
    found = {
        "incident.id": "'SYN-' || i",
        "incident.type": "kind",
        "incident.occurred_at": _blank("spelled(occurred, blank(u10, 0.03))", of="u11", share=0.02),
        "incident.reported_at": "spelled(reported, false)",
        "incident.team": f"one_of({_list(TEAMS)}, u13)",
        "incident.unit": f"one_of({_list(UNITS)}, u55)",
        "incident.authority": f"one_of({_list(AUTHORITIES)}, u14)",
        "incident.address_id": _blank(
            f"'SYN-A' || CASE WHEN u15 < 0.6 THEN child // 2 ELSE block * {_ADDRESSES} + {_ADDRESSES * 10} "
            f"+ CAST(floor(u16 * {_ADDRESSES}) AS BIGINT) END", of="u17", share=0.1,
        ),
        "incident.indicators": _blank(
            "one_of(['(none)', '(none)', 'grooming', 'grooming;hotel', 'drugs;multiple_phones', 'truancy'], u18)",
            of="u19", share=0.1,
        ),
        "child.id": _blank("'SYN-C' || child", of="u20", share=0.01),
        "child.date_of_birth": _blank(
            "strftime(DATE '2008-06-01' + CAST(floor(c1 * 2900) AS INT), '%Y-%m-%d')", of="u21", share=0.05
        ),
        "child.in_care": _yes_no("0.4", of="c2", blank="u22", blanks=0.04),
        "child.education_plan": _yes_no("0.2", of="drawn(child, 104)", blank="u23", blanks=0.1),
        "child.placement_type": _blank(f"one_of({_list(_PLACEMENTS)}, drawn(child, 105))", of="u24", share=0.1),
        "child.responsible_authority": _blank(
            f"one_of({_list(AUTHORITIES)}, drawn(child, 106))", of="u25", share=0.05
        ),
        "suspect.id": "CASE WHEN suspect IS NOT NULL THEN 'SYN-S' || suspect END",
        "suspect.date_of_birth": (
            "CASE WHEN suspect IS NOT NULL AND NOT blank(u26, 0.2) "
            "THEN strftime(DATE '1960-01-01' + CAST(floor(s1 * 17900) AS INT), '%Y-%m-%d') END"
        ),
        "suspect.relationship": (
            f"CASE WHEN suspect IS NOT NULL AND NOT blank(u27, 0.3) THEN one_of({_list(_RELATIONS)}, u28) END"
        ),
        "missing.returned_at": (
            f"CASE WHEN told({is_missing}) AND NOT blank(u29, "
            "CASE WHEN occurred > TIMESTAMP '2026-02-15' THEN 0.2 ELSE 0.001 END) "
            f"THEN spelled({returned}, blank(u30, 0.03)) END"
        ),
        "contact.sexual_content": _yes_no(
            "CASE kind WHEN 'online_contact' THEN 0.5 ELSE 0.08 END", of="u31", blank="u32", blanks=0.05
        ),
        "contact.images_requested": _yes_no(
            "CASE kind WHEN 'online_contact' THEN 0.3 ELSE 0.04 END", of="u33", blank="u34", blanks=0.05
        ),
        "contact.meeting_arranged": _yes_no(
            "CASE kind WHEN 'online_contact' THEN 0.2 ELSE 0.02 END", of="u35", blank="u36", blanks=0.05
        ),
    }  # fmt: skip
    for number, key in enumerate(ACTIONS):
        there, at, day, outcome = (f"u{37 + 3 * number + part}" for part in (0, 1, 2, 0))
        when = f"awake(reported + to_minutes(CAST(30 + floor({at} * {at} * 8 * 1440) AS BIGINT)))"
        found[f"action.{key}.at"] = (
            f"CASE WHEN {there} < 0.34 AND {there} >= 0.005 THEN spelled({when}, {day} < 0.05) END"
        )
        found[f"action.{key}.outcome"] = (
            f"CASE WHEN {outcome} < 0.3 THEN 'completed' WHEN {outcome} < 0.34 THEN 'attempted' END"
        )
    return found


def main() -> None:
    """Write a file."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--whole", action="store_true", help="without blanks")
    asked = parser.parse_args()
    write_records(asked.file, rows=asked.rows, seed=asked.seed, whole=asked.whole)


if __name__ == "__main__":
    main()
