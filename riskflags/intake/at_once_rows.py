"""Rows of text as rows of values: which of them are sure to be a record just as they stand, and what that record is.

A row is sure where every cell is taken, it has an id, a type and a time, no two of its times contradict each other and
no age is doubtful. It is taken only if all else that its incident rests on is as sure: one row to a record, and items
of lists that differ. All rows of any other incident are handed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from riskflags.batch.facts import MOMENT, column, schema_of
from riskflags.fields import FieldInfo, catalogue
from riskflags.incident import IN_ORDER, TIMES
from riskflags.intake.at_once_cells import asks_more, how_read, literal, quoted, read_cell, sql_columns
from riskflags.intake.canonical import KEYS, SIDES
from riskflags.intake.merge import EVENT
from riskflags.kinds import NUMBER_PLACES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from riskflags.incident import Incident
    from riskflags.intake.at_once_cells import How, Read
    from riskflags.intake.at_once_sources import Source
    from riskflags.intake.canonical import Column

SLOW = "intake slow"
"""Ids of the incidents whose rows are handed over."""
DAYS = "intake days"
"""The days of the zone."""
_SHIFT = 40
_PREFIX = {"done": "action", "suspects": "suspect", "markers": "marker"}
_READ_ANYWAY = {"suspects": {"suspect.date_of_birth", "suspect.stated_age"}}
"""Fields of items that are asked for whatever the files hold."""
_PLAIN = "[ !#-\\[\\]-~]*"
"""Text that JSON writes as it stands."""


def spot(number: int, row: int) -> int:
    """Return where a row stands as one number, by which rows sort in the order of files."""
    return (number << _SHIFT) + row


def place(found: int) -> tuple[int, int]:
    """Return the number of the file and the row of a spot."""
    return found >> _SHIFT, found & ((1 << _SHIFT) - 1)


def rows_table(source: Source) -> str:
    """Return the name of the table of values of a source."""
    return f"intake rows {source.number}"


def items_table(items: Source, attribute: str) -> str:
    """Return the name of the table of values of the items of a list that stand in rows."""
    return f"intake rows {items.number} {attribute}"


class Rows:
    """The statements that make rows of values of rows of text."""

    def __init__(self, con: Any, record: type[Incident], sources: Sequence[Source]) -> None:
        self._con = con
        self._record = record
        self._sources = sources
        self._mains = [source for source in sources if source.side is None]
        self._how: Mapping[str, How] = {} if asks_more(record) else how_read(record)
        self._infos = catalogue(record)
        self._sorts = {SIDES[source.side] for source in sources if source.side is not None} | {"done", "markers"}
        self._sorts |= {attribute for source in sources for attribute in source.items}

    # ---- one row by itself -------------------------------------------------------------------------------------------

    def read(self, source: Source) -> None:
        """Make the table of values of a source: v with the index of each column, the key, `ok` where a row is sure."""
        at = {found.title: found.index for found in source.layout.columns if not found.action}
        valued, taken = self._valued(source, f"cut{at['incident.id']}")
        keys = [f"v{at[path]}" if path in at else "CAST(NULL AS VARCHAR)" for path in KEYS]
        checks = self._checks(at) if source.side is None else self._checks_of_side(source, at)
        for attribute, items in source.items.items():
            self._read_items(items, attribute)
            refused = f"SELECT row FROM {quoted(items_table(items, attribute))} WHERE NOT ok"
            checks.append(f"row NOT IN ({refused})")
        self._con.execute(
            f"CREATE TABLE {quoted(rows_table(source))} AS {valued} "
            f"SELECT * EXCLUDE (row, taken, id_cell), {spot(source.number, 0)} + row AS spot, "
            f"{keys[0]} AS id, {keys[1]} AS child, {self._event_day(at)} AS event, "
            f"CASE WHEN {keys[0]} IS NULL THEN id_cell END AS id_cell, "
            f"coalesce({taken} AND {' AND '.join(checks)}, false) AS ok FROM valued"
        )

    def _read_items(self, items: Source, attribute: str) -> None:
        """Make the table of values of the items of a list that stand in rows; `ok` where one is sure."""
        valued, taken = self._valued(items, "''")
        code = next((f"v{found.index}" for found in items.layout.columns if found.title == "action.code"), "NULL")
        needed = f" AND {code} IS NOT NULL" if attribute == "done" else ""
        self._con.execute(
            f"CREATE TABLE {quoted(items_table(items, attribute))} AS {valued} "
            f"SELECT * EXCLUDE (taken, id_cell), coalesce({taken}{needed}, false) AS ok FROM valued"
        )
        self._con.execute(f"DROP TABLE {quoted(items.table)}")

    def _valued(self, source: Source, id_cell: str) -> tuple[str, str]:
        """Return the rows of a source as values, as a query named `valued`, and what says that all cells are taken."""
        reads = {found.index: self._cell(source, found) for found in source.layout.columns}
        times = {index: read.time for index, read in reads.items() if read.time}
        joins = "".join(
            f" LEFT JOIN {quoted(DAYS)} z{index} ON z{index}.day = CAST(t{index} AS DATE)" for index in times
        )
        cut = ", ".join(f"{read.cut} AS {read.cell}" for read in reads.values())
        timed = "".join(f", {time} AS t{index}" for index, time in times.items())
        values = ", ".join(f"{sql} AS {quoted(name)}" for read in reads.values() for name, sql in read.values.items())
        taken = " AND ".join(read.is_taken for read in reads.values())
        query = (
            f"WITH cut AS (SELECT row, {cut} FROM {quoted(source.table)}), "
            f"timed AS (SELECT *{timed} FROM cut), "
            f"valued AS (SELECT row, {id_cell} AS id_cell, {values}, {taken} AS taken "
            f"FROM timed{joins})"
        )
        return query, "taken"

    def _cell(self, source: Source, found: Column) -> Read:
        path = f"action.{found.name}" if found.action else found.title
        how = self._how.get(path)
        if found.action and not self._is_plain_action(source, found):
            how = None
        sorts = found.attribute in self._sorts
        return read_cell(found.index, self._infos[path], how, may_hold_nul=source.may_hold_nul, sorts=sorts)

    def _is_plain_action(self, source: Source, found: Column) -> bool:
        """Return whether the code in the title of a column is told as it stands, and by this column alone."""
        code = found.action
        same = [c for c in source.layout.columns if (c.action, c.name) == (code, found.name)]
        return len(same) == 1 and code.isascii() and code.isprintable() and code != "(none)" and self._is_text_code()

    def _is_text_code(self) -> bool:
        return self._how.get("action.code") == "text"

    def _checks(self, at: Mapping[str, int]) -> list[str]:
        """Return what must hold of a row of records beside its cells."""

        def end(path: str, part: str) -> str:
            return quoted(column(f"v{at[path]}", part))

        times = " OR ".join(f"{end(path, 'low')} IS NOT NULL" for path in TIMES if path in at) or "false"
        checks = [f"v{at['incident.id']} IS NOT NULL", f"v{at['incident.type']} IS NOT NULL", f"({times})"]
        for first, second in IN_ORDER:
            if first in at and second in at:
                checks.append(f"({end(second, 'high')} >= {end(first, 'low')}) IS NOT FALSE")
        born, stated = (f"v{at[path]}" if path in at else "" for path in ("child.date_of_birth", "child.stated_age"))
        return [*checks, *([_is_likely_age(born, stated, self._event_day(at))] if born else [])]

    def _checks_of_side(self, source: Source, at: Mapping[str, int]) -> list[str]:
        needed = ["incident.id", *(["action.code"] if source.side == "actions" else [])]
        return [f"v{at[path]} IS NOT NULL" for path in needed]

    @staticmethod
    def _event_day(at: Mapping[str, int]) -> str:
        days = [quoted(column(f"v{at[path]}", "day")) for path in EVENT if path in at]
        return f"coalesce({', '.join(days)})" if days else "CAST(NULL AS DATE)"

    # ---- items of lists ----------------------------------------------------------------------------------------------

    def list_items(self, attribute: str) -> str:
        """Make the table of the items of a list of all sure rows, in order; return its name.

        Adds to the slow ids those of incidents in which two items are the same, or an item may sort otherwise here.
        """
        filled = filled_paths(self._sources, attribute) | _READ_ANYWAY.get(attribute, set())
        infos = [info for path, info in self._infos.items() if path in filled]
        parts = [
            *self._items_of_rows(attribute, infos),
            *self._items_in_rows(attribute, infos),
            *self._items_of_side(attribute, infos),
        ]
        name, columns = f"intake {attribute}", _item_columns(infos)
        made = "".join(f", {quoted(one)} {kind}" for one, kind in columns.items())
        raw = f"intake all {attribute}"
        self._con.execute(f"CREATE TABLE {quoted(raw)} (spot BIGINT, id VARCHAR, side BIGINT, event DATE{made})")
        if parts:
            self._con.execute(f"INSERT INTO {quoted(raw)} BY NAME {' UNION ALL BY NAME '.join(parts)}")
        self._number(name, quoted(raw), infos, attribute)
        self._con.execute(f"DROP TABLE {quoted(raw)}")
        self._con.execute(f"INSERT INTO {quoted(SLOW)} SELECT DISTINCT id FROM {quoted(name)} WHERE is_doubtful")
        return name

    def _number(self, name: str, raw: str, infos: Sequence[FieldInfo], attribute: str) -> None:
        """Make the table of the items of a list in order. One that is alone in its row needs no sorting."""
        content = _content(infos)
        is_alone = f"spot NOT IN (SELECT spot FROM {raw} GROUP BY spot HAVING count(*) > 1)"
        several = f"(FROM {raw} WHERE NOT {is_alone})"
        doubts = ["(count(*) OVER one > 1 AND NOT sorts)", "coalesce((lag(content) OVER sorted) = content, false)"]
        alone, doubt = "* EXCLUDE (event)", "false"
        if attribute == "suspects":
            path = quoted("suspect.id")
            is_likely = _is_likely_age(quoted("suspect.date_of_birth"), quoted("suspect.stated_age"), "event")
            alone = f"* EXCLUDE (event) REPLACE (coalesce({path}, id || '#1') AS {path})"
            doubt = f"NOT {is_likely}"
            doubts += ["count(*) OVER (PARTITION BY spot, bare) > 1"]
            doubts += [f"({path} IS NOT NULL AND NOT is_assigned AND count({path}) OVER same > 1)", doubt]
            several = (
                f"(SELECT * REPLACE (coalesce({path}, id || '#' || count(*) FILTER ({path} IS NULL) OVER "
                f"(PARTITION BY spot ORDER BY bare ROWS UNBOUNDED PRECEDING)) AS {path}), {path} IS NULL AS "
                f"is_assigned, {_is_plain('id')} AS has_plain_id "
                f"FROM (SELECT *, {content} AS bare FROM {several}))"
            )
        sorts = " AND ".join([*_sorts(infos), *(["has_plain_id"] if attribute == "suspects" else [])]) or "true"
        windows = "WINDOW one AS (PARTITION BY spot), sorted AS (PARTITION BY spot ORDER BY content)"
        windows += f", same AS (PARTITION BY spot, {quoted('suspect.id')})" if attribute == "suspects" else ""
        own = ", is_assigned, has_plain_id, bare" if attribute == "suspects" else ""
        self._con.execute(
            f"CREATE TABLE {quoted(name)} AS SELECT {alone}, 0::BIGINT AS item, {doubt} AS is_doubtful "
            f"FROM {raw} WHERE {is_alone} UNION ALL BY NAME SELECT * EXCLUDE (content, sorts, event{own}), "
            f"row_number() OVER sorted - 1 AS item, {' OR '.join(doubts)} AS is_doubtful "
            f"FROM (SELECT *, {content} AS content, {sorts} AS sorts FROM {several}) {windows}"
        )

    def _items_of_rows(self, attribute: str, infos: Sequence[FieldInfo]) -> Iterable[str]:
        for source in self._mains:
            groups: dict[str, list[Column]] = {}
            for found in source.layout.columns:
                if found.attribute == attribute:
                    groups.setdefault(found.action, []).append(found)
            for action, columns in groups.items():
                prefix = _PREFIX[attribute]
                paths = {f"{prefix}.{found.name}": found.index for found in columns}
                given = {"action.code": literal(action)} if action else {}
                filled = " OR ".join(f"{self._main(path, index)} IS NOT NULL" for path, index in paths.items())
                values = "".join(f", {one}" for one in self._values(infos, paths, given))
                yield (f"SELECT spot, id, event{values} FROM {quoted(rows_table(source))} WHERE ok AND ({filled})")

    def _items_in_rows(self, attribute: str, infos: Sequence[FieldInfo]) -> Iterable[str]:
        for source in self._mains:
            if (items := source.items.get(attribute)) is not None:
                paths = paths_of(items)
                values = "".join(f", {one}" for one in self._values(infos, paths, {}, table="i."))
                yield (
                    f"SELECT r.spot, r.id, r.event{values} FROM {quoted(rows_table(source))} r JOIN "
                    f"{quoted(items_table(items, attribute))} i ON r.spot = {spot(source.number, 0)} + i.row WHERE r.ok"
                )

    def _items_of_side(self, attribute: str, infos: Sequence[FieldInfo]) -> Iterable[str]:
        side = next((s for s in self._sources if s.side is not None and SIDES[s.side] == attribute), None)
        if side is None:
            return
        paths = {found.title: found.index for found in side.layout.columns if found.attribute == attribute}
        values = "".join(f", {one}" for one in self._values(infos, paths, {}, table="s."))
        for source in self._mains:
            yield (
                f"SELECT r.spot, r.id, s.spot AS side, r.event{values} FROM {quoted(rows_table(source))} r JOIN "
                f"{quoted(rows_table(side))} s ON s.id = r.id AND (s.child IS NULL OR s.child = r.child) "
                f"WHERE r.ok AND s.ok"
            )

    def _values(
        self, infos: Sequence[FieldInfo], paths: Mapping[str, int], given: Mapping[str, str], *, table: str = ""
    ) -> list[str]:
        found = [f"{sql} AS {quoted(path)}" for path, sql in given.items()]
        found += [f"{sql} AS {quoted(name)}" for name, sql in own_values(infos, paths, table=table).items()]
        texts_of = [info.path for info in infos if info.kind == "number" and info.path in paths]
        known = self._how
        found += [
            f"{table}{quoted(column(f'v{paths[path]}', 'text'))} AS {quoted(column(path, 'text'))}"
            for path in texts_of
            if path in known
        ]
        return found

    def _main(self, path: str, index: int) -> str:
        info, how = self._infos[path], self._how.get(path)
        return quoted(column(f"v{index}", "low")) if info.kind == "moment" and how else f"v{index}"

    # ---- which incidents are handed over -----------------------------------------------------------------------------

    def find_slow(self, more: Iterable[str]) -> None:
        """Make the table of slow ids: of rows that are not sure, of records of several rows, of rows of lists alone.

        `more` are ids that are known otherwise.
        """
        self._con.execute(f"CREATE TABLE {quoted(SLOW)} (id VARCHAR)")
        for source in self._sources:
            self._con.execute(
                f"INSERT INTO {quoted(SLOW)} SELECT DISTINCT id FROM {quoted(rows_table(source))} "
                f"WHERE NOT ok AND id IS NOT NULL"
            )
        keys = self._keys()
        if keys:
            self._con.execute(
                f"INSERT INTO {quoted(SLOW)} SELECT DISTINCT id FROM ({keys}) WHERE id IS NOT NULL "
                f"GROUP BY id, child HAVING count(*) > 1"
            )
        for source in self._sources:
            if source.side is not None:
                same = "r.id = s.id AND (s.child IS NULL OR s.child = r.child)"
                found = f" AND NOT EXISTS (SELECT 1 FROM ({keys}) r WHERE {same})"
                self._con.execute(
                    f"INSERT INTO {quoted(SLOW)} SELECT DISTINCT s.id FROM {quoted(rows_table(source))} s "
                    f"WHERE s.id IS NOT NULL{found if keys else ''}"
                )
        for text in more:
            self._con.execute(f"INSERT INTO {quoted(SLOW)} VALUES (?)", [text])

    def _keys(self) -> str:
        return " UNION ALL ".join(f"SELECT id, child FROM {quoted(rows_table(source))}" for source in self._mains)

    def odd_ids(self) -> list[str]:
        """Return the cells of ids that are not taken: what they are in the end, the model says."""
        found = [f"SELECT id_cell FROM {quoted(rows_table(s))} WHERE id_cell IS NOT NULL" for s in self._sources]
        return [cell for (cell,) in self._con.execute(" UNION ".join(found)).fetchall()] if found else []


def paths_of(source: Source) -> dict[str, int]:
    """Return the fields that the columns of a source fill, with the index of each column."""
    return {found.title: found.index for found in source.layout.columns if not found.action}


def filled_paths(sources: Iterable[Source], attribute: str) -> set[str]:
    """Return the fields of the items of a list that the columns of some sources fill."""
    prefix, found = _PREFIX[attribute], set[str]()
    if attribute == "suspects":
        found.add("suspect.id")  # who has none is given one
    for source in sources:
        own = [one for one in source.layout.columns if one.attribute == attribute]
        found |= {f"{prefix}.{one.name}" for one in own}
        found |= {"action.code"} if any(one.action for one in own) else set()
        if attribute in source.items:
            found |= paths_of(source.items[attribute]).keys()
    return found


def is_fast(table: str = "") -> str:
    """Return whether a row is taken as it stands."""
    return f"({table}ok AND {table}id NOT IN (SELECT id FROM {quoted(SLOW)}))"


def own_values(infos: Iterable[FieldInfo], paths: Mapping[str, int], *, table: str = "") -> dict[str, str]:
    """Return the columns of the fields that the columns of a source fill, as facts names them."""
    found: dict[str, str] = {}
    for info in infos:
        if info.path in paths:
            name = f"v{paths[info.path]}"
            parts = (
                [(column(info.path, p), column(name, p)) for p in MOMENT]
                if info.kind == "moment"
                else [(info.path, name)]
            )
            found |= {own: f"{table}{quoted(one)}" for own, one in parts}
    return found


def _item_columns(infos: Sequence[FieldInfo]) -> dict[str, str]:
    numbers = {column(info.path, "text"): "VARCHAR" for info in infos if info.kind == "number"}
    return sql_columns(schema_of(infos)) | numbers


def _is_likely_age(born: str, stated: str, day: str) -> str:
    """Return whether a date of birth and a stated age fit the day of the incident, as `check_person` asks."""
    years = (
        f"year({day}) - year({born}) - CASE WHEN month({day}) * 100 + day({day}) < month({born}) * 100 + day({born}) "
        "THEN 1 ELSE 0 END"
    )
    whole = 10**NUMBER_PLACES
    fits = f" AND ({stated} IS NULL OR ({stated} >= 0 AND {stated} // {whole} = {years}))" if stated else ""
    return f"({born} IS NULL OR {day} IS NULL OR ({born} < {day}{fits}))"


def _content(infos: Iterable[FieldInfo]) -> str:
    """Return the text by which `Incident` sorts the items of a list: the JSON of what is there, keys in order."""
    pieces: list[str] = []
    for info in sorted(infos, key=lambda info: info.path):
        name = quoted(info.path)
        key = literal(f'"{info.path.partition(".")[2]}": ')
        match info.kind:
            case "moment":
                value = f"'\"' || {quoted(column(info.path, 'local'))} || '\"'"
            case "number":
                value = f"'\"' || {quoted(column(info.path, 'text'))} || '\"'"
            case "yes_no" | "date":
                value = (
                    f"CAST({name} AS VARCHAR)" if info.kind == "yes_no" else f"'\"' || CAST({name} AS VARCHAR) || '\"'"
                )
            case "codes":
                listed = f"'[\"' || array_to_string({name}, '\", \"') || '\"]'"
                value = f"CASE len({name}) WHEN 0 THEN '[]' ELSE {listed} END"
            case _:
                value = f"'\"' || {name} || '\"'"
        pieces.append(f"{key} || {value}")
    return f"'{{' || concat_ws(', ', {', '.join(pieces)}) || '}}'" if pieces else "'{}'"


def _sorts(infos: Iterable[FieldInfo]) -> list[str]:
    """Return what must hold of an item for its content to be as JSON writes it."""
    found: list[str] = []
    for info in infos:
        if info.codes is None and info.kind in ("text", "code", "codes"):
            name = quoted(info.path)
            found.append(_is_plain(f"array_to_string({name}, ' ')" if info.kind == "codes" else name))
    return found


def _is_plain(text: str) -> str:
    return f"coalesce(regexp_full_match({text}, {literal(_PLAIN)}), true)"
