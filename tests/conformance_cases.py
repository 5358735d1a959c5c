"""Cases of behaviour written as data, and the pack that a file of them makes.

A file is one pack: `lists`, `params`, `derived`, `conditions` and `actions` as in a pack, and `cases`. A case is a rule
(`when`, `unless`, `for_each`, `severity`, `requires`, ...; or several under `rules`) and what it comes to: `expect`, or
several `checks` of the same rule. Its record is the file's `given`, changed by its own `given` and by `but`; each
record of its `history` is the same `given`, changed by what is written there. What `expect` names is compared whole:

  expect: fires | clears | not_yet
  expect: {fires: {severity: high, could_be: critical, needs: [...], because: [...], version: 2, message: text}}
  expect: {undecided: [needs]}                       or {undecided: {needs: [...], severity: high, not_assessed: true}}
  expect: {suspects: {S1: fires, S2: clears}}                            by suspect, for a rule that says for_each
  expect: {rules: {first-rule: fires, second-rule: clears}}              by rule
  expect: {records: {I1: fires, I2: clears}}                             by incident
  expect: {requirements: {see_child: overdue, visit: not_required}}      or in full: {state, due, needs, short_of, ...}
  expect: {warnings: [codes]}
  expect: {grade: inadequate}                        or in full: {grade, could_be, needs}; none where there is none

A record of a history with `many` and `hours_apart` stands for so many, one before the other.
A time without an offset is London time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    Data = dict[str, Any]

FOLDER = Path(__file__).parent / "conformance"
LONDON = ZoneInfo("Europe/London")
RULE_KEYS = ("id", "code", "version", "effective", "source", "for_each", "derived", "when", "unless", "requires")


# ---- reading the files -----------------------------------------------------------------------------------------------


class Reader(yaml.SafeLoader):
    """Reads YAML 1.2 scalars, as packs do: `on` and `no` are text, and so are days and times."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - it is PyYAML's own


class Writer(yaml.SafeDumper):
    """Writes what `Reader` reads: what looks like a number, but is text, in quotes."""

    yaml_implicit_resolvers = Reader.yaml_implicit_resolvers

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - packs have no aliases
        return True


CORE = {"bool": ("true|false", "tf"), "null": ("null|~", "n~"), "int": ("[-+]?[0-9]+", "-+0123456789")}
for _name, (_pattern, _first) in (CORE | {"float": (r"[-+]?[0-9]*\.[0-9]+", "-+.0123456789")}).items():
    Reader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"({_pattern})$"), list(_first))


@cache
def read(path: Path) -> Data:
    return dict(yaml.load(path.read_text(encoding="utf-8"), Reader))  # noqa: S506 - it derives from SafeLoader


@dataclass(frozen=True)
class Check:
    """One record, or more, against the rules of a case."""

    path: Path
    name: str
    rules: tuple[str, ...]
    as_of: datetime
    record: Data
    history: tuple[Data, ...]
    expect: Any


def rules_of(case: Data, *, number: int) -> list[Data]:
    """Return the rules of a case, each with all that a rule needs."""
    written = case.get("rules") or [{key: case[key] for key in (*RULE_KEYS, "severity", "message") if key in case}]
    return [_rule(rule, number * 10 + place) for place, rule in enumerate(written)]


def _rule(written: Data, number: int) -> Data:
    flag = {
        "severity": written.get("severity", "high"),
        "about": "child",
        "message": written.get("message", "A case"),
    }
    return {
        "code": f"X{number:04}", "id": f"case-{number}", "title": "A case", "why": "It shows a fact.", "version": 1,
        "status": "draft", "when": {"incident.id": "I1"},
        **{key: written[key] for key in RULE_KEYS if key in written},
        "flag": flag,
    }  # fmt: skip


def checks_of(path: Path) -> Iterator[Check]:
    """Yield every check of a file."""
    file = read(path)
    for number, case in enumerate(file["cases"], start=1):
        given = changed(file["given"], case.get("given", {}))
        for check in case.get("checks", [case]):
            yield Check(
                path=path,
                name=case["name"] if check is case else f"{case['name']}: {check['name']}",
                rules=tuple(f"{rule['id']} v{rule['version']}" for rule in rules_of(case, number=number)),
                as_of=_as_of(check.get("as_of", case.get("as_of", file["as_of"]))),
                record=changed(given, check.get("but", {})),
                history=tuple(
                    one for peer in check.get("history", case.get("history", ())) for one in _peers(given, peer)
                ),
                expect=check["expect"],
            )


def _as_of(text: str) -> datetime:
    when = datetime.fromisoformat(text)
    return when if when.tzinfo else when.replace(tzinfo=LONDON)


def _peers(given: Data, peer: Data) -> Iterator[Data]:
    """Yield a record of the history; with `many`, so many of them, each so many hours before the one before it."""
    if "many" not in peer:
        yield changed(given, peer)
        return
    base = changed(given, {key: value for key, value in peer.items() if key not in ("many", "hours_apart")})
    for number in range(peer["many"]):
        earlier = timedelta(hours=number * peer["hours_apart"])
        moved = {key: _moved(value, earlier) if key.endswith("_at") else value for key, value in base.items()}
        yield moved | {"incident.id": f"{base['incident.id']}-{number}"}


def _moved(text: str, earlier: timedelta) -> str:
    return (datetime.fromisoformat(text) - earlier).isoformat()


def changed(given: Data, but: Data) -> Data:
    """Return a record with some of its fields changed, or absent."""
    return {field: value for field, value in {**given, **but}.items() if value != "absent"}


# ---- as a pack -------------------------------------------------------------------------------------------------------


def write_pack(folder: Path, file: Data) -> None:
    """Write the pack of a file: its vocabulary and actions, and each rule of its cases as a draft."""
    times = ["incident.occurred_at", "missing.last_seen_at", "incident.reported_at", "missing.reported_at"]
    derived = {
        "calc.event_time": {"label": "When it happened", "first_recorded": times},
        "calc.known_at": {"label": "When it was known", "first_recorded": times[2:] + times[:2]},
    }
    pack = {
        "id": "conformance", "title": "Facts about behaviour", "version": "1", "language": 1,
        "calendar": "england-and-wales", "timezone": "Europe/London",
        "event_time": "calc.event_time", "effective_by": "calc.known_at",
    }  # fmt: skip
    pack |= {name: file[name] for name in ("school", "grades", "duplicates") if name in file}
    vocabulary: Data = {name: file[name] for name in ("lists", "params", "conditions") if name in file}
    vocabulary |= {"derived": derived | file.get("derived", {}), "roles": {"officer": {"label": "Officer"}}}
    write(folder / "pack.yaml", pack)
    write(folder / "vocabulary.yaml", vocabulary)
    write(folder / "actions.yaml", {"actions": {key: _action(key, action) for key, action in actions_of(file)}})
    write(folder / "sources.yaml", {"here": {"title": "A case", "publisher": "riskflags", "published": "2026"}})
    for number, case in enumerate(file["cases"], start=1):
        for rule in rules_of(case, number=number):
            write(folder / "cases" / f"{rule['id']}.v{rule['version']}.yaml", rule)


def actions_of(file: Data) -> list[tuple[str, Data]]:
    return list(file.get("actions", {"any_action": {}}).items())


def _action(key: str, written: Data) -> Data:
    return {
        "code": key.upper(), "label": key.replace("_", " "), "owner": "officer",
        "due": {"within": "24 hours", "of": "incident.reported_at"},
        "satisfied_by": [{"codes": [key], "outcomes": ["completed"]}],
        "source": [{"ref": "here"}],
        **written,
    }  # fmt: skip


def write(path: Path, data: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.dump(data, Dumper=Writer, sort_keys=False, allow_unicode=True), encoding="utf-8")
