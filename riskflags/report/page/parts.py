"""What a page is made from, and what its sections are made of: tables, and charts beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from riskflags.figures import Report
    from riskflags.intake import Intake
    from riskflags.pack import Pack
    from riskflags.report.findings import Findings
    from riskflags.report.page.values import Kept
    from riskflags.report.summary import Rows

Row = tuple[str, ...]
GROUPS_SHOWN = 40
"""Rows of a table of groups, at most."""
NOT_SHOWN = "n/a"
"""For a number that was left out, and for a share of nothing."""


@dataclass(frozen=True, slots=True)
class Cells:
    """A table of the page: its caption, its headings and its rows of text.

    From the column `numbers` on, where it is not 0, they are numbers. `links` are what the first cells link to.
    """

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: int = 0
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the figures for leaders: a table, with a chart of it where one helps."""

    title: str
    table: Cells
    chart: str = ""
    says: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """All that a page is made from."""

    findings: Findings
    rows: Rows
    pack: Pack
    intake: Intake
    kept: Kept
    report: Report
    marking: str
    version: str


def shown(number: int | None) -> str:
    """Return a number as people read it."""
    return NOT_SHOWN if number is None else f"{number:,}"


def first(many: int, of: int) -> str:
    """Return what a caption says of a table that is cut off."""
    return f" (the first {many:,} of {of:,})" if of > many else ""
