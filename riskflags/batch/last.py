"""The last records of a sort, for every row that asks: which are among them, surely or perhaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.batch import sql
from riskflags.batch.answers import answer, needs
from riskflags.batch.cells import decided, listed, negation, no_texts, only, possibly, surely, together, where, yes
from riskflags.batch.pairs import spelled
from riskflags.batch.windows import ordered

if TYPE_CHECKING:
    from riskflags.batch.pairs import Pairs
    from riskflags.batch.relations import Relation
    from riskflags.batch.sql import Expr
    from riskflags.pack import LookUp


def candidates(spec: LookUp, pairs: Pairs, *, event_time: str, by: list[str]) -> Relation:
    """Return the records that may take a place: of the sort, and up to and including the one that asks."""
    event, when = pairs.asks.cells[event_time], pairs.looked.cells[event_time]
    early = sql.ifelse(pairs.own, yes(), ordered(when.low, when.high, event.low, event.high))
    cells = pairs.cells(*spec.conditions)
    meets = answer(spec.window.of, cells)
    rows = pairs.table.select(
        *by, other=pairs.looked["record"], prefix=pairs.prefix, low=when.low, high=when.high, early=early, meets=meets,
        asked=listed(where(meets.isnull(), needs(spec.window.of, cells))), when_needs=listed(when.needs),
        event_needs=listed(event.needs),
    )  # fmt: skip
    found = rows.aggregate(
        [*by, "other", "prefix", "low", "high", "early"],
        sure=surely(rows["meets"]).any(), none=surely(negation(rows["meets"])).all(), asked=rows["asked"].collect(),
        when_needs=rows["when_needs"].first(), event_needs=rows["event_needs"].first(),
    )  # fmt: skip
    counts = decided(true=found["sure"], false=found["none"]) & found["early"]
    found = found.mutate(counts=counts, asked=only(~found["sure"], found["asked"].flatten()))
    return found.filter(possibly(found["counts"]))


def placed(
    last: int, found: Relation, unread: Relation | None, *, by: list[str], settled: Relation | None = None
) -> Relation:
    """Return which candidates are among the last ones: `inside` True or NULL, and what would settle it (`settles`).

    `unread` lists, by who asks, rows that could not be read: each may be one of the last. `settled` is how many events
    come later, for those that ask about records which may be of one.
    """
    found = _with_unread(found, unread, by)
    times = found.aggregate(
        by, starts=found["low"].collect(where=surely(found["counts"])), ends=found["high"].collect()
    )
    t = found.join(times, *by)
    low, high = t["low"], t["high"]
    later = t["starts"].filter(lambda one: one > high).length()
    may_be = t["ends"].filter(lambda one: one > low).length() - sql.ifelse(high > low, 1, 0) + t["unread"].length()
    t = _settled(t.mutate(surely=later, possibly=may_be), settled, by)
    t = t.filter(t["surely"] < last).drop("starts", "ends")
    inside = sql.ifelse((t["possibly"] < last) & surely(t["counts"]), yes(), sql.null("boolean"))
    t = t.mutate(inside=inside)
    spelled_own = together(
        spelled(t["asked"], t["prefix"]),
        only(t["early"].isnull() | (t["possibly"] >= last), _prefixed(t["when_needs"], t["prefix"])),
        only(t["early"].isnull(), t["event_needs"]),
        only(t["possibly"] >= last, together(t["unread"], t["of_events"])),
    )
    t = t.mutate(own_asked=only(t["inside"].isnull(), spelled_own))
    return _with_others(t, found, last, by)


def _settled(t: Relation, settled: Relation | None, by: list[str]) -> Relation:
    """Return the candidates with the numbers of later events where records may be of one, and what settles these."""
    if settled is None:
        return t.mutate(of_events=no_texts())
    both = t.left_join(settled, *by, "other")
    return both.mutate(
        surely=both["few"].fill_null(both["surely"]),
        possibly=(both["most"] + both["unread"].length()).fill_null(both["possibly"]),
        of_events=both["settles"].fill_null(no_texts()),
    ).drop("few", "most", "settles")


def _with_others(t: Relation, found: Relation, last: int, by: list[str]) -> Relation:
    """Return the candidates with what would settle whether another comes after: it may put them out."""
    open_ones = t.filter(t["inside"].isnull() & (t["possibly"] >= last)).select(*by, "other", "low", "high")
    asked = together(spelled(found["asked"], found["prefix"]), _prefixed(found["when_needs"], found["prefix"]))
    peers = found.select(
        *by, peer=found["other"], p_low=found["low"], p_high=found["high"], p_counts=found["counts"], p_asked=asked
    )
    pairs = open_ones.join(peers, *by)
    after = negation(ordered(pairs["p_low"], pairs["p_high"], pairs["low"], pairs["high"]))
    unsure = (pairs["p_counts"] & after).isnull() & (pairs["peer"] != pairs["other"])
    pairs = pairs.filter(unsure)
    of_peers = pairs.aggregate([*by, "other"], of_peers=pairs["p_asked"].collect())
    both = t.left_join(of_peers, *by, "other")
    more = both["of_peers"].flatten().fill_null(no_texts())
    return both.select(*by, "other", "inside", settles=together(both["own_asked"], more))


def _with_unread(found: Relation, unread: Relation | None, by: list[str]) -> Relation:
    if unread is None:
        return found.mutate(unread=no_texts())
    lists = unread.aggregate(by, unread=unread["need"].collect())
    both = found.left_join(lists, *by)
    return both.mutate(unread=both["unread"].fill_null(no_texts()))


def _prefixed(needs: Expr, prefix: Expr) -> Expr:
    return needs.map(prefix.concat)
