"""What a batch found, as the tables, numbers and files of a run, without a Python object for each line.

The columns, their order and the order of rows are those of `riskflags.report.tables`: the two ways of writing a run are
held equal by a test.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

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
    from collections.abc import Iterable, Iterator, Mapping, Sequence
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


class _Lines(NamedTuple):
    """How a table of lines is put together: its rows over a table of the batch, in which order, and what they say.

    What is put in order are numbers where it can be: text that many lines have alike is told afterwards.
    """

    table: str
    rows: str
    order: str
    told: str


class Batched:
    """The results of a plan that has run. `before` are what a reader should know of records, found before it ran."""

    def __init__(self, plan: Plan, store: Store, told: Teller, *, as_of: datetime, before: Before) -> None:
        self._con: Any = store.connection
        self._plan = plan
        self._told = told
        self._pack = plan.pack
        self._as_of = as_of
        self._before = before
        self._queries: dict[str, _Lines] = {}
        self._counts: dict[str, int] = {}
        self._files: list[str] = []
        self._make_who()
        self._make_lines()

    def _rows(self, query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._con.sql(query).to_arrow_table().to_pylist()
        return found

    # ---- lines -------------------------------------------------------------------------------------------------------

    def _make_who(self) -> None:
        """Make the table of whose the records are and where they stand: `file` is a number, `place` their order."""
        self._files = [
            name
            for (name,) in self._con.execute("SELECT DISTINCT source_file FROM origins ORDER BY 1").fetchall()
            if name is not None
        ]
        self._con.execute(
            f"CREATE TABLE who AS SELECT r.record, {_WHO}, "
            f"list_position({literal(self._files, 'array<string>').text}, o.source_file) - 1 AS file, o.source_row, "
            "row_number() OVER (ORDER BY incident_id, coalesce(child_id, '')) AS place "
            "FROM records r LEFT JOIN origins o ON r.record = o.record"
        )

    def _make_clock(self) -> None:
        """Make the table of the days, in UTC, on which something is due, each with the offsets of the pack's timezone.

        On a day on which the clocks change it says at which second they do, and the offset from then on.
        """
        changes = ", ".join(f"({at}, {by})" for at, by in changes_of_offset(self._pack.zone))
        ends = " UNION ALL ".join(f"SELECT {_utc_day(end)} AS day FROM {quoted(REQUIREMENTS)}" for end in _ENDS)
        self._con.execute(
            f"CREATE TABLE clock AS WITH c AS (FROM (VALUES {changes}) v(since, seconds)), "
            f"d AS (SELECT DISTINCT day FROM ({ends}) WHERE day IS NOT NULL) "
            "SELECT d.day, a.seconds AS before, b.since AS turns, b.seconds AS after "
            f"FROM d ASOF JOIN c a ON (d.day - {_DAYS_BEFORE}) * {_DAY} >= a.since "
            f"LEFT JOIN c b ON {_utc_day('b.since')} = d.day AND b.since > (d.day - {_DAYS_BEFORE}) * {_DAY}"
        )

    def _make_lines(self) -> None:
        """Make a view of each table of the run, with its columns in order; its rows come in any order."""
        self._make_undecided()
        if self._plan.store.has(REQUIREMENTS):
            self._make_clock()
        for name, lines in self._lines().items():
            self._view(name, lines)

    def _lines(self) -> dict[str, _Lines]:
        """Return how each table of lines is put together."""
        as_of, source = f"{_text(self._as_of.isoformat())} AS as_of", f"{self._file()} AS source_file"
        rules, actions = self._pack.rules, list(self._pack.actions.values())
        code, rule_id = (_by_number("rule", names) for names in ([r.code for r in rules], [r.id for r in rules]))
        of_rule = f"{code} AS rule_code, {rule_id} AS rule_id"
        is_alone = "len(because) = 0"
        every = "list_sort(list_distinct(list_append(because, incident_id)))"
        who, stands = "w.incident_id, w.child_id", "w.file, w.source_row"
        rank = f"({_ranks(rule.code for rule in rules)})[t.rule + 1]"
        suspect = "coalesce(t.suspect_id, '')"
        by_code, by_key = (f"({_ranks(n)})[t.action + 1]" for n in ((a.code for a in actions), self._pack.actions))
        offsets = sorted({by for _, by in changes_of_offset(self._pack.zone)})
        ends = {
            end: f"CASE WHEN t.{end} >= {end}_day.turns THEN {end}_day.after ELSE {end}_day.before END" for end in _ENDS
        }
        dues = ", ".join(f"t.{end}, {by} AS {end}_by" for end, by in ends.items())
        clocks = "".join(f"LEFT JOIN clock {end}_day ON {end}_day.day = {_utc_day(f't.{end}')} " for end in _ENDS)
        return {
            "flags": _Lines(
                FIRED,
                f"SELECT {who}, t.suspect_id, t.rule, t.severity, t.could_be, t.severity_needs, t.message, t.because, "
                f"{stands} FROM {{rows}} t JOIN who w USING (record)",
                f"t.severity DESC, t.could_be DESC, {rank}, w.place, {suspect}",
                f"incident_id, child_id, suspect_id, {of_rule}, "
                f"{_by_number('rule', [r.version for r in rules])} AS rule_version, "
                f"{_severity('severity')} AS severity, {_severity('could_be')} AS could_be, severity_needs, "
                f"{_by_number('rule', [r.flag.about for r in rules])} AS about, message, "
                f"CASE WHEN {is_alone} THEN [incident_id] ELSE {every}[1:{BECAUSE_SHOWN}] END AS because, "
                f"CASE WHEN {is_alone} THEN 1 ELSE len({every}) END AS because_count, {as_of}, {source}, source_row",
            ),
            "requirements": _Lines(
                REQUIREMENTS,
                f"SELECT {who}, t.suspect_id, t.action, {dues}, t.state, "
                "t.recorded_at, t.recorded_outcome, t.recorded_by, t.short_of, t.needs, t.severity, t.rules, "
                f"{stands} FROM {{rows}} t {clocks}JOIN who w USING (record)",
                f"t.severity DESC, {by_code}, w.place, {suspect}, {by_key}",
                f"incident_id, child_id, suspect_id, {_by_number('action', [a.key for a in actions])} AS action, "
                f"{_by_number('action', [a.code for a in actions])} AS action_code, "
                f"{_by_number('action', [a.label for a in actions])} AS label, "
                f"{_by_number('action', [a.owner for a in actions])} AS owner, "
                f"{', '.join(f'{_clock_time(end, offsets)} AS {end}' for end in _ENDS)}, "
                "state, recorded_at, recorded_outcome, recorded_by, short_of, needs, "
                f"state IN ({', '.join(map(_text, _GAPS))}) AS is_gap, {_severity('severity')} AS severity, "
                f"{self._named_rules()} AS rules, {as_of}, {source}, source_row",
            ),
            "grades": _Lines(
                GRADES,
                f"SELECT {who}, t.grade, t.could_be, t.needs, {stands} FROM {{rows}} t JOIN who w USING (record)",
                "t.grade DESC, t.could_be DESC, w.place",
                f"incident_id, child_id, {_grade('grade')} AS grade, {_grade('could_be')} AS could_be, needs, {as_of}, "
                f"{source}, source_row",
            ),
            "undecided": _Lines(
                _NOT_KNOWN,
                f"SELECT {who}, t.suspect_id, t.rule, t.could_be, t.needs FROM {{rows}} t JOIN who w USING (record) "
                "WHERE NOT t.never",
                f"t.could_be DESC, {rank}, w.place, {suspect}",
                f"incident_id, child_id, suspect_id, {of_rule}, {_severity('could_be')} AS severity, needs, {as_of}",
            ),
            "not_assessed": _Lines(
                _NOT_KNOWN,
                "FROM (SELECT w.file, t.rule, list_sort(list_distinct(flatten(list(t.needs)))) AS fields, "
                "count(DISTINCT t.record) AS records FROM {rows} t JOIN who w USING (record) WHERE t.never "
                "GROUP BY ALL)",
                f"coalesce({self._file()}, ''), ({_ranks(rule.code for rule in rules)})[rule + 1], "
                f"({_ranks(rule.id for rule in rules)})[rule + 1]",
                f"coalesce({self._file()}, '') AS source_file, {of_rule}, fields, records",
            ),
        }

    def _file(self) -> str:
        """Return the name of the file that a column gives by number; NULL of none."""
        return _by_number("file", self._files) if self._files else "CAST(NULL AS VARCHAR)"

    def _named_rules(self) -> str:
        """Return a list of rules by their codes, in order."""
        codes = [rule.code for rule in self._pack.rules]
        numbers = "CASE WHEN len(rules) = 1 THEN rules ELSE list_sort(list_distinct(rules)) END"
        named = "list_select({codes}, list_transform({numbers}, lambda one : one + 1))"
        if codes == sorted(set(codes)):  # then in order of number is in order of code
            return named.format(codes=literal(codes).text, numbers=numbers)
        return f"list_sort(list_distinct({named.format(codes=literal(codes).text, numbers='rules')}))"

    def _view(self, name: str, lines: _Lines) -> None:
        """Make the view of a table of lines; of one whose rows are not there it is empty."""
        view = quoted(f"lines of {name}")
        if not self._has(lines.table):
            nothing = ", ".join(f"CAST(NULL AS {_KINDS[kind]}) AS {quoted(one)}" for one, kind in COLUMNS[name])
            self._con.execute(f"CREATE VIEW {view} AS SELECT {nothing} LIMIT 0")
            return
        rows = lines.rows.format(rows=quoted(lines.table))
        self._con.execute(f"CREATE VIEW {view} AS SELECT {lines.told} FROM ({rows})")
        self._queries[name] = lines._replace(rows=f"{rows} ORDER BY {lines.order}")

    def _has(self, table: str) -> bool:
        return table == _NOT_KNOWN or self._plan.store.has(table)

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
        lines, source = self._queries.get(name), quoted(f"lines of {name}")
        if lines is not None:
            source = f"(SELECT {lines.told} FROM ({lines.rows}))"
            if rows != slice(0, self.count(name)):
                ordered = quoted(f"ordered {name}")
                if rows.start == 0:
                    self._con.execute(f"CREATE TABLE {ordered} AS {lines.rows}")
                source = f"(SELECT {lines.told} FROM {ordered} WHERE rowid >= {rows.start} AND rowid < {rows.stop})"
        self._con.execute(f"COPY (SELECT {listed} FROM {source}) TO {_text(str(path))} ({_COPY[form]})")
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
                yield *self._place(row), uncovered_caution(actions[int(row["action"])], self._pack)
        if self._plan.store.has(TWINS):
            first = (
                f"SELECT record, id, spec FROM {quoted(TWINS)} "
                "QUALIFY row_number() OVER (PARTITION BY record, other ORDER BY spec) = 1"
            )
            for row in self._rows(f"SELECT DISTINCT w.*, t.id, t.spec FROM ({first}) t JOIN who w USING (record)"):
                yield *self._place(row), duplicate_caution(row["id"], self._pack.duplicates[int(row["spec"])])

    def _place(self, row: Mapping[str, Any]) -> tuple[RecordKey, tuple[str | None, int | None]]:
        """Return whose record a row is of, and where that stands."""
        number: int | None = row["file"]
        file = None if number is None else self._files[number]
        return (row["incident_id"], row["child_id"]), (file, row["source_row"])

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


def _clock_time(end: str, offsets: Iterable[int]) -> str:
    """Return a deadline as text, with the offset that the pack's timezone has then: `_by` says which, in seconds."""
    words = " ".join(f"WHEN {by} THEN {_text(_offset(by))}" for by in offsets)
    local = f"make_timestamp(({end} + {end}_by) * 1000000)"
    return f"strftime({local}, '%Y-%m-%dT%H:%M:%S') || CASE {end}_by {words} END"


def _by_number(column: str, values: Sequence[str | int]) -> str:
    """Return the one of some values that a column gives by its number."""
    listed = ", ".join(_text(one) if isinstance(one, str) else str(one) for one in values)
    return f"([{listed}])[{column} + 1]"


def _ranks(names: Iterable[str]) -> str:
    """Return the place that each name has among all names in order, as a list."""
    found = list(names)
    order = sorted(set(found))
    return f"[{', '.join(str(order.index(name)) for name in found)}]"
