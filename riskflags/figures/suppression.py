"""Small numbers left out, and as many more as it takes that none of them can be worked out from the others."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

Cell = tuple[int, str]
"""A number: of which row, and its name."""


def hidden_cells(rows: Sequence[Mapping[str, Any]], sums: Iterable[Sequence[Cell]], *, least: int) -> set[Cell]:
    """Return the numbers to leave out: those from 1 to below `least`, and others beside them.

    `sums` are numbers of which each follows from the others, or from the others and a total that stands elsewhere: in
    none of them is a number left out alone. The smallest goes with it, and 0 only where there is nothing else.
    """
    known = [list(one) for one in sums]
    cells = {cell for one in known for cell in one}
    hidden = {(row, name) for row, name in cells if 0 < rows[row][name] < least}
    changed = True
    while changed:
        changed = False
        for one in known:
            open_ = [cell for cell in one if cell not in hidden]
            if len(one) - len(open_) == 1 and open_:
                hidden.add(min(open_, key=lambda cell: _size(rows[cell[0]][cell[1]])))
                changed = True
    return hidden


def _size(number: int) -> tuple[bool, int]:
    return number == 0, number


def across(rows: Sequence[Mapping[str, Any]], numbers: Iterable[str], *, within: Sequence[str]) -> Iterator[list[Cell]]:
    """Yield, for each number, the cells of the groups that add up to that of everybody."""
    together: dict[tuple[Hashable, ...], list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        together[tuple(row[name] for name in within)].append(number)
    for name in numbers:
        yield from ([(number, name) for number in found] for found in together.values())
