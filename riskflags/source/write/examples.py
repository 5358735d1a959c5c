"""Examples as data: what their records have in common under `given`, the rest beside each, and what is expected."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, cast

from riskflags.incident import GROUPS, LISTS
from riskflags.kinds import parse_moment
from riskflags.source.write.conditions import without_nothing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from riskflags.pack import Example, Expected, Pack
    from riskflags.source.write.emit import Written

    Record = Mapping[str, Any]

_HOLDS = "holds."


def examples(found: Sequence[Example], pack: Pack) -> dict[str, Written]:
    """Return `given` and `examples`; nothing where there are none."""
    given = _common([record for example in found for record in (example.record, *example.history)])
    return without_nothing(
        {
            "given": {key: _field(key, value, pack) for key, value in given.items()},
            "examples": [_example(example, given, pack) for example in found],
        }
    )


def _common(records: Sequence[Record]) -> Record:
    """Return what most of the records say.

    What a source holds can only be taken away as a whole: that is common only where every record says it.
    """
    found: dict[str, Any] = {}
    for key in dict.fromkeys(key for record in records for key in record):
        values = {str(record[key]): record[key] for record in records if key in record}
        text, many = Counter(str(record[key]) for record in records if key in record).most_common(1)[0]
        if many == len(records) or (many * 2 > len(records) and not key.startswith(_HOLDS)):
            found[key] = values[text]
    return found


def _example(example: Example, given: Record, pack: Pack) -> dict[str, Written]:
    found: dict[str, Written] = {"name": example.name, "as_of": _local(example.as_of, pack)}
    if but := _differing(example.record, given, pack):
        found["but"] = but
    if example.history:
        found["history"] = [_earlier(record, given, pack) for record in example.history]
    found["expect"] = _expect(example)
    return found


def _local(when: datetime, pack: Pack) -> str:
    """Return a time in the pack's timezone; with its offset where the clocks show it twice."""
    short = when.replace(tzinfo=None).isoformat(timespec="seconds" if when.second else "minutes")
    return short if parse_moment(short, zone=pack.zone).is_exact else when.isoformat()


# ---- records ---------------------------------------------------------------------------------------------------------


def _differing(record: Record, given: Record, pack: Pack) -> dict[str, Written]:
    """Return how a record differs from the given one. Values are compared as written: 1.0 and 1 are two spellings."""
    changed = {
        key: _field(key, value, pack)
        for key, value in record.items()
        if key not in given or str(value) != str(given[key])
    }
    return {**dict.fromkeys(key for key in given if key not in record), **changed}


def _earlier(record: Record, given: Record, pack: Pack) -> dict[str, Written]:
    return {"incident.id": record["incident.id"], **_differing(record, given, pack)}


def _field(key: str, value: Any, pack: Pack) -> Written:
    if key in LISTS:
        return [_entry(entry, GROUPS[key], pack) for entry in value]
    return cast("Written", value)


def _entry(entry: Mapping[str, Written], group: str, pack: Pack) -> dict[str, Written]:
    """Return one suspect, marker or action. Of one that says nothing, a field is there to be absent."""
    return dict(entry) or {next(path for path in pack.fields if path.startswith(f"{group}.")): None}


# ---- what is expected ------------------------------------------------------------------------------------------------


def _expect(example: Example) -> Written:
    own = str(example.record["incident.id"])
    if [one.incident_id for one in example.expect] == [own]:
        return _of_own(example.expect[0], only=example.only)
    found: dict[str, Written] = {one.incident_id: _of_one(one) for one in example.expect}
    return found if found and not example.only else {**found, "only": example.only}


def _of_own(expected: Expected, *, only: bool) -> Written:
    found = _of_one(expected)
    if not only:
        return found
    return {**(found if isinstance(found, dict) else {expected.verdict: True}), "only": True}


def _of_one(expected: Expected) -> str | dict[str, Written]:
    """Return what is expected of one record: a word where there is no more to say."""
    severity = str(expected.severity) if expected.severity is not None else None
    parts: dict[str, Written] = {
        "severity": severity, "because": expected.because, "needs": expected.needs, "suspect": expected.suspect,
    }  # fmt: skip
    details = {key: part for key, part in parts.items() if part is not None}
    if not details and not expected.gaps:
        return expected.verdict
    found: dict[str, Written] = {expected.verdict: details or True}
    return {**found, "gaps": dict(expected.gaps)} if expected.gaps else found
