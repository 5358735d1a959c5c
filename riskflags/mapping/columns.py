"""Columns and tests of rows, read from the nodes of a mapping file."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from riskflags.mapping.model import CellTest, Column, RowTest, TestGroup
from riskflags.source import values
from riskflags.source.nodes import ListNode, MapNode, Node, Scalar
from riskflags.source.problems import listed, quoted
from riskflags.source.shape import refuse_shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskflags.source.problems import Problems

GROUPS: Mapping[str, Literal["all", "any", "none"]] = {"all": "all", "any": "any", "none": "none"}
OPERATORS = ("is", "in", "between", "at_least", "at_most")
_TEST = "write {Role: Victim}, {Role: {in: [Victim, Witness]}}, {Age: {at_most: 17}} or {any: [test, test]}"


@dataclass(frozen=True, slots=True)
class Headers:
    """The headers by which each table is known: what columns may be named."""

    tables: Mapping[str, tuple[str, ...]]
    problems: Problems

    def column(self, node: Node | None, *, table: str = "") -> Column | None:
        """Return the column that a text names: table.Header, or a header alone where `table` says of which."""
        found = values.written(node, "table.Header", self.problems)
        if found is None:
            return None
        name, dot, header = found.text.partition(".")
        if dot and name in self.tables:
            return Column(name, header.strip())
        if table:
            return Column(table, found.text.strip())
        near = self.problems.nearest(name, self.tables)
        meant = f"did you mean {near}.{header or 'Header'}? " if near else ""
        hint = f"{meant}write table.Header; the tables are {listed(self.tables)}"
        self.problems.report("RF101", found.place, f"{quoted(found.text)} names no table", hint)
        return None

    def sure_column(self, node: Node | None, *, table: str = "") -> Column | None:
        """Return a column that every file of its table has: one of its headers."""
        column = self.column(node, table=table)
        if column is None or node is None or column.header in self.tables[column.table]:
            return column
        near = self.problems.nearest(column.header, self.tables[column.table])
        meant = f"did you mean {near}? " if near else ""
        hint = f"{meant}put it among the headers of {column.table}, so that every file of it has the column"
        message = f"{quoted(column.header)} is not among the headers of {column.table}"
        self.problems.report("RF101", node.place, message, hint)
        return None

    def sure_headers(self, node: Node | None, table: str) -> tuple[str, ...]:
        """Return a list of headers that every file of the table has."""
        found = [self.sure_column(item, table=table) for item in self._items(node)]
        return tuple(column.header for column in found if column is not None)

    def columns(self, node: Node | None) -> tuple[Column, ...]:
        """Return one column, or a list of columns."""
        found = [self.column(item) for item in values.one_or_many(node)]
        return tuple(column for column in found if column is not None)

    def _items(self, node: Node | None) -> tuple[Node, ...]:
        return self._filled(values.items(node, "a list of headers such as [Incident Ref]", self.problems), node)

    def _filled(self, items: tuple[Node, ...] | None, node: Node | None) -> tuple[Node, ...]:
        """Return the items of a list, having reported one that is empty."""
        if items == () and node is not None:
            self.problems.report("RF020", node.place, "an empty list", "write at least one item between the brackets")
        return items or ()

    # ---- tests -------------------------------------------------------------------------------------------------------

    def test(self, node: Node | None, *, table: str = "") -> RowTest | None:
        """Return a test of a row; None where there is none, or where a problem says why.

        A test of the rows of `table` reads columns that every file of it has; one of a field may read any column.
        """
        if node is None:
            return None
        if not isinstance(node, MapNode):
            refuse_shape(node, _TEST, self.problems)
            return None
        tests = [self._group(key, value, table) if key.text in GROUPS else self._cell(key, value, table)
                 for key, value in node.pairs]  # fmt: skip
        good = tuple(test for test in tests if test is not None)
        if not node.pairs and not node.damaged:
            self.problems.report("RF020", node.place, "nothing is written here", _TEST)
        return good[0] if len(good) == 1 else TestGroup("all", good)

    def _group(self, key: Scalar, node: Node, table: str) -> RowTest | None:
        if not isinstance(node, ListNode):
            refuse_shape(node, f"write {key.text}: [test, test]", self.problems)
            return None
        tests = (self.test(item, table=table) for item in self._filled(node.items, node))
        return TestGroup(GROUPS[key.text], tuple(test for test in tests if test is not None))

    def _cell(self, key: Scalar, node: Node, table: str) -> RowTest | None:
        column = self.sure_column(key, table=table) if table else self.column(key)
        if isinstance(node, Scalar):
            return None if column is None else CellTest(column, (node.text.strip(),))
        if not isinstance(node, MapNode):
            refuse_shape(node, _TEST, self.problems)
            return None
        tests = [self._operator(column or Column("", ""), operator, value) for operator, value in node.pairs]
        good = tuple(test for test in tests if test is not None)
        if column is None or not good:
            return None
        return good[0] if len(good) == 1 else TestGroup("all", good)

    def _operator(self, column: Column, key: Scalar, node: Node) -> RowTest | None:
        match key.text:
            case "is":
                found = self._texts(ListNode((node,), *node.place))
                return None if found is None else CellTest(column, found)
            case "in":
                found = self._texts(node)
                return None if found is None else CellTest(column, found)
            case "at_least":
                low = values.number(node, self.problems)
                return None if low is None else CellTest(column, low=low)
            case "at_most":
                high = values.number(node, self.problems)
                return None if high is None else CellTest(column, high=high)
            case "between":
                return self._between(column, node)
            case _:
                near = self.problems.nearest(key.text, OPERATORS)
                meant = f"did you mean {near}? " if near else ""
                hint = f"{meant}Write one of {listed(OPERATORS)}"
                self.problems.report("RF010", key.place, f"unknown key {quoted(key.text)}", hint)
                return None

    def _texts(self, node: Node) -> tuple[str, ...] | None:
        items = values.items(node, "a list of cells such as [Victim, Witness]", self.problems)
        if items is None:
            return None
        for item in self._filled(items, node):
            if not isinstance(item, Scalar):
                refuse_shape(item, "write the text of a cell", self.problems)
        return tuple(item.text.strip() for item in items if isinstance(item, Scalar))

    def _between(self, column: Column, node: Node) -> RowTest | None:
        items = values.items(node, "the two ends, such as [1, 17]", self.problems)
        ends: list[Decimal | None] = [values.number(item, self.problems) for item in items or ()]
        match ends:
            case [Decimal() as low, Decimal() as high]:
                return CellTest(column, low=low, high=high)
            case _ if items is None or None in ends:
                return None
            case _:
                self.problems.report("RF020", node.place, "two ends are needed", "write {between: [1, 17]}")
                return None
