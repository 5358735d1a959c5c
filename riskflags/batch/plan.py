"""One batch from tables of records to tables of results: what is computed when, each thing once and only if it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskflags.batch.asked import lines_of, names_of_action
from riskflags.batch.calendars import DAYS, make_days, spans_of
from riskflags.batch.cells import some
from riskflags.batch.events import counted_once, make_events, names_of_events
from riskflags.batch.facts import NO_SUSPECT
from riskflags.batch.frames import Frames
from riskflags.batch.grades import make_grades, names_of_grades
from riskflags.batch.lookups import evidence, look_up, read_by
from riskflags.batch.readings import Read, flag_evidence, flag_table, gap_table
from riskflags.batch.standings import standings
from riskflags.batch.twins import make_twins, names_of_twins
from riskflags.batch.verdicts import FIRES, Group, decide, evidence_names, names_of, tell
from riskflags.calendar import ParamDuration
from riskflags.pack import Computed, FlagReading, GapReading

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from riskflags.batch.asked import Line
    from riskflags.batch.cells import Expr
    from riskflags.batch.store import Store
    from riskflags.incident import Holds
    from riskflags.pack import Action, Pack, Rule
    from riskflags.record import Names


REQUIREMENTS = "requirements"


class Plan:
    """The steps of a batch over the tables of a store."""

    def __init__(self, names: Names, store: Store, holds: tuple[Holds, ...], *, only: Mapping[int, Sequence[int]]) -> None:
        self.frames = Frames(names, store, holds)
        self.pack: Pack = names.pack
        self.store = store
        self._only = only
        self._done: set[str] = set()
        self._decided: dict[int, Rule] = {}
        self._stand: dict[tuple[str, frozenset[int]], str] = {}
        self._drop_what_lies_ahead()
        self._settle()
        if counted_once(self.frames):
            self.ensure(names_of_events(self.frames))
            make_events(self.frames)

    def _settle(self) -> None:
        """Store what is computed from fields alone, since many statements read it."""
        frames = self.frames
        plain = [name for name in frames.names.derived if self._is_plain(name)]
        for rows in ("records", "seats"):
            names = [name for name in plain if frames.names.is_of_suspect(name) is (rows == "seats")]
            if names:
                frames.keep(frames.settled(names, rows))
                self._done |= set(names)

    def _is_plain(self, name: str) -> bool:
        """Return whether a derived value is computed from fields and parameters alone."""
        derived = self.frames.names.derived.get(name)
        if derived is None:
            return name not in self.pack.readings
        return isinstance(derived.how, Computed) and all(map(self._is_plain, derived.how.names))

    def _drop_what_lies_ahead(self) -> None:
        """Take out the records whose time is after as_of: they are not there yet."""
        seats, records = self.store.table("seats", ["record", "seat"]), self.store.table("records")
        counted = seats.group_by("record").agg(suspects=(seats["seat"] != NO_SUSPECT).count_true())
        self._replace("records", records.join(counted, "record"))
        event_time = self.pack.event_time
        self.ensure([event_time])
        frame = self.frames.frame([event_time])
        there = frame.filtered(frame.cells[event_time].low <= frame.table["as_of"]).table.select("record")
        self._replace("records", self.store.table("records").semi_join(there, "record"))

    def _replace(self, name: str, expression: Expr) -> None:
        self.store.make(f"new {name}", expression)
        self.store.drop(name)
        self.store.rename(f"new {name}", name)

    def ensure(self, names: Iterable[str]) -> None:
        """Make the tables of every look-up and reading that some names read."""
        for name in sorted(names):
            if name not in self._done:
                self._done.add(name)
                self._make(name)

    def _make(self, name: str) -> None:
        derived = self.frames.names.derived.get(name)
        reading = self.pack.readings.get(name)
        if isinstance(reading, FlagReading):
            self.frames.keep(flag_table(self.frames, name, reading, self._numbers(reading.rules)))
        elif isinstance(reading, GapReading):
            self._make_gap(name, reading)
        elif name.startswith("param."):
            self.ensure([self.pack.effective_by])
        elif derived is None:
            return
        elif isinstance(derived.how, Computed):
            self.ensure(derived.how.names)
        else:
            asks, looked = read_by(derived.how, self.pack.event_time)
            self.ensure(asks | looked)
            self.frames.keep(look_up(self.frames, name))

    def _make_gap(self, name: str, reading: GapReading) -> None:
        rules = {n: r for n, r in self._decided.items() if reading.rules is None or r.id in reading.rules}
        read: list[Read] = []
        for key in sorted(reading.actions):
            action = self.pack.actions[key]
            lines = lines_of(rules, key)
            read.append(Read(action, tuple(lines), self._standings(action, lines)))
        if isinstance(reading.late_by, ParamDuration):
            self.ensure([f"param.{reading.late_by.param}"])
        self.frames.keep(gap_table(self.frames, name, reading, read))

    def _standings(self, action: Action, lines: Sequence[Line]) -> str | None:
        """Make the table of where the requirements of an action stand, once for the same lines; return its name."""
        if not lines:
            return None
        known = (action.key, frozenset(line.number for line in lines))
        if known not in self._stand:
            self._ensure_action(action, lines)
            made = f"standings {len(self._stand)} of {action.key}"
            standings(self.frames, action, list(self.pack.actions).index(action.key), lines, made)
            self._stand[known] = made
        return self._stand[known]

    def _ensure_action(self, action: Action, lines: Sequence[Line]) -> None:
        """Make what the requirements of an action read."""
        if not self.store.has(DAYS):
            make_days(self.store, self.pack, set(spans_of(self.pack)))
        self.ensure(names_of_action(action, lines))

    def run(self) -> None:
        """Make every table of results."""
        self._decide()
        self._require()
        self.ensure(names_of_twins(self.frames))
        make_twins(self.frames)
        if self.pack.grades:
            self.ensure(names_of_grades(self.frames))
            make_grades(self.frames)

    def _require(self) -> None:
        """Make the table of all requirements."""
        for key, action in self.pack.actions.items():
            made = self._standings(action, lines_of(self._decided, key))
            if made is not None:
                self.store.add(REQUIREMENTS, self.store.table(made))

    def _numbers(self, ids: frozenset[str]) -> tuple[int, ...]:
        return tuple(number for number, rule in enumerate(self.pack.rules) if rule.id in ids)

    def _groups(self) -> list[Group]:
        """Return the rules in the order in which they read each other, those that other records read first."""
        rules = {n: rule for n, rule in enumerate(self.pack.rules) if rule.status == "active"}
        numbers = {rule.key: n for n, rule in rules.items()}
        found: list[Group] = []
        for across in (True, False):
            for layer in self.pack.layers:
                for each in (False, True):
                    own = {
                        numbers[key]: rules[numbers[key]] for key in layer
                        if key in numbers and rules[numbers[key]].for_each is each
                        and (rules[numbers[key]].id in self.pack.read_across) is across
                    }
                    if own:
                        found.append(Group(own, "seats" if each else "records", f"verdicts {len(found)}"))
        return found

    def _decide(self) -> None:
        for group in self._groups():
            self.ensure(frozenset().union(*(names_of(rule, self.pack.effective_by) for rule in group.rules.values())))
            decide(self.frames, group, only=self._only)
            tell(self.frames, group, self._evidence(group))
            self._decided |= group.rules

    def _evidence(self, group: Group) -> dict[int, dict[str, str]]:
        made: dict[str, str] = {}
        found: dict[int, dict[str, str]] = {}
        wanted: dict[str, list[int]] = {}
        for number, rule in group.rules.items():
            for name in evidence_names(rule, self.frames):
                wanted.setdefault(name, []).append(number)
        table = self.store.table(group.table)
        for name, numbers in wanted.items():
            reading = self.pack.readings.get(name)
            if isinstance(reading, FlagReading):
                made[name] = flag_evidence(self.frames, name, reading, self._numbers(reading.rules), group.rows)
            else:
                fired = table.filter(some(table[f"verdict {n}"] == FIRES for n in numbers))
                made[name] = evidence(self.frames, name, fired)
            for n in numbers:
                found.setdefault(n, {})[name] = made[name]
        return found

