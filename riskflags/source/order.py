"""The order in which things that rest on each other can be taken, and the circles that forbid one."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def in_order(reads: Mapping[str, Iterable[str]]) -> tuple[list[str], list[tuple[str, ...]]]:
    """Return the names so that each comes after all that it reads, and one circle (a, b, a) for each knot of names.

    The names of a knot are not in the order. What is read but is no name of the graph is left out.
    """
    graph = {name: sorted(other for other in set(reads[name]) if other in reads) for name in sorted(reads)}
    order: list[str] = []
    circles: list[tuple[str, ...]] = []
    for knot in _knots(graph):
        if len(knot) == 1 and knot[0] not in graph[knot[0]]:
            order.append(knot[0])
        else:
            circles.append(_circle(graph, frozenset(knot)))
    return order, circles


@dataclass(slots=True)
class _Search:
    """What Tarjan's algorithm keeps while it walks a graph."""

    graph: Mapping[str, list[str]]
    index: dict[str, int] = field(default_factory=dict[str, int])
    low: dict[str, int] = field(default_factory=dict[str, int])
    held: list[str] = field(default_factory=list[str])
    is_held: set[str] = field(default_factory=set[str])

    def begin(self, name: str) -> tuple[str, Iterator[str]]:
        """Take up a name; return it with what it reads."""
        self.index[name] = self.low[name] = len(self.index)
        self.held.append(name)
        self.is_held.add(name)
        return name, iter(self.graph[name])

    def end(self, name: str) -> list[str]:
        """Return the knot whose first name this is; nothing where it belongs to the knot of another."""
        if self.low[name] != self.index[name]:
            return []
        knot = [self.held.pop()]
        while knot[-1] != name:
            knot.append(self.held.pop())
        self.is_held.difference_update(knot)
        return knot


def _knots(graph: Mapping[str, list[str]]) -> Iterator[list[str]]:
    """Yield the strongly connected parts, those that are read first (Tarjan's algorithm, without recursion)."""
    search = _Search(graph)
    for root in graph:
        work = [search.begin(root)] if root not in search.index else []
        while work:
            name, rest = work[-1]
            other = next((one for one in rest if one not in search.index or one in search.is_held), None)
            if other is None:
                work.pop()
                if work:
                    search.low[work[-1][0]] = min(search.low[work[-1][0]], search.low[name])
                if knot := search.end(name):
                    yield knot
            elif other in search.index:
                search.low[name] = min(search.low[name], search.index[other])
            else:
                work.append(search.begin(other))


def _circle(graph: Mapping[str, list[str]], knot: frozenset[str]) -> tuple[str, ...]:
    """Return a shortest way from the first name of a knot back to itself."""
    first = min(knot)
    came: dict[str, str] = {}
    ahead = deque([first])
    while first not in came:  # each name of a knot leads to every other
        name = ahead.popleft()
        for other in graph[name]:
            if other in knot and other not in came:
                came[other] = name
                ahead.append(other)
    path = [first, came[first]]
    while path[-1] != first:
        path.append(came[path[-1]])
    return tuple(reversed(path))


def reach(graph: Mapping[str, Iterable[str]], start: str) -> frozenset[str]:
    """Return every name that can be come to from a name, itself only where it lies in a circle."""
    found: set[str] = set()
    ahead = list(graph.get(start, ()))
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead.extend(graph.get(name, ()))
    return frozenset(found)
