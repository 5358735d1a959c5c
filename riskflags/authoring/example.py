"""From a record of a file to an example of a rule: pseudonymised, with the earlier records that the rule rests on."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from riskflags.authoring.pseudonym import CannotShiftError, Pseudonyms, pseudonymous
from riskflags.engine import Engine
from riskflags.model import Moment, Verdict
from riskflags.source.write.emit import Written, in_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from riskflags.explanation import Explanation, Step
    from riskflags.incident import Incident
    from riskflags.pack import Pack

_WEEKS = range(26, 520)
_DAYS = range(-150, 151)
_MOST_TRIES = 2_000


@dataclass(frozen=True, slots=True)
class Made:
    """An example in YAML, as it stands under `examples`. `is_same` is False where the rule answers otherwise to it."""

    text: str
    verdict: Verdict
    is_same: bool


def example_of(
    record: Incident, others: Sequence[Incident], pack: Pack, *, rule: str, as_of: datetime, name: str
) -> Made:
    """Return an example of a rule, by id or code, from a record among others. LookupError without such a rule.

    It expects what the rule says of it today. CannotShiftError where no shift of the times keeps every age and hour.
    """
    engine = Engine(pack.with_drafts())
    before = engine.assess(record, others, as_of=as_of).explain(rule)
    history = _rested_on(before, record, others)
    data, when = _shifted([record, *history], pack, as_of)
    shifted = [pack.record.model_validate(dict(one), context={"timezone": pack.zone}) for one in data]
    after = engine.assess(shifted[0], shifted[1:], as_of=when).explain(rule)
    written: dict[str, Written] = {"name": name, "as_of": _local(when), "but": data[0]}
    if data[1:]:
        written["history"] = [{"incident.id": one["incident.id"], "but": one} for one in data[1:]]
    written["expect"] = _expected(after)
    text = in_blocks({"examples": [written]}).partition("\n")[2]
    return Made(text, after.verdict, after.verdict is before.verdict)


def _rested_on(explanation: Explanation, record: Incident, others: Sequence[Incident]) -> list[Incident]:
    """Return the other records that an explanation names, in order of their ids."""
    ids = {one for step in _steps(explanation) for one in step.evidence} | set(explanation.because)
    found = [other for other in others if other.key != record.key and other.incident.id in ids]
    return sorted(found, key=lambda other: other.incident.id or "")


def _steps(explanation: Explanation) -> Iterator[Step]:
    ahead = [explanation.when, *explanation.unless]
    while ahead:
        step = ahead.pop()
        yield step
        ahead.extend(step.steps)


def _shifted(records: Sequence[Incident], pack: Pack, as_of: datetime) -> tuple[list[dict[str, Any]], datetime]:
    """Return the records as data under a shift that nobody can guess, and when one looks at them."""
    chance = secrets.SystemRandom()
    for _ in range(_MOST_TRIES):
        names = Pseudonyms(-chance.choice(_WEEKS), chance.choice(_DAYS), pack.zone)
        now = as_of.astimezone(pack.zone).replace(microsecond=0)
        when = now + timedelta(weeks=names.weeks)
        try:
            names.moment(Moment.at(now))
            return pseudonymous(records, names), when
        except CannotShiftError:
            continue  # another shift may keep every age and hour
    msg = "no shift of the times keeps every age and hour of this record: write the example by hand"
    raise CannotShiftError(msg)


def _local(when: datetime) -> str:
    return when.replace(tzinfo=None).isoformat(timespec="seconds")


def _expected(explanation: Explanation) -> Written:
    match explanation.verdict:
        case Verdict.undecided:
            return {"undecided": list(explanation.needs)}
        case verdict:
            return str(verdict)
