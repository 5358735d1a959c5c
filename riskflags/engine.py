"""Engine: from incidents to assessments, one record at a time on two engines that must agree, or all in a batch."""

from __future__ import annotations

import importlib.util
from contextlib import contextmanager, nullcontext
from datetime import datetime
from functools import cached_property, partial
from random import Random
from typing import TYPE_CHECKING, Literal, NamedTuple

from riskflags.assessment import Assessment
from riskflags.case import Case, Seat
from riskflags.errors import AN_AWARE_DATETIME, EngineError
from riskflags.explaining import explained_grade
from riskflags.history import affected_by, history_needed
from riskflags.model import Verdict
from riskflags.online import Online, OnlineAnswer
from riskflags.pack import Pack
from riskflags.record import Names, Record, Records
from riskflags.results import cautions, flags, grade, not_assessed, requirements, undecided
from riskflags.words import moment_at

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

    from riskflags.assessment import CaseGrade
    from riskflags.condition import Condition
    from riskflags.explanation import Explanation, GradeExplanation
    from riskflags.history import HistoryKey
    from riskflags.incident import Incident
    from riskflags.pack import Rule
    from riskflags.record import Read, RejectedRow

Decided = Literal["record", "duckdb", "spark"]
"""How many records are decided: one after another, or all at once on DuckDB or Spark."""
Backend = Literal["auto"] | Decided
"""How that is asked for: as it is, or by what is faster in the process."""
BATCH_FROM = 5_000
"""Records from which a batch is faster on the shipped pack: below, planning its statements takes longer."""
VERIFIED = 200
"""Records of a batch that are decided one at a time as well."""


class Engine:
    """The rules of a pack, ready to assess incidents. Reusable, and safe from many threads and after fork.

    With `strict` an EngineError is raised where the two engines give different verdicts; without it no flag of either
    is lost and the assessment names the rule in `engines_disagree`.
    """

    def __init__(self, pack: Pack, *, strict: bool = False) -> None:
        _expect(pack, Pack, "load one with Pack.load or default_pack")
        self.pack = pack
        self.strict = strict
        self._names = Names.of(pack)
        self._layers = _layered(pack)

    def __reduce__(self) -> tuple[Callable[..., Engine], tuple[Pack, bool]]:
        return (_engine, (self.pack, self.strict))

    @cached_property
    def _digest(self) -> str:
        return self.pack.digest

    def assess(
        self,
        incident: Incident,
        history: Iterable[Incident] = (),
        *,
        as_of: datetime,
        rejects: Sequence[RejectedRow] = (),
    ) -> Assessment:
        """Return the assessment of one incident among others, as things stood at `as_of` (an aware datetime).

        `history` is every other record that a look-up may need, in any order; a record of the same incident and child
        in it is left out. `rejects` are rows that could not be read: one with the child's id may or may not count.
        TypeError for a naive `as_of`, or for anything that is not an Incident of the pack's model.
        """
        key = self._checked(incident).key
        peers = [self._checked(peer) for peer in history]
        records = self._records([peer for peer in peers if peer.key != key], as_of, rejects)
        return self._assess(records.add(incident), records)

    def assess_many(
        self,
        incidents: Iterable[Incident],
        *,
        as_of: datetime,
        rejects: Sequence[RejectedRow] = (),
        backend: Backend = "auto",
        verify: int = VERIFIED,
    ) -> Iterator[Assessment]:
        """Yield the assessment of each incident, in order; each sees all the others. The input is read first.

        Of two records of one incident and child, one is assessed: the one that sorts last by content.

        `backend` never changes an answer: "record" decides one record after another, "duckdb" all of them at once (it
        needs the extra `batch`), "spark" does so on the session of Spark that is there, or is started (it needs the
        extra `spark`), and "auto" takes what is faster in the process for so many; a strict engine takes "record" for
        it. Of a batch, `verify` records, drawn by a fixed seed, are decided one at a time as well: EngineError where
        any of them comes out otherwise. EngineError too for what is not installed, and where Spark does not start.
        """
        records = self._records([self._checked(incident) for incident in incidents], as_of, rejects)
        decided = self.backend_for(len(records), backend)
        if decided == "record":
            return (self._assess(record, records) for record in records)
        if obstacle := obstacle_to_batch(decided):
            raise EngineError(obstacle)
        return self._in_batch(records, as_of, rejects, verify=verify, is_on_spark=decided == "spark")

    def assess_some(
        self,
        wanted: Iterable[Incident],
        among: Iterable[Incident],
        *,
        as_of: datetime,
        rejects: Sequence[RejectedRow] = (),
    ) -> Iterator[Assessment]:
        """Yield the assessments of some records, in order, one after another; each sees all that they are among."""
        records = self._records([self._checked(incident) for incident in among], as_of, rejects)
        by_key = {record.incident.key: record for record in records}
        return (self._assess(by_key[incident.key], records) for incident in wanted)

    def backend_for(self, records: int, backend: Backend = "auto") -> Decided:
        """Return how so many records are decided: as asked, or by what is faster and possible."""
        if backend != "auto":
            return backend
        pays = not self.strict and records >= BATCH_FROM and not obstacle_to_batch()
        return "duckdb" if pays else "record"

    def _in_batch(
        self, records: Records, as_of: datetime, rejects: Sequence[RejectedRow], *, verify: int, is_on_spark: bool
    ) -> Iterator[Assessment]:
        """Yield the assessments of a batch, with some of them decided one at a time as well."""
        from riskflags.batch import World, assess_worlds, spark_store  # noqa: PLC0415 - with the extra `batch` alone

        every = list(records)
        drawn = set(Random(0).sample(range(len(every)), min(verify, len(every))))  # noqa: S311 - a sample, no secret
        worlds = [World([record.incident for record in every], as_of, rejects)]
        with spark_store() if is_on_spark else nullcontext() as spark:
            for found in assess_worlds(worlds, self._names, digest=self._digest, spark=spark):
                for number, (record, assessment) in enumerate(zip(every, found, strict=True)):
                    if number in drawn and (alone := self._assess(record, records)) != assessment:
                        raise EngineError(differs(alone, assessment))
                    self._explained(assessment, record, records)
                    yield assessment

    def cases(self, incidents: Iterable[Incident], *, as_of: datetime) -> Iterator[Case]:
        """Yield each record with all that was decided on it: what the examples of a pack are checked against."""
        records = self._records([self._checked(incident) for incident in incidents], as_of, ())
        return (self._decided(record, records, self._layers)[0] for record in records)

    def history_needed(self, incident: Incident) -> list[HistoryKey]:
        """Return which other records can matter to the assessment of one: keys with days, each once.

        Give the records that hold one of them as `history`: any other leaves the assessment as it is. Look-ups reach
        one record far, so what was found needs nothing in turn. TypeError for anything that is not an Incident.
        """
        return history_needed(self._checked(incident), self._names)

    def affected_by(self, incident: Incident, before: Incident | None = None) -> list[HistoryKey]:
        """Return which other records are to be assessed again when one arrives, or is corrected from `before`.

        Any other record's assessment stays as it is.
        """
        versions = [self._checked(one) for one in (incident, before) if one is not None]
        return affected_by(versions, self._names)

    def _checked(self, incident: Incident) -> Incident:
        _expect(incident, self.pack.record, "validate the record first")
        return incident

    def _records(self, incidents: Iterable[Incident], as_of: datetime, rejects: Sequence[RejectedRow]) -> Records:
        _expect(as_of, datetime, AN_AWARE_DATETIME)
        if as_of.utcoffset() is None:
            raise TypeError(AN_AWARE_DATETIME)
        records = Records(self._names, incidents, as_of=as_of, rejected=rejects)
        records.decide = partial(self._read_across, records)
        return records

    def _read_across(self, records: Records, record: Record) -> Read:
        """Return what reads the flags and gaps of a record that a look-up looks at."""
        layers = [layer for layer in self._layers if layer.is_read_across]
        case, _ = self._decided(record, records, layers)
        return case.read

    def _assess(self, record: Record, records: Records) -> Assessment:
        """Return the assessment of a record, and let go of all that was decided on it."""
        with records.lock:
            case, disagreed = self._decided(record, records, self._layers)
            standings, found = tuple(case.standings()), grade(case)
            assessment = Assessment(
                incident_id=record.id,
                child_id=record.incident.child.id,
                as_of=moment_at(records.as_of.earliest, records.names.zone),
                pack_id=self.pack.id,
                pack_version=self.pack.version,
                pack_digest=self._digest,
                flags=flags(case),
                requirements=requirements(case, standings),
                undecided=undecided(case),
                not_assessed=not_assessed(case),
                warnings=cautions(case, standings),
                grade=found,
                engines_disagree=tuple(sorted(disagreed)),
                not_yet=not records.is_there(record),
            )
            record.release()
        self._explained(assessment, record, records)
        return assessment

    def _explained(self, assessment: Assessment, record: Record, records: Records) -> None:
        """Give an assessment what explains it."""
        again, found = _Again(partial(self._decided, record, records, self._layers), record, records), assessment.grade
        assessment.explained_by(again.rule, partial(again.grade, found) if found is not None else None)

    def _decided(self, record: Record, records: Records, layers: Iterable[_Layer]) -> tuple[Case, set[str]]:
        """Return the case with the rules of some layers decided, and the keys of those that the engines disagree on."""
        case = Case(record, records)
        disagreed: set[str] = set()
        for layer in layers if records.is_there(record) else ():
            for seat in case.seats(for_each=layer.rules[0].for_each):
                disagreed |= self._decide(layer, case, seat)
        return case, disagreed

    def _decide(self, layer: _Layer, case: Case, seat: Seat) -> set[str]:
        """Decide some rules on a row, on both engines; return the keys of those on which they disagree."""
        answers = layer.online.ask(seat.row)
        disagreed: set[str] = set()
        for rule in layer.rules:
            outcome = case.outcome(rule, seat)
            other = Verdict.clears if case.out_of_force(rule, seat.row) else _online_verdict(rule, answers)
            if other is not outcome.verdict:
                disagreed.add(rule.key)
                if self.strict:
                    msg = f"{rule.key} on {case.record.id}: {outcome.verdict} by meaning, {other or 'both'} online"
                    raise EngineError(msg)
                outcome = case.least_sure(rule, seat, outcome, other)
            case.add(outcome)
        return disagreed


def obstacle_to_batch(backend: Backend = "duckdb") -> str:
    """Return what is missing to decide all records at once, and how to install it; empty where nothing is."""
    extra, more = ("spark", ("pyspark",)) if backend == "spark" else ("batch", ())
    if lacking := [name for name in ("duckdb", "pyarrow", *more) if importlib.util.find_spec(name) is None]:
        return f"a batch needs {lacking[0]}. Install it with: pip install 'riskflags[{extra}]'"
    return ""


def differs(alone: Assessment, together: Assessment) -> str:
    """Return in what two assessments of a record differ."""
    first, second = alone.model_dump(), together.model_dump()
    parts = ", ".join(name for name in first if first[name] != second[name])
    return f"{alone.incident_id}: decided in a batch, its {parts} differ from what they are one record at a time"


class _Again:
    """What explains an assessment. The record is decided again for that: until then nothing of it has to be kept."""

    def __init__(self, decide: Callable[[], tuple[Case, set[str]]], record: Record, records: Records) -> None:
        self._decide = decide
        self._record = record
        self._records = records
        self._decided: Case | None = None

    def rule(self, rule: str, suspect: str | None, *, show_personal: bool) -> Explanation:
        """Return the explanation of a rule."""
        with self._case() as case:
            return case.explain(rule, suspect, show_personal=show_personal)

    def grade(self, found: CaseGrade, *, show_personal: bool) -> GradeExplanation:
        """Return the explanation of the grade."""
        with self._case() as case:
            return explained_grade(case, found, show_personal=show_personal)

    def __deepcopy__(self, memo: object) -> _Again:
        """Return itself: a copy of an assessment is explained by the same records."""
        return self

    @contextmanager
    def _case(self) -> Generator[Case]:
        with self._records.lock:
            if self._decided is None:
                self._decided, _ = self._decide()
            self._record.read = self._decided.read  # since then, less may have been decided for another record
            try:
                yield self._decided
            finally:
                self._record.release()


def _expect(value: object, kind: type, hint: str) -> None:
    """Raise TypeError where the caller gave something else."""
    if not isinstance(value, kind):
        msg = f"expected {kind.__name__}, not {type(value).__name__}: {hint}"
        raise TypeError(msg)


def _engine(pack: Pack, strict: bool) -> Engine:  # noqa: FBT001 - called by pickle
    return Engine(pack, strict=strict)


class _Layer(NamedTuple):
    """Rules that are decided together: on one kind of row, by one online engine, all of them for look-ups or none."""

    rules: list[Rule]
    online: Online
    is_read_across: bool


def _layered(pack: Pack) -> list[_Layer]:
    """Return the active rules by layer, those of one kind of row together, each group with its online engine."""
    rules = {rule.key: rule for rule in pack.rules if rule.status == "active"}
    found: list[_Layer] = []
    for layer in pack.layers:
        for across, for_each in ((True, False), (True, True), (False, False), (False, True)):
            group = [
                rules[key]
                for key in layer
                if key in rules and rules[key].for_each is for_each and (rules[key].id in pack.read_across) is across
            ]
            if group:
                found.append(_Layer(group, Online(_questions(group)), across))
    return found


def _questions(rules: Sequence[Rule]) -> dict[str, Condition]:
    """Return what the online engine is asked: each rule's condition, and each `unless`."""
    found: dict[str, Condition] = {}
    for rule in rules:
        found[rule.key] = rule.when
        found.update({_stop(rule, number): condition for number, condition in enumerate(rule.unless)})
    return found


def _stop(rule: Rule, number: int) -> str:
    return f"{rule.key} unless {number}"


def _online_verdict(rule: Rule, answers: Mapping[str, OnlineAnswer]) -> Verdict | None:
    """Return the verdict of the online engine; None where a condition and its negation both matched."""
    stops = [answers[_stop(rule, number)] for number in range(len(rule.unless))]
    answer = answers[rule.key]
    if OnlineAnswer.both in (answer, *stops):
        return None
    return Verdict.clears if OnlineAnswer.fires in stops else _VERDICTS[answer]


_VERDICTS = {
    OnlineAnswer.fires: Verdict.fires,
    OnlineAnswer.clears: Verdict.clears,
    OnlineAnswer.neither: Verdict.undecided,
}
