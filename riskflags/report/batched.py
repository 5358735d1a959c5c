"""What a batch found, as the tables, numbers and files of a run, without a Python object for each line.

The columns, their order and the order of rows are those of `riskflags.report.tables`: the two ways of writing a run are
held equal by a test.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from riskflags.batch import FIRED, GRADES, OPEN, REQUIREMENTS, TWINS, changes_of_offset
from riskflags.batch.sql import literal, quoted
from riskflags.model import Grade, Severity, State
from riskflags.report.findings import Failed, Tally, Unassessed, Want
from riskflags.report.numbers import RECORDS_SHOWN, Numbers, Shown
from riskflags.report.outputs import DATA, FORMULA_STARTS, quoted_cells
from riskflags.report.tables import BECAUSE_SHOWN, COLUMNS, Table, warning_table
from riskflags.results import (
    after_as_of_caution,
    duplicate_caution,
    never_held,
    uncovered_caution,
    unknown_action_caution,
    unknown_suspect_caution,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from riskflags.assessment import Caution, Requirement
    from riskflags.batch import Plan, Store, Teller
    from riskflags.intake.account import RowWarning
    from riskflags.pack import Pack
    from riskflags.record import Names
    from riskflags.report.findings import RecordKey
    from riskflags.report.outputs import Format
    from riskflags.report.tables import CellKind

Told = tuple["RecordKey", tuple[str | None, int | None], "Caution"]
"""Whose record, where it stands in the files, and what a reader should know of it."""
_COPY: Mapping[str, str] = {"csv": "FORMAT csv, HEADER", "jsonl": "FORMAT json", "parquet": "FORMAT parquet"}
_WHO = '"incident.id" AS incident_id, "child.id" AS child_id'
_CASE = "coalesce('c' || nullif(child_id, ''), 'i' || incident_id)"
"""What makes a case: the child, or the incident of a child without an id."""
_NOT_KNOWN = "not_known"
"""The rows of open rules, with whether each lacks only what its source never holds."""
_ROW_FOR_ROW: Mapping[str, str] = {"flags": FIRED, "requirements": REQUIREMENTS, "grades": GRADES}
"""Lines of which each is one row of a table of the batch."""
_ENDS = ("due_from", "due_at")
_DAY = 24 * 60 * 60
_DAYS_BEFORE = 100 * 366
"""Days before 1970 by which days are counted, so that none is negative: SQL divides towards 0."""
_GAPS = sorted(str(state) for state in State if state.is_gap)
_OPEN = (str(State.cannot_tell), str(State.undated))


class Batched:
    """The results of a plan that has run. `before` are what a reader should know of records, found before it ran."""

    def __init__(self, plan: Plan, store: Store, told: Teller, *, as_of: datetime, before: Before) -> None:
        self._con: Any = store.connection
        self._plan = plan
        self._told = told
        self._pack = plan.pack
        self._as_of = as_of
        self._before = before
        self._queries: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._make_names()
        self._make_lines()

    def _rows(self, query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._con.sql(query).to_arrow_table().to_pylist()
        return found

    # ---- lines -------------------------------------------------------------------------------------------------------

    def _make_names(self) -> None:
        """Make the tables of rules and actions by number, and of the clock of the pack's timezone."""
        rules = ", ".join(
            f"({n}, {_text(r.code)}, {_text(r.id)}, {r.version}, {_text(r.flag.about)})"
            for n, r in enumerate(self._pack.rules)
        )
        self._con.execute(f"CREATE TABLE rule_names AS FROM (VALUES {rules}) v(rule, code, id, version, about)")
        actions = ", ".join(
            f"({n}, {_text(a.key)}, {_text(a.code)}, {_text(a.label)}, {_text(a.owner)})"
            for n, a in enumerate(self._pack.actions.values())
        )
        self._con.execute(f"CREATE TABLE action_names AS FROM (VALUES {actions}) v(number, key, code, label, owner)")
        self._con.execute(
            f"CREATE TABLE who AS SELECT r.record, {_WHO}, o.source_file, o.source_row, "
            "row_number() OVER (ORDER BY incident_id, coalesce(child_id, '')) AS place "
            "FROM records r LEFT JOIN origins o ON r.record = o.record"
        )

    def _make_clock(self) -> None:
        """Make the table of the days, in UTC, on which something is due, each with the offsets of the pack's timezone.

        On a day on which the clocks change it says at which second they do, and the offset from then on.
        """
        changes = ", ".join(f"({at}, {by}, {_text(_offset(by))})" for at, by in changes_of_offset(self._pack.zone))
        ends = " UNION ALL ".join(f"SELECT {_utc_day(end)} AS day FROM {quoted(REQUIREMENTS)}" for end in _ENDS)
        self._con.execute(
            f"CREATE TABLE clock AS WITH c AS (FROM (VALUES {changes}) v(since, seconds, words)), "
            f"d AS (SELECT DISTINCT day FROM ({ends}) WHERE day IS NOT NULL) "
            "SELECT d.day, a.seconds AS before, a.words AS before_as, b.since AS turns, b.seconds AS after, "
            f"b.words AS after_as FROM d ASOF JOIN c a ON (d.day - {_DAYS_BEFORE}) * {_DAY} >= a.since "
            f"LEFT JOIN c b ON {_utc_day('b.since')} = d.day AND b.since > (d.day - {_DAYS_BEFORE}) * {_DAY}"
        )

    def _make_lines(self) -> None:
        """Make a view of each table of the run, with its columns in order; its rows come in any order."""
        as_of = _text(self._as_of.isoformat())
        self._make_undecided()
        every = "list_sort(list_distinct(list_append(t.because, w.incident_id)))"
        is_alone = "len(t.because) = 0"
        self._view(
            "flags",
            f"SELECT w.incident_id, w.child_id, t.suspect_id, n.code AS rule_code, n.id AS rule_id, "
            f"n.version AS rule_version, {_severity('t.severity')} AS severity, {_severity('t.could_be')} AS could_be, "
            f"t.severity_needs, n.about, t.message, "
            f"CASE WHEN {is_alone} THEN [w.incident_id] ELSE {every}[1:{BECAUSE_SHOWN}] END AS because, "
            f"CASE WHEN {is_alone} THEN 1 ELSE len({every}) END AS because_count, "
            f"{as_of} AS as_of, w.source_file, w.source_row "
            f"FROM {{rows}} t JOIN who w USING (record) JOIN rule_names n USING (rule)",
            FIRED,
        )
        codes = literal([rule.code for rule in self._pack.rules]).text
        named = f"list_transform(t.rules, lambda one : ({codes})[one + 1])"
        clocks = "".join(f"LEFT JOIN clock {end}_day ON {end}_day.day = {_utc_day(f't.{end}')} " for end in _ENDS)
        if self._plan.store.has(REQUIREMENTS):
            self._make_clock()
        self._view(
            "requirements",
            "SELECT w.incident_id, w.child_id, t.suspect_id, a.key AS action, a.code AS action_code, a.label, a.owner, "
            f"{', '.join(f'{_clock_time(end)} AS {end}' for end in _ENDS)}, "
            "t.state, t.recorded_at, t.recorded_outcome, t.recorded_by, t.short_of, t.needs, "
            f"t.state IN ({', '.join(map(_text, _GAPS))}) AS is_gap, {_severity('t.severity')} AS severity, "
            f"CASE WHEN len(t.rules) = 1 THEN {named} ELSE list_sort(list_distinct({named})) END AS rules, "
            f"{as_of} AS as_of, w.source_file, w.source_row "
            f"FROM {{rows}} t {clocks}JOIN who w USING (record) JOIN action_names a ON t.action = a.number",
            REQUIREMENTS,
        )
        self._view(
            "grades",
            f"SELECT w.incident_id, w.child_id, {_grade('t.grade')} AS grade, {_grade('t.could_be')} AS could_be, "
            f"t.needs, {as_of} AS as_of, w.source_file, w.source_row FROM {{rows}} t JOIN who w USING (record)",
            GRADES,
        )
        self._view(
            "undecided",
            f"SELECT w.incident_id, w.child_id, t.suspect_id, n.code AS rule_code, n.id AS rule_id, "
            f"{_severity('t.could_be')} AS severity, t.needs, {as_of} AS as_of "
            "FROM {rows} t JOIN who w USING (record) JOIN rule_names n USING (rule) WHERE NOT t.never",
            _NOT_KNOWN,
        )
        self._view(
            "not_assessed",
            "SELECT coalesce(w.source_file, '') AS source_file, n.code AS rule_code, n.id AS rule_id, "
            "list_sort(list_distinct(flatten(list(t.needs)))) AS fields, count(DISTINCT t.record) AS records "
            "FROM {rows} t JOIN who w USING (record) JOIN rule_names n USING (rule) WHERE t.never "
            "GROUP BY ALL ORDER BY 1, 2, 3",
            _NOT_KNOWN,
        )

    def _view(self, name: str, query: str, table: str) -> None:
        """Make the view of a table of lines. `query` is what it is over the rows of a table, if that is there."""
        if not self._has(table):
            nothing = ", ".join(f"CAST(NULL AS {_KINDS[kind]}) AS {quoted(one)}" for one, kind in COLUMNS[name])
            query = f"SELECT {nothing} LIMIT 0"
        view = quoted(f"lines of {name}")
        self._con.execute(f"CREATE VIEW {view} AS {query.format(rows=quoted(table))}")
        order = self._order(name) if self._has(table) else ""
        self._queries[name] = f"{query.format(rows=quoted(table))} ORDER BY {order}" if order else f"FROM {view}"

    def _has(self, table: str) -> bool:
        return table == _NOT_KNOWN or self._plan.store.has(table)

    def _order(self, name: str) -> str:
        """Return the order of the rows of a table of lines: the worst first, then by rule or action, then by record."""
        actions = list(self._pack.actions.values())
        rule = f"({_ranks(rule.code for rule in self._pack.rules)})[t.rule + 1]"
        code, key = (f"({_ranks(names)})[t.action + 1]" for names in ((a.code for a in actions), self._pack.actions))
        suspect = "coalesce(t.suspect_id, '')"
        match name:
            case "flags":
                return f"t.severity DESC, t.could_be DESC, {rule}, w.place, {suspect}"
            case "undecided":
                return f"t.could_be DESC, {rule}, w.place, {suspect}"
            case "requirements":
                return f"t.severity DESC, {code}, w.place, {suspect}, {key}"
            case "grades":
                return "t.grade DESC, t.could_be DESC, w.place"
            case _:
                return ""

    def _make_undecided(self) -> None:
        """Make the table of open rules, with whether each lacks only what its source never holds."""
        if not self._plan.store.has(OPEN):
            self._con.execute(
                f"CREATE TABLE {_NOT_KNOWN} AS SELECT 0::BIGINT AS record, 0::BIGINT AS seat, "
                "NULL::VARCHAR AS suspect_id, 0 AS rule, 0 AS could_be, []::VARCHAR[] AS needs, FALSE AS never LIMIT 0"
            )
            return
        paths: list[tuple[int, str]] = self._con.execute(
            f"SELECT DISTINCT holds, need FROM (SELECT holds, unnest(needs) AS need FROM {quoted(OPEN)}) "
            "WHERE NOT contains(need, ':')"
        ).fetchall()
        lacking: dict[int, list[str]] = {}
        for number, need in paths:
            if never_held([need], self._plan.frames.holds[number]):
                lacking.setdefault(number, []).append(need)
        cases = " ".join(
            f"WHEN {number} THEN {literal(sorted(needs), 'array<string>').text}" for number, needs in lacking.items()
        )
        gone = f"CASE holds {cases} ELSE []::VARCHAR[] END"
        never = f"len(needs) > 0 AND len(list_intersect(needs, {gone})) = len(needs)" if cases else "FALSE"
        self._con.execute(
            f"CREATE {'TABLE' if cases else 'VIEW'} {_NOT_KNOWN} AS "
            f"SELECT record, seat, suspect_id, rule, could_be, needs, {never} AS never FROM {quoted(OPEN)}"
        )

    # ---- files -------------------------------------------------------------------------------------------------------

    def write(self, name: str, form: Format, path: Path, rows: slice) -> None:
        """Write some lines of a table to a file. Those of a table in parts are put in order once, at the first."""
        listed = ", ".join(_cell(one, kind, form) for one, kind in COLUMNS[name])
        source, which = f"({self._queries[name]})", ""
        if rows != slice(0, self.count(name)):
            source, which = quoted(f"ordered {name}"), f" WHERE rowid >= {rows.start} AND rowid < {rows.stop}"
            if rows.start == 0:
                self._con.execute(f"CREATE TABLE {source} AS {self._queries[name]}")
        query = f"SELECT {listed} FROM {source}{which}"
        self._con.execute(f"COPY ({query}) TO {_text(str(path))} ({_COPY[form]})")
        if rows.stop == self.count(name):
            self._con.execute(f"DROP TABLE IF EXISTS {quoted(f'ordered {name}')}")

    def count(self, name: str) -> int:
        """Return how many lines a table has."""
        if name not in self._counts:
            self._counts[name] = self._counted(name)
        return self._counts[name]

    def _counted(self, name: str) -> int:
        table = _ROW_FOR_ROW.get(name)
        if table is not None and not self._has(table):
            return 0
        (number,) = self._con.execute(f"SELECT count(*) FROM {quoted(table or f'lines of {name}')}").fetchall()[0]
        return int(number)

    @property
    def pack(self) -> Pack:
        """The pack by which it was decided."""
        return self._pack

    def quoted_cells(self, tables: Iterable[Table]) -> int:
        """Return how many cells a CSV file gives a leading ' so that no spreadsheet runs them, other tables with it."""
        total = quoted_cells(list(tables))
        for name in LINES:
            tests = [_starts(_as_text(one, kind)) for one, kind in COLUMNS[name] if kind in DATA]
            summed = " + ".join(f"coalesce(sum(({test})::INT), 0)" for test in tests)
            total += int(self._con.execute(f"SELECT {summed} FROM {quoted('lines of ' + name)}").fetchall()[0][0])
        return total

    def warnings(self, warnings: Iterable[RowWarning]) -> Table:
        """Return the table of warnings: those of intake, and what a reader of the results should know."""
        return warning_table(warnings, self._cautions())

    def _cautions(self) -> Iterator[Told]:
        yield from self._before.cautions
        actions = list(self._pack.actions.values())
        if self._plan.store.has(REQUIREMENTS):
            query = f"SELECT DISTINCT w.*, t.action FROM {quoted(REQUIREMENTS)} t JOIN who w USING (record)"
            for row in self._rows(f"{query} WHERE t.uncovered"):
                yield *_place(row), uncovered_caution(actions[int(row["action"])], self._pack)
        if self._plan.store.has(TWINS):
            first = (
                f"SELECT record, id, spec FROM {quoted(TWINS)} "
                "QUALIFY row_number() OVER (PARTITION BY record, other ORDER BY spec) = 1"
            )
            for row in self._rows(f"SELECT DISTINCT w.*, t.id, t.spec FROM ({first}) t JOIN who w USING (record)"):
                yield *_place(row), duplicate_caution(row["id"], self._pack.duplicates[int(row["spec"])])

    # ---- numbers -----------------------------------------------------------------------------------------------------

    def numbers(self) -> Numbers:
        """Return what the run comes to."""
        states = self._states()
        undecided, records = self._con.execute(
            f"SELECT count(*), count(DISTINCT record) FROM {_NOT_KNOWN} WHERE NOT never"
        ).fetchall()[0]
        wants, unknown_needs = self._wants(), self._unknown_needs()
        if self._has(FIRED) and self._has(REQUIREMENTS):
            self._make_flagged()
        return Numbers(
            as_of=self._as_of,
            records=self._before.records,
            not_yet=self._before.records - self._con.execute("SELECT count(*) FROM records").fetchall()[0][0],
            flags=self._flag_counts(),
            requirements=states,
            grades=self._grade_counts(),
            failed=self._shown("overdue > 0"),
            unclear=self._shown("overdue = 0 AND cannot_tell > 0"),
            tallies=self._tallies(states),
            undecided=undecided,
            undecided_records=records,
            wants=wants,
            unknown=sum(n for (_, state), n in states.items() if state in (State.cannot_tell, State.undated)),
            unknown_needs=unknown_needs,
            not_assessed=tuple(
                Unassessed(row["source_file"], row["rule_code"], row["rule_id"], tuple(row["fields"]), row["records"])
                for row in self._rows('SELECT * FROM "lines of not_assessed"')
            ),
            worst=self._worst(),
        )

    def _flag_counts(self) -> Counter[tuple[str, Severity]]:
        found = Counter[tuple[str, Severity]]()
        if self._has(FIRED):
            for row in self._rows(f"SELECT rule, severity, count(*) AS n FROM {quoted(FIRED)} GROUP BY ALL"):
                found[self._pack.rules[int(row["rule"])].id, Severity(row["severity"])] += row["n"]
        return found

    def _states(self) -> Counter[tuple[str, State]]:
        if not self._has(REQUIREMENTS):
            return Counter()
        keys = list(self._pack.actions)
        rows = self._rows(f"SELECT action, state, count(*) AS n FROM {quoted(REQUIREMENTS)} GROUP BY ALL")
        return Counter({(keys[int(row["action"])], State(row["state"])): row["n"] for row in rows})

    def _tallies(self, states: Mapping[tuple[str, State], int]) -> tuple[Tally, ...]:
        found: dict[str, Counter[State]] = {}
        for (action, state), number in states.items():
            found.setdefault(action, Counter())[state] += number
        actions = self._pack.actions
        made = [Tally(key, actions[key].label, actions[key].owner, counter) for key, counter in found.items()]
        return tuple(sorted((t for t in made if t.gaps), key=lambda t: (-t.gaps, t.label, t.action)))

    def _grade_counts(self) -> Counter[tuple[Grade, Grade]]:
        if not self._plan.store.has(GRADES):
            return Counter()
        rows = self._rows(
            "WITH cases AS (SELECT max(g.grade) AS grade, max(g.could_be) AS could_be "
            f"FROM {quoted(GRADES)} g JOIN who w USING (record) GROUP BY {_CASE}) "
            "SELECT grade, could_be, count(*) AS n FROM cases GROUP BY ALL"
        )
        return Counter({(Grade(row["grade"]), Grade(row["could_be"])): row["n"] for row in rows})

    def _wants(self) -> tuple[Want, ...]:
        rows = self._rows(
            f"SELECT list_sort(list_distinct({_kinds('needs')})) AS kinds, sum(n)::BIGINT AS n FROM "
            f"(SELECT needs, count(*) AS n FROM {_NOT_KNOWN} WHERE NOT never GROUP BY needs) GROUP BY ALL"
        )
        verdicts, alone = Counter[str](), Counter[str]()
        for row in rows:
            for kind in row["kinds"]:
                verdicts[kind] += row["n"]
            if len(row["kinds"]) == 1:
                alone[row["kinds"][0]] += row["n"]
        found = [Want(need, number, alone[need]) for need, number in verdicts.items()]
        return tuple(sorted(found, key=lambda want: (-want.alone, -want.verdicts, want.need)))

    def _unknown_needs(self) -> Counter[str]:
        if not self._has(REQUIREMENTS):
            return Counter()
        rows = self._rows(
            f"SELECT kind, sum(n)::BIGINT AS n FROM (SELECT unnest({_kinds('needs')}) AS kind, n FROM "
            f"(SELECT needs, count(*) AS n FROM {quoted(REQUIREMENTS)} WHERE state IN ({', '.join(map(_text, _OPEN))}) "
            "GROUP BY needs)) GROUP BY ALL"
        )
        return Counter({row["kind"]: row["n"] for row in rows})

    def _worst(self) -> Severity | None:
        gaps = f"WHERE state IN ({', '.join(map(_text, _GAPS))})"
        worst = [
            self._con.execute(f"SELECT max(severity) FROM {quoted(table)} {where}").fetchall()[0][0]
            for table, where in ((FIRED, ""), (REQUIREMENTS, gaps))
            if self._plan.store.has(table)
        ]
        return max((Severity(one) for one in worst if one is not None), default=None)

    def _make_flagged(self) -> None:
        """Make the table of the records with critical flags, and of how many of their requirements are in which state.

        `cases` tells apart whose they are.
        """
        critical = f"SELECT record, count(*) AS flags FROM {quoted(FIRED)} WHERE severity = {int(Severity.critical)}"
        self._con.execute(
            f"CREATE TABLE flagged AS WITH f AS ({critical} GROUP BY record), "
            "r AS (SELECT record, count(*) FILTER (WHERE state = 'overdue') AS overdue, "
            "count(*) FILTER (WHERE state = 'cannot_tell') AS cannot_tell, "
            f"min(due_at) FILTER (WHERE state = 'overdue') AS oldest FROM {quoted(REQUIREMENTS)} SEMI JOIN f "
            f"USING (record) GROUP BY record) SELECT f.record, f.flags, r.overdue, r.cannot_tell, r.oldest, "
            f"w.incident_id, w.child_id, {_CASE} AS cases FROM f JOIN r USING (record) JOIN who w USING (record)"
        )

    def _shown(self, condition: str) -> Shown:
        """Return the first records with critical flags for which a condition on their requirements holds."""
        if not (self._has(FIRED) and self._has(REQUIREMENTS)):
            return Shown((), 0, 0)
        records, children = self._con.execute(
            f"SELECT count(*), count(DISTINCT cases) FROM flagged WHERE {condition}"
        ).fetchall()[0]
        first = self._con.execute(
            f"SELECT record, incident_id, child_id FROM flagged WHERE {condition} "
            "ORDER BY flags DESC, overdue DESC, oldest NULLS LAST, "
            f"incident_id, coalesce(child_id, '') LIMIT {RECORDS_SHOWN}"
        ).fetchall()
        return Shown(tuple(self._failed(*one, overdue="overdue > 0" in condition) for one in first), records, children)

    def _failed(self, record: int, incident_id: str, child_id: str | None, *, overdue: bool) -> Failed:
        flags = self._told.flags((incident_id, child_id), self._of(FIRED, record))
        every = self._told.requirements((incident_id, child_id), self._of(REQUIREMENTS, record)) if overdue else ()
        gaps = sorted((one for one in every if one.is_gap), key=_oldest_first)
        return Failed(incident_id, child_id, tuple(f for f in flags if f.severity is Severity.critical), tuple(gaps))

    def _of(self, table: str, record: int) -> list[dict[str, Any]]:
        return self._rows(f"SELECT * FROM {quoted(table)} WHERE record = {record}")


LINES = ("flags", "requirements", "grades", "undecided", "not_assessed")
"""The tables that a batch writes itself; rejects and warnings are lines of intake."""
_KINDS: Mapping[CellKind, str] = {
    "text": "VARCHAR", "code": "VARCHAR", "number": "BIGINT", "yes_no": "BOOLEAN", "texts": "VARCHAR[]",
}  # fmt: skip


def _place(row: Mapping[str, Any]) -> tuple[RecordKey, tuple[str | None, int | None]]:
    """Return whose record a row is of, and where that stands."""
    return (row["incident_id"], row["child_id"]), (row["source_file"], row["source_row"])


def _oldest_first(gap: Requirement) -> tuple[bool, float, str, str]:
    due = gap.due_at.timestamp() if gap.due_at else float("inf")
    return (gap.state is not State.overdue, due, gap.action_code, gap.suspect_id or "")


@dataclass(frozen=True, slots=True)
class Before:
    """What is known of the records of a batch before what lies ahead of as_of is dropped: how many, and cautions."""

    records: int
    cautions: tuple[Told, ...]


def before(store: Store, names: Names) -> Before:
    """Return how many records there are, and what a reader should know of each alone."""
    con: Any = store.connection
    con.execute(
        f"CREATE VIEW everyone AS SELECT r.record, {_WHO}, o.source_file, o.source_row "
        "FROM records r LEFT JOIN origins o ON r.record = o.record"
    )
    found = [*_ahead(con, names), *_unknown_codes(con, names), *_unknown_suspects(con)]
    (records,) = con.execute("SELECT count(*) FROM records").fetchall()[0]
    con.execute("DROP VIEW everyone")
    return Before(records, tuple(found))


def _ahead(con: Any, names: Names) -> Iterator[Told]:
    """Yield the times that lie after as_of."""
    for path, info in names.fields.items():
        if info.kind == "moment" and not info.repeated and not info.planned:
            low = quoted(f"{path}|low")
            query = f"SELECT e.* FROM records r JOIN everyone e USING (record) WHERE r.{low} > r.as_of"
            for _, incident_id, child_id, file, row in con.execute(query).fetchall():
                yield (incident_id, child_id), (file, row), after_as_of_caution(path)


def _unknown_codes(con: Any, names: Names) -> Iterator[Told]:
    """Yield the recorded actions whose code no action of the rules knows."""
    known = names.action_codes
    query = (
        'SELECT DISTINCT e.*, d."action.code" FROM done d JOIN everyone e USING (record) '
        f'WHERE d."action.code" NOT IN ({", ".join(map(_text, ["", *known]))})'
    )
    for _, incident_id, child_id, file, row, code in con.execute(query).fetchall():
        yield (incident_id, child_id), (file, row), unknown_action_caution(code, known)


def _unknown_suspects(con: Any) -> Iterator[Told]:
    """Yield the recorded actions that are about somebody who is no suspect of the record."""
    query = (
        'SELECT DISTINCT e.*, d."action.code", d."action.suspect_id" FROM done d JOIN everyone e USING (record) '
        'WHERE d."action.suspect_id" IS NOT NULL AND NOT EXISTS '
        '(FROM seats s WHERE s.record = d.record AND s."suspect.id" = d."action.suspect_id")'
    )
    for record, incident_id, child_id, file, row, code, suspect in con.execute(query).fetchall():
        listed = f'SELECT "suspect.id" FROM seats WHERE record = {record} AND "suspect.id" IS NOT NULL'
        there = [one for (one,) in con.execute(listed).fetchall()]
        yield (incident_id, child_id), (file, row), unknown_suspect_caution(code, suspect, there)


# ---- SQL -------------------------------------------------------------------------------------------------------------


def _text(value: str) -> str:
    return literal(value).text


def _severity(column: str) -> str:
    return _named(column, Severity)


def _grade(column: str) -> str:
    return _named(column, Grade)


def _named(column: str, names: type[Severity | Grade]) -> str:
    return f"CASE {column} {' '.join(f'WHEN {int(one)} THEN {_text(str(one))}' for one in names)} END"


def _kinds(needs: str) -> str:
    """Return needs without the records that they stand in, as `need_kind` gives them."""
    return (
        f"list_transform({needs}, lambda one : CASE WHEN NOT contains(one, ':') THEN one "
        "WHEN regexp_full_match(one, 'rejected:[0-9]+') THEN 'rejected:<row>' "
        "ELSE '<incident id>:' || regexp_extract(one, '([^:]*)$', 1) END)"
    )


def _offset(seconds: int) -> str:
    """Return an offset as ISO 8601 writes it: +01:00."""
    return datetime(2000, 1, 1, tzinfo=timezone(timedelta(seconds=seconds))).isoformat()[len("2000-01-01T00:00:00") :]


def _as_text(name: str, kind: CellKind) -> str:
    """Return a cell as text, as a CSV file holds it."""
    column = quoted(name)
    return f"array_to_string({column}, ';')" if kind == "texts" else column


def _starts(text: str) -> str:
    """Return whether a spreadsheet may run a text as a formula."""
    signs = ", ".join(_text(sign) for sign in FORMULA_STARTS)
    return f"coalesce({text}[1:1] IN ({signs}), FALSE)"


def _cell(name: str, kind: CellKind, form: Format) -> str:
    if form != "csv":
        return quoted(name)
    text = _as_text(name, kind)
    if kind not in DATA:
        return f"{text} AS {quoted(name)}"
    quote = _text("'")
    return f"CASE WHEN {_starts(text)} THEN {quote} || {text} ELSE {text} END AS {quoted(name)}"


def _utc_day(seconds: str) -> str:
    """Return the number of the day, in UTC, on which some seconds fall."""
    return f"({seconds} + {_DAYS_BEFORE * _DAY}) // {_DAY}"


def _clock_time(end: str) -> str:
    """Return a deadline as text, with the offset that the pack's timezone has then."""

    def told(offset: str) -> str:
        local = f"make_timestamp((t.{end} + {end}_day.{offset}) * 1000000)"
        return f"strftime({local}, '%Y-%m-%dT%H:%M:%S') || {end}_day.{offset}_as"

    return f"CASE WHEN t.{end} >= {end}_day.turns THEN {told('after')} ELSE {told('before')} END"


def _ranks(names: Iterable[str]) -> str:
    """Return the place that each name has among all names in order, as a list."""
    found = list(names)
    order = sorted(set(found))
    return f"[{', '.join(str(order.index(name)) for name in found)}]"
