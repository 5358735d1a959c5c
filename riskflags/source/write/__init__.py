"""From a `Pack` back to the files of a folder, such that `load` gives an equal pack with the same digest.

What takes no part in the meaning of a pack is not kept: comments, places, the folders that rules stood in, and the way
in which a value was written. Everything is in block style, as authors are asked to write it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from riskflags.source.write.actions import actions
from riskflags.source.write.conditions import condition, name, without_nothing
from riskflags.source.write.emit import in_blocks
from riskflags.source.write.rules import rule
from riskflags.source.write.vocabulary import sources, vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from riskflags.calendar import School
    from riskflags.pack import Duplicates, GradeCase, Pack, Rule
    from riskflags.source.write.emit import Written

__all__ = ["dump"]


def dump(pack: Pack, path: str | Path) -> None:
    """Write the files of a pack into a folder that is empty or not there yet.

    FileExistsError where something stands in it. ValueError for a condition that no rule can say: a negation, which
    only code can make. Neither leaves a file behind.
    """
    folder = Path(path)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        msg = f"{path} is not an empty folder: a pack is written into one of its own"
        raise FileExistsError(msg)
    texts = {path_below: in_blocks(data) for path_below, data in _files(pack)}
    for path_below, text in texts.items():
        file = folder / path_below
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")


def _files(pack: Pack) -> Iterator[tuple[str, dict[str, Written]]]:
    """Yield the path of each file below the folder, with what stands in it."""
    yield "pack.yaml", _settings(pack)
    named = {"vocabulary.yaml": vocabulary(pack), "actions.yaml": actions(pack), "sources.yaml": sources(pack)}
    yield from ((name, data) for name, data in named.items() if data)
    stems = _stems(pack)
    for one in pack.rules:
        yield f"{one.code.rstrip('0123456789').lower()}/{stems[one.key]}.yaml", rule(one, pack)


def _settings(pack: Pack) -> dict[str, Written]:
    return without_nothing(
        {
            "id": pack.id,
            "title": pack.title,
            "version": pack.version,
            "language": 1,
            "calendar": pack.calendar,
            "ignore": sorted(pack.ignore),
            "school": _school(pack.school) if pack.school is not None else None,
            "grades": [_grade(one, pack) for one in pack.grades],
            "report": without_nothing(
                {
                    "referral": pack.report.referral,
                    "strategy": pack.report.strategy,
                    "suspect": pack.report.suspect,
                    "repeat_missing": pack.report.repeat_missing,
                }
            ),
            "duplicates": [_duplicates(one, pack) for one in pack.duplicates],
            "timezone": pack.zone_name,
            "event_time": pack.event_time,
            "effective_by": pack.effective_by,
        }
    )


def _grade(one: GradeCase, pack: Pack) -> dict[str, Written]:
    found: dict[str, Written] = {"is": str(one.grade)}
    return found if one.when is None else {**found, "when": condition(one.when, pack)}


def _duplicates(one: Duplicates, pack: Pack) -> dict[str, Written]:
    return {
        "of": condition(one.of, pack),
        "by": [name(key) for key in one.by],
        "from": name(one.begins),
        "to": name(one.ends),
        "counted": "once" if one.once else "each",
    }


def _school(school: School) -> dict[str, Written]:
    terms: list[Written] = [{"from": first, "to": last} for first, last in school.terms]
    closed = sorted(school.closed)
    return without_nothing({"day_starts": f"{school.day_starts:%H:%M}", "terms": terms, "closed": closed})


def _stems(pack: Pack) -> dict[str, str]:
    """Return the name of each rule's file, by its key, without the ending.

    The newest version has the name of the rule, the others say which they are. Where a rule has derived values of its
    own, their names inside the pack begin with that of its file.
    """
    found = {one.key: one.derived[0].name.rpartition("/")[0] for one in pack.rules if one.derived}
    for one in sorted(pack.rules, key=_newest_first):
        if one.key not in found:
            found[one.key] = one.id if one.id not in found.values() else f"{one.id}.v{one.version}"
    return found


def _newest_first(one: Rule) -> tuple[str, int]:
    return one.id, -one.version
