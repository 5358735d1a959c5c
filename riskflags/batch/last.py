"""The last records of a sort, for every row that asks: which are among them, surely or perhaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.batch.answers import answer, needs
from riskflags.batch.cells import Cell, Expr, decided, sql, negation, no_texts, possibly, surely, together, where, yes
from riskflags.batch.windows import ordered
from riskflags.looking import THIS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from riskflags.batch.frames import Frame
    from riskflags.pack import LookUp


def candidates(
    spec: LookUp, asks: Frame, others: Frame, cells: Mapping[str, Cell], *, event_time: str, by: list[str]
) -> Expr:
    """Return the records that may take a place: of the sort, and up to and including the one that asks."""
    table = asks.table
    event, when = asks.cells[event_time], others.cells[event_time]
    own = table["a:record"] == table["o:record"]
    early = sql.ifelse(own, yes(), ordered(when.low, when.high, event.low, event.high))
    of = spec.window.of
    meets = yes() if of is None else answer(of, cells)
    asked = None if of is None else needs(of, cells)
    key = others.cells["incident.id"].value
    rows = table.select(
        *by, other=table["o:record"], prefix=sql.ifelse(own, "", key.concat(":")), low=when.low, high=when.high,
        early=early, meets=meets, asked=no_texts() if asked is None else where(meets.isnull(), asked),
        when_needs=no_texts() if when.needs is None else when.needs,
        event_needs=no_texts() if event.needs is None else event.needs,
    )  # fmt: skip
    found = rows.group_by([*by, "other", "prefix", "low", "high", "early"]).agg(
        sure=surely(rows["meets"]).any(), none=surely(negation(rows["meets"])).all(), asked=rows["asked"].collect(),
        when_needs=rows["when_needs"].first(), event_needs=rows["event_needs"].first(),
    )  # fmt: skip
    meets_any = decided(true=found["sure"], false=found["none"])
    found = found.mutate(counts=meets_any & found["early"], asked=sql.ifelse(found["sure"], no_texts(), found["asked"].flatten()))
    return found.filter(possibly(found["counts"]))


def placed(
    spec: LookUp, found: Expr, unread: Expr | None, *, by: list[str], settled: sql.Relation | None = None
) -> Expr:
    """Return which candidates are among the last ones: `inside` True or NULL, and what would settle it (`settles`).

    `settled` is how many events come later, for those that ask about records which may be of one.
    """
    last = spec.window.last
    found = _with_unread(found, unread, by)
    times = found.group_by(by).agg(
        starts=found["low"].collect(where=surely(found["counts"])), ends=found["high"].collect()
    )
    renamed = times.rename({f"~{key}": key for key in by})
    t = found.join(renamed, [found[key] == renamed[f"~{key}"] for key in by]).drop(*(f"~{key}" for key in by))
    low, high = t["low"], t["high"]
    later = t["starts"].filter(lambda one: one > high).length()
    may_be = t["ends"].filter(lambda one: one > low).length() - sql.ifelse(high > low, 1, 0) + t["unread"].length()
    t = t.mutate(surely=later, possibly=may_be)
    t = _settled(t, settled, by)
    t = t.filter(t["surely"] < last).drop("starts", "ends")
    inside = sql.ifelse((t["possibly"] < last) & surely(t["counts"]), yes(), sql.null("boolean"))
    t = t.mutate(inside=inside)
    spelled_own = together((
        t["asked"].map(lambda need: _spelled(need, t["prefix"])),
        sql.ifelse(t["early"].isnull() | (t["possibly"] >= last), _prefixed(t["when_needs"], t["prefix"]), no_texts()),
        where(t["early"].isnull(), t["event_needs"]),
        sql.ifelse(t["possibly"] >= last, together((t["unread"], t["event_settles"])), no_texts()),
    ))  # fmt: skip
    t = t.mutate(own_asked=where(t["inside"].isnull(), spelled_own))
    return _with_others(t, found, last, by)


def _settled(t: sql.Relation, settled: sql.Relation | None, by: list[str]) -> sql.Relation:
    """Return the candidates with the numbers of later events where records may be of one, and what settles these."""
    if settled is None:
        return t.mutate(event_settles=no_texts())
    keys = [*by, "other"]
    other = settled.rename({f"~{key}": key for key in keys})
    both = t.left_join(other, [t[key] == other[f"~{key}"] for key in keys])
    return both.mutate(
        surely=both["few"].fill_null(both["surely"]),
        possibly=(both["most"] + both["unread"].length()).fill_null(both["possibly"]),
        event_settles=both["settles"].fill_null(no_texts()),
    ).drop("few", "most", "settles", *(f"~{key}" for key in keys))


def _with_others(t: Expr, found: Expr, last: int, by: list[str]) -> Expr:
    """Return the candidates with what would settle whether another comes after: it may put them out."""
    open_ones = t.filter(t["inside"].isnull() & (t["possibly"] >= last)).select(*by, "other", "low", "high")
    peers = found.select(
        **{f"~{key}": found[key] for key in by}, peer=found["other"], p_low=found["low"], p_high=found["high"],
        p_counts=found["counts"],
        p_asked=together((
            found["asked"].map(lambda need: _spelled(need, found["prefix"])), _prefixed(found["when_needs"], found["prefix"])
        )),
    )  # fmt: skip
    pairs = open_ones.join(peers, [open_ones[key] == peers[f"~{key}"] for key in by])
    after = negation(ordered(pairs["p_low"], pairs["p_high"], pairs["low"], pairs["high"]))
    unsure = (pairs["p_counts"] & after).isnull() & (pairs["peer"] != pairs["other"])
    asked = pairs.filter(unsure).group_by([*by, "other"]).agg(others_asked=lambda rows: rows["p_asked"].collect())
    renamed = asked.rename({f"~{key}": key for key in [*by, "other"]})
    both = t.left_join(renamed, [t[key] == renamed[f"~{key}"] for key in [*by, "other"]])
    more = both["others_asked"].flatten().fill_null(no_texts())
    return both.select(*by, "other", "inside", settles=together((both["own_asked"], more)))


def _with_unread(found: Expr, unread: Expr | None, by: list[str]) -> Expr:
    if unread is None:
        return found.mutate(unread=no_texts())
    renamed = unread.rename({f"~{key}": key for key in by})
    both = found.left_join(renamed, [found[key] == renamed[f"~{key}"] for key in by])
    return both.select(*found.columns, unread=both["unread"].fill_null(no_texts()))


def _spelled(need: Expr, prefix: Expr) -> Expr:
    return sql.ifelse(need.startswith(THIS), need.substr(len(THIS)), prefix.concat(need))


def _prefixed(found: Expr, prefix: Expr) -> Expr:
    return found.map(lambda need: prefix.concat(need))
