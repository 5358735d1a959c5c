"""What fills each field, read from the nodes of a mapping file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from riskflags.kinds import parse_date, parse_moment, parse_number, parse_text, parse_yes_no
from riskflags.mapping.formats import TIME_FORMATS
from riskflags.mapping.grammar import FORMS, take
from riskflags.mapping.model import Always, Column, DateTime, FirstOf, From, Otherwise, Source, Template
from riskflags.source import values
from riskflags.source.nodes import ListNode, MapNode, Node, Scalar
from riskflags.source.problems import listed, quoted
from riskflags.source.shape import Taken, refuse_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from riskflags.fields import FieldInfo
    from riskflags.mapping.columns import Headers
    from riskflags.source.problems import Problems

USUAL_TIMES = ("hh:mm", "hh:mm:ss")
_HOLE = re.compile(r"\{([^{}]*)\}")
_PARSERS: Mapping[str, Callable[[str], object]] = {
    "text": parse_text, "code": parse_text, "codes": parse_text, "number": parse_number, "yes_no": parse_yes_no,
    "date": parse_date, "moment": parse_moment,
}  # fmt: skip


class Sources:
    """The reader of what stands under `fields`."""

    def __init__(self, headers: Headers, problems: Problems) -> None:
        self._headers = headers
        self._problems = problems

    def source(self, node: Node, info: FieldInfo) -> Source | None:
        """Return the source of a field; None where a problem says why there is none."""
        if isinstance(node, Scalar | ListNode):
            columns = self._headers.columns(node)
            return Source(From(columns), place=node.place) if columns else None
        taken = take(node, "a source", self._problems)
        if taken is None:
            return None
        forms = [name for name in FORMS if name in taken.values]
        if len(forms) != 1:
            if not taken.damaged:
                message = f"a source has one of {listed(FORMS)}" + (f", not {' and '.join(forms)}" if forms else "")
                self._problems.report("RF011", taken.place, message, "write table.Header, or {from: table.Header}")
            return None
        for key in taken.values:
            if key != forms[0] and key not in FORMS[forms[0]]:
                hint = f"beside {forms[0]} there may be {listed(sorted(FORMS[forms[0]]))}"
                self._problems.report("RF011", taken.place_of(key), f"{quoted(key)} does not go with {forms[0]}", hint)
        form = self._form(forms[0], taken, info)
        found = self._values(taken.get("values"), info)
        otherwise, other = self._otherwise(taken, info)
        blank_if, when = (self._headers.test(taken.get(key)) for key in ("blank_if", "when"))
        values.choice(taken.get("as"), ("text",), self._problems)
        upper = values.yes_no(taken.get("upper"), self._problems) or False
        pad = 0 if forms[0] == "date" else values.whole(taken.get("pad"), self._problems, least=1) or 0
        if form is None:
            return None
        return Source(form, found, otherwise, other, pad, upper, blank_if, when, node.place)

    def _form(self, name: str, taken: Taken, info: FieldInfo) -> From | Always | Template | FirstOf | DateTime | None:
        node = taken.values[name]
        match name:
            case "from":
                columns = self._headers.columns(node)
                return From(columns) if columns else None
            case "first_of":
                return self._first_of(taken, node, info)
            case "date":
                return self._date_time(taken, node, info)
            case "text":
                return self._template(node)
            case _:
                return self._always(node, info)

    def _first_of(self, taken: Taken, node: Node, info: FieldInfo) -> FirstOf | None:
        items = values.items(node, "a list of sources", self._problems) or ()
        sources = [self.source(item, info) for item in items]
        found = values.choice(taken.get("differ"), ("warn", "reject"), self._problems)
        differ: Literal["", "warn", "reject"] = "warn" if found == "warn" else "reject" if found == "reject" else ""
        good = tuple(source for source in sources if source is not None)
        return FirstOf(good, differ) if good else None

    def _date_time(self, taken: Taken, node: Node, info: FieldInfo) -> DateTime | None:
        if info.kind not in ("moment", "date"):
            hint = f"{info.path} is {info.kind}: write from instead of date"
            self._problems.report("RF105", taken.place_of("date"), "only a date or a moment has a day and a time", hint)
        day = self.source(node, info)
        time_node = taken.get("time")
        time = self.source(time_node, info) if time_node is not None else None
        times = [values.choice(item, TIME_FORMATS, self._problems) for item in values.one_or_many(taken.get("time_as"))]
        pad = values.whole(taken.get("pad"), self._problems, least=1) or 0
        formats = tuple(form for form in times if form is not None) or USUAL_TIMES
        return None if day is None else DateTime(day, time, formats, pad)

    def _template(self, node: Node) -> Template | None:
        scalar = values.written(node, 'text such as "903-{table.H}"', self._problems)
        if scalar is None:
            return None
        parts: list[str | Column] = []
        for index, part in enumerate(_HOLE.split(scalar.text)):
            if index % 2:
                column = self._headers.column(Scalar(part, *scalar.place, quoted=True))
                parts += [column] if column is not None else []
            elif "{" in part or "}" in part:
                self._problems.report("RF020", scalar.place, "a brace that is not closed", "write {table.Header}")
            elif part:
                parts.append(part)
        if all(isinstance(part, str) for part in parts):
            if len(_HOLE.split(scalar.text)) == 1:
                hint = "put a column in braces: {table.Header}; a text that never changes is {always: ...}"
                self._problems.report("RF020", scalar.place, "no column in the text", hint)
            return None
        return Template(tuple(parts))

    def _always(self, node: Node, info: FieldInfo) -> Always | None:
        if isinstance(node, ListNode):
            found = self._meaning(node, info)
            return None if found is None else Always(found)
        code = self._value(node, info)
        return None if code is None else Always((code,) if info.kind == "codes" else code)

    # ---- what cells mean ---------------------------------------------------------------------------------------------

    def _values(self, node: Node | None, info: FieldInfo) -> dict[str, str | tuple[str, ...] | None] | None:
        if node is None:
            return None
        if not isinstance(node, MapNode):
            refuse_shape(node, "write {cell: code}", self._problems)
            return {}
        found: dict[str, str | tuple[str, ...] | None] = {}
        for key, value in node.pairs:
            if isinstance(value, Scalar) and value.text == "blank" and not value.quoted:
                found[key.text.strip()] = None
            elif isinstance(value, ListNode):
                found[key.text.strip()] = self._meaning(value, info)
            else:
                found[key.text.strip()] = self._value(value, info)
        return found

    def _meaning(self, node: ListNode, info: FieldInfo) -> tuple[str, ...] | None:
        if info.kind != "codes":
            self._problems.report("RF105", node.place, f"{info.path} takes one value", "write it without brackets")
            return None
        found = [self._value(item, info) for item in node.items]
        return tuple(code for code in found if code is not None)

    def _otherwise(self, taken: Taken, info: FieldInfo) -> tuple[Otherwise, str]:
        node = taken.get("otherwise")
        if node is None:
            return "warn", ""
        if "values" not in taken.values:
            self._problems.report("RF013", taken.place_of("otherwise"), "otherwise without values", "write values: too")
        match node:
            case Scalar(text="blank"):
                return "blank", ""
            case Scalar(text="warn"):
                return "warn", ""
            case Scalar(text="reject"):
                return "reject", ""
            case _:
                code = self._value(node, info)
                return ("warn", "") if code is None else ("code", code)

    def _value(self, node: Node, info: FieldInfo) -> str | None:
        """Return a value of the field as canonical text."""
        scalar = values.parsed(node, lambda text: text, f"a value of {info.path}", self._problems)
        if scalar is None:
            return None
        if info.codes is not None and scalar not in info.codes:
            near = self._problems.nearest(scalar, info.codes)
            meant = f"did you mean {near}? " if near else ""
            hint = f"{meant}The codes of {info.path} are {listed(info.codes)}"
            self._problems.report("RF106", node.place, f"{quoted(scalar)} is not a code of {info.path}", hint)
            return None
        try:
            _PARSERS[info.kind](scalar)
        except ValueError as error:
            self._problems.report("RF020", node.place, f"{quoted(scalar)} does not fit {info.path}", str(error))
            return None
        return scalar
