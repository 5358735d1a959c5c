"""The page of problems: every code, what it means, what to write instead, and a real example."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.report.reference.markdown import block, page
from riskflags.source import PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from riskflags.errors import Problem
    from riskflags.source.codes import ProblemCode

_ABOUT = (
    "`riskflags check` shows every problem of a pack with its file, line and column. A pack with an RF code cannot be "
    "used. An RFW code is a warning: `ignore: [RFW203]` in a rule or in pack.yaml, or `--ignore RFW203`, switches it "
    "off."
)


def problems_page(examples: Mapping[str, Problem]) -> str:
    """Return the page of every code, with the real problems that are given as examples."""
    return page("Problems", _ABOUT, *_entries(examples))


def _entries(examples: Mapping[str, Problem]) -> Iterator[str]:
    for one in PROBLEMS.values():
        yield f"## {one.code}\n\n{_said(one)}"
        if one.code in examples:
            yield block(str(examples[one.code]))


def _said(one: ProblemCode) -> str:
    means = one.means[:1].upper() + one.means[1:]
    return f"{means}.\n\n{one.instead}"
