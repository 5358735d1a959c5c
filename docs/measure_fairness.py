"""Measure flags and undecided rules by sex, ethnicity, care status and age band: the page on fairness.

`nice python docs/measure_fairness.py` takes long for 100,000 records. Assessments are counted one after another, and
none is kept: what is kept is one count for each child, group and rule.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

from measuring import asked, made, provenance

from riskflags import Engine
from riskflags.model import Moment, Number, Severity
from riskflags.reads import fields_of_rule, rules_read
from riskflags.report.phrases import listed
from riskflags.report.reference.markdown import code, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from riskflags import Incident, Pack
    from riskflags.assessment import Assessment
    from riskflags.pack import Rule

UNKNOWN = "not on record"
ETHNIC_GROUPS = {"W": "White", "M": "Mixed", "A": "Asian", "B": "Black", "C": "Other", "O": "Other"}
"""First letter of the DfE codes -> the group."""
BANDS = ((10, "under 10"), (13, "10 to 12"), (16, "13 to 15"), (18, "16 and 17"), (200, "18 and over"))
SURE, WORTH_TELLING, MOST_TOLD = 4.0, 1.0, 6
"""Standard errors and flags in 100 records from which a difference is told, and how many of each group are."""


def sex_of(incident: Incident) -> str:
    """Return the group of a record by sex."""
    return {None: UNKNOWN, "unknown": UNKNOWN}.get(incident.child.sex, str(incident.child.sex))


def ethnicity_of(incident: Incident) -> str:
    """Return the group of a record by ethnicity."""
    found = incident.child.ethnicity
    return ETHNIC_GROUPS.get(found[:1], UNKNOWN) if found else UNKNOWN


def care_of(incident: Incident) -> str:
    """Return the group of a record by care status."""
    return {True: "in care", False: "not in care"}.get(incident.child.in_care, UNKNOWN)  # type: ignore[arg-type]


def band_of(incident: Incident) -> str:
    """Return the group of a record by the child's age when it happened."""
    child, when = incident.child, incident.incident.occurred_at or incident.incident.reported_at
    if isinstance(child.date_of_birth, date) and isinstance(when, Moment):
        born, day = child.date_of_birth, when.day
        age = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    elif isinstance(child.stated_age, Number):
        age = int(child.stated_age.low)
    else:
        return UNKNOWN
    return next(name for end, name in BANDS if age < end)


@dataclass(frozen=True, slots=True)
class Dimension:
    """What records are told apart by: its groups in order, and the fields that say which one."""

    title: str
    of: Callable[[Incident], str]
    groups: tuple[str, ...]
    fields: frozenset[str]
    drives: str


@dataclass(slots=True)
class Tally:
    """What was counted of one child in one group."""

    records: int = 0
    quiet: int = 0
    flags: Counter[str] = field(default_factory=Counter[str])
    undecided: Counter[str] = field(default_factory=Counter[str])
    grave: int = 0

    def add(self, one: Assessment) -> None:
        """Count one assessment: a rule once for a record, however many suspects it is about."""
        self.records += 1
        flagged = {flag.rule_code for flag in one.flags}
        open_rules = {undecided.rule_code for undecided in one.undecided} - flagged
        self.flags.update(flagged)
        self.undecided.update(open_rules)
        self.grave += any(flag.severity is Severity.critical for flag in one.flags)
        self.quiet += not open_rules


Counts = dict[tuple[int, str], dict[str, Tally]]
"""Dimension and group -> child -> what was counted."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many on each record, with the standard error: children are drawn, not records, since a few have many."""

    value: float
    error: float


def rate(tallies: Mapping[str, Tally], count: Callable[[Tally], int]) -> Rate:
    """Return how many there are on each record."""
    value = mean(tallies, count)
    return Rate(value, error(tallies, count, value))


def mean(tallies: Mapping[object, Tally], count: Callable[[Tally], int]) -> float:
    """Return how many there are on each record; 0 without records."""
    records = sum(one.records for one in tallies.values())
    return sum(map(count, tallies.values())) / records if records else 0.0


def error(tallies: Mapping[object, Tally], count: Callable[[Tally], int], value: float) -> float:
    """Return the standard error of a rate, if it is really so much; 0 without records."""
    records = sum(one.records for one in tallies.values())
    squares = sum((count(one) - value * one.records) ** 2 for one in tallies.values())
    return math.sqrt(squares) / records if records else 0.0


# ---- the page --------------------------------------------------------------------------------------------------------


def page(counts: Counts, pack: Pack, how: str) -> str:
    """Return the page."""
    parts = ["# Fairness: flags and undecided rules by sex, ethnicity, care status and age", how, ABOUT]
    for number, dimension in enumerate(DIMENSIONS):
        groups = {name: counts[number, name] for name in dimension.groups if counts.get((number, name))}
        parts += [f"## {dimension.title}", table(HEADS, rows(groups)), dimension.drives]
        parts += [reading_words(dimension, pack)]
        told = table(TOLD, differences(dimension, groups, pack))
        parts += [DIFFERENCES, told] if told else ["No rule differs between these groups beyond chance."]
    parts += ["## What this cannot show", LIMITS]
    return "\n\n".join(filter(None, parts)) + "\n"


HEADS = [
    "group", "records", "children", "flags on each record", "records with a critical flag",
    "undecided on each record", "records with nothing undecided",
]  # fmt: skip
TOLD = ["group", "rule", "is", "here", "elsewhere", "what drives it"]
ABOUT = """\
For each group: how many rules raise a flag on a record, and how many are undecided. A rule counts once for a record,
however many suspects it is about. What follows ± is two standard errors, with children drawn as wholes: a few children
have very many records, and a group in which one of them happens to be can differ by that alone."""
DIFFERENCES = """\
Rules whose flags, or whose being undecided, differ from all other groups by four standard errors and by 1 in 100
records at least; the greatest differences of each group, in 100 records."""
LIMITS = """\
The records are made up, and sex and ethnicity are drawn apart from all else. So the tables show what the *rules* do
with a child's sex and ethnicity: nothing. They cannot show what *people* do: whose missing episodes are reported, whose
signs are written down, whose age is put up, who is asked whether there is an adult to talk to. A rule reads what is on
record, and repeats what is unequal in it. Children whose record is full of holes get fewer flags and more undecided
rules; an area should compare both, by group, on records of its own before it relies on either."""


def rows(groups: Mapping[str, Mapping[str, Tally]]) -> Iterator[Sequence[str]]:
    """Yield a line for each group."""
    for name, tallies in groups.items():
        records = sum(one.records for one in tallies.values())
        grave, quiet = rate(tallies, lambda one: one.grave), rate(tallies, lambda one: one.quiet)
        yield (
            name,
            f"{records:,}",
            f"{len(tallies):,}",
            words(rate(tallies, lambda one: one.flags.total())),
            words(Rate(100 * grave.value, 100 * grave.error), places=1, unit=" %"),
            words(rate(tallies, lambda one: one.undecided.total())),
            words(Rate(100 * quiet.value, 100 * quiet.error), places=1, unit=" %"),
        )


def words(found: Rate, *, places: int = 2, unit: str = "") -> str:
    """Return a rate with two standard errors."""
    return f"{found.value:.{places}f} ± {2 * found.error:.{places}f}{unit}"


def reading_words(dimension: Dimension, pack: Pack) -> str:
    """Return which rules read the fields of a dimension: in what they look for, or how serious they take it to be."""
    codes = sorted(rule.code for rule in pack.rules if own_fields(rule, pack) & dimension.fields)
    fields = listed(code(path) for path in sorted(dimension.fields))
    return f"Rules that read {fields}: {listed(codes) if codes else 'none'}."


def own_fields(rule: Rule, pack: Pack) -> frozenset[str]:
    """Return the fields that a rule reads, but for `unless`: nearly every rule asks there whether it is a child."""
    return fields_of_rule(replace(rule, unless=()), pack)


def differences(dimension: Dimension, groups: Mapping[str, Mapping[str, Tally]], pack: Pack) -> Iterator[Sequence[str]]:
    """Yield the greatest differences of each group from the others."""
    for name, tallies in groups.items():
        others = {(other, child): one for other, more in groups.items() if other != name for child, one in more.items()}
        found: list[tuple[float, Sequence[str]]] = []
        for is_flag, rule in ((is_flag, rule) for is_flag in (True, False) for rule in pack.rules):
            count = counted(rule.code, is_flag=is_flag)
            here, there = 100 * mean(tallies, count), 100 * mean(others, count)
            if is_told(here, there, tallies, others, count):
                says = "flagged" if is_flag else "undecided"
                why = driver(rule, dimension, pack, is_flag=is_flag)
                line = (name, f"{rule.code} {rule.title}", says, f"{here:.1f}", f"{there:.1f}", why)
                found.append((abs(here - there), line))
        yield from (line for _, line in sorted(found, key=lambda one: (-one[0], one[1]))[:MOST_TOLD])


def is_told(
    here: float,
    there: float,
    tallies: Mapping[object, Tally],
    others: Mapping[object, Tally],
    count: Callable[[Tally], int],
) -> bool:
    """Return whether two rates in 100 records differ by enough, and by more than chance.

    Chance is what would be, were there no difference: else a small group in which there happen to be none looks sure.
    """
    if abs(here - there) < WORTH_TELLING:
        return False
    middle = mean({**tallies, **others}, count)
    chance = 100 * math.hypot(error(tallies, count, middle), error(others, count, middle))
    return abs(here - there) >= SURE * chance


def counted(rule_code: str, *, is_flag: bool) -> Callable[[Tally], int]:
    """Return what counts the flags of a rule, or how often it was undecided."""
    return lambda one: (one.flags if is_flag else one.undecided)[rule_code]


def driver(rule: Rule, dimension: Dimension, pack: Pack, *, is_flag: bool) -> str:
    """Return what makes a rule differ between the groups of a dimension."""
    read = own_fields(rule, pack) & dimension.fields
    if read:
        return f"reads {listed(sorted(read))}"
    by_id = {one.id: one for one in pack.rules}
    through = sorted(
        by_id[one].code for one in rules_read(rule, pack) if own_fields(by_id[one], pack) & dimension.fields
    )
    if through:
        shown = through if len(through) <= MOST_TOLD else [*through[:MOST_TOLD], f"{len(through) - MOST_TOLD} more"]
        return f"reads flags or gaps of {listed(shown)}, which read it"
    if any(path in dimension.fields for path in fields_of_rule(rule, pack)):
        return "its `unless` reads it"
    return "the generator draws what it reads so" if is_flag else "the generator leaves what it reads blank so"


CARE = """\
Rules read care because guidance does: other people are responsible, and have duties of their own. The generator gives
only children in care a placement, a legal status and two authorities. It lets one record in five of a child who is not
in care be silent on care, so that all records *not on record* are of children at home. Suspects, contacts and episodes
it draws for every child at the same rates."""
AGE = """\
Rules read age because the law does (under 13, under 16, 16 and 17), and a person known to be 18 or over raises hardly
any. The generator draws what happens apart from age. Where no age is on record, what needs it is undecided, and the
child counts as a child."""
DIMENSIONS = (
    Dimension(
        "By sex",
        sex_of,
        ("female", "male", "other", UNKNOWN),
        frozenset({"child.sex"}),
        "The generator draws a child's sex apart from everything else.",
    ),
    Dimension(
        "By ethnicity",
        ethnicity_of,
        ("White", "Mixed", "Asian", "Black", "Other", UNKNOWN),
        frozenset({"child.ethnicity"}),
        "The generator draws a child's ethnicity apart from everything else, and leaves one record in five without it, "
        "whoever the child is. A child can so be in two groups.",
    ),
    Dimension(
        "By care status",
        care_of,
        ("in care", "not in care", UNKNOWN),
        frozenset(
            {
                "child.in_care",
                "child.legal_status",
                "child.placement_type",
                "child.placement_id",
                "child.placement_authority",
                "child.responsible_authority",
                "missing.missing_from",
            }
        ),
        CARE,
    ),
    Dimension(
        "By age band",
        band_of,
        (*(name for _, name in BANDS), UNKNOWN),
        frozenset({"child.date_of_birth", "child.stated_age", "child.age_from", "child.age_to"}),
        AGE,
    ),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write the page."""
    one = asked(str(__doc__).partition("\n")[0], rows=100_000, out="fairness.md", arguments=arguments)
    pack, incidents, as_of = made(one)
    groups = {incident.incident.id: tuple(d.of(incident) for d in DIMENSIONS) for incident in incidents}
    counts: Counts = defaultdict(lambda: defaultdict(Tally))
    for assessment in Engine(pack).assess_many(incidents, as_of=as_of):
        for number, name in enumerate(groups[assessment.incident_id]):
            counts[number, name][str(assessment.child_id)].add(assessment)
    one.out.parent.mkdir(parents=True, exist_ok=True)
    one.out.write_text(page(counts, pack, provenance(one, pack, "measure_fairness.py")), encoding="utf-8")


if __name__ == "__main__":
    main()
