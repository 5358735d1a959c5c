"""The rules of the benchmarks as packs of riskflags, in YAML: 10, 30, 100 or 300 of them.

Nobody wrote examples for them, so they are drafts: a run of them says `--drafts`.
`python tests/bench/bench_packs.py FOLDER` writes them all.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from bench_rules import ACTIONS, look_ups_of, rules_of

if TYPE_CHECKING:
    from bench_rules import Ask, LookUp, Rule

SIZES = (10, 30, 100, 300)


def write_pack(folder: Path, *, rules: int, linked: bool = True) -> Path:
    """Write a pack of so many rules, and return its folder. Rules that are not linked read one record alone."""
    found = rules_of(rules, linked=linked)
    (folder / "bench").mkdir(parents=True, exist_ok=True)
    _write(folder / "pack.yaml", _SETTINGS)
    derived = _DERIVED | {one.name: _look_up(one) for one in look_ups_of(found)}
    _write(folder / "vocabulary.yaml", {"roles": {"officer": {"label": "Officer"}}, "derived": derived})
    _write(folder / "actions.yaml", {"actions": {key: _action(key, label) for key, label in ACTIONS.items()}})
    _write(folder / "sources.yaml", {"local": {"title": "Made up", "publisher": "riskflags", "published": "2026"}})
    for rule in found:
        _write(folder / "bench" / f"{rule.id}.yaml", _rule(rule))
    return folder


_SETTINGS = {
    "id": "bench", "title": "Made up to be measured", "version": "1", "language": 1, "calendar": "england-and-wales",
    "timezone": "Europe/London", "event_time": "calc.event_time", "effective_by": "calc.known_at",
}  # fmt: skip
_DERIVED: dict[str, Any] = {
    "calc.event_time": {
        "label": "When it happened", "first_recorded": ["incident.occurred_at", "incident.reported_at"],
    },
    "calc.known_at": {
        "label": "When it became known", "first_recorded": ["incident.reported_at", "incident.occurred_at"],
    },
    "calc.child_age": {"label": "Age of the child", "age": {"of": "child", "on": "calc.event_time"}},
    "calc.suspect_age": {"label": "Age of the suspect", "age": {"of": "suspect", "on": "calc.event_time"}},
    "calc.age_gap": {
        "label": "Years between them", "age_gap": {"older": "suspect", "younger": "child", "on": "calc.event_time"},
    },
    "calc.hours_away": {"label": "Hours away", "hours_between": ["calc.event_time", "missing.returned_at"]},
    "calc.hours_to_report": {
        "label": "Hours to the report", "hours_between": ["incident.occurred_at", "incident.reported_at"],
    },
}  # fmt: skip


def _look_up(one: LookUp) -> dict[str, Any]:
    how: dict[str, Any] = {"in": "records", "by": [one.by], "window": {"back": f"{one.days} days"}}
    how |= {"of": one.of} if one.of else {}
    how |= {"where": one.where} if one.where else {}
    how |= {"others": True} if one.others else {}
    return {"label": one.label, one.function: how}


def _action(key: str, label: str) -> dict[str, Any]:
    return {
        "code": key.upper(), "label": label, "owner": "officer",
        "due": {"within": "24 hours", "of": "incident.reported_at"},
        "satisfied_by": [{"codes": [key], "outcomes": ["completed"]}], "source": [{"ref": "local"}],
    }  # fmt: skip


def _ask(one: Ask) -> dict[str, Any]:
    return {"do": one.action, "due": {"within": f"{one.within} {one.unit}", "of": one.anchor}}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "code": rule.code, "id": rule.id, "title": f"Rule {rule.number}", "why": "It is there to be measured.",
        "version": 1, "status": "draft", "effective": {"from": "2014-01-01"},
        "source": [{"ref": "local", "says": "made up", "checked": "2026-11-23"}],
        **({"for_each": "suspects"} if rule.for_each else {}),
        "when": rule.when,
        **({"unless": list(rule.unless)} if rule.unless else {}),
        "flag": {"severity": rule.severity, "about": "child", "message": rule.message},
        "requires": [_ask(one) for one in rule.asks],
    }  # fmt: skip


class _Plain(yaml.SafeDumper):
    """A dumper that repeats what is used twice: packs have no anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the name is PyYAML's
        return True


def _write(path: Path, data: object) -> None:
    path.write_text(yaml.dump(data, Dumper=_Plain, sort_keys=False), encoding="utf-8")


def main() -> None:
    """Write the packs."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    for rules in SIZES:
        write_pack(folder / f"r{rules}", rules=rules)
    write_pack(folder / "one-record", rules=30, linked=False)


if __name__ == "__main__":
    main()
