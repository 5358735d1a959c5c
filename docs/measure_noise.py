"""Measure how many rules are undecided on records with holes, and for want of which fields: the page on noise.

`python docs/measure_noise.py` takes some minutes. The records are read and decided one after another.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from measuring import asked, made, per, provenance

from riskflags import Engine
from riskflags.condition import Group, Named, holds
from riskflags.model import Severity, Verdict
from riskflags.report.phrases import listed, need_kind, need_words
from riskflags.report.reference.markdown import table
from riskflags.results import not_assessed, undecided
from riskflags.samples.extract import HOLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from riskflags import Pack
    from riskflags.case import Case
    from riskflags.condition import Row
    from riskflags.pack import Rule

SHOWN = 3
"""Fields that are named for each rule."""


@dataclass(slots=True)
class Noise:
    """What was counted over the records so far."""

    records: int = 0
    quiet: int = 0
    """Records on which nothing is undecided."""
    flags: int = 0
    seats: int = 0
    """Rules that were looked at, over all records."""
    undecided: Counter[str] = field(default_factory=Counter[str])
    grave: Counter[str] = field(default_factory=Counter[str])
    """Undecided that could be high or critical."""
    needs: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    named: Counter[str] = field(default_factory=Counter[str])
    alone: Counter[str] = field(default_factory=Counter[str])
    """Undecided for want of this field and of nothing else."""
    without_gates: Counter[str] = field(default_factory=Counter[str])
    without_unless: Counter[str] = field(default_factory=Counter[str])
    never_held: Counter[str] = field(default_factory=Counter[str])

    def add(self, case: Case) -> None:
        """Count one record."""
        open_rules = undecided(case)
        self.records += 1
        self.quiet += not open_rules
        self.flags += sum(outcome.verdict is Verdict.fires for outcome in case.outcomes)
        self.seats += len({outcome.rule.code for outcome in case.outcomes})
        needs: dict[str, set[str]] = defaultdict(set)
        for one in open_rules:
            needs[one.rule_code] |= {need_kind(need) for need in one.needs}
        self.grave.update({one.rule_code for one in open_rules if one.severity >= Severity.high})
        for code, kinds in needs.items():
            self.undecided[code] += 1
            self.needs[code].update(kinds)
            self.named.update(kinds)
            if len(kinds) == 1:
                self.alone.update(kinds)
        self.never_held.update({one.rule_code for one in not_assessed(case)} - needs.keys())
        kept = set(needs) | {one.rule_code for one in not_assessed(case)}
        self.without_gates.update(stopped(case, without_gates) - kept)
        self.without_unless.update(stopped(case, without_unless) - kept)


def stopped(case: Case, would_be_open: Callable[[Rule, Row], bool]) -> set[str]:
    """Return the codes of the rules that clear, and would be undecided if a part of them were not there."""
    found: set[str] = set()
    for outcome in case.outcomes:
        clears = outcome.verdict is Verdict.clears and not outcome.note.startswith("not in force")
        if clears and would_be_open(outcome.rule, outcome.row):
            found.add(outcome.rule.code)
    return found


def without_gates(rule: Rule, row: Row) -> bool:
    """Return whether a rule would be undecided without the named conditions that open its door."""
    if not isinstance(rule.when, Group) or rule.when.kind != "all":
        return False
    rest = tuple(one for one in rule.when.conditions if not isinstance(one, Named))
    is_gated = 0 < len(rest) < len(rule.when.conditions)
    stops = any(holds(condition, row) is True for condition in rule.unless)
    return is_gated and not stops and holds(Group("all", rest), row) is None


def without_unless(rule: Rule, row: Row) -> bool:
    """Return whether a rule would be undecided without what stops it."""
    return any(holds(one, row) is True for one in rule.unless) and holds(rule.when, row) is None


# ---- the page --------------------------------------------------------------------------------------------------------


def page(found: Noise, pack: Pack, how: str) -> str:
    """Return the page."""
    total, records = sum(found.undecided.values()), found.records
    gates, stops = sum(found.without_gates.values()), sum(found.without_unless.values())
    rows = [
        ("looked at", f"{found.seats / records:.1f}"),
        ("raise a flag", f"{found.flags / records:.2f}"),
        ("undecided", f"{total / records:.2f}"),
        ("... of these, could be high or critical", f"{sum(found.grave.values()) / records:.2f}"),
        ("not assessed: the extract has no such column", f"{sum(found.never_held.values()) / records:.2f}"),
        ("would be undecided as well without the gates in `when`", f"{gates / records:.2f}"),
        ("would be undecided as well without `unless`", f"{stops / records:.2f}"),
    ]
    heads = ["rule", "undecided", "kept quiet by its gates", "by its `unless`", "for want of"]
    parts = [
        "# Noise: what is undecided on records with holes",
        how,
        ABOUT,
        "## How much",
        table(["on each record", "rules"], rows),
        f"Nothing at all is undecided on {per(found.quiet, records)} % of the records.",
        COUNTED,
        "## By rule",
        BY_RULE,
        table(heads, by_rule(found, pack)),
        "## By field",
        BY_FIELD,
        table(["what is missing", "named", "named alone", "blank in the extract"], by_field(found)),
        "## What was done about it",
        DONE,
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


ABOUT = """\
A rule that lacks what it needs is undecided: it says so, and names the field. That keeps a blank from being read as a
no, and it costs attention. This page says how much, and what keeps it down."""
COUNTED = """\
A rule that is decided for each suspect counts once for a record; its flags count for each suspect. A gate is a named
condition beside the rest of `when`, such as *looked after* or *missing child*: where it is known to fail, the rule
clears whatever else is blank. `unless` stops a rule only where it is known to hold."""
BY_RULE = """\
For each 100 records: how often the rule is undecided, and how often it would be as well without its gates and without
its `unless`. The fields are those named most, with the share of these records that name them."""
BY_FIELD = """\
How many undecided rules name a field, for each 100 records; how many name it alone, so that filling it in settles
them; and the share of blanks that the generator leaves where there is something to say, where it is stated."""
DONE = """\
Two rules were noisy without reason, and got gates. Before, on 10,000 records of seed 1, 3.63 of 47 rules were
undecided on each record: C01 on 19.5 of 100 records, and C06 on 13.2.

- C06 asked where a child is placed although the child was known not to be in care: now it has the gate *looked after*,
  which takes away no flag, since a placement in a children's home is care.
- C01 and C06 asked whether a child is in care, and where, on every record that says nothing at all of care. Now such a
  record is taken for that of a child at home (*care on record*), as C02 takes a blank area for the child's own. Where
  any of the fields on care is filled, they ask as before.

The others have a reason, and each has a remedy:

- C03, O02, O03 and O05 ask for what somebody has to look up: a protection plan, orders and earlier offences, access to
  children, whether the suspect can still reach the child. A blank is what inspectors found that nobody had asked. Where
  a list holds only the children with a plan, say so in the mapping, with `first_of` and `always: no`: then a child who
  is not on it has none, and C03 is quiet.
- E01 to E04 ask what the contact was. Nothing on a record tells that it was not sexual, unless someone writes it.
- E09 asks for what makes a child less protected, and each of four things is enough. Most forms ask for two of them.
- M10 asks what a child came back with, and only once the child is back: the prevention interview has to say. Q02 waits
  for it, since M10 asks for a crime record.
- Q03 asks whether the case is open or closed, which every system knows: map the column, and it is quiet.
- T02 asks what the record of seeing the child holds: words and demeanour, or a visit alone.
- A source that never holds a field says so (`holds` in its mapping): then the rule is *not assessed*, once for the run,
  and not undecided on each record."""


def by_rule(found: Noise, pack: Pack) -> Iterator[Sequence[str]]:
    """Yield a line for each rule that is ever undecided, or would be, and one for all the others."""
    titles = {rule.code: rule.title for rule in pack.rules}
    codes = {*found.undecided, *found.without_gates, *found.without_unless}
    for code in sorted(codes, key=lambda one: (-found.undecided[one], one)):
        fields = [
            f"{need_words(kind)} ({100 * many // found.undecided[code]} %)"
            for kind, many in sorted(found.needs[code].items(), key=lambda one: (-one[1], one[0]))[:SHOWN]
        ]
        yield (
            f"{code} {titles[code]}",
            per(found.undecided[code], found.records),
            per(found.without_gates[code], found.records),
            per(found.without_unless[code], found.records),
            listed(fields) if fields else "",
        )
    silent = sorted(rule.code for rule in pack.rules if rule.status == "active" and rule.code not in codes)
    if silent:
        yield (listed(silent), "0.0", "0.0", "0.0", "never")


def by_field(found: Noise) -> Iterator[Sequence[str]]:
    """Yield a line for each field that one undecided rule in 200 records names, or more."""
    for kind, many in sorted(found.named.items(), key=lambda one: (-one[1], one[0])):
        if many >= found.records / 200:
            blank = f"{100 * HOLES[kind]:.0f} %" if kind in HOLES else ""
            yield need_words(kind), per(many, found.records), per(found.alone[kind], found.records), blank


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write the page."""
    one = asked(str(__doc__).partition("\n")[0], rows=10_000, out="noise.md", arguments=arguments)
    pack, incidents, as_of = made(one)
    found = Noise()
    for case in Engine(pack).cases(incidents, as_of=as_of):
        found.add(case)
    one.out.parent.mkdir(parents=True, exist_ok=True)
    one.out.write_text(page(found, pack, provenance(one, pack, "measure_noise.py")), encoding="utf-8")


if __name__ == "__main__":
    main()
