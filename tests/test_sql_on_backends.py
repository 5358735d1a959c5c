"""Every expression and relation means the same on every backend, NULLs and all: a truth table, filled in by hand.

A case has the types of its arguments, the expression, and for some arguments what it comes to. All cases of a kind are
one statement, over a table that holds the arguments: so databases work them out as they do the columns of records.
"""

from __future__ import annotations

import contextlib
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pytest
import spark_sessions

from riskflags.batch import sql
from riskflags.batch.relations import union
from riskflags.batch.sql import Expr
from riskflags.batch.store import AnyStore, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

N, T, F = None, True, False
ARROW = {
    "int": pa.int64(), "small": pa.int32(), "text": pa.string(), "yes_no": pa.bool_(), "day": pa.date32(),
    "texts": pa.list_(pa.string()), "lists": pa.list_(pa.list_(pa.string())),
}  # fmt: skip


@pytest.fixture(scope="module", params=["duckdb", "spark"])
def store(request: pytest.FixtureRequest) -> Iterator[AnyStore]:
    if request.param == "duckdb":
        made = Store()
        yield made
        made.close()
    else:
        yield from spark_sessions.store()


class Case(NamedTuple):
    """An expression over arguments, and what it comes to for some."""

    name: str
    kinds: str
    how: Callable[..., Expr]
    expected: Sequence[tuple[tuple[Any, ...], Any]]


def one(*pairs: tuple[Any, Any]) -> list[tuple[tuple[Any, ...], Any]]:
    """Return what is expected of an expression of one argument."""
    return [((argument,), result) for argument, result in pairs]


D = date
LETTERS = ["b", "a", "b", N]
CASES = [
    # ---- comparisons and arithmetic
    Case("==", "int int", lambda a, b: a == b, [((1, 1), T), ((1, 2), F), ((1, N), N), ((N, N), N)]),
    Case("== texts", "text text", lambda a, b: a == b, [(("a", "a"), T), (("a", "A"), F), (("é", "e\u0301"), F), (("a", N), N), (("a", "a "), F)]),
    Case("== lists", "texts texts", lambda a, b: a == b, [((["a"], ["a"]), T), ((["a", "b"], ["b", "a"]), F), (([], []), T), ((N, ["a"]), N)]),
    Case("!=", "int int", lambda a, b: a != b, [((1, 1), F), ((1, 2), T), ((1, N), N), ((N, N), N)]),
    Case("<", "int int", lambda a, b: a < b, [((1, 2), T), ((2, 2), F), ((N, 2), N), ((2, N), N)]),
    Case("< texts", "text text", lambda a, b: a < b, [(("Z", "a"), T), (("a", "b"), T), (("z", "é"), T), (("\uffff", "\U0001f600"), T), (("a", N), N)]),
    Case("< days", "day day", lambda a, b: a < b, [((D(2024, 2, 29), D(2024, 3, 1)), T), ((D(2024, 3, 1), N), N)]),
    Case("<=", "int int", lambda a, b: a <= b, [((2, 2), T), ((3, 2), F), ((N, 2), N)]),
    Case(">", "int int", lambda a, b: a > b, [((2, 1), T), ((2, 2), F), ((2, N), N)]),
    Case(">=", "int int", lambda a, b: a >= b, [((2, 2), T), ((1, 2), F), ((N, N), N)]),
    Case("&", "yes_no yes_no", lambda a, b: a & b, [((T, T), T), ((T, F), F), ((T, N), N), ((F, N), F), ((N, F), F), ((N, N), N)]),
    Case("|", "yes_no yes_no", lambda a, b: a | b, [((F, F), F), ((T, F), T), ((T, N), T), ((N, T), T), ((F, N), N), ((N, N), N)]),
    Case("~", "yes_no", lambda a: ~a, one((T, F), (F, T), (N, N))),
    Case("~ isnull", "yes_no", lambda a: (~a).isnull(), one((T, F), (F, F), (N, T))),
    Case("+", "int int", lambda a, b: a + b, [((1, 2), 3), ((2**62, 2**61), 2**62 + 2**61), ((1, N), N)]),
    Case("-", "int int", lambda a, b: a - b, [((1, 2), -1), ((N, 2), N)]),
    Case("*", "int int", lambda a, b: a * b, [((3, -2), -6), ((3_000_000_000, 2), 6_000_000_000), ((3, N), N)]),
    Case("* literal", "int", lambda a: a * 1_000_000, one((3_000_000, 3_000_000_000_000), (N, N))),
    Case("%", "int", lambda a: a % 3, one((7, 1), (-7, -1), (N, N))),
    Case("negative", "int", lambda a: -a, one((7, -7), (-7, 7), (N, N))),
    Case("over", "int", lambda a: a.over(2), one((5, 2), (-5, -2), (4, 2), (0, 0), (2**62 + 1, 2**61), (N, N))),
    Case("abs", "int", lambda a: a.abs(), one((-5, 5), (5, 5), (N, N))),
    Case("notnull", "int", lambda a: a.notnull(), one((1, T), (N, F))),
    Case("isnull", "texts", lambda a: a.isnull(), one((["a"], F), ([], F), (N, T))),
    Case("fill_null", "yes_no", lambda a: a.fill_null(sql.literal(value=False)), one((T, T), (F, F), (N, F))),
    Case("isin", "int", lambda a: a.isin([1, 2]), one((1, T), (3, F), (N, N))),
    Case("isin texts", "text", lambda a: a.isin(["a", "it's"]), one(("a", T), ("it's", T), ("b", F), (N, N))),
    Case("isin none", "int", lambda a: a.isin([]), one((1, F), (N, F))),
    Case("isin with null", "int", lambda a: a.isin([1, sql.null("int64")]), one((1, T), (2, N), (N, N))),
    Case("cast int to text", "int", lambda a: a.cast("string"), one((-5, "-5"), (0, "0"), (N, N))),
    Case("cast day to text", "day", lambda a: a.cast("string"), one((D(2024, 2, 9), "2024-02-09"), (D(1899, 12, 1), "1899-12-01"), (N, N))),
    Case("cast yes_no to text", "yes_no", lambda a: a.cast("string"), one((T, "true"), (F, "false"), (N, N))),
    Case("cast text to int", "text", lambda a: a.cast("int64"), one(("09", 9), ("-1", -1), (N, N))),
    Case("cast to tinyint", "int", lambda a: a.cast("int8"), one((4, 4), (-128, -128), (N, N))),
    Case("cast to int32", "int", lambda a: a.cast("int32"), one((4, 4), (N, N))),
    # ---- text and days
    Case("concat", "text text", lambda a, b: a.concat(b, "!"), [(("a", "b"), "ab!"), (("", ""), "!"), (("a", N), N)]),
    Case("startswith", "text text", lambda a, b: a.startswith(b), [(("this.x", "this."), T), (("x", "this."), F), (("a", ""), T), (("a%", "a_"), F), ((N, "a"), N), (("a", N), N)]),
    Case("has_text", "text", lambda a: a.has_text("T"), one(("2024-01-01T10:00", T), ("2024-01-01t", F), ("", F), (N, N))),
    Case("has_text %", "text", lambda a: a.has_text("%"), one(("5%", T), ("5", F))),
    Case("substr", "text", lambda a: a.substr(5), one(("this.need", "need"), ("thi", ""), ("", ""), (N, N))),
    Case("substr length", "text", lambda a: a.substr(1, 2), one(("éàb", "àb"), ("a😀bc", "😀b"), ("a", ""), (N, N))),
    Case("replace", "text", lambda a: a.replace("_", " "), one(("a_b_c", "a b c"), ("abc", "abc"), (N, N))),
    Case("trimmed_right", "text", lambda a: a.trimmed_right("0"), one(("250000", "25"), ("000", ""), ("0102", "0102"), ("1 0", "1 "), (N, N))),
    Case("lpad", "text", lambda a: a.lpad(6, "0"), one(("25", "000025"), ("1234567", "123456"), ("", "000000"), (N, N))),
    Case("year", "day", lambda a: a.year(), one((D(2024, 2, 29), 2024), (D(1582, 10, 10), 1582), (N, N))),
    Case("month", "day", lambda a: a.month(), one((D(2024, 2, 29), 2), (N, N))),
    Case("day", "day", lambda a: a.day(), one((D(2024, 2, 29), 29), (N, N))),
    Case("days_since", "day day", lambda a, b: a.days_since(b), [((D(2024, 3, 1), D(2024, 2, 28)), 2), ((D(2024, 2, 28), D(2024, 3, 1)), -2), ((D(2024, 3, 1), N), N), ((N, D(2024, 3, 1)), N)]),
    Case("moved by days", "day", lambda a: a.moved(days=-28), one((D(2024, 3, 1), D(2024, 2, 2)), (N, N))),
    Case("moved by months", "day", lambda a: a.moved(months=1), one((D(2024, 1, 31), D(2024, 2, 29)), (D(2023, 1, 31), D(2023, 2, 28)), (D(2023, 2, 28), D(2023, 3, 28)), (N, N))),
    Case("moved by years", "day", lambda a: a.moved(months=-12), one((D(2024, 2, 29), D(2023, 2, 28)), (D(2023, 2, 28), D(2022, 2, 28)))),
    Case("moved by nothing", "day", lambda a: a.moved(days=0), one((D(2024, 2, 29), D(2024, 2, 29)))),
    # ---- lists
    Case("contains", "texts text", lambda a, b: a.contains(b), [((["a", "b"], "b"), T), ((["a"], "b"), F), (([], "a"), F), ((["a", N], "b"), F), ((["a", N], "a"), T), ((N, "a"), N), ((["a"], N), N)]),
    Case("length", "texts", lambda a: a.length(), one((["a", N], 2), ([], 0), (N, N))),
    Case("intersect", "texts texts", lambda a, b: a.intersect(b).sort(), [((["a", "b", "a"], ["b", "a"]), ["a", "b"]), ((["a"], ["b"]), []), ((["a", N], ["a", N]), ["a"]), (([], ["a"]), []), ((N, ["a"]), N), ((["a"], N), [])]),
    Case("unique", "texts", lambda a: a.unique().sort(), one((LETTERS, ["a", "b"]), ([N], []), ([], []), (N, N))),
    Case("sort", "texts", lambda a: a.sort(), one((["b", "a", "B", "é"], ["B", "a", "b", "é"]), (["b", N, "a"], ["a", "b", N]), ([], []), (N, N))),
    Case("join", "texts", lambda a: a.join(", "), one((["b", "a"], "b, a"), (["a", N], "a"), ([], ""), (N, N))),
    Case("flatten", "lists", lambda a: a.flatten(), one(([["a"], [], ["b", "a"]], ["a", "b", "a"]), ([["a"], N], ["a"]), ([N], []), ([], []), (N, N))),
    Case("map", "texts", lambda a: a.map(sql.literal("x:").concat), one((["a", N], ["x:a", N]), ([], []), (N, N))),
    Case("map with a column", "texts text", lambda a, b: a.map(b.concat), [((["a"], "x"), ["xa"]), ((["a"], N), [N])]),
    Case("map in a map", "texts lists", lambda a, b: a.map(lambda x: b.map(lambda y: y.join(" ")).join("|").concat(x)), [((["a"], [["b", "c"], ["d"]]), ["b c|da"])]),
    Case("filter", "texts", lambda a: a.filter(lambda x: x != "a"), one((["a", "b", N], ["b"]), ([], []), (N, N))),
    # ---- functions
    Case("ifelse", "yes_no", lambda a: sql.ifelse(a, "yes", "no"), one((T, "yes"), (F, "no"), (N, "no"))),
    Case("ifelse list", "yes_no texts", lambda a, b: sql.ifelse(a, b, sql.literal([], "array<string>")), [((T, ["a"]), ["a"]), ((F, ["a"]), []), ((N, ["a"]), [])]),
    Case("ifelse null", "yes_no int", lambda a, b: sql.ifelse(a, sql.null(), b), [((T, 1), N), ((F, 1), 1)]),
    Case("cases", "int", lambda a: sql.cases((a > 5, 2), (a > 3, 1), else_=0), one((6, 2), (4, 1), (1, 0), (N, 0))),
    Case("no cases", "int", lambda _: sql.cases(else_=0), one((6, 0))),
    Case("coalesce", "int int", lambda a, b: sql.coalesce(a, b), [((1, 2), 1), ((N, 2), 2), ((N, N), N)]),
    Case("greatest", "int int", lambda a, b: sql.greatest(a, b, sql.literal(0)), [((1, 2), 2), ((N, 2), 2), ((-1, -2), 0), ((N, N), 0)]),
    Case("greatest of nulls", "int int", lambda a, b: sql.greatest(a, b), [((N, N), N), ((N, -1), -1)]),
    Case("greatest of one", "int", lambda a: sql.greatest(a), one((1, 1), (N, N))),
    Case("least", "int int", lambda a, b: sql.least(a, b), [((1, 2), 1), ((N, 2), 2), ((N, N), N)]),
    Case("array", "text text", lambda a, b: sql.array([a, b]), [(("a", "b"), ["a", "b"]), (("a", N), ["a", N])]),
    Case("array of lists", "texts texts", lambda a, b: sql.array([a, b]).flatten(), [((["a"], ["b"]), ["a", "b"]), ((["a"], N), ["a"]), (([], []), [])]),
    Case("struct", "int text", lambda a, b: sql.struct({"x": a, "y": b}).field("y"), [((1, "b"), "b"), ((1, N), N)]),
    Case("null", "int", lambda _: sql.null("array<string>"), one((1, N))),
    Case("null of a struct", "yes_no int", lambda a, b: sql.ifelse(a, sql.struct({"x": b}), sql.null()).field("x"), [((T, 1), 1), ((F, 1), N)]),
    *(
        Case(f"literal {value!r}", "int", lambda _, value=value: sql.literal(value), one((1, value)))
        for value in (
            True, False, 0, -7, 2**62, -(2**62), "", "it's", '"quoted"', "back\\slash", "\\u0041\\n", "new\nline\ttab", "${HOME}",
            "100%_", "é😀", "{brace} {}", "--comment", "/*", "''", D(2024, 2, 29), D(1899, 12, 1), ["b", "a'"], ["\\"],
        )
    ),
    Case("literal list of a type", "int", lambda _: sql.literal([], "array<string>").length(), one((1, 0))),
    Case("literal list of lists", "int", lambda _: sql.literal([], "array<array<string>>").flatten(), one((1, []))),
    Case("literal of a type", "int", lambda a: sql.literal(5, "int64") * a, one((3_000_000_000, 15_000_000_000))),
]  # fmt: skip


@pytest.fixture(scope="module")
def found(store: AnyStore) -> dict[str, list[Any]]:
    """Return what each case comes to, row by row."""
    rows = max(len(case.expected) for case in CASES)
    columns: dict[str, Any] = {"row": pa.array(range(rows), pa.int64())}
    hows: dict[str, Callable[[Any], Expr]] = {}
    for number, case in enumerate(CASES):
        names = [f"{number} {place}" for place, _ in enumerate(case.kinds.split())]
        for place, (name, kind) in enumerate(zip(names, case.kinds.split(), strict=True)):
            values = [arguments[place] for arguments, _ in case.expected]
            columns[name] = pa.array(values + [values[0]] * (rows - len(values)), ARROW[kind])
        hows[str(number)] = lambda table, case=case, names=names: case.how(*(table[name] for name in names))  # type: ignore[misc]
    store.take("arguments", pa.table(columns), dict.fromkeys(columns, ""))
    table = store.table("arguments")
    store.make("came to", table.select("row", **{name: how(table) for name, how in hows.items()}))
    made = sorted(store.rows(store.table("came to")).to_pylist(), key=lambda row: row["row"])
    return {case.name: [row[str(number)] for row in made] for number, case in enumerate(CASES)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_expression_comes_to_what_the_table_says(case: Case, found: dict[str, list[Any]]) -> None:
    assert found[case.name][: len(case.expected)] == [result for _, result in case.expected]


# ---- aggregates ------------------------------------------------------------------------------------------------------

ROWS = [
    # group, n, m, text, yes_no, list
    ("some", 3, 1, "c", T, ["x"]),
    ("some", 1, N, "a", N, N),
    ("some", N, 2, "b", F, ["y", "x"]),
    ("some", 2, 1, N, T, []),
    ("some", 2, 5, "a", F, ["z"]),
    ("none", N, N, N, N, N),
    ("none", N, N, N, N, N),
]
AGGREGATES: dict[str, tuple[Callable[[Any], Expr], Any, Any]] = {
    "count": (lambda t: t.count(), 5, 2),
    "count where": (lambda t: t.count(where=t["b"]), 2, 0),
    "count_true": (lambda t: t["b"].count_true(), 2, 0),
    "sum": (lambda t: t["n"].sum(), 8, N),
    "sum where": (lambda t: t["n"].sum(where=t["b"]), 5, N),
    "min": (lambda t: t["n"].min(), 1, N),
    "min where": (lambda t: t["n"].min(where=t["m"].notnull()), 2, N),
    "min text": (lambda t: t["s"].min(), "a", N),
    "max": (lambda t: t["n"].max(), 3, N),
    "any": (lambda t: t["b"].any(), T, N),
    "any of false": (lambda t: (t["n"] > 5).any(), F, N),
    "all": (lambda t: t["b"].all(), F, N),
    "all of true": (lambda t: (t["n"] > 0).all(), T, N),
    "collect": (lambda t: t["s"].collect().sort(), ["a", "a", "b", "c"], N),
    "collect where": (lambda t: t["s"].collect(where=t["b"]).sort(), ["c"], N),
    "collect none": (lambda t: t["s"].collect(where=t["n"] > 5), N, N),
    "collect distinct": (lambda t: t["s"].collect(distinct=True).sort(), ["a", "b", "c"], N),
    "collect lists": (lambda t: t["l"].collect().flatten().sort(), ["x", "x", "y", "z"], N),
    "collect numbers": (lambda t: t["n"].collect().sort(), [1, 2, 2, 3], N),
    "first": (lambda t: (t["m"].notnull() | t["s"].notnull()).first(), T, F),
    "first in order": (lambda t: t["s"].first(order_by=[t["n"], t["m"]]), "a", N),
    "first in order, nulls last": (lambda t: t["n"].first(order_by=[t["m"], t["n"]]), 2, N),
    "first from the greatest": (lambda t: t["s"].first(order_by=[t["n"].desc(), t["m"].desc()]), "c", N),
    "first is null": (lambda t: t["n"].first(where=t["n"].isnull() | (t["n"] == 3), order_by=[t["m"].desc()]), N, N),
    "first where": (lambda t: t["s"].first(where=t["b"], order_by=[t["m"], t["n"]]), N, N),
    "first struct": (lambda t: sql.struct({"s": t["s"]}).first(where=t["b"], order_by=[t["n"].desc()]).field("s"), "c", N),
    "first struct of none": (lambda t: sql.struct({"s": t["s"]}).first(where=t["n"] > 5, order_by=[t["n"]]).field("s"), N, N),
    "at_least": (lambda t: t["s"].at_least(t["m"]), "c", N),
    "at_least skips": (lambda t: t["s"].at_least(sql.ifelse(t["n"] == 2, 0, t["m"])), "a", N),
}  # fmt: skip
"""Name -> the aggregate, and what it comes to of some rows and of rows that hold nothing."""


@pytest.fixture(scope="module")
def sums(store: AnyStore) -> dict[str, dict[str, Any]]:
    kinds = {"g": "text", "n": "int", "m": "int", "s": "text", "b": "yes_no", "l": "texts"}
    columns = zip(*ROWS, strict=True)
    rows = pa.table({n: pa.array(list(c), ARROW[k]) for (n, k), c in zip(kinds.items(), columns, strict=True)})
    store.take("rows", rows, dict.fromkeys(kinds, ""))
    table = store.table("rows")
    store.make("sums", table.aggregate(["g"], **{name: how(table) for name, (how, *_) in AGGREGATES.items()}))
    return {row["g"]: row for row in store.rows(store.table("sums")).to_pylist()}


@pytest.mark.parametrize("name", AGGREGATES)
def test_an_aggregate_comes_to_what_the_table_says(name: str, sums: dict[str, dict[str, Any]]) -> None:
    _, of_some, of_none = AGGREGATES[name]
    assert (sums["some"][name], sums["none"][name]) == (of_some, of_none)


# ---- relations -------------------------------------------------------------------------------------------------------


def taken(store: AnyStore, name: str, **columns: tuple[str, list[Any]]) -> None:
    store.take(
        name, pa.table({n: pa.array(v, ARROW[kind]) for n, (kind, v) in columns.items()}), dict.fromkeys(columns, "")
    )


def rows_of(store: AnyStore, relation: Any) -> list[tuple[Any, ...]]:
    rows = store.rows(relation).to_pylist()
    return sorted((tuple(row[name] for name in relation.columns) for row in rows), key=repr)


@pytest.fixture(scope="module")
def beside(store: AnyStore) -> AnyStore:
    taken(store, "left", k=("int", [1, 2, 2, N]), a=("text", ["a", "b", "c", "d"]))
    taken(store, "right", k=("int", [2, 3, N, N]), b=("texts", [["x", "y"], [], ["z"], N]))
    return store


def test_joins_match_no_null(beside: AnyStore) -> None:
    left, right = beside.table("left"), beside.table("right")
    assert rows_of(beside, left.join(right, "k")) == [(2, "b", ["x", "y"]), (2, "c", ["x", "y"])]
    assert rows_of(beside, left.left_join(right, "k")) == [
        (1, "a", N), (2, "b", ["x", "y"]), (2, "c", ["x", "y"]), (N, "d", N),
    ]  # fmt: skip
    assert rows_of(beside, left.semi_join(right, "k")) == [(2, "b"), (2, "c")]
    assert rows_of(beside, left.anti_join(right, "k")) == [(1, "a"), (N, "d")]


def test_rows_are_kept_changed_and_put_together(beside: AnyStore) -> None:
    left, right = beside.table("left"), beside.table("right")
    assert rows_of(beside, left.filter(left["k"] > 1)) == [(2, "b"), (2, "c")]
    assert rows_of(beside, left.select("k").distinct()) == [(1,), (2,), (N,)]
    renamed = left.mutate(a=left["a"].concat("!"), more=left["k"] + 1).rename({"key of all": "k"})
    assert renamed.columns == ("key of all", "a", "more")
    assert rows_of(beside, renamed) == [(1, "a!", 2), (2, "b!", 3), (2, "c!", 3), (N, "d!", N)]
    assert rows_of(beside, left.drop("a")) == [(1,), (2,), (2,), (N,)]
    nothing = right.select("k", a=sql.null())
    assert rows_of(beside, union(left, nothing).select("a")) == [("a",), ("b",), ("c",), ("d",), *[(N,)] * 4]


def test_a_list_becomes_rows_and_an_empty_one_none(beside: AnyStore) -> None:
    right = beside.table("right")
    assert rows_of(beside, right.select("k", one=right["b"].unnest())) == [(2, "x"), (2, "y"), (N, "z")]
    assert rows_of(beside, right.mutate(b=right["b"].unnest())) == [(2, "x"), (2, "y"), (N, "z")]


def test_rows_are_numbered_apart(beside: AnyStore) -> None:
    left = beside.table("left")
    numbers = rows_of(beside, left.select(n=sql.ifelse(left["a"] == "a", -1, sql.row_number())))
    assert len(set(numbers)) == 4


def test_the_least_before_a_row_is_of_its_group(store: AnyStore) -> None:
    taken(store, "lines", g=("int", [1, 1, 1, 1, N, N]), n=("int", [5, N, 3, 4, 1, 2]), at=("int", [1, 2, 3, N, 1, 2]))
    lines = store.table("lines")
    found = lines.select("g", "at", before=lines["n"].least_before([lines["g"]], lines["at"]))
    assert rows_of(store, found) == [(1, 1, N), (1, 2, 5), (1, 3, 5), (1, N, 3), (N, 1, N), (N, 2, 1)]


def test_what_is_added_by_name_is_there(store: AnyStore) -> None:
    taken(store, "begun", x=("int", [1]), y=("text", ["a"]))
    begun = store.table("begun")
    store.add("grown", begun)
    store.add("grown", begun.select(y=begun["y"], x=begun["x"] + 1))
    assert rows_of(store, store.table("grown")) == [(1, "a"), (2, "a")]
    store.add("grown", begun)
    assert rows_of(store, store.table("grown")) == [(1, "a"), (1, "a"), (2, "a")]


def test_what_a_function_makes_of_each_group_is_a_table(store: AnyStore) -> None:
    taken(store, "of groups", **{"a:k": ("int", [1, 1, 2, 3])}, v=("texts", [["a"], N, [], ["b"]]))

    def counted(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        values = [one for row in rows for one in row["v"] or ()]
        yield {"a:k": rows[0]["a:k"], "n": len(rows), "all": values}

    schema = pa.schema([("a:k", pa.int64()), ("n", pa.int64()), ("all", pa.list_(pa.string()))])
    store.work_out("worked out", store.table("of groups"), ["a:k"], counted, schema)
    assert rows_of(store, store.table("worked out")) == [(1, 2, ["a"]), (2, 1, []), (3, 1, ["b"])]


def test_a_number_that_does_not_fit_is_an_error(store: AnyStore) -> None:
    taken(store, "large", n=("int", [2**62]))
    large = store.table("large")
    with pytest.raises(Exception, match=r"(?i)overflow|out of range"):
        store.rows(large.select(n=large["n"] + large["n"] + large["n"]))


def test_the_table_has_every_function() -> None:
    own = {name for name in vars(Expr) if not name.startswith("_")} - {"parts", "reads", "spark", "text", "written"}
    own |= {"ifelse", "cases", "coalesce", "greatest", "least", "array", "struct", "null", "literal", "row_number"}
    source = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in sorted(own) if f".{name}(" not in source] == []


def test_columns_that_are_blank_in_every_row_are_read_like_any_other() -> None:
    rows = pa.table({"k": pa.array([1, 2], pa.int64()), "t": pa.array([None, None], pa.string()), "n": [3, None]})
    with contextlib.closing(Store()) as store:
        store.take("rows", rows, {"k": "int64", "t": "string", "n": "int64"})
        table = store.table("rows")
        made = table.select("k", t=table["t"].fill_null("-"), n=table["n"])
        assert store.columns("rows") == ("k", "t", "n")
        assert store.rows(made).to_pylist() == [{"k": 1, "t": "-", "n": 3}, {"k": 2, "t": "-", "n": None}]
        store.take_out("rows", table.filter(table["n"].isnull()), "k")
        assert store.rows(store.table("rows")).to_pylist() == [{"k": 1, "t": None, "n": 3}]
        store.drop("rows")
        assert store.names() == ()
