"""A mapping file -> FileMapping, or every problem in it at once, each with its place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args
from zoneinfo import ZoneInfo

from riskflags.errors import PackError, Place
from riskflags.fields import FieldInfo, catalogue
from riskflags.incident import Holds, Incident
from riskflags.mapping.check import check
from riskflags.mapping.columns import Headers
from riskflags.mapping.formats import check_format
from riskflags.mapping.grammar import take
from riskflags.mapping.load_sources import Sources
from riskflags.mapping.model import (
    DELIMITERS,
    ENCODINGS,
    USUAL_DATES,
    USUAL_DELIMITERS,
    USUAL_ENCODINGS,
    Column,
    Encoding,
    FileMapping,
    Join,
    Reading,
    RowsKind,
    Source,
    Table,
)
from riskflags.source import values
from riskflags.source.nodes import Node, Scalar, parse
from riskflags.source.problems import Problems, listed, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).resolve().parent.parent / "mappings"
_ROWS = tuple(kind for kind in get_args(RowsKind) if kind != "lookup")


@dataclass(frozen=True, slots=True)
class ShippedMapping:
    """A mapping that comes with the library: the name to ask for it by, and what it is for."""

    name: str
    label: str


def mappings() -> tuple[ShippedMapping, ...]:
    """Return the shipped mappings, by name."""
    found = (load_mapping(path) for path in sorted(FOLDER.glob("*.yaml")))
    return tuple(ShippedMapping(mapping.name, mapping.label) for mapping in found)


def load_mapping(source: str | Path, *, record: type[Incident] = Incident) -> FileMapping:
    """Return a mapping by the name of a shipped one, or from a file. PackError carries every problem.

    `record` is the model of the records, where a system adds fields of its own.
    """
    path = _found(source)
    shown = str(source) if path == Path(source) else path.name
    problems = Problems()
    try:
        data = path.read_bytes()
    except OSError as error:
        shipped = [found.stem for found in sorted(FOLDER.glob("*.yaml"))]
        near = problems.nearest(str(source), shipped)
        meant = f"did you mean {near}? " if near else ""
        message = f"the mapping cannot be read: {error.strerror or type(error).__name__}"
        hint = f"{meant}give the path of a mapping file, or a shipped mapping: {listed(shipped)}"
        problems.report("RF002", Place(shown), message, hint)
        raise PackError(problems.found()) from error
    node = parse(data, shown, problems)
    if node is None and not len(problems):
        problems.report("RF001", Place(shown), "the file is empty", "write mapping: and its name")
    mapping = None if node is None else _Loader(problems, record).load(node)
    if mapping is None or len(problems):
        raise PackError(problems.found())
    return mapping


def _found(source: str | Path) -> Path:
    if isinstance(source, str) and (FOLDER / f"{source}.yaml").parent == FOLDER and source.isprintable():
        shipped = FOLDER / f"{source}.yaml"
        if shipped.is_file():
            return shipped
    return Path(source)


class _Loader:
    """The reader of one mapping file."""

    def __init__(self, problems: Problems, record: type[Incident]) -> None:
        self._problems = problems
        self._infos = catalogue(record)

    def load(self, node: Node) -> FileMapping | None:
        """Return the mapping; None where it is no mapping at all. It may only be used where there is no problem."""
        taken = take(node, "a mapping", self._problems)
        if taken is None:
            return None
        name = values.text(taken.get("mapping"), self._problems)
        label = values.text(taken.get("label"), self._problems)
        language = values.loose_text(taken.get("language"), self._problems)
        if language not in (None, "1"):
            place = taken.place_of("language")
            self._problems.report("RF020", place, f"language {quoted(language)} is not known", "write language: 1")
        nodes = dict(self._table_nodes(taken.get("tables")))
        headers = Headers({name: self._headers(node) for name, node in nodes.items()}, self._problems)
        mapping = FileMapping(
            name=name or "",
            label=label or "",
            tables={name: self._table(name, node, headers) for name, node in nodes.items()},
            read=self._reading(taken.get("read")),
            holds=self._holds(taken.get("holds")),
            no_identity=frozenset(self._paths(taken.get("no_identity"))),
            fields=self._fields(taken.get("fields"), headers),
            unused=frozenset(self._unused(taken.get("unused"), headers)),
            known_limits=values.text(taken.get("known_limits"), self._problems) or "",
        )
        is_open = self._ask(taken.get("open"))
        if not taken.damaged:
            check(mapping, self._infos, taken, self._problems, is_open=is_open)
        return mapping

    def _ask(self, node: Node | None) -> bool:
        """Report each question that is still open, and return whether there is one: nobody may run such a mapping."""
        items = values.items(node, "a list of {column, question, write}", self._problems) or ()
        for item in items:
            taken = take(item, "an open question", self._problems)
            if taken is None:
                continue
            column = values.loose_text(taken.get("column"), self._problems)
            question = values.loose_text(taken.get("question"), self._problems)
            write = values.loose_text(taken.get("write"), self._problems)
            if question is not None and write is not None:
                about = f" about {quoted(column)}" if column else ""
                message = f"an open question{about}: {question}"
                self._problems.report("RF160", taken.place, message, f"{write}\nThen take this question out of `open`.")
        return bool(items)

    # ---- tables ------------------------------------------------------------------------------------------------------

    def _table_nodes(self, node: Node | None) -> list[tuple[str, Node]]:
        pairs = values.pairs(node, "{name: {headers: [H, ...], rows: records}}", self._problems)
        return [(key.text, value) for key, value in pairs if values.is_name(key, self._problems)]

    def _headers(self, node: Node) -> tuple[str, ...]:
        """Return the headers of a table, quietly: its problems are told when the table itself is read."""
        taken = take(node, "a table", Problems())
        items = values.items(taken.get("headers"), "", Problems()) if taken is not None else None
        return tuple(item.text.strip() for item in items or () if isinstance(item, Scalar))

    def _table(self, name: str, node: Node, headers: Headers) -> Table:
        taken = take(node, "a table", self._problems)
        if taken is None:
            return Table(name, (), "lookup")
        found = headers.tables[name]
        headers.sure_headers(taken.get("headers"), name)
        if twice := [header for header in found if found.count(header) > 1]:
            place = taken.place_of("headers")
            self._problems.report("RF102", place, f"{quoted(twice[0])} stands twice in the headers", "take one out")
        join = self._join(name, taken.get("join"), headers)
        rows = values.choice(taken.get("rows"), _ROWS, self._problems)
        if rows is None and taken.get("rows") is None and join is None and not taken.damaged:
            hint = f"write rows: and one of {listed(_ROWS)}; a table that is only joined needs join:"
            self._problems.report("RF013", taken.place, "a table without `rows`", hint)
        tests = {key: headers.test(taken.get(key), table=name) for key in ("child", "suspect", "other", "keep")}
        key = taken.get("key")
        return Table(
            name=name,
            headers=found,
            rows=cast("RowsKind", rows) if rows is not None else "lookup",
            key=headers.sure_headers(key, name) if key is not None else (),
            join=join,
            optional=values.yes_no(taken.get("optional"), self._problems) or False,
            place=taken.place,
            **tests,
        )

    def _join(self, name: str, node: Node | None, headers: Headers) -> Join | None:
        taken = take(node, "a join", self._problems)
        if taken is None:
            return None
        on = headers.sure_headers(taken.get("on"), name) if taken.get("on") is not None else ()
        many = values.yes_no(taken.get("many"), self._problems) or False
        parts = {key: taken.get(key) for key in ("in_force_at", "from", "to")}
        if any(parts.values()) and not all(parts.values()) and not taken.damaged:
            lacking = next(key for key, value in parts.items() if value is None)
            hint = "in_force_at, from and to go together: {in_force_at: table.H, from: H, to: H}"
            self._problems.report("RF013", taken.place, f"a join without `{lacking}`", hint)
        if not all(parts.values()):
            return Join(on, many=many)
        at = headers.sure_column(parts["in_force_at"])
        begins, ends = (headers.sure_column(parts[key], table=name) for key in ("from", "to"))
        if at is None or begins is None or ends is None:
            return Join(on, many=many)
        return Join(on, at, begins.header, ends.header, many)

    # ---- how files are read ------------------------------------------------------------------------------------------

    def _reading(self, node: Node | None) -> Reading:
        taken = take(node, "how files are read", self._problems)
        if taken is None:
            return Reading()
        encodings = self._choices(taken.get("encoding"), ENCODINGS) or USUAL_ENCODINGS
        delimiters = [DELIMITERS[text] for text in self._choices(taken.get("delimiter"), DELIMITERS)]
        years = take(taken.get("two_digit_years"), "two_digit_years", self._problems)
        century = values.whole(years.get("from"), self._problems, least=1900) if years is not None else None
        ignored = {
            key: values.choice(taken.get(key), ("ignore", "exact"), self._problems) == "ignore"
            for key in ("header_case", "header_space", "value_case")
        }
        return Reading(
            encodings=cast("tuple[Encoding, ...]", encodings),
            delimiters=tuple(delimiters) or USUAL_DELIMITERS,
            dates=tuple(self._dates(taken.get("dates"), two_digit_years=century is not None)) or USUAL_DATES,
            century_from=century or 0,
            zone=self._zone(taken.get("timezone")),
            decimal=values.choice(taken.get("decimal"), (".", ","), self._problems) or ".",
            list_joint=values.choice(taken.get("list"), (";", ",", "|", "/"), self._problems) or ";",
            blank=("", *self._cells(taken.get("blank"))),
            code_ends=tuple(text for text in self._cells(taken.get("code_prefix")) if text),
            **ignored,
        )

    def _choices(self, node: Node | None, options: Mapping[str, str] | tuple[str, ...]) -> tuple[str, ...]:
        found = [values.choice(item, options, self._problems) for item in values.one_or_many(node)]
        return tuple(text for text in found if text is not None)

    def _cells(self, node: Node | None) -> list[str]:
        """Return texts of cells, which may be empty, or look like a number."""
        items = values.items(node, "a list of texts", self._problems) or ()
        return [item.text.strip() for item in items if isinstance(item, Scalar)]

    def _dates(self, node: Node | None, *, two_digit_years: bool) -> list[str]:
        good: list[str] = []
        for item in values.one_or_many(node):
            scalar = values.written(item, "a format such as dd/mm/yyyy", self._problems)
            if scalar is None:
                continue
            if wrong := check_format(scalar.text, two_digit_years=two_digit_years):
                hint = "write a format such as dd/mm/yyyy, dd/mm/yyyy hh:mm, dd-mmm-yy, yyyy-mm-dd or excel_serial"
                self._problems.report("RF020", scalar.place, f"{quoted(scalar.text)}: {wrong}", hint)
            else:
                good.append(scalar.text)
        return good

    def _zone(self, node: Node | None) -> ZoneInfo | None:
        scalar = values.written(node, "a timezone, such as Europe/London", self._problems)
        if scalar is None:
            return None
        try:
            return ZoneInfo(scalar.text)
        except (KeyError, ValueError, OSError):
            self._problems.report("RF020", scalar.place, f"{quoted(scalar.text)} is no timezone", "write Europe/London")
            return None

    # ---- what it holds, and the fields -------------------------------------------------------------------------------

    def _holds(self, node: Node | None) -> Holds:
        taken = take(node, "what the source holds", self._problems)
        if taken is None:
            return Holds()
        actions_node = taken.get("actions")
        actions: Literal["all", "none"] | tuple[str, ...] = "none"
        if isinstance(actions_node, Scalar):
            actions = "all" if values.choice(actions_node, ("all", "none"), self._problems) == "all" else "none"
        elif actions_node is not None:
            actions = values.texts(actions_node, "all, none or a list of codes", self._problems) or ()
        return Holds(
            actions=actions,
            markers=values.yes_no(taken.get("markers"), self._problems) is True,
            suspects=values.yes_no(taken.get("suspects"), self._problems) is True,
            contact=values.yes_no(taken.get("contact"), self._problems) is True,
            indicators=values.yes_no(taken.get("indicators"), self._problems) is True,
        )

    def _field(self, key: Scalar) -> FieldInfo | None:
        if key.text in self._infos:
            return self._infos[key.text]
        near = self._problems.nearest(key.text, self._infos)
        meant = f"did you mean {near}? " if near else ""
        self._problems.report("RF104", key.place, f"no field {quoted(key.text)}", f"{meant}See riskflags fields")
        return None

    def _paths(self, node: Node | None) -> list[str]:
        items = values.items(node, "a list of fields such as [child.id]", self._problems) or ()
        scalars = [values.written(item, "a field", self._problems) for item in items]
        infos = [self._field(scalar) for scalar in scalars if scalar is not None]
        return [info.path for info in infos if info is not None]

    def _fields(self, node: Node | None, headers: Headers) -> dict[str, Source]:
        sources = Sources(headers, self._problems)
        found: dict[str, Source] = {}
        for key, value in values.pairs(node, "{field: table.Header}", self._problems):
            info = self._field(key)
            if info is not None and (source := sources.source(value, info)) is not None:
                found[info.path] = source
        return found

    def _unused(self, node: Node | None, headers: Headers) -> list[Column]:
        items = values.items(node, "a list of table.Header", self._problems) or ()
        found = [headers.column(item) for item in items]
        return [column for column in found if column is not None]
