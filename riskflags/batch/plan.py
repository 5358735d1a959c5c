"""One batch from tables of records to tables of results: what is made when, each thing once and only if it is read."""

from __future__ import annotations

from copy import copy
from itertools import count, product
from typing import TYPE_CHECKING

from riskflags.batch.asked import lines_of, names_of_action
from riskflags.batch.calendars import DAYS, make_days, spans_of
from riskflags.batch.cells import some, surely
from riskflags.batch.events import counted_once, make_events, names_of_events
from riskflags.batch.frames import Frames
from riskflags.batch.grades import GRADES, make_grades, names_of_grades
from riskflags.batch.lookups import evidence, look_up, read_by
from riskflags.batch.readings import Read, flag_evidence, flag_table, gap_table
from riskflags.batch.standings import standings
from riskflags.batch.twins import TWINS, make_twins, names_of_twins
from riskflags.batch.verdicts import (
    FIRED,
    FIRES,
    OPEN,
    Group,
    came,
    decide,
    evidence_names,
    names_of_rule,
    rows_of_rule,
    tell,
    verdict_of,
)
from riskflags.calendar import ParamDuration
from riskflags.looking import PARAM
from riskflags.pack import Computed, FlagReading, GapReading, LookUp

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from riskflags.batch.asked import Line
    from riskflags.batch.frames import Rows
    from riskflags.batch.store import AnyStore
    from riskflags.incident import Holds
    from riskflags.pack import Action, Pack, Rule
    from riskflags.record import Names

REQUIREMENTS = "requirements"
RESULTS = (FIRED, OPEN, REQUIREMENTS, TWINS, GRADES)
"""The tables of results."""
_BY_ROWS: tuple[Rows, ...] = ("records", "seats")


def _links(how: object) -> tuple[str, ...]:
    """Return the names by which a look-up links records."""
    return how.by if isinstance(how, LookUp) else ()


def _nobody(done: int, every: int) -> None:
    """Tell nobody how far it is."""


class Plan:
    """The steps of a batch over the tables of a store."""

    def __init__(
        self, names: Names, store: AnyStore, holds: tuple[Holds, ...], *, only: Mapping[int, Sequence[int]]
    ) -> None:
        self.frames = Frames(names, store, holds)
        self.pack: Pack = names.pack
        self.store = store
        self._only = only
        self._done: set[str] = set()
        self._decided: dict[int, Rule] = {}
        self._fired: dict[int, Rule] = {}
        self._given = frozenset(store.names())
        self._stand: dict[tuple[str, frozenset[int]], str] = {}
        self._drop_what_lies_ahead()
        self._settle()
        if counted_once(self.frames):
            self.ensure(names_of_events(self.frames))
            make_events(self.frames)

    def _settle(self) -> None:
        """Store what is computed from fields and parameters alone, since many statements read it."""
        names = self.frames.names
        plain = [name for name in names.derived if self._is_plain(name)]
        for rows in _BY_ROWS:
            own = [name for name in plain if names.is_of_suspect(name) is (rows == "seats")]
            if own:
                self.frames.settle(own, rows)
        self._done |= set(plain)

    def _is_plain(self, name: str) -> bool:
        """Return whether a name is read, or computed, from fields and parameters alone."""
        derived = self.frames.names.derived.get(name)
        if derived is None:
            return name not in self.pack.readings
        return isinstance(derived.how, Computed) and all(map(self._is_plain, derived.how.names))

    def _drop_what_lies_ahead(self) -> None:
        """Take out the records whose time is after as_of: they are not there yet."""
        event_time = self.pack.event_time
        self.ensure([event_time])
        frame = self.frames.frame([event_time])
        there = surely(frame.cells[event_time].low <= frame["as_of"])
        self.store.take_out("records", frame.table.filter(~there).select("record"), "record")

    def ensure(self, names: Iterable[str]) -> None:
        """Make the tables of every look-up and reading that some names read."""
        for name in sorted(names):
            if name not in self._done:
                self._done.add(name)
                self._make(name)

    def _make(self, name: str) -> None:
        match self.pack.readings.get(name):
            case FlagReading() as reading:
                numbers = self._numbers(reading.rules)
                self.frames.keep(name, flag_table(self.frames, name, reading, numbers))
            case GapReading() as reading:
                self._make_gap(name, reading)
            case None:
                self._make_derived(name)

    def _make_derived(self, name: str) -> None:
        """Make what a look-up, a computed name or a parameter reads; of a look-up its own table too."""
        derived = self.frames.names.derived.get(name)
        match None if derived is None else derived.how:
            case LookUp() as spec:
                asks, looked = read_by(spec, self.pack.event_time)
                self.ensure(asks | looked)
                self.frames.keep(name, look_up(self.frames, name, spec))
            case Computed() as how:
                self.ensure(how.names)
            case None if name.startswith(PARAM):
                self.ensure([self.pack.effective_by])
            case None:
                pass

    def _make_gap(self, name: str, reading: GapReading) -> None:
        rules = {n: r for n, r in self._decided.items() if reading.rules is None or r.id in reading.rules}
        read: list[Read] = []
        for key in sorted(reading.actions):
            lines = lines_of(rules, key)
            made = self._standings(self.pack.actions[key], lines) if lines else None
            read.append(Read(self.pack.actions[key], tuple(lines), made))
        if isinstance(reading.late_by, ParamDuration):
            self.ensure([f"{PARAM}{reading.late_by.param}"])
        self.frames.keep(name, gap_table(self.frames, name, reading, read))

    def _standings(self, action: Action, lines: Sequence[Line]) -> str:
        """Make the table of where the requirements of an action stand, once for the same lines; return its name."""
        known = (action.key, frozenset(line.number for line in lines))
        if known not in self._stand:
            if not self.store.has(DAYS):
                make_days(self.store, self.pack, set(spans_of(self.pack)))
            self.ensure(names_of_action(action, lines))
            made = f"standings {len(self._stand)} of {action.key}"
            standings(self.frames, action, lines, made)
            self._stand[known] = made
        return self._stand[known]

    def over(self, store: AnyStore) -> Plan:
        """Return the plan with its results in another store, which has its tables."""
        found = copy(self)
        found.store = store
        found.frames = Frames(self.frames.names, store, self.frames.holds)
        return found

    def run(self, told: Callable[[int, int], None] = _nobody) -> None:
        """Make every table of results; `told` hears how many steps are done, of how many."""
        groups = self._groups()
        every = sum(len(group.rules) + 1 for group in groups) + len(self.pack.actions) + 2
        done = count(1)

        def step() -> None:
            told(next(done), every)

        self._decide(groups, step)
        self._require(step)
        self.ensure(names_of_twins(self.frames))
        make_twins(self.frames)
        step()
        if self.pack.grades:
            self.ensure(names_of_grades(self.frames))
            make_grades(self.frames)
        self._let_go()
        step()

    def _let_go(self) -> None:
        """Remove every table that led to the results; what links records can still be read."""
        links = {name for derived in self.frames.names.derived.values() for name in _links(derived.how)}
        kept = {*self._given, *RESULTS, *self.frames.tables_behind(links)}
        for name in self.store.names():
            if name not in kept:
                self.store.drop(name)

    def _require(self, step: Callable[[], None]) -> None:
        """Make the table of all requirements."""
        gaps = (one for one in self.pack.readings.values() if isinstance(one, GapReading))
        read = frozenset[str]().union(*(one.actions for one in gaps))
        for key, action in self.pack.actions.items():
            step()
            lines = lines_of(self._decided if key in read else self._fired, key)
            if lines:
                made = self._standings(action, lines)
                self.store.add(REQUIREMENTS, self.store.table(made))
                if key not in read:
                    self.store.drop(made)

    def _numbers(self, ids: frozenset[str]) -> tuple[int, ...]:
        return tuple(number for number, rule in enumerate(self.pack.rules) if rule.id in ids)

    def _groups(self) -> list[Group]:
        """Return the rules in the order in which they read each other, those that other records read first."""
        numbers = {rule.key: n for n, rule in enumerate(self.pack.rules) if rule.status == "active"}
        layers = [[numbers[key] for key in layer if key in numbers] for layer in self.pack.layers]
        found: list[Group] = []
        for across in (True, False):
            for layer, rows in product(layers, _BY_ROWS):
                rules = {n: self.pack.rules[n] for n in layer}
                own = {
                    n: rule
                    for n, rule in rules.items()
                    if rows_of_rule(rule) == rows and (rule.id in self.pack.read_across) is across
                }
                if own:
                    found.append(Group(own, rows, f"verdicts {len(found)}"))
        return found

    def _decide(self, groups: Iterable[Group], step: Callable[[], None]) -> None:
        for group in groups:
            for rule in group.rules.values():
                self.ensure(names_of_rule(rule, self.pack.effective_by))
                step()
            places = decide(self.frames, group, only_in=self._only)
            told = came(self.frames, group)
            evidence_of = self._evidence(group, told.fired)
            tell(self.frames, group, places, told, evidence_of)
            self._fired |= {number: rule for number, rule in group.rules.items() if number in told.fired}
            for made in {one for found in evidence_of.values() for one in found.values()}:
                self.store.drop_if_there(made)
            self._decided |= group.rules
            step()

    def _evidence(self, group: Group, fired: Collection[int]) -> dict[int, dict[str, str]]:
        """Make the tables of ids that are evidence of the rules that fired; return them by rule and name."""
        wanted: dict[str, list[int]] = {}
        for number in sorted(fired):
            for name in sorted(evidence_names(group.rules[number], self.frames)):
                wanted.setdefault(name, []).append(number)
        found: dict[int, dict[str, str]] = {}
        for name, numbers in wanted.items():
            made = f"evidence {name} of {group.table}"
            self._make_evidence(name, group, numbers, made)
            for n in numbers:
                found.setdefault(n, {})[name] = made
        return found

    def _make_evidence(self, name: str, group: Group, rules: list[int], made: str) -> None:
        reading, derived = self.pack.readings.get(name), self.frames.names.derived.get(name)
        if isinstance(reading, FlagReading):
            flag_evidence(self.frames, reading, self._numbers(reading.rules), group.rows, made)
        elif derived is not None and isinstance(derived.how, LookUp):
            table = self.store.table(group.table)
            fired = table.filter(some(table[verdict_of(n)] == FIRES for n in rules))
            evidence(self.frames, name, derived.how, fired, made)
