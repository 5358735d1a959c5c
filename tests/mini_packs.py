"""The shipped rules, each in a pack of its own that holds only what it names, so that it is loaded in no time."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conformance_cases import read, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    Data = dict[str, Any]

SHIPPED = Path(__file__).parents[1] / "rules"
RULES = {path.stem: path for path in sorted(SHIPPED.glob("*/*.yaml"))}
VOCABULARY: Data = read(SHIPPED / "vocabulary.yaml")
ACTIONS: Data = read(SHIPPED / "actions.yaml")["actions"]
TABLES: Data = {**VOCABULARY, "actions": ACTIONS, "sources": read(SHIPPED / "sources.yaml")}


def write_mini_pack(folder: Path, rule: str) -> Path:
    """Write the pack of a rule, and return the path of the rule in it.

    The actions that it requires are there by their names only: it says nothing of what they are.
    """
    settings = read(SHIPPED / "pack.yaml")
    kept, rules, families = _named([settings, read(RULES[rule])], {rule})
    write(folder / "pack.yaml", settings)
    write(folder / "vocabulary.yaml", {section: kept[section] for section in VOCABULARY if kept[section]})
    write(folder / "actions.yaml", {"actions": kept["actions"]})
    write(folder / "sources.yaml", kept["sources"])
    for family in families - {read(RULES[name])["code"].rstrip("0123456789") for name in rules}:
        write(folder / "stubs" / f"stub-{family.lower()}.yaml", _stub(family))
    if asked := sorted(_gaps_of_others(read(RULES[rule]).get("derived", {}))):
        write(folder / "stubs" / "stub-asks.yaml", _stub("asks") | {"code": "ASKS1", "requires": asked})
    for name in rules:
        (folder / RULES[name].parent.name).mkdir(exist_ok=True)
        shutil.copy(RULES[name], folder / RULES[name].parent.name)
    return folder / RULES[rule].relative_to(SHIPPED)


def _named(ahead: list[Data], rules: set[str]) -> tuple[dict[str, Data], set[str], set[str]]:
    """Return what data names, and what that names in turn: of each table, of the rules, and of their families."""
    kept: dict[str, Data] = {table: {} for table in TABLES}
    families: set[str] = set()
    while ahead:
        words = set(_words(ahead.pop()))
        families |= words & {read(path)["code"].rstrip("0123456789") for path in RULES.values()}
        for table, entries in TABLES.items():
            for word in words & entries.keys() - kept[table].keys():
                kept[table][word] = _without_meaning(word) if table == "actions" else entries[word]
                ahead.append(kept[table][word])
        for word in words & RULES.keys() - rules:
            rules.add(word)
            ahead.append(read(RULES[word]))
    return kept, rules, families


def _gaps_of_others(data: Any) -> Iterator[str]:
    """Yield the actions whose gap a look-up reads: some rule that needs no other record has to require them."""
    match data:
        case {"gap": {"action": str(action)}}:
            yield action
        case dict():
            for value in data.values():
                yield from _gaps_of_others(value)
        case list():
            for item in data:
                yield from _gaps_of_others(item)
        case _:
            pass


def _words(data: Any) -> Iterator[str]:
    """Yield every word that may be a name."""
    match data:
        case dict():
            for key, value in data.items():
                yield from (*_words(key), *_words(value))
        case list():
            for item in data:
                yield from _words(item)
        case _:
            for word in re.findall(r"[\w.-]+", str(data)):
                yield re.sub(r"^(this\.|param\.)+", "", word)


def _without_meaning(key: str) -> Data:
    action: Data = ACTIONS[key]
    same: Data = {name: action[name] for name in ("code", "owner", "per") if name in action}
    return {
        **same,
        "label": "Done",
        "due": {"within": "1 day", "of": "incident.reported_at"},
        "satisfied_by": {"codes": [key], "outcomes": ["completed"]},
    }


def _stub(family: str) -> Data:
    return {
        "code": f"{family}999", "id": f"stub-{family.lower()}", "title": "A stub", "why": "Its family is read.",
        "version": 1, "status": "draft", "when": {"child.in_care": True},
        "flag": {"severity": "high", "about": "child", "message": "In care"},
    }  # fmt: skip
