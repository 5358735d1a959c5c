"""Laws of random packs: the engines agree, order never matters, knowing more decides, a copy is the same pack."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from hypothesis import given, seed, settings
from hypothesis import strategies as st
from incidents import MOMENTS, START, histories
from random_packs import packs
from test_laws_assessment import LINKS, by_key, met

from riskflags import Engine, Incident, Pack
from riskflags.condition import Comparison, comparisons, names_read
from riskflags.fields import catalogue
from riskflags.model import Verdict
from riskflags.pack import NONE_COUNTS, LookUp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from riskflags.assessment import Undecided
    from riskflags.case import Case
    from riskflags.pack import Rule

LATER = START + timedelta(days=30)  # everything has happened
RULES = 4
OUTSIDE = LINKS | set(NONE_COUNTS.values())
"""Needs whose meeting brings in other records."""
NONE_COUNT = set(NONE_COUNTS.values())
"""Needs of an earliest or latest that turns out to be of nothing, now that more is known."""
TIMES = {path for path, info in catalogue().items() if info.kind == "moment"}
"""Their meeting can turn what a first_recorded picks, and with it the record's own time."""
NIGHT = settings().max_examples > 1_000
MANY = settings(max_examples=max(150, settings().max_examples), derandomize=not NIGHT)
"""Enough packs that what must occur in them does; but for nightly the same ones each time."""
FEWER = settings(max_examples=max(60, settings().max_examples // 3))


def asked(rule: Rule) -> Iterator[Comparison]:
    """Yield every comparison that decides a rule."""
    for condition in (rule.when, *rule.unless):
        yield from comparisons(condition)


def read_of_others(rule: Rule) -> Iterator[str]:
    """Yield flag or gap, as far as a look-up of the rule's own reads one of another record."""
    for derived in rule.derived:
        for condition in derived.how.conditions if isinstance(derived.how, LookUp) else ():
            yield from {name.partition(":")[0] for name in names_read(condition)} & {"flag", "gap"}


def seen_in(case: Case) -> Iterator[str]:
    """Yield what occurs when the rules of a pack are decided on a record."""
    for outcome in case.outcomes:
        yield outcome.verdict.name
        yield f"{outcome.verdict.name} for a suspect" if outcome.suspect_id else "for the record"
        for comparison in asked(outcome.rule):
            kind = comparison.name.partition(":")[0]
            if kind in ("flag", "gap"):
                value = outcome.row[comparison.name]
                yield f"{kind} {value if isinstance(value, bool) else 'undecided'}"
            elif "/calc." in kind:
                yield f"looked up, {outcome.verdict.name}"
                yield from (f"{read} of another, {outcome.verdict.name}" for read in read_of_others(outcome.rule))
    for standing in case.standings():
        yield standing.state.name


MUST_OCCUR = {
    "fires", "clears", "undecided", "fires for a suspect", "clears for a suspect", "undecided for a suspect",
    "flag True", "flag False", "flag undecided", "gap True", "gap False", "gap undecided", "looked up, fires",
    "looked up, clears", "looked up, undecided", "overdue", "done", "not_yet_due", "cannot_tell",
    *(f"{read} of another, {verdict}" for read in ("flag", "gap") for verdict in ("fires", "clears", "undecided")),
}  # fmt: skip


def test_the_engines_never_disagree_on_random_packs() -> None:
    """Law 1, on 600 rules or more in which all that makes packs hard occurs. Strict engines raise."""
    seen = Counter[str]()

    @MANY
    @given(packs(rules=RULES), histories(least=4, most=4), st.lists(MOMENTS, min_size=2, max_size=2))
    def decided(pack: Pack, records: list[Incident], times: list[datetime]) -> None:
        seen["rules"] += len(pack.rules)
        engine = Engine(pack.with_drafts(), strict=True)
        for as_of in (*times, LATER):
            assert not any(result.engines_disagree for result in engine.assess_many(records, as_of=as_of))
            for case in engine.cases(records, as_of=as_of):
                seen.update(seen_in(case))

    for number in range(5):  # what is drawn depends on which modules are loaded: now and then one is not enough
        seed(number)(decided)()
        if set(seen) >= MUST_OCCUR:
            break
    assert seen["rules"] >= 150 * RULES
    assert MUST_OCCUR - set(seen) == set()


@FEWER
@given(packs(), histories(least=3, most=3), MOMENTS, st.randoms())
def test_order_never_matters_on_random_packs(pack: Pack, records: list[Incident], as_of: datetime, chance: Any) -> None:
    """Law 2: the order of rules and of records, and whether they come one at a time."""
    pack = pack.with_drafts()
    first = by_key(Engine(pack, strict=True).assess_many(records, as_of=as_of))
    rules = tuple(chance.sample(pack.rules, len(pack.rules)))
    layers = tuple(tuple(chance.sample(layer, len(layer))) for layer in pack.layers)
    engine = Engine(replace(pack, rules=rules, layers=layers), strict=True)
    assert by_key(engine.assess_many(chance.sample(records, len(records)), as_of=as_of)) == first
    assert by_key(engine.assess(record, history=records, as_of=as_of) for record in records) == first


@FEWER
@given(packs(stops=False), histories(most=3, least=1), st.randoms())
def test_meeting_a_need_never_turns_a_random_rule_round(pack: Pack, records: list[Incident], chance: Any) -> None:
    """Law 3, over chained rules too: what fired keeps firing, what cleared keeps clearing."""
    engine = Engine(pack.with_drafts(), strict=True)
    record = chance.choice(records)
    before = verdicts(engine, records, record)
    free = _not_outside(pack)
    needs = sorted({need for line in _undecided(engine, records, record) for need in line.needs})
    for need in chance.sample(needs, min(3, len(needs))):
        if need.rpartition(":")[2].partition("@")[0] not in OUTSIDE | TIMES:
            after = verdicts(engine, met(records, record, [need]), record)
            turned = [key for key in before if key[0] in free and {before[key], after.get(key)} == {True, False}]
            assert turned == [], need


@FEWER
@given(packs(chained=False, stops=False), histories(most=3, least=1), st.randoms())
def test_meeting_every_need_decides_a_random_rule(pack: Pack, records: list[Incident], chance: Any) -> None:
    """Law 4."""
    engine = Engine(pack.with_drafts(), strict=True)
    record = chance.choice(records)
    free = _not_outside(pack)
    for line in _undecided(engine, records, record):
        if f"{line.rule_id} v{line.rule_version}" not in free:
            continue
        if OUTSIDE.isdisjoint(need.rpartition(":")[2] for need in line.needs):
            after = _undecided(engine, met(records, record, line.needs), record)
            still = [one for one in after if (one.rule_id, one.suspect_id) == (line.rule_id, line.suspect_id)]
            assert [one for one in still if NONE_COUNT.isdisjoint(one.needs)] == [], line


def verdicts(engine: Engine, records: list[Incident], record: Incident) -> dict[tuple[str, str | None], bool | None]:
    """Return what each rule comes to on one of the records: by its key, and the suspect."""
    case = next(case for case in engine.cases(records, as_of=LATER) if case.record.incident.key == record.key)
    answers = {Verdict.fires: True, Verdict.clears: False, Verdict.undecided: None}
    return {(outcome.rule.key, outcome.suspect_id): answers[outcome.verdict] for outcome in case.outcomes}


def _undecided(engine: Engine, records: list[Incident], record: Incident) -> tuple[Undecided, ...]:
    """Return what is undecided on one of the records, as it stands among them."""
    now = next(one for one in records if one.key == record.key)
    return engine.assess(now, history=records, as_of=LATER).undecided


def _not_outside(pack: Pack) -> set[str]:
    """Return the keys of the rules that the laws hold for: neither they nor what they read asks what is on record."""
    outside = {rule.id for rule in pack.rules if any(_links(one) for one in asked(rule))}
    return {rule.key for rule in pack.rules if rule.id not in outside and not (outside and _reads(rule))}


def _reads(rule: Rule) -> bool:
    return any(one.name.startswith(("flag:", "gap:")) for one in asked(rule))


def _links(comparison: Comparison) -> bool:
    """Return whether a comparison reads what links records, or asks what is on record at all."""
    return comparison.name in LINKS or comparison.operator == "recorded"


@FEWER
@given(packs())
def test_a_random_pack_that_is_written_out_is_the_same(pack: Pack) -> None:
    """Law 5."""
    with TemporaryDirectory() as folder:
        pack.dump(Path(folder) / "written")
        again = Pack.load(Path(folder) / "written")
    assert again == pack
    assert again.digest == pack.digest
