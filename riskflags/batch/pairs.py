"""Rows that ask beside rows that they look at, a row for each pair, and needs as the asking record spells them.

Needs of a looked-at record stand under its id (`<id>:<need>`), those of the asking record plainly. Inside conditions on
what is looked at it is the other way round: there `this.<need>` is of the record that asks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from riskflags.batch import sql
from riskflags.batch.answers import names_of
from riskflags.looking import PARAM, THIS

if TYPE_CHECKING:
    from riskflags.batch.cells import Cell
    from riskflags.batch.frames import Frame
    from riskflags.batch.relations import Relation
    from riskflags.batch.sql import Expr
    from riskflags.condition import Condition

ASKS, LOOKED = "a:", "o:"
"""What the columns of the two sides begin with."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of rows as one relation, and the frame of either side over it."""

    table: Relation
    asks: Frame
    looked: Frame

    @classmethod
    def of(cls, asking: Frame, looked: Frame, *on: Expr) -> Pairs:
        """Return the pairs of two frames under the prefixes ASKS and LOOKED that meet every condition."""
        table = asking.table.join(looked.table, *on)
        return cls(table, asking.onto(table), looked.onto(table))

    def onto(self, table: Relation) -> Pairs:
        """Return the pairs on a table that has their columns."""
        return Pairs(table, self.asks.onto(table), self.looked.onto(table))

    @property
    def own(self) -> Expr:
        """Whether the looked-at record is the one that asks."""
        return self.asks["record"] == self.looked["record"]

    @property
    def prefix(self) -> Expr:
        """What needs of the looked-at record begin with."""
        return sql.ifelse(self.own, "", self.looked.cells["incident.id"].value.concat(":"))

    def cells(self, *conditions: Condition | None) -> dict[str, Cell]:
        """Return the values that conditions on what is looked at read: `this.` and parameters are of who asks."""
        found = dict(self.looked.cells)
        for name in names_of(*conditions):
            if name.startswith((THIS, PARAM)):
                cell = self.asks.cells[name.removeprefix(THIS)]
                found[name] = replace(cell, needs=of_this(cell.needs))
        return found


def names_of_asking(*conditions: Condition | None) -> frozenset[str]:
    """Return the names that conditions on what is looked at read of the record that asks."""
    return frozenset(name.removeprefix(THIS) for name in names_of(*conditions) if name.startswith((THIS, PARAM)))


def names_of_looked(*conditions: Condition | None) -> frozenset[str]:
    """Return the names that conditions on what is looked at read of it."""
    return frozenset(name for name in names_of(*conditions) if not name.startswith((THIS, PARAM)))


def of_this(needs: Expr | None) -> Expr | None:
    """Return needs of the record that asks, as they stand among those of a looked-at one."""
    return None if needs is None else needs.map(lambda need: sql.literal(THIS).concat(need))


def spelled(needs: Expr, prefix: Expr) -> Expr:
    """Return needs as the record that asks spells them: those of another with its id, those under `this.` without."""
    return needs.map(lambda need: sql.ifelse(need.startswith(THIS), need.substr(len(THIS)), prefix.concat(need)))
